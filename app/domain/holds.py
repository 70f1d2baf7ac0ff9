"""Holds: an organizer who takes payments outside confirms them, one or many, or lets them go."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from app.domain.accounts import Caller
from app.domain.cancelling import give_back
from app.domain.decisions import up_to_date
from app.domain.endings import close_untakeable
from app.domain.events import Id
from app.domain.idempotency import Idempotent, once, replay_headers
from app.domain.issuing import free_ordinal
from app.domain.lists import Page, page_of
from app.domain.money import money
from app.domain.offers import settle, settle_all
from app.domain.stock import Stock, lock_own_stock
from app.engines.database import Connection, Database
from app.errors import Conflict, NotFound
from app.messages import TicketConfirmed
from app.phrases import Phrase
from app.validation import Input

PAYMENTS_ARRIVE_WITHIN = dt.timedelta(days=30)
REFUSALS = {
    "not-found": Phrase("There is no such ticket for this event."),
    "not-held": Phrase("This ticket does not wait for a payment."),
    "no-places-left": Phrase("The hold had lapsed, and its place is sold, or kept for the waiting list."),
    "already-bought": Phrase("The hold had lapsed, and its owner has another ticket now."),
    "event-cancelled": Phrase("This event is cancelled."),
    "not-published": Phrase("The hold had lapsed, and a draft sells nothing. Publish the event first."),
}

Numbers = Annotated[
    list[Id], Meta(min_length=1, max_length=1000, extra={"says": Phrase("must be 1 to 1,000 ticket numbers")})
]


class ConfirmIn(Input, frozen=True, kw_only=True):
    ticket_numbers: Numbers


class Refused(msgspec.Struct, frozen=True):
    ticket_number: int
    type: str
    detail: str


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """Tickets are decided one by one: what could be done is done."""

    done: list[int]
    refused: list[Refused]
    replayed: bool = False


async def confirm_tickets(
    database: Database, who: Caller, event_id: int, ticket_numbers: Sequence[int], idempotent: Idempotent | None = None
) -> Decided:
    """Payments have arrived. For a hold that has lapsed a place is taken again, if there is one, even after the sale.

    Raises:
        NotFound: not the caller's event.
        Conflict: nothing could be confirmed; its type is that of the first refusal.
        Unavailable: what has ended is still being written.
    """
    await settle_all(database, event_id)

    async def decide(connection: Connection) -> dict[str, Any]:
        stock = await up_to_date(connection, await lock_own_stock(connection, who, event_id))
        rows = await tickets_by_number(connection, event_id, ticket_numbers)
        refused = {number: "not-found" for number in ticket_numbers if number not in rows}
        confirmed: list[Mapping[str, Any]] = []
        ended_for: tuple[int, int] | None = None
        for number, row in rows.items():
            late, which = row["status"] == "lapsed", (row["attendee_id"], row["ticket_type_id"])
            if ended_for not in (None, which):  # what is left of an offer is for who waits, not for the next one here
                await settle(connection, stock)
                ended_for = None
            taken = await others_of_its_owner(connection, stock, row)
            if complaint := cannot_confirm(stock, row, taken):
                refused[number] = complaint
                continue
            if late and await close_untakeable(connection, stock, with_one_more=which):
                ended_for = which
            if late and stock.left(stock.types[row["ticket_type_id"]]) < 1:
                refused[number] = "no-places-left"
                continue
            confirm(stock, who, row)
            await connection.execute(
                "UPDATE tickets SET status = 'sold', held_until = NULL, nth = $2 WHERE id = $1",
                number,
                row["nth"] if row["nth"] not in taken else free_ordinal(taken),
            )
            confirmed.append(row)
        if confirmed:
            await settle(connection, stock)
        return {"done": [row["id"] for row in confirmed], "refused": in_order(ticket_numbers, refused)}

    return decided(*await once(database, who.user_id, idempotent, decide))


def in_order(ticket_numbers: Sequence[int], refused: Mapping[int, str]) -> list[tuple[int, str]]:
    """As they were asked for."""
    return [(number, refused[number]) for number in dict.fromkeys(ticket_numbers) if number in refused]


async def others_of_its_owner(connection: Connection, stock: Stock, row: Mapping[str, Any]) -> set[int]:
    """The ordinals of what the owner of a ticket has of its type besides it."""
    rows = await connection.fetch(
        """SELECT nth FROM tickets WHERE event_id = $1 AND attendee_id = $2 AND ticket_type_id = $3 AND id <> $4
           AND status IN ('held', 'sold', 'used')""",
        stock.id,
        row["attendee_id"],
        row["ticket_type_id"],
        row["id"],
    )
    return {other["nth"] for other in rows}


def cannot_confirm(stock: Stock, row: Mapping[str, Any], taken: set[int]) -> str | None:
    if stock.status == "cancelled":
        return "event-cancelled"
    if row["status"] == "held":
        return None
    if row["status"] != "lapsed":
        return "not-held"
    if stock.status == "draft":
        return "not-published"
    return "already-bought" if len(taken) >= stock.types[row["ticket_type_id"]].per_attendee_limit else None


def confirm(stock: Stock, who: Caller, row: Mapping[str, Any]) -> None:
    kind, late = stock.types[row["ticket_type_id"]], row["status"] == "lapsed"
    if not late:
        stock.hold(kind, -1)
    stock.sell(kind, 1)
    stock.tell(TicketConfirmed, row, by=who.user_id, late=late)


async def release_tickets(
    database: Database,
    who: Caller,
    event_id: int,
    ticket_numbers: Sequence[int],
    reason: str,
    idempotent: Idempotent | None = None,
) -> Decided:
    """Give held places back before their deadline; they go to the waiting list first.

    Raises:
        NotFound: not the caller's event.
        Conflict: nothing could be released; its type is that of the first refusal.
        Unavailable: what has ended is still being written.
    """
    await settle_all(database, event_id)

    async def decide(connection: Connection) -> dict[str, Any]:
        stock = await up_to_date(connection, await lock_own_stock(connection, who, event_id))
        rows = await tickets_by_number(connection, event_id, ticket_numbers)
        released = [row for row in rows.values() if row["status"] == "held"]
        refused = {
            number: "not-held" if number in rows else "not-found"
            for number in ticket_numbers
            if number not in rows or rows[number]["status"] != "held"
        }
        if released:
            await give_back(connection, stock, who.user_id, released, reason)
            await settle(connection, stock)
        return {"done": [row["id"] for row in released], "refused": in_order(ticket_numbers, refused)}

    return decided(*await once(database, who.user_id, idempotent, decide))


async def tickets_by_number(
    connection: Connection, event_id: int, ticket_numbers: Sequence[int]
) -> dict[int, Mapping[str, Any]]:
    rows = await connection.fetch(
        """SELECT id, ticket_type_id, attendee_id, nth, status, held_until FROM tickets
           WHERE id = ANY($1) AND event_id = $2 ORDER BY id""",
        list(ticket_numbers),
        event_id,
    )
    return {row["id"]: row for row in rows}


def decided(outcome: Mapping[str, Any], replayed: bool) -> Decided:
    refused = [Refused(number, kind, REFUSALS[kind]) for number, kind in outcome["refused"]]
    if refused and not outcome["done"]:
        first = refused[0]
        headers = replay_headers(replayed)
        if first.type == "not-found":
            raise NotFound(first.detail, headers=headers)
        raise Conflict(first.detail, type=first.type, headers=headers)
    return Decided(done=outcome["done"], refused=refused, replayed=replayed)


class HeldTicket(msgspec.Struct, frozen=True, kw_only=True):
    ticket_number: int
    code: str
    ticket_type: str
    purchase_id: int
    attendee_id: int
    full_name: str
    email: str
    price: str
    currency: str
    bought_at: dt.datetime
    held_until: dt.datetime


HELD = """
    SELECT t.id, t.code, k.name AS ticket_type, t.purchase_id, t.attendee_id, u.full_name, u.email, t.price, t.currency,
           t.created_at, t.held_until
    FROM tickets t JOIN ticket_types k ON k.id = t.ticket_type_id JOIN users u ON u.id = t.attendee_id
"""


async def held_tickets(
    database: Database, who: Caller, event_id: int, limit: int, after: int | None
) -> Page[HeldTicket]:
    """Those that wait for the organizer's word, in order of buying."""
    async with database.connection() as connection:
        await require_own_event(connection, who, event_id)
        rows = await connection.fetch(
            f"""{HELD} WHERE t.event_id = $1 AND t.status = 'held' AND t.held_until > now() AND t.id > $2
                ORDER BY t.id LIMIT $3""",
            event_id,
            after or 0,
            limit + 1,
        )
    return page_of([held_ticket(row) for row in rows], limit, lambda ticket: ticket.ticket_number)


async def lapsed_tickets(
    database: Database, who: Caller, event_id: int, limit: int, before: int | None
) -> Page[HeldTicket]:
    """Those whose payment may still arrive, though too late, newest first."""
    async with database.connection() as connection:
        await require_own_event(connection, who, event_id)
        rows = await connection.fetch(
            f"""{HELD} WHERE t.event_id = $1 AND t.status = 'lapsed' AND t.held_until > now() - $2::interval
                  AND ($3::bigint IS NULL OR t.id < $3) ORDER BY t.id DESC LIMIT $4""",
            event_id,
            PAYMENTS_ARRIVE_WITHIN,
            before,
            limit + 1,
        )
    return page_of([held_ticket(row) for row in rows], limit, lambda ticket: ticket.ticket_number)


def held_ticket(row: Mapping[str, Any]) -> HeldTicket:
    fields = dict(row)
    price = money(fields.pop("price"), row["currency"])
    return HeldTicket(ticket_number=fields.pop("id"), bought_at=fields.pop("created_at"), price=price, **fields)


async def require_own_event(connection: Connection, who: Caller, event_id: int) -> None:
    owner = await connection.fetchval("SELECT organizer_id FROM events WHERE id = $1", event_id)
    if owner is None or owner != who.organizer_id:
        raise NotFound("There is no such event.")
