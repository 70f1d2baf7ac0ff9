"""The waiting list of an event: joining and leaving. `offers.py` makes the offers, `offer_answers.py` takes answers."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from app.domain.accounts import Caller
from app.domain.decisions import decide_in_turn, event_of, up_to_date
from app.domain.events import Id
from app.domain.idempotency import Idempotent, replay_headers
from app.domain.offers import next_for_waiters, settle
from app.domain.stock import LogLine, Stock, TypeStock, lock_seen_stock, lock_stock, save_stock
from app.domain.waiting_entries import held_for, places_of, position
from app.engines.database import Connection, Database
from app.errors import Conflict, NotFound
from app.messages import OfferDeclined, WaitingListJoined, WaitingListLeft
from app.phrases import Phrase
from app.validation import Input

REFUSALS = {
    "places-left": Phrase("There are places left: buy a ticket instead."),
    "already-bought": Phrase("You have a ticket for this event already."),
    "over-limit": Phrase("That is more than one person can have of these tickets, or than there are."),
    "price-changed": Phrase("The price has changed meanwhile. Please look again."),
    "sale-closed": Phrase("These tickets are not sold any more."),
    "event-cancelled": Phrase("This event is cancelled."),
    "not-published": Phrase("This event is not published yet."),
    "not-waiting": Phrase("You are not on this waiting list any more."),
    "no-offer": Phrase("There is no offer for you yet."),
    "offer-expired": Phrase("This offer has expired."),
    "offer-open": Phrase("A place is offered to you by now: take it, or let the next one have it."),
    "offer-changed": Phrase("Something else is offered to you now. Please look again."),
    "offer-taken": Phrase("You have taken this offer: your tickets are among your tickets."),
}

Quantity = Annotated[int, Meta(ge=1, le=100, extra={"says": Phrase("must be a whole number from 1 to 100")})]


class JoinIn(Input, frozen=True, kw_only=True):
    """Any of `ticket_type_ids` will do; none means any type."""

    event_id: Id
    user_id: Id | None = None
    quantity: Quantity = 1
    ticket_type_ids: list[Id] = msgspec.field(default_factory=list)


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """`position` counts from 1. Who waits already keeps the place, with the quantity and types of the first time.

    `status` is `offered` for who only has to take what is theirs.
    """

    waitlist_id: int
    position: int
    status: str = "waiting"
    quantity: int = 1
    ticket_type_ids: list[int] = []
    replayed: bool = False


def raise_refused(outcome: Mapping[str, Any], replayed: bool = False) -> None:
    if refused := outcome.get("refused"):
        raise Conflict(REFUSALS[refused], type=refused, headers=replay_headers(replayed))


async def join_waiting_list(
    database: Database,
    who: Caller,
    event_id: int,
    idempotent: Idempotent | None,
    quantity: int = 1,
    ticket_type_ids: Sequence[int] = (),
) -> Place:
    """Join, or be told the place again.

    Raises:
        NotFound: no such event or type, or a draft of somebody else.
        Conflict: of type `places-left`, `already-bought`, `over-limit`, `sale-closed`, `not-published` or
            `event-cancelled`.
        Unavailable: too many wait for this event, or what has ended is still being written.
    """

    async def decide(connection: Connection) -> dict[str, Any]:
        stock = await up_to_date(connection, await lock_seen_stock(connection, who, event_id))
        return await join(connection, stock, who, quantity, list(dict.fromkeys(ticket_type_ids)))

    outcome, replayed = await decide_in_turn(database, event_id, who.user_id, idempotent, decide)
    raise_refused(outcome, replayed)
    return Place(**outcome, replayed=replayed)


async def join(
    connection: Connection, stock: Stock, who: Caller, quantity: int, ticket_type_ids: list[int]
) -> dict[str, Any]:
    """Ids are drawn under the lock of the event, so their order is the order of joining."""
    if stock.status == "cancelled":
        return {"refused": "event-cancelled"}
    known = await connection.fetchrow(
        """SELECT id, status, quantity, ticket_type_ids FROM waiting_list
           WHERE event_id = $1 AND attendee_id = $2 AND status IN ('waiting', 'offered')""",
        stock.id,
        who.user_id,
    )
    if known is None:
        if stock.status == "draft":
            return {"refused": "not-published"}
        if not all(one in stock.types and stock.visible(stock.types[one]) for one in ticket_type_ids):
            raise NotFound("There is no such ticket type.")
        if refused := await no_sense(connection, stock, who, quantity, ticket_type_ids):
            return {"refused": refused}
        known = await connection.fetchrow(
            """INSERT INTO waiting_list (event_id, attendee_id, status, quantity, ticket_type_ids)
               VALUES ($1, $2, 'waiting', $3, $4) RETURNING id, status, quantity, ticket_type_ids""",
            stock.id,
            who.user_id,
            quantity,
            ticket_type_ids,
        )
        stock.facts.append(
            WaitingListJoined(
                event_id=stock.id,
                waitlist_id=known["id"],
                attendee_id=who.user_id,
                quantity=quantity,
                ticket_type_ids=ticket_type_ids,
            )
        )
        stock.lines.append(LogLine(known["id"], "joined", {"quantity": quantity}))
        stock.due_by(next_for_waiters(stock))
        await save_stock(connection, stock)
    return {
        "waitlist_id": known["id"],
        "position": await position(connection, stock.id, known["id"]),
        "status": known["status"],
        "quantity": known["quantity"],
        "ticket_type_ids": known["ticket_type_ids"],
    }


async def no_sense(
    connection: Connection, stock: Stock, who: Caller, quantity: int, ticket_type_ids: Sequence[int]
) -> str | None:
    """Why waiting cannot help; None where it can."""
    if stock.over:
        return "event-cancelled" if stock.status == "cancelled" else "sale-closed"
    kinds = [kind for kind in stock.types.values() if not kind.archived]
    kinds = [kind for kind in kinds if (kind.id in ticket_type_ids or not ticket_type_ids)]
    kinds = [kind for kind in kinds if max(stock.now, kind.begins_at) < stock.sale_end(kind)]
    owned = await owned_by(connection, stock.id, who.user_id)
    possible = [kind for kind in kinds if owned.get(kind.id, 0) + quantity <= room(stock, kind)]
    if not kinds:
        return "sale-closed"
    if not possible:
        full = all(owned.get(kind.id, 0) >= kind.per_attendee_limit for kind in kinds)
        return "already-bought" if full else "over-limit"
    if any(stock.on_sale(kind) and stock.left(kind) >= quantity for kind in possible):
        return "places-left"
    return None


def room(stock: Stock, kind: TypeStock) -> int:
    """The most that one person can ever have of it."""
    return min(kind.per_attendee_limit, places_of(stock, kind))


async def owned_by(connection: Connection, event_id: int, user_id: int) -> dict[int, int]:
    """How many live tickets of each type somebody has."""
    rows = await connection.fetch(
        """SELECT ticket_type_id, count(*) AS many FROM tickets
           WHERE event_id = $1 AND attendee_id = $2 AND status IN ('held', 'sold', 'used') GROUP BY ticket_type_id""",
        event_id,
        user_id,
    )
    return {row["ticket_type_id"]: row["many"] for row in rows}


Answer = Callable[[Connection, Stock, Mapping[str, Any]], Awaitable[dict[str, Any]]]
"""What becomes of an entry of the waiting list, under the lock of its event."""


async def answer_entry(
    database: Database, who: Caller, waitlist_id: int, idempotent: Idempotent | None, answer: Answer
) -> tuple[dict[str, Any], bool]:
    """The outcome for the caller's entry, and whether it is a replay; raises `Conflict` for one that says `refused`."""
    event_id = await event_of(database, "waiting_list", waitlist_id)

    async def decide(connection: Connection) -> dict[str, Any]:
        stock = await lock_stock(connection, event_id)
        mine = "SELECT * FROM waiting_list WHERE id = $1 AND attendee_id = $2"
        if stock is None or await connection.fetchrow(mine, waitlist_id, who.user_id) is None:
            raise NotFound("You are not on such a waiting list.")
        await up_to_date(connection, stock)
        return await answer(connection, stock, await connection.fetchrow(mine, waitlist_id, who.user_id))

    outcome, replayed = await decide_in_turn(database, event_id, who.user_id, idempotent, decide)
    raise_refused(outcome, replayed)
    return outcome, replayed


async def leave_waiting_list(database: Database, who: Caller, waitlist_id: int, with_offer: bool = True) -> None:
    """Leave; an open offer goes to the next, or is in the way. Leaving twice is leaving.

    Raises:
        NotFound: not the caller's.
        Conflict: of type `not-waiting`, when the entry has ended otherwise, or `offer-open`.
    """

    async def answer(connection: Connection, stock: Stock, entry: Mapping[str, Any]) -> dict[str, Any]:
        if entry["status"] == "offered" and not with_offer:
            return {"refused": "offer-open"}
        if entry["status"] in {"waiting", "offered"}:
            await end(connection, stock, entry, "left")
        elif entry["status"] != "left":
            return {"refused": "not-waiting"}
        return {}

    await answer_entry(database, who, waitlist_id, None, answer)


async def end(connection: Connection, stock: Stock, entry: Mapping[str, Any], status: str) -> None:
    """An entry ends by its owner's wish; what was held for it goes to the next."""
    await connection.execute(
        "UPDATE waiting_list SET status = $2, ended_at = $3, kept = '{}' WHERE id = $1", entry["id"], status, stock.now
    )
    stock.release(held_for(entry))
    fact = WaitingListLeft if status == "left" else OfferDeclined
    stock.facts.append(fact(event_id=stock.id, waitlist_id=entry["id"], attendee_id=entry["attendee_id"]))
    stock.lines.append(LogLine(entry["id"], status, {}))
    await settle(connection, stock)
