"""What people do with an offer: take it, or pass it on. `offers.py` makes the offers."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.domain.accounts import Caller
from app.domain.idempotency import Idempotent
from app.domain.issuing import Issuing
from app.domain.offers import settle
from app.domain.sale import Purchase, outcome_of, purchase
from app.domain.stock import LogLine, Stock
from app.domain.waiting_list import answer_entry, end
from app.domain.wishes import look_for_one
from app.engines.database import Connection, Database
from app.messages import OfferAccepted


async def decline_offer(
    database: Database,
    who: Caller,
    waitlist_id: int,
    idempotent: Idempotent | None = None,
    ticket_type_id: int | None = None,
) -> bool:
    """Give the offered places, of no other type than this, to the next; whether that was an earlier request.

    The next has them in the same transaction. Declining twice is declining.

    Raises:
        NotFound: not the caller's.
        Conflict: of type `no-offer`, `offer-expired`, `offer-changed`, `offer-taken` or `not-waiting`.
    """

    async def answer(connection: Connection, stock: Stock, entry: Mapping[str, Any]) -> dict[str, Any]:
        if entry["status"] == "declined":
            return {}
        if refused := without_offer(entry) or another(entry, ticket_type_id):
            return {"refused": refused}
        await end(connection, stock, entry, "declined")
        return {}

    _, replayed = await answer_entry(database, who, waitlist_id, idempotent, answer)
    return replayed


def without_offer(entry: Mapping[str, Any]) -> str | None:
    """Why there is none to answer."""
    ends = {"offered": None, "waiting": "no-offer", "expired": "offer-expired", "served": "offer-taken"}
    return ends.get(entry["status"], "not-waiting")


def another(entry: Mapping[str, Any], ticket_type_id: int | None) -> str | None:
    """Why it is not the offer that was seen: one of another type came in its place."""
    return "offer-changed" if ticket_type_id not in (None, entry["offered_type_id"]) else None


async def accept_offer(
    database: Database,
    who: Caller,
    waitlist_id: int,
    idempotent: Idempotent | None = None,
    price: Decimal | None = None,
    currency: str | None = None,
    ticket_type_id: int | None = None,
) -> Purchase:
    """Buy what was offered: sold at once, or held where the organizer confirms payments; of no other type, and at no
    other `price`, than this.

    Also where the sale has been put off since: an offer is a promise.

    Raises:
        NotFound: not the caller's.
        Conflict: of type `no-offer`, `offer-expired`, `offer-changed`, `offer-taken`, `not-waiting`,
            `already-bought`, `over-limit`, `sale-closed`, `price-changed` or `event-cancelled`.
    """

    async def answer(connection: Connection, stock: Stock, entry: Mapping[str, Any]) -> dict[str, Any]:
        if stock.status == "cancelled":
            return {"refused": "event-cancelled"}
        if refused := without_offer(entry) or another(entry, ticket_type_id):
            return {"refused": refused}
        if price not in (None, stock.types[entry["offered_type_id"]].price) or currency not in (None, stock.currency):
            return {"refused": "price-changed"}
        return await accept(connection, stock, who, entry)

    return purchase(*await answer_entry(database, who, waitlist_id, idempotent, answer))


async def accept(connection: Connection, stock: Stock, who: Caller, entry: Mapping[str, Any]) -> dict[str, Any]:
    kind, quantity = stock.types[entry["offered_type_id"]], entry["quantity"]
    seen = await look_for_one(connection, stock.id, who.user_id, quantity)
    taken = seen.live.get((who.user_id, kind.id), set())
    if stock.status == "draft" or stock.now >= stock.sale_end(kind):
        return {"refused": "sale-closed"}
    if len(taken) + quantity > kind.per_attendee_limit:
        return {"refused": "already-bought" if len(taken) >= kind.per_attendee_limit else "over-limit"}
    stock.hold(kind, -quantity)
    issuing = Issuing(seen.ticket_ids)
    tickets = issuing.issue(stock, kind, who.user_id, quantity, taken)
    await connection.execute(
        "UPDATE waiting_list SET status = 'served', ended_at = $2 WHERE id = $1", entry["id"], stock.now
    )
    stock.facts.append(
        OfferAccepted(
            event_id=stock.id, waitlist_id=entry["id"], attendee_id=who.user_id, purchase_id=tickets[0].purchase_id
        )
    )
    stock.lines.append(LogLine(entry["id"], "accepted", {"quantity": quantity, "ticket_type": kind.name}))
    await issuing.write(connection, [stock])
    await settle(connection, stock)
    return outcome_of(tickets)
