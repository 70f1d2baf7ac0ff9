"""An index of facts that no query uses, and NULLs in another one, which each sale paid for."""

from alembic import op

revision = "0016"
down_revision = "0015"

UP = (
    "DROP INDEX facts_event",
    "CREATE UNIQUE INDEX facts_numbered ON facts (seq) WHERE seq IS NOT NULL",
    "DROP INDEX facts_seq",
    "ALTER INDEX facts_numbered RENAME TO facts_seq",
)


def upgrade() -> None:
    for statement in UP:
        op.execute(statement)
