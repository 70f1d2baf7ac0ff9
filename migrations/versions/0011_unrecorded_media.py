"""Pictures that are being stored and have no row yet."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE unrecorded_media (
            media_id bigint PRIMARY KEY,
            s3_key text NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now()
        )
    """)
