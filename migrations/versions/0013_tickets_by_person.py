"""What somebody has is found by the person: the right way also for plans that were made while the table was empty."""

from alembic import op

revision = "0013"
down_revision = "0012"

UP = """
DROP INDEX one_live_ticket;
CREATE UNIQUE INDEX one_live_ticket ON tickets (attendee_id, event_id, ticket_type_id, nth)
    WHERE status IN ('held', 'sold', 'used');
"""


def upgrade() -> None:
    for statement in UP.strip().split(";\n"):
        op.execute(statement)
