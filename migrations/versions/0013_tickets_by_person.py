"""What somebody has is found by the person: the right way also for plans that were made while the table was empty."""

from alembic import op

revision = "0013"
down_revision = "0012"

UP = """
CREATE UNIQUE INDEX one_live_ticket_by_person ON tickets (attendee_id, event_id, ticket_type_id, nth)
    WHERE status IN ('held', 'sold', 'used');
DROP INDEX one_live_ticket;
ALTER INDEX one_live_ticket_by_person RENAME TO one_live_ticket;
"""


def upgrade() -> None:
    for statement in UP.strip().split(";\n"):
        op.execute(statement)
