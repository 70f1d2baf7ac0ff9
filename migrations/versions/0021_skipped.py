"""For what reason somebody who waits was told last, by type, that they cannot have what is free."""

from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.execute("ALTER TABLE waiting_list ADD COLUMN skipped jsonb NOT NULL DEFAULT '{}'")
