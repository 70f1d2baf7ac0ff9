"""Recounts what the counters claim. There must be no drift, ever."""

from decimal import Decimal

import msgspec

from app.engines.database import Database

RECOUNT = """
    WITH counted AS (
        SELECT ticket_type_id, count(*) FILTER (WHERE status IN ('sold', 'used')) AS sold,
               count(*) FILTER (WHERE status = 'held') AS held
        FROM tickets GROUP BY ticket_type_id
    ), waiting AS (
        SELECT ticket_type_id, sum(places) AS held FROM (
            SELECT offered_type_id AS ticket_type_id, quantity AS places FROM waiting_list WHERE status = 'offered'
            UNION ALL
            SELECT key::bigint, value::integer FROM waiting_list, jsonb_each_text(kept) WHERE kept <> '{}'
        ) AS of_type GROUP BY ticket_type_id
    ), types AS (
        SELECT k.event_id, k.id, k.sold, k.held, coalesce(c.sold, 0) AS sold_counted,
               (coalesce(c.held, 0) + coalesce(w.held, 0))::bigint AS held_counted
        FROM ticket_types k LEFT JOIN counted c ON c.ticket_type_id = k.id
             LEFT JOIN waiting w ON w.ticket_type_id = k.id
    ), events_and_types AS (
        SELECT * FROM types
        UNION ALL
        SELECT e.id, NULL, e.sold, e.held, coalesce(sum(t.sold_counted), 0)::bigint,
               coalesce(sum(t.held_counted), 0)::bigint
        FROM events e LEFT JOIN types t ON t.event_id = e.id GROUP BY e.id, e.sold, e.held
    )
    SELECT event_id, id AS ticket_type_id, sold, held, sold_counted, held_counted FROM events_and_types
    WHERE sold <> sold_counted OR held <> held_counted ORDER BY event_id, id NULLS FIRST
"""

SALES_RECOUNT = """
    WITH kept AS (
        SELECT event_id, ticket_type_id, currency, sum(sold) AS sold, sum(money) AS money
        FROM sales_days GROUP BY event_id, ticket_type_id, currency
    ), counted AS (
        SELECT event_id, ticket_type_id, currency, count(*) AS sold, sum(price) AS money
        FROM tickets t LEFT JOIN cancellations c USING (event_id)
        WHERE status IN ('sold', 'used')
           OR status = 'cancelled' AND cancelled_at >= c.started_at AND held_until IS NULL  -- with its event, and paid
        GROUP BY event_id, ticket_type_id, currency
    )
    SELECT event_id, ticket_type_id, coalesce(kept.sold, 0) AS sold, coalesce(kept.money, 0) AS money,
           coalesce(counted.sold, 0) AS sold_counted, coalesce(counted.money, 0) AS money_counted
    FROM kept FULL JOIN counted USING (event_id, ticket_type_id, currency)
    WHERE (coalesce(kept.sold, 0), coalesce(kept.money, 0)) <> (coalesce(counted.sold, 0), coalesce(counted.money, 0))
    ORDER BY event_id, ticket_type_id
"""


STRAYS = """
    SELECT t.id FROM tickets t LEFT JOIN ticket_types k ON k.id = t.ticket_type_id AND k.event_id = t.event_id
        LEFT JOIN users u ON u.id = t.attendee_id
    WHERE k.id IS NULL OR u.id IS NULL ORDER BY t.id LIMIT 100
"""


class Drift(msgspec.Struct, frozen=True):
    """An event, or one of its ticket types, whose counters differ from its tickets, offers and kept places."""

    event_id: int
    ticket_type_id: int | None
    sold: int
    held: int
    sold_counted: int
    held_counted: int


class SalesDrift(msgspec.Struct, frozen=True):
    """A ticket type whose sales by day do not add up to its tickets. Days are not compared: timezones may change."""

    event_id: int
    ticket_type_id: int
    sold: int
    money: Decimal
    sold_counted: int
    money_counted: Decimal


class Recount(msgspec.Struct, frozen=True, kw_only=True):
    """`missing_facts` got a number and are not there any more; `events` and `tickets` are all that were looked at."""

    drifts: list[Drift]
    sales: list[SalesDrift]
    strays: list[int]
    missing_facts: int
    events: int
    tickets: int


async def recount(database: Database) -> Recount:
    async with database.connection() as connection:
        missing, events, tickets = await connection.fetchrow(
            """SELECT numbered - (SELECT count(seq) FROM facts), (SELECT count(*) FROM events),
                      (SELECT count(*) FROM tickets) FROM fact_counter""",
            timeout=600,
        )
    return Recount(
        drifts=await drifts(database),
        sales=await sales_drifts(database),
        strays=await strays(database),
        missing_facts=missing,
        events=events,
        tickets=tickets,
    )


async def drifts(database: Database) -> list[Drift]:
    """One statement, so one snapshot: sales that go on meanwhile cannot look like drift."""
    async with database.connection() as connection:
        rows = await connection.fetch(RECOUNT, timeout=600)
    return [Drift(**row) for row in rows]


async def sales_drifts(database: Database) -> list[SalesDrift]:
    async with database.connection() as connection:
        rows = await connection.fetch(SALES_RECOUNT, timeout=600)
    return [SalesDrift(**row) for row in rows]


async def strays(database: Database) -> list[int]:
    """Tickets of a type or an attendee that is not there, at most a hundred: no foreign key keeps them away."""
    async with database.connection() as connection:
        return [row["id"] for row in await connection.fetch(STRAYS, timeout=600)]
