"""What belongs to a person: devices of sessions, reset links, deleted accounts; and the key that signs tickets."""

import sqlalchemy as sa
from alembic import op
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

revision = "0008"
down_revision = "0007"

UP = """
ALTER TABLE sessions ADD COLUMN user_agent text NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN deleted_at timestamptz;

CREATE TABLE password_resets (
    token_hash bytea PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);
CREATE INDEX password_resets_user ON password_resets (user_id);

CREATE TABLE ticket_keys (
    kid integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    private_key bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
"""


def upgrade() -> None:
    for statement in UP.strip().split(";\n"):
        op.execute(statement)
    # Made here, once and under the lock of the migration, so that every process and machine signs with the same key.
    first = sa.text("INSERT INTO ticket_keys (private_key) VALUES (:key)")
    op.execute(first.bindparams(key=Ed25519PrivateKey.generate().private_bytes_raw()))
