"""Cancelling a ticket: its attendee returns it, or the organizer takes it back and says why."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from app.domain.accounts import Caller
from app.domain.decisions import decide_in_turn, event_of, up_to_date
from app.domain.idempotency import Idempotent, replay_headers
from app.domain.offers import settle
from app.domain.stock import Stock, lock_stock
from app.engines.database import Connection, Database
from app.errors import Conflict, FieldError, Invalid, NotFound
from app.messages import TicketCancelled
from app.phrases import Phrase

RETURNED = "returned by the attendee"
REFUSALS = {
    "too-late-to-return": Phrase("Tickets for this event cannot be returned any more."),
    "not-returnable": Phrase("Tickets for this event cannot be returned."),
    "already-used": Phrase("This ticket has been used."),
    "not-live": Phrase("This ticket is not valid any more."),
}

Reason = Annotated[str, Meta(min_length=1, max_length=500, extra={"says": Phrase("must have 1 to 500 characters")})]


class Cancelled(msgspec.Struct, frozen=True, kw_only=True):
    ticket_number: int
    status: str
    replayed: bool = False


async def cancel_ticket(
    database: Database, who: Caller, ticket_number: int, reason: str | None, idempotent: Idempotent | None = None
) -> Cancelled:
    """By the organizer of the event, with a reason, at any time; by the attendee until the organizer's cut-off.

    The place goes to the waiting list first, in the same transaction. Cancelling twice is cancelling.

    Raises:
        NotFound: neither the caller's ticket nor of the caller's event.
        Invalid: an organizer gave no reason.
        Conflict: of a type in `REFUSALS`.
        Unavailable: too many wait for this event, or what has ended is still being written.
    """

    event_id = await event_of(database, "tickets", ticket_number)

    async def decide(connection: Connection) -> dict[str, Any]:
        stock = await lock_stock(connection, event_id)
        if stock is None:
            raise NotFound("There is no such ticket.")
        await up_to_date(connection, stock)
        ticket = await connection.fetchrow("SELECT * FROM tickets WHERE id = $1", ticket_number)
        by_organizer = stock.organizer_id == who.organizer_id
        if not by_organizer and ticket["attendee_id"] != who.user_id:
            raise NotFound("There is no such ticket.")
        follows = stock.status == "cancelled" and ticket["status"] != "lapsed" and not by_organizer
        if ticket["status"] == "cancelled" or follows:  # in a moment, for the reason that the event is
            return {"status": "cancelled"}
        if refused := cannot_cancel(stock, ticket, by_organizer):
            return {"refused": refused}
        if by_organizer and not reason and ticket["attendee_id"] != who.user_id:
            raise Invalid([FieldError("reason", "must be given: the attendee will read it")])
        await give_back(connection, stock, who.user_id, [ticket], reason or RETURNED)
        await settle(connection, stock)
        return {"status": "cancelled"}

    outcome, replayed = await decide_in_turn(database, event_id, who.user_id, idempotent, decide)
    if refused := outcome.get("refused"):
        raise Conflict(REFUSALS[refused], type=refused, headers=replay_headers(replayed))
    return Cancelled(ticket_number=ticket_number, status="cancelled", replayed=replayed)


def cannot_cancel(stock: Stock, ticket: Mapping[str, Any], by_organizer: bool) -> str | None:
    if ticket["status"] == "lapsed":
        return "not-live"
    if ticket["status"] == "used":
        return "already-used"
    if by_organizer or ticket["status"] == "held":
        return None
    if stock.returns_until is None:
        return "not-returnable"
    return "too-late-to-return" if min(stock.returns_until, stock.end_time) <= stock.now else None


async def give_back(
    connection: Connection, stock: Stock, by: int, tickets: Sequence[Mapping[str, Any]], reason: str
) -> None:
    """Cancel live tickets of the stock; their places are free then, and it is the caller's to `settle` or save."""
    await connection.execute(
        """UPDATE tickets SET status = 'cancelled', cancelled_at = $2, cancelled_by = $3, cancel_reason = $4
           WHERE id = ANY($1)""",
        [ticket["id"] for ticket in tickets],
        stock.now,
        by,
        reason,
    )
    for ticket in tickets:
        kind = stock.types[ticket["ticket_type_id"]]
        if ticket["status"] == "held":
            stock.hold(kind, -1)
        else:
            stock.sell(kind, -1)
        stock.tell(TicketCancelled, ticket, by=by, reason=reason)
