"""At the door: a ticket lets somebody in once."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec

from app.domain.accounts import Caller
from app.domain.idempotency import Idempotent, once
from app.domain.offers import settle
from app.domain.stock import Stock, lock_stock, save_stock
from app.engines.database import Connection, Database
from app.errors import Conflict, NotFound
from app.messages import TicketUsed, TicketUseUndone
from app.phrases import Phrase

REFUSALS = {
    "held": ("not-paid", Phrase("The payment for this ticket has not been confirmed.")),
    "lapsed": ("not-live", Phrase("This ticket was not paid in time.")),
    "cancelled": ("not-live", Phrase("This ticket is cancelled.")),
    "sold": ("not-used", Phrase("This ticket has not been used.")),
}


class Used(msgspec.Struct, frozen=True, kw_only=True):
    ticket_number: int
    status: str
    used_at: dt.datetime | None
    replayed: bool = False


async def use_ticket(database: Database, who: Caller, ticket_number: int, idempotent: Idempotent | None = None) -> Used:
    """Let its owner in. The first scan wins.

    Raises:
        NotFound: not a ticket of the caller's event.
        Conflict: of type `already-used`, `not-paid` or `not-live`.
    """

    async def decide(connection: Connection) -> dict[str, Any]:
        stock, ticket = await lock_own_ticket(connection, who, ticket_number)
        if ticket["status"] == "used":
            raise Conflict(
                Phrase("This ticket was used at %(at)s UTC.", at=f"{ticket['used_at']:%Y-%m-%d %H:%M}"),
                type="already-used",
                extra={"used_at": ticket["used_at"]},
            )
        if ticket["status"] != "sold" or stock.status == "cancelled":
            refuse(ticket, stock)
        await mark(connection, ticket_number, "used", stock.now, who.user_id)
        stock.tell(TicketUsed, ticket, by=who.user_id)
        await save_stock(connection, stock)
        return {"used_at": stock.now.isoformat()}

    outcome, replayed = await once(database, who.user_id, idempotent, decide)
    used_at = dt.datetime.fromisoformat(outcome["used_at"])
    return Used(ticket_number=ticket_number, status="used", used_at=used_at, replayed=replayed)


async def undo_use(database: Database, who: Caller, ticket_number: int) -> Used:
    """It was the wrong one: the ticket can be used again.

    Raises:
        NotFound: not a ticket of the caller's event.
        Conflict: of type `not-used`, `not-paid` or `not-live`.
    """
    async with database.transaction() as connection:
        stock, ticket = await lock_own_ticket(connection, who, ticket_number)
        if ticket["status"] != "used" or stock.status == "cancelled":
            refuse(ticket, stock)
        await mark(connection, ticket_number, "sold", None, None)
        stock.tell(TicketUseUndone, ticket, by=who.user_id)
        await save_stock(connection, stock)
    return Used(ticket_number=ticket_number, status="sold", used_at=None)


async def use_by_code(database: Database, who: Caller, event_id: int, code: str) -> Used:
    """As `use_ticket`, by what is printed on the ticket."""
    async with database.connection() as connection:
        number = await connection.fetchval(
            "SELECT id FROM tickets WHERE code = $1 AND event_id = $2", code.strip().upper(), event_id
        )
    if number is None:
        raise NotFound("There is no such ticket.")
    return await use_ticket(database, who, number)


async def lock_own_ticket(connection: Connection, who: Caller, number: int) -> tuple[Stock, Mapping[str, Any]]:
    """The ticket under the lock of its event, after the clock; a queue at the door waits behind no crowd."""
    event_id = await connection.fetchval("SELECT event_id FROM tickets WHERE id = $1", number)
    stock = await lock_stock(connection, event_id) if event_id is not None else None
    if stock is None or stock.organizer_id != who.organizer_id:
        raise NotFound("There is no such ticket.")
    if stock.due:
        await settle(connection, stock)
    return stock, await connection.fetchrow("SELECT * FROM tickets WHERE id = $1", number)


def refuse(ticket: Mapping[str, Any], stock: Stock) -> None:
    """All tickets of a cancelled event are cancelled, also those where that is still to be written."""
    kind, detail = REFUSALS["cancelled" if stock.status == "cancelled" else ticket["status"]]
    raise Conflict(detail, type=kind)


async def mark(connection: Connection, number: int, status: str, at: dt.datetime | None, by: int | None) -> None:
    await connection.execute(
        "UPDATE tickets SET status = $2, used_at = $3, used_by = $4 WHERE id = $1", number, status, at, by
    )
