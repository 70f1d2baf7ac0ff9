"""The embedded document store."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE documents (
            id bigint PRIMARY KEY,
            event_id bigint NOT NULL,
            rev bigint NOT NULL,
            body jsonb
        )
    """)
    op.execute("CREATE INDEX documents_event ON documents (event_id, id)")
