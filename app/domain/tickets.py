"""Tickets: buying them, and whose they are."""

import datetime as dt
import secrets
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import asyncpg
import msgspec

from app.domain.accounts import Caller
from app.domain.facts import write_fact
from app.domain.idempotency import Idempotent, lost_the_race, remember, remembered
from app.domain.lists import Page, page_of
from app.domain.money import money
from app.engines.database import Connection, Database
from app.errors import Conflict, NotFound
from app.messages import TicketSold

CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
CODE_LENGTH = 12
LIVE = ("held", "sold", "used")

REFUSALS = {
    "sold-out": "All places are taken. You can join the waiting list.",
    "already-bought": "You have a ticket for this event already.",
    "sale-closed": "The sale for this event is closed.",
}


class Purchase(msgspec.Struct, frozen=True, kw_only=True):
    ticket_number: int
    code: str
    status: str
    replayed: bool = False


async def buy_ticket(database: Database, who: Caller, event_id: int, idempotent: Idempotent | None) -> Purchase:
    """One place for the caller, decided under the lock of the event.

    Raises:
        NotFound: no such event, or a draft of somebody else.
        Conflict: of type `sold-out`, `already-bought` or `sale-closed`.
    """
    while True:
        try:
            async with database.transaction() as connection:
                outcome = await remembered(connection, who.user_id, idempotent)
                replayed = outcome is not None
                if outcome is None:
                    outcome = await decide(connection, who, event_id)
                    await remember(connection, who.user_id, idempotent, outcome)
            break
        except asyncpg.UniqueViolationError as error:
            if not lost_the_race(error):
                raise
    if refused := outcome.get("refused"):
        raise Conflict(REFUSALS[refused], type=refused, headers={"Idempotent-Replayed": "true"} if replayed else None)
    return Purchase(**outcome, replayed=replayed)


async def decide(connection: Connection, who: Caller, event_id: int) -> dict[str, Any]:
    """The lock first, the decision in later statements: their snapshots see all earlier lock holders."""
    event = await lock_event(connection, who, event_id)
    if event["closed"]:
        return {"refused": "sale-closed"}
    if await has_live_ticket(connection, event_id, who.user_id):
        return {"refused": "already-bought"}
    if event["sold"] + event["held"] >= event["capacity"]:
        return {"refused": "sold-out"}
    code = new_code()
    ticket_id = await connection.fetchval(
        """WITH counted AS (UPDATE events SET sold = sold + 1 WHERE id = $1)
           INSERT INTO tickets (event_id, attendee_id, code, status, price, currency)
           VALUES ($1, $2, $3, 'sold', $4, $5) RETURNING id""",
        event_id, who.user_id, code, event["price"], event["currency"],
    )  # fmt: skip
    await write_fact(connection, TicketSold(event_id=event_id, ticket_id=ticket_id, attendee_id=who.user_id))
    return {"ticket_number": ticket_id, "code": code, "status": "sold"}


async def lock_event(connection: Connection, who: Caller, event_id: int) -> Mapping[str, Any]:
    event = await connection.fetchrow(
        """SELECT organizer_id, status, capacity, sold, held, price, currency, end_time <= clock_timestamp() AS closed
           FROM events WHERE id = $1 FOR UPDATE""",
        event_id,
    )
    if event is None or (event["status"] != "published" and event["organizer_id"] != who.organizer_id):
        raise NotFound("There is no such event.")
    return event


async def has_live_ticket(connection: Connection, event_id: int, user_id: int) -> bool:
    found = await connection.fetchval(
        "SELECT true FROM tickets WHERE event_id = $1 AND attendee_id = $2 AND status IN ('held', 'sold', 'used')",
        event_id,
        user_id,
    )
    return bool(found)


def new_code() -> str:
    """59 random bits in letters that cannot be mistaken for one another."""
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))


class TicketView(msgspec.Struct, frozen=True, kw_only=True):
    ticket_number: int
    code: str
    status: str
    price: str
    currency: str
    bought_at: dt.datetime
    event_id: int
    title: str
    location: str
    start_time: dt.datetime
    timezone: str


async def tickets_of(database: Database, who: Caller, limit: int, before: int | None) -> Page[TicketView]:
    """The caller's tickets, newest first."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            """SELECT t.id, t.code, t.status, t.price, t.currency, t.created_at, e.id AS event_id, e.title, e.location,
                      e.start_time, e.timezone
               FROM tickets t JOIN events e ON e.id = t.event_id
               WHERE t.attendee_id = $1 AND t.id < $2 ORDER BY t.id DESC LIMIT $3""",
            who.user_id,
            before if before is not None else 2**63 - 1,
            limit + 1,
        )
    return page_of([ticket_view(row) for row in rows], limit, lambda ticket: ticket.ticket_number)


def ticket_view(row: Mapping[str, Any]) -> TicketView:
    price: Decimal = row["price"]
    return TicketView(
        ticket_number=row["id"],
        code=row["code"],
        status=row["status"],
        price=money(price, row["currency"]),
        currency=row["currency"],
        bought_at=row["created_at"],
        event_id=row["event_id"],
        title=row["title"],
        location=row["location"],
        start_time=row["start_time"],
        timezone=row["timezone"],
    )
