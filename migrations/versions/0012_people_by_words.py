"""People are looked up by their words in an index."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute("CREATE INDEX users_words ON users USING gin (words)")
