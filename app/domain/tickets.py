"""Tickets: buying them, and whose they are."""

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from app.domain.accounts import Caller
from app.domain.idempotency import Idempotent
from app.domain.lists import Page, page_of
from app.domain.money import money
from app.domain.sale import Desk, Purchase
from app.domain.wishes import Wish
from app.engines.database import Database
from app.errors import AppError


async def buy_ticket(
    desk: Desk,
    who: Caller,
    event_id: int,
    idempotent: Idempotent | None,
    ticket_type_id: int | None = None,
    quantity: int = 1,
    price: Decimal | None = None,
    currency: str | None = None,
) -> Purchase:
    """Places for the caller, all or none; without a type, of the first one on sale; at no other price than this one.

    Raises:
        NotFound: no such event or type, or a draft of somebody else.
        Conflict: of a type in `sale.REFUSALS`.
        Unavailable: too many wait for this event, or the database is away.
    """
    outcome = await desk.buy(event_id, Wish(who, idempotent, ticket_type_id, quantity, price, currency))
    if isinstance(outcome, AppError):
        raise outcome
    return outcome


class TicketView(msgspec.Struct, frozen=True, kw_only=True):
    """`returned` are those that their holder gave back, of all that are cancelled."""

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
    ticket_type_id: int
    ticket_type: str
    purchase_id: int
    held_until: dt.datetime | None
    cancel_reason: str | None
    returnable: bool
    returned: bool


TICKETS = """
    SELECT t.id, t.code, t.price, t.currency, t.created_at, t.ticket_type_id, k.name AS ticket_type, t.purchase_id,
           t.held_until, e.id AS event_id, e.title, e.location, e.start_time, e.timezone,
           CASE WHEN e.status = 'cancelled' AND t.status <> 'lapsed' THEN 'cancelled'
                WHEN t.status = 'held' AND t.held_until <= now() THEN 'lapsed' ELSE t.status END AS status,
           e.status <> 'cancelled' AND (
               t.status = 'held' AND t.held_until > now()
               OR t.status = 'sold' AND coalesce(least(e.returns_until, e.end_time) > now(), false)
                  AND e.returns_until IS NOT NULL) AS returnable,
           CASE WHEN e.status = 'cancelled' AND t.status IN ('held', 'sold', 'used')
                THEN (SELECT reason FROM cancellations c WHERE c.event_id = e.id)
                ELSE t.cancel_reason END AS cancel_reason,
           coalesce(t.status = 'cancelled' AND t.cancelled_by = t.attendee_id, false) AS returned
    FROM tickets t JOIN events e ON e.id = t.event_id JOIN ticket_types k ON k.id = t.ticket_type_id
"""
"""Also before it is written that a hold ran out, or that the tickets of a cancelled event are cancelled."""


async def tickets_of(database: Database, who: Caller, limit: int, before: int | None) -> Page[TicketView]:
    """The caller's tickets, newest first."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"""{TICKETS}
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
        ticket_type_id=row["ticket_type_id"],
        ticket_type=row["ticket_type"],
        purchase_id=row["purchase_id"],
        held_until=row["held_until"] if row["status"] == "held" else None,
        cancel_reason=row["cancel_reason"],
        returnable=row["returnable"],
        returned=row["returned"],
    )
