"""Sales are counted by the days of where the event is, also those from before it was said to be elsewhere."""

from alembic import op

revision = "0020"
down_revision = "0019"

UP = (
    """CREATE FUNCTION recount_days() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
           DELETE FROM sales_days WHERE event_id = NEW.id;
           INSERT INTO sales_days (event_id, ticket_type_id, day, currency, sold, money)
           SELECT event_id, ticket_type_id, (created_at AT TIME ZONE NEW.timezone)::date, currency, count(*), sum(price)
           FROM tickets WHERE event_id = NEW.id AND status IN ('sold', 'used') GROUP BY 1, 2, 3, 4;
           RETURN NULL;
       END $$""",
    """CREATE TRIGGER days_of_another_timezone AFTER UPDATE OF timezone ON events FOR EACH ROW
       WHEN (NEW.timezone <> OLD.timezone AND NEW.status <> 'cancelled') EXECUTE FUNCTION recount_days()""",
)


def upgrade() -> None:
    for statement in UP:
        op.execute(statement)
