"""What an organizer sees first: how all events do, the last sales, and what needs attention."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from app.domain.accounts import Caller
from app.domain.lists import Page, page_of
from app.domain.money import money
from app.domain.sales import Amounts, amounts
from app.engines.database import Connection, Database

LAST_SALES = 8
LOOKED_THROUGH = 200
ATTENTION = 20
SOON_DAYS = 3
DRAFT_DAYS = 30


class EventRow(msgspec.Struct, frozen=True, kw_only=True):
    """`sold` and `money` are those until it was cancelled, where it was."""

    event_id: int
    title: str
    status: str
    start_time: dt.datetime
    end_time: dt.datetime
    timezone: str
    capacity: int
    sold: int
    held: int
    left: int
    money: Amounts


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Over all events of an organizer; `coming` are published and not over, `capacity` leaves out what never sold:
    drafts and cancelled events.
    """

    events: int
    coming: int
    capacity: int
    sold: int
    held: int
    money: Amounts


class LastSale(msgspec.Struct, frozen=True, kw_only=True):
    ticket_number: int
    event_id: int
    title: str
    timezone: str
    full_name: str
    status: str
    price: str
    currency: str
    bought_at: dt.datetime


class Attention(msgspec.Struct, frozen=True, kw_only=True):
    """`kind`: held, failed, waiting, ending or draft; `count` of what, and `at` when, where the kind has them."""

    kind: str
    event_id: int
    title: str
    timezone: str
    count: int | None
    at: dt.datetime | None
    submission_id: str | None


class Dashboard(msgspec.Struct, frozen=True, kw_only=True):
    totals: Totals
    events: Page[EventRow]
    last_sales: list[LastSale]
    attention: list[Attention]


async def dashboard(database: Database, who: Caller, limit: int, after: int | None, past: bool = False) -> Dashboard:
    """Coming events soonest first, or past ones latest first; `after` is the event the page before ended with."""
    async with database.connection() as connection:
        return Dashboard(
            totals=await totals(connection, who),
            events=await events_page(connection, who, limit, after, past),
            last_sales=await last_sales(connection, who),
            attention=await attention(connection, who),
        )


async def totals(connection: Connection, who: Caller) -> Totals:
    counted = await connection.fetchrow(
        """SELECT count(*) AS events, count(*) FILTER (WHERE status = 'published' AND end_time > now()) AS coming,
                  coalesce(sum(capacity) FILTER (WHERE status = 'published' OR sold > 0), 0) AS capacity,
                  coalesce(sum(sold), 0) AS sold, coalesce(sum(held), 0) AS held
           FROM events WHERE organizer_id = $1""",
        who.organizer_id,
    )
    earned = await connection.fetch(
        """SELECT d.currency, sum(d.money) AS money FROM events e JOIN sales_days d ON d.event_id = e.id
           WHERE e.organizer_id = $1 AND e.status <> 'cancelled' GROUP BY d.currency""",
        who.organizer_id,
    )
    return Totals(**counted, money=amounts(earned))


async def events_page(connection: Connection, who: Caller, limit: int, after: int | None, past: bool) -> Page[EventRow]:
    order, side, beyond = ("DESC", "<=", "<") if past else ("ASC", ">", ">")
    rows = await connection.fetch(
        f"""SELECT id, title, status, start_time, end_time, timezone, capacity, sold, held FROM events
            WHERE organizer_id = $1 AND end_time {side} now() AND ($2::bigint IS NULL OR
                (end_time, id) {beyond} (SELECT end_time, id FROM events WHERE id = $2))
            ORDER BY end_time {order}, id {order} LIMIT $3""",
        who.organizer_id,
        after,
        limit + 1,
    )
    earned = await connection.fetch(
        """SELECT event_id, currency, sum(sold) AS sold, sum(money) AS money FROM sales_days
           WHERE event_id = ANY($1) GROUP BY event_id, currency""",
        [row["id"] for row in rows],
    )
    found = [event_row(row, [one for one in earned if one["event_id"] == row["id"]]) for row in rows]
    return page_of(found, limit, lambda one: one.event_id)


def event_row(row: Mapping[str, Any], earned: Sequence[Mapping[str, Any]]) -> EventRow:
    values = {name: row[name] for name in EventRow.__struct_fields__ if name in row}
    left = row["capacity"] - row["sold"] - row["held"]
    if row["status"] == "cancelled":
        values["sold"] = sum(one["sold"] for one in earned)
    return EventRow(event_id=row["id"], left=left, money=amounts(earned), **values)


async def last_sales(connection: Connection, who: Caller) -> list[LastSale]:
    """The newest tickets sold of the events that end last: a look at a few of each, however many there are."""
    rows = await connection.fetch(
        """SELECT t.id AS ticket_number, t.event_id, e.title, e.timezone, u.full_name, t.status, t.price, t.currency,
                  t.created_at AS bought_at
           FROM (SELECT newest.id FROM (SELECT id FROM events WHERE organizer_id = $1
                                        AND status = 'published' AND sold > 0
                                        ORDER BY end_time DESC LIMIT $3) AS e
                 CROSS JOIN LATERAL (SELECT id FROM tickets WHERE event_id = e.id AND status IN ('sold', 'used')
                                     ORDER BY id DESC LIMIT $2) AS newest
                 ORDER BY newest.id DESC LIMIT $2) AS found
           JOIN tickets t USING (id) JOIN events e ON e.id = t.event_id JOIN users u ON u.id = t.attendee_id
           ORDER BY t.id DESC""",
        who.organizer_id,
        LAST_SALES,
        LOOKED_THROUGH,
    )
    return [LastSale(**{**row, "price": money(row["price"], row["currency"])}) for row in rows]


async def attention(connection: Connection, who: Caller) -> list[Attention]:
    """What waits for the organizer, the most pressing kind first."""
    rows = await connection.fetch(
        """WITH mine AS (
               SELECT id AS event_id, title, timezone, status, capacity - sold - held AS places_left, capacity, held,
                      start_time, end_time
               FROM events WHERE organizer_id = $1 AND end_time > now()
           )
           SELECT 1 AS place, 'failed' AS kind, s.event_id, coalesce(e.title, '') AS title,
                  coalesce(e.timezone, 'UTC') AS timezone, NULL::bigint AS count, s.created_at AS at,
                  s.id::text AS submission_id
           FROM submissions s LEFT JOIN events e ON e.id = s.event_id
           WHERE s.organizer_id = $1 AND s.created_at > now() - interval '30 days'
             AND EXISTS (SELECT FROM submission_steps t WHERE t.message_id = s.id AND t.state = 'failed')
           UNION ALL
           SELECT 2, 'held', event_id, title, timezone, t.count, NULL, NULL FROM mine
           CROSS JOIN LATERAL (SELECT count(*) FROM tickets t
                               WHERE t.event_id = mine.event_id AND t.status = 'held') AS t
           WHERE held > 0 AND t.count > 0
           UNION ALL
           SELECT 3, 'waiting', event_id, title, timezone, w.count, NULL, NULL FROM mine
           CROSS JOIN LATERAL (SELECT count(*) FROM waiting_list w
                               WHERE w.event_id = mine.event_id AND w.status = 'waiting') AS w
           WHERE places_left <= 0 AND status = 'published' AND w.count * 20 >= capacity
           UNION ALL
           SELECT 4, 'ending', event_id, title, timezone, places_left, end_time, NULL FROM mine
           WHERE places_left > 0 AND status = 'published' AND end_time < now() + make_interval(days => $3)
           UNION ALL
           SELECT 5, 'draft', event_id, title, timezone, NULL, start_time, NULL FROM mine
           WHERE status = 'draft' AND start_time < now() + make_interval(days => $4)
           ORDER BY place, at, event_id LIMIT $2""",
        who.organizer_id,
        ATTENTION,
        SOON_DAYS,
        DRAFT_DAYS,
    )
    return [Attention(**{name: row[name] for name in Attention.__struct_fields__}) for row in rows]
