"""Waiting lists as people read them: where somebody stands, and what is offered."""

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from app.domain.accounts import Caller
from app.domain.event_page import COMPANY, REASON
from app.domain.lists import Page, page_of
from app.domain.money import money
from app.engines.database import Connection, Database
from app.errors import NotFound

MOST = 100
NEAR = 10


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """Places kept for somebody who waited; `price` is that of one.

    `hold_hours` is how long they are held for a payment once the offer is taken, but no longer than the sale goes on,
    which is until `sale_closes_at`; None where taking it is all.
    """

    ticket_type_id: int
    ticket_type: str
    quantity: int
    price: str
    currency: str
    until: dt.datetime
    hold_hours: int | None
    sale_closes_at: dt.datetime

    @property
    def pay_by(self) -> dt.datetime | None:
        """When the sale ends, where that leaves less time to pay."""
        return cut_short(self.sale_closes_at, self.hold_hours) if self.hold_hours else None

    @property
    def total(self) -> Decimal:
        return self.quantity * Decimal(self.price)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """`ticket_types` names those that will do, none means any; `position` is for those who wait, from 1, and counts
    who is before them, whatever types those wait for.

    `kept` is how many are kept of the type that most are kept of; `cancel_reason` is that of a cancelled event;
    `opens_at` is when something that is left and will do comes on sale, None while something is.
    """

    waitlist_id: int
    event_id: int
    title: str
    timezone: str
    organized_by: str | None
    status: str
    quantity: int
    ticket_types: list[str]
    position: int | None
    joined_at: dt.datetime
    passed: int
    kept: int
    cancel_reason: str | None
    opens_at: dt.datetime | None
    offer: Offer | None

    @property
    def seen(self) -> str:
        """Changes when something has happened to it; far back not with each one who leaves before it: many may look."""
        near = self.position and (self.position if self.position <= NEAR else -(-self.position // NEAR) * NEAR)
        offered = f"{self.offer.ticket_type_id}.{self.offer.price}" if self.offer else ""
        opens = int(self.opens_at.timestamp()) if self.opens_at else ""
        return f"{self.waitlist_id}.{self.place}.{near}.{self.passed}.{self.kept}.{offered}.{opens}"

    @property
    def place(self) -> str:
        return place(self.waitlist_id, self.status, self.offer.until if self.offer else None)


WISHED_TYPES = """
    coalesce(nullif(ARRAY(SELECT k.name FROM ticket_types k JOIN events o ON o.id = k.event_id
                          WHERE k.id = ANY(w.ticket_type_ids) AND w.status IN ('waiting', 'offered')
                            AND NOT k.archived AND least(o.end_time, k.sale_closes_at) > now()
                          ORDER BY k.position, k.id), '{}'),
             ARRAY(SELECT k.name FROM ticket_types k WHERE k.id = ANY(w.ticket_type_ids) ORDER BY k.position, k.id))
"""
"""Names of the types that will do of those an entry `w` asks for: such as are still sold, all when it has ended."""

ENTRIES = f"""
    SELECT w.id, w.event_id, e.title, e.timezone, e.currency, e.payment, e.hold_hours, {COMPANY},
           w.quantity, w.joined_at, w.passed, w.kept,
           w.offered_type_id, w.offer_until, t.name AS offered_type, t.price, {REASON},
           least(e.end_time, t.sale_closes_at) AS sale_closes_at,
           CASE WHEN e.status = 'cancelled' AND w.status IN ('waiting', 'offered') THEN 'closed'
                WHEN w.status = 'offered' AND w.offer_until <= now() THEN 'expired' ELSE w.status END AS status,
           (SELECT min(k.sale_opens_at) FROM ticket_types k
            WHERE k.event_id = e.id AND NOT k.archived AND (w.ticket_type_ids = '{{}}' OR k.id = ANY(w.ticket_type_ids))
                  AND w.quantity <= least(k.per_attendee_limit, k.places, e.capacity)
                  AND e.sold + e.held < e.capacity AND coalesce(k.sold + k.held < k.places, true)
                  AND coalesce(k.hidden_until <= now(), true) AND least(e.end_time, k.sale_closes_at) > now()
            HAVING bool_and(coalesce(k.sale_opens_at > now(), false))) AS opens_at,
           {WISHED_TYPES} AS kinds,
           CASE WHEN w.status = 'waiting' AND e.status <> 'cancelled' THEN (
               SELECT count(*) FROM waiting_list o
               WHERE o.event_id = w.event_id AND o.status = 'waiting' AND o.id <= w.id) END AS position
    FROM waiting_list w JOIN events e ON e.id = w.event_id LEFT JOIN ticket_types t ON t.id = w.offered_type_id
"""

OPEN = """w.status IN ('waiting', 'offered') AND (w.status = 'waiting' OR w.offer_until > now())
          AND NOT EXISTS (SELECT FROM events c WHERE c.id = w.event_id AND c.status = 'cancelled')"""
"""Also before it is written that an offer ran out, or that the list of a cancelled event is closed."""


def entry(row: Mapping[str, Any]) -> Entry:
    offer = None
    if row["status"] == "offered":
        offer = Offer(
            ticket_type_id=row["offered_type_id"],
            ticket_type=row["offered_type"],
            quantity=row["quantity"],
            price=money(row["price"], row["currency"]),
            currency=row["currency"],
            until=row["offer_until"],
            hold_hours=row["hold_hours"] if row["payment"] != "instant" and row["price"] else None,
            sale_closes_at=row["sale_closes_at"],
        )
    return Entry(
        waitlist_id=row["id"],
        event_id=row["event_id"],
        title=row["title"],
        timezone=row["timezone"],
        organized_by=row["company_name"],
        status=row["status"],
        quantity=row["quantity"],
        ticket_types=list(row["kinds"]),
        position=row["position"],
        joined_at=row["joined_at"],
        passed=row["passed"],
        kept=most_kept(row["kept"]),
        cancel_reason=row["cancel_reason"],
        opens_at=row["opens_at"] if row["status"] == "waiting" else None,
        offer=offer,
    )


def cut_short(closes: dt.datetime, hold_hours: int) -> dt.datetime | None:
    """That end of a sale where a hold that began now would outlast it."""
    return closes if closes < dt.datetime.now(dt.UTC) + dt.timedelta(hours=hold_hours) else None


def most_kept(kept: Mapping[str, int]) -> int:
    """Of the type that most places are kept of."""
    return max(kept.values(), default=0)


async def entries_of(
    database: Database, who: Caller, open_only: bool = False, most: int = MOST, before: int | None = None
) -> list[Entry]:
    """The caller's entries, newest first; at most `most` of those `before`."""
    condition = OPEN if open_only else "true"
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"""{ENTRIES} WHERE w.attendee_id = $1 AND {condition}
                AND ($3::bigint IS NULL OR w.id < $3) ORDER BY w.id DESC LIMIT $2""",
            who.user_id,
            most,
            before,
        )
    return [entry(row) for row in rows]


async def ended_entries(database: Database, who: Caller, limit: int, before: int | None) -> Page[Entry]:
    """Those that neither wait nor have an offer any more, newest first."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"""{ENTRIES} WHERE w.attendee_id = $1 AND NOT ({OPEN}) AND ($2::bigint IS NULL OR w.id < $2)
                ORDER BY w.id DESC LIMIT $3""",
            who.user_id,
            before,
            limit + 1,
        )
    return page_of([entry(row) for row in rows], limit, lambda one: one.waitlist_id)


async def entry_of(database: Database, who: Caller, waitlist_id: int) -> Entry:
    """Raises `NotFound` for an entry of somebody else."""
    async with database.connection() as connection:
        row = await connection.fetchrow(f"{ENTRIES} WHERE w.id = $1 AND w.attendee_id = $2", waitlist_id, who.user_id)
    if row is None:
        raise NotFound("You are not on such a waiting list.")
    return entry(row)


class Mine(msgspec.Struct, frozen=True):
    """A live ticket of one's own; `held_until` is there while its payment has to be confirmed."""

    ticket_number: int
    code: str
    status: str
    held_until: dt.datetime | None
    ticket_type_id: int
    price: Decimal
    currency: str


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody has of an event already; `code` is that of the first ticket."""

    code: str | None = None
    position: int | None = None
    tickets: Sequence[Mine] = ()
    entry: Entry | None = None

    @property
    def place(self) -> str:
        """Changes when somebody comes to wait, is offered something, or waits no more."""
        return self.entry.place if self.entry else ""


async def standing(connection: Connection, who: Caller | None, event_id: int) -> Standing:
    if who is None:
        return Standing()
    tickets = await connection.fetch(
        """SELECT id, code, status, held_until, ticket_type_id, price, currency FROM tickets
           WHERE event_id = $1 AND attendee_id = $2 AND status IN ('held', 'sold', 'used')
             AND coalesce(held_until > now(), true) ORDER BY id""",
        event_id,
        who.user_id,
    )
    row = await connection.fetchrow(
        f"{ENTRIES} WHERE w.event_id = $1 AND w.attendee_id = $2 AND {OPEN}", event_id, who.user_id
    )
    return Standing(
        code=tickets[0]["code"] if tickets else None,
        position=row["position"] if row else None,
        tickets=[Mine(*ticket) for ticket in tickets],
        entry=entry(row) if row else None,
    )


async def place_now(connection: Connection, who: Caller, event_id: int) -> str:
    """As `Standing.place`, without counting who is before."""
    row = await connection.fetchrow(
        f"""SELECT w.id, w.status, w.offer_until FROM waiting_list w
            WHERE w.event_id = $1 AND w.attendee_id = $2 AND {OPEN}""",
        event_id,
        who.user_id,
    )
    return place(*row) if row else ""


def place(waitlist_id: int, status: str, offer_until: dt.datetime | None) -> str:
    return f"offered.{waitlist_id}.{int(offer_until.timestamp())}" if status == "offered" and offer_until else status
