"""Cancelling an event: at once for everybody who wants to buy, ticket by ticket for those who have one.

The work is done in steps of their own transactions, so it can stop anywhere and go on later, in any process.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec

from app.domain.accounts import Caller
from app.domain.cancelling import give_back
from app.domain.endings import tell_closed
from app.domain.holds import require_own_event
from app.domain.idempotency import Idempotent, once
from app.domain.offers import settle, settle_all
from app.domain.stock import Stock, lock_own_stock, lock_stock, save_stock
from app.domain.waiting_entries import held_for
from app.engines.database import Connection, Database
from app.errors import Conflict, NotFound
from app.messages import EventCancelled

STEP = 500


class Cancellation(msgspec.Struct, frozen=True, kw_only=True):
    """How far it is; `finished_at` is None while there is something left to do."""

    event_id: int
    reason: str
    tickets_total: int
    tickets_done: int
    waiters_total: int
    waiters_done: int
    started_at: dt.datetime
    finished_at: dt.datetime | None


async def cancel_event(
    database: Database, who: Caller, event_id: int, reason: str, idempotent: Idempotent | None = None
) -> tuple[Cancellation, bool]:
    """Close the sale for good, and have every ticket and every entry of the waiting list cancelled.

    How far it is, and whether that was said to an earlier request with the same key.

    Raises:
        NotFound: not the caller's event.
        Conflict: of type `not-published`. One that is cancelled already tells how far it is.
    """

    await settle_all(database, event_id)

    async def decide(connection: Connection) -> dict[str, Any]:
        stock = await lock_own_stock(connection, who, event_id)
        if stock.status == "draft":
            raise Conflict("This event was never published: it can stay a draft.", type="not-published")
        if stock.due:
            await settle(connection, stock)
        if stock.status == "published":
            await begin(connection, stock, who, reason)
        return {"event_id": event_id}

    _, replayed = await once(database, who.user_id, idempotent, decide)
    return await cancellation_of(database, who, event_id), replayed


async def begin(connection: Connection, stock: Stock, who: Caller, reason: str) -> None:
    rev: int = await connection.fetchval("SELECT nextval('rev_seq')")
    await connection.execute("UPDATE events SET status = 'cancelled', rev = $2 WHERE id = $1", stock.id, rev)
    await connection.execute(
        """INSERT INTO cancellations (event_id, by, reason, started_at, tickets_total, waiters_total)
           VALUES ($1, $2, $3, $4, $5, $6)""",
        stock.id,
        who.user_id,
        reason,
        stock.now,
        *await what_ends(connection, stock.id),
    )
    stock.facts.append(EventCancelled(event_id=stock.id, rev=rev, by=who.user_id, reason=reason))
    stock.due_at = None
    await save_stock(connection, stock)


async def what_ends(connection: Connection, event_id: int) -> tuple[int, int]:
    """Tickets and entries of the waiting list that a cancellation of the event has to end."""
    tickets, waiters = await connection.fetchrow(
        """SELECT (SELECT count(*) FROM tickets WHERE event_id = $1 AND status IN ('held', 'sold', 'used')),
                  (SELECT count(*) FROM waiting_list WHERE event_id = $1 AND status IN ('waiting', 'offered'))""",
        event_id,
    )
    return tickets, waiters


async def cancellation_of(database: Database, who: Caller, event_id: int) -> Cancellation:
    """Raises `NotFound` when the event is not the caller's, or not cancelled."""
    async with database.connection() as connection:
        await require_own_event(connection, who, event_id)
        row = await connection.fetchrow("SELECT * FROM cancellations WHERE event_id = $1", event_id)
    if row is None:
        raise NotFound("This event is not cancelled.")
    return Cancellation(**{name: row[name] for name in Cancellation.__struct_fields__})


async def cancellations_under_way(connection: Connection) -> list[int]:
    rows = await connection.fetch("SELECT event_id FROM cancellations WHERE finished_at IS NULL ORDER BY event_id")
    return [row["event_id"] for row in rows]


async def cancel_some(connection: Connection, event_id: int, step: int = STEP) -> bool:
    """One step, in the caller's transaction; whether there is more to do.

    The totals of the beginning are corrected at the end: some may have been cancelled one by one meanwhile.
    """
    stock = await lock_stock(connection, event_id)
    row = await connection.fetchrow("SELECT * FROM cancellations WHERE event_id = $1", event_id)
    if stock is None or row is None or row["finished_at"] is not None:
        return False
    tickets = await cancel_tickets(connection, stock, row, step)
    waiters = await close_entries(connection, stock, step) if tickets < step else 0
    more = tickets == step or waiters == step
    await save_stock(connection, stock)
    await connection.execute(
        """UPDATE cancellations SET tickets_done = tickets_done + $2, waiters_done = waiters_done + $3,
                                    finished_at = CASE WHEN $4 THEN NULL ELSE clock_timestamp() END,
                                    tickets_total = CASE WHEN $4 THEN tickets_total ELSE tickets_done + $2 END,
                                    waiters_total = CASE WHEN $4 THEN waiters_total ELSE waiters_done + $3 END
           WHERE event_id = $1""",
        event_id,
        tickets,
        waiters,
        more,
    )
    return more


async def cancel_tickets(connection: Connection, stock: Stock, job: Mapping[str, Any], step: int) -> int:
    """Used ones too: who was there may want the money back as well."""
    rows = await connection.fetch(
        """SELECT id, ticket_type_id, attendee_id, status FROM tickets
           WHERE event_id = $1 AND status IN ('held', 'sold', 'used') ORDER BY id LIMIT $2""",
        stock.id,
        step,
    )
    await give_back(connection, stock, job["by"], rows, job["reason"])
    return len(rows)


async def close_entries(connection: Connection, stock: Stock, step: int) -> int:
    rows = await connection.fetch(
        """UPDATE waiting_list w SET status = 'closed', ended_at = $2, kept = '{}'
           FROM (SELECT id, status, kept FROM waiting_list WHERE event_id = $1 AND status IN ('waiting', 'offered')
                 ORDER BY id LIMIT $3) AS old
           WHERE w.id = old.id RETURNING w.id, w.attendee_id, w.quantity, w.offered_type_id, old.status, old.kept""",
        stock.id,
        stock.now,
        step,
    )
    for row in sorted(rows, key=lambda row: row["id"]):
        stock.release(held_for(row))
        tell_closed(stock, row["id"], row["attendee_id"], "event-cancelled")
    return len(rows)
