"""Facts and joining happen when they are decided, and not when their transaction began; and what was public before the
first part of something that is written in several.
"""

from alembic import op

revision = "0018"
down_revision = "0017"

UP = (
    "ALTER TABLE facts ALTER COLUMN at SET DEFAULT clock_timestamp()",
    "ALTER TABLE waiting_list ALTER COLUMN joined_at SET DEFAULT clock_timestamp()",
    "ALTER TABLE events ADD COLUMN public_before jsonb NOT NULL DEFAULT '{}'",
)


def upgrade() -> None:
    for statement in UP:
        op.execute(statement)
