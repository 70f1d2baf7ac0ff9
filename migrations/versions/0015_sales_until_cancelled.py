"""The sales of an event that is cancelled stay as they were: what is to be paid back is read there."""

from alembic import op

revision = "0015"
down_revision = "0014"

RECOUNT = """
CREATE OR REPLACE FUNCTION recount_sales() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sales_days AS d (event_id, ticket_type_id, day, currency, sold, money)
    SELECT t.event_id, t.ticket_type_id, (t.created_at AT TIME ZONE e.timezone)::date, t.currency, sum(t.sign),
           sum(t.sign * t.price)
    FROM (SELECT added.*, 1 AS sign FROM added UNION ALL SELECT removed.*, -1 FROM removed) AS t
    JOIN events e ON e.id = t.event_id WHERE t.status IN ('sold', 'used') AND e.status <> 'cancelled'
    GROUP BY 1, 2, 3, 4 HAVING sum(t.sign) <> 0 OR sum(t.sign * t.price) <> 0
    ON CONFLICT (event_id, day, ticket_type_id, currency) DO UPDATE
    SET sold = d.sold + excluded.sold, money = d.money + excluded.money;
    RETURN NULL;
END $$
"""

# A ticket that was never paid still has the deadline of its payment.
ALREADY_CANCELLED = """
INSERT INTO sales_days AS d (event_id, ticket_type_id, day, currency, sold, money)
SELECT t.event_id, t.ticket_type_id, (t.created_at AT TIME ZONE e.timezone)::date, t.currency, count(*), sum(t.price)
FROM cancellations c JOIN events e ON e.id = c.event_id JOIN tickets t ON t.event_id = c.event_id
WHERE t.status = 'cancelled' AND t.held_until IS NULL AND t.cancelled_at >= c.started_at GROUP BY 1, 2, 3, 4
ON CONFLICT (event_id, day, ticket_type_id, currency) DO UPDATE
SET sold = d.sold + excluded.sold, money = d.money + excluded.money
"""


def upgrade() -> None:
    op.execute(RECOUNT)
    op.execute(ALREADY_CANCELLED)
