"""Deciding about an event, for everything but purchases: once all that the clock has ended is written."""

from collections.abc import Awaitable, Callable
from typing import Any

from app.domain.idempotency import Idempotent, once
from app.domain.offers import list_first, settle, settle_all
from app.domain.stock import Stock
from app.engines.database import Connection, Database


async def decide_in_turn(
    database: Database,
    event_id: int,
    user_id: int,
    request: Idempotent | None,
    decide: Callable[[Connection], Awaitable[dict[str, Any]]],
) -> tuple[dict[str, Any], bool]:
    """As `once`, for what crowds do: they wait for their turn at the event before they take a connection.

    Raises:
        Unavailable: too many wait for this event, or too long.
    """
    async with database.turns.of(event_id):
        await settle_all(database, event_id)
        return await once(database, user_id, request, decide)


async def up_to_date(connection: Connection, stock: Stock) -> Stock:
    """The stock, with what the clock has decided since `settle_all`.

    Raises:
        Unavailable: so much has ended that it is still not all written, and who waits comes first.
    """
    if stock.due:
        await settle(connection, stock)
    if stock.owes:
        raise list_first()
    return stock


async def event_of(database: Database, what: str, number: int) -> int:
    """Of a ticket, an entry or a type, by the name of its table; 0, as no event is numbered, where there is none such.

    No event changes its tickets, so nothing has to be locked for it.
    """
    async with database.connection() as connection:
        found: int = await connection.fetchval(
            f"SELECT coalesce((SELECT event_id FROM {what} WHERE id = $1), 0)", number
        )
    return found
