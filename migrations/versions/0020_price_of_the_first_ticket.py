"""Where each ticket has its own price, that of the event is that of its first ticket."""

from alembic import op

revision = "0020"
down_revision = "0019"

UP = """
    UPDATE events e SET price = first.price
    FROM (SELECT DISTINCT ON (event_id) event_id, price FROM ticket_types WHERE NOT archived
          ORDER BY event_id, coalesce(hidden_until > now(), false), position, id) AS first
    WHERE first.event_id = e.id AND e.price <> first.price
"""


def upgrade() -> None:
    op.execute(UP)
