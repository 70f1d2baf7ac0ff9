"""General admission has a price of its own once there was another type beside it, and never again that of the event."""

from alembic import op

revision = "0019"
down_revision = "0018"

UP = """
    UPDATE ticket_types t SET general = false
    WHERE general AND EXISTS (SELECT FROM ticket_types o WHERE o.event_id = t.event_id AND o.id <> t.id)
"""


def upgrade() -> None:
    op.execute(UP)
