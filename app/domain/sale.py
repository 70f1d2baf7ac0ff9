"""Selling: what a batch of purchases of one event decides, in one transaction, in order of arrival."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

from app.domain.accounts import Caller
from app.domain.idempotency import Keys, key_reused, remember_all, replay_headers
from app.domain.issuing import Issued, Issuing, NewTicket
from app.domain.offers import list_first, settle
from app.domain.stock import Stock, TypeStock, lock_events, may_see
from app.domain.wishes import Seen, Wish, look
from app.engines.database import Connection
from app.errors import AppError, Conflict, NotFound
from app.phrases import Phrase

REFUSALS = {
    "sold-out": Phrase("These tickets are sold out, or offered to people on the waiting list. You can join it."),
    "not-enough-left": Phrase("Fewer places are left than you want. You can take fewer, or join the waiting list."),
    "already-bought": Phrase("You have a ticket for this event already."),
    "over-limit": Phrase("That is more than one person can have of these tickets."),
    "offer-open": Phrase("Places of this kind are offered to you: take those, or give them up first."),
    "price-changed": Phrase("The price has changed meanwhile. Please look again."),
    "sale-closed": Phrase("These tickets are not sold any more."),
    "sale-not-open": Phrase("These tickets are not on sale yet."),
    "event-cancelled": Phrase("This event is cancelled."),
}


LOOKS = 3
"""The clock goes on while a batch settles what was due; who finds more due after these is asked to come back."""


class Purchase(msgspec.Struct, frozen=True, kw_only=True):
    """`ticket_number` and `code` are those of the first of `tickets`."""

    ticket_number: int
    code: str
    status: str
    tickets: list[Issued]
    held_until: dt.datetime | None = None
    replayed: bool = False


class Desk(Protocol):
    """Where purchases queue up; `app/sale_desk.py` is the one there is."""

    async def buy(self, event_id: int, wish: Wish) -> Purchase | AppError: ...


Outcome = dict[str, Any]
"""What is remembered of a decision, and rendered again: tickets, or `{"refused": type}`."""


Lock = Literal["wait", "skip", "held"]
"""How to come by the locks: wait for them; leave out events that somebody else has locked, or where the clock has
decided something; have them already.
"""


class Decided(msgspec.Struct, frozen=True):
    """`sold_out`: nobody can have anything now, and the next ones can be told so without waiting for the lock."""

    answers: list[Purchase | AppError]
    sold_out: bool


async def sell(connection: Connection, wishes: Mapping[int, Sequence[Wish]], lock: Lock = "wait") -> dict[int, Decided]:
    """Decide all wishes, by event, under the locks of the events; nothing counts before the transaction has committed.

    Raises:
        asyncpg.UniqueViolationError: another process was faster with a key or for a person; do it again.
    """
    if lock != "held":
        locked = await lock_events(connection, list(wishes), "FOR UPDATE" + " SKIP LOCKED" * (lock == "skip"))
    if lock == "skip":
        wishes = {event_id: wishes[event_id] for event_id in locked}
    stocks, seen = await look(connection, wishes)
    if lock == "skip":
        stocks = {event_id: stock for event_id, stock in stocks.items() if not stock.due}
        wishes = {event_id: wishes[event_id] for event_id in stocks}
    for _ in range(LOOKS):
        due = [stock for stock in stocks.values() if stock.due]
        for stock in due:
            await settle(connection, stock)
        if due:
            stocks, seen = await look(connection, wishes)
        if not due or any(stock.owes for stock in due):
            break
    issuing = Issuing(seen.ticket_ids)
    decided, fresh = {}, Keys()
    for event_id, asked in wishes.items():
        found = stocks.get(event_id)
        if found is not None and found.due:
            answers = [rendered(replay(wish, seen.known) or list_first(), True) for wish in asked]
            decided[event_id] = Decided(answers, sold_out=False)
            continue
        outcomes, keys = decide_all(found, asked, seen, issuing)
        decided[event_id] = Decided([rendered(*one) for one in outcomes], found is not None and is_sold_out(found))
        fresh |= keys
    if issuing.tickets:
        await issuing.write(connection, [stock for stock in stocks.values() if stock.facts], fresh)
    else:
        await remember_all(connection, fresh)
    return decided


async def turn_away(connection: Connection, event_id: int, wishes: Sequence[Wish]) -> Decided | None:
    """What `sell` would decide while nothing is left, without the lock; None when there may be something again."""
    stocks, seen = await look(connection, {event_id: wishes})
    stock = stocks.get(event_id)
    if stock is None or stock.due or not is_sold_out(stock):
        return None
    outcomes, keys = decide_all(stock, wishes, seen, Issuing([]))
    await remember_all(connection, keys)
    return Decided([rendered(*outcome) for outcome in outcomes], sold_out=True)


def is_sold_out(stock: Stock) -> bool:
    return all(stock.left(kind) <= 0 for kind in filter(stock.on_sale, stock.types.values()))


def decide_all(
    stock: Stock | None, wishes: Sequence[Wish], seen: Seen, issuing: Issuing
) -> tuple[list[tuple[Outcome | AppError, bool]], Keys]:
    """Outcomes with whether they are replays; and the keys to remember."""
    outcomes: list[tuple[Outcome | AppError, bool]] = []
    fresh: Keys = {}
    for wish in wishes:
        outcome, replayed = replay(wish, seen.known), True
        if outcome is None:
            outcome, replayed = decide(stock, wish, seen, issuing), False
            if isinstance(outcome, dict) and wish.key and wish.idempotent:
                seen.known[wish.key] = fresh[wish.key] = (wish.idempotent.request_hash, outcome)
        outcomes.append((outcome, replayed))
    return outcomes, fresh


def replay(wish: Wish, known: Keys) -> Outcome | AppError | None:
    """What was decided for this key before; None when it is new."""
    if wish.key is None or wish.idempotent is None or wish.key not in known:
        return None
    request_hash, outcome = known[wish.key]
    return outcome if request_hash == wish.idempotent.request_hash else key_reused()


def decide(stock: Stock | None, wish: Wish, seen: Seen, issuing: Issuing) -> Outcome | AppError:
    if stock is None or not may_see(stock, wish.who):
        return NotFound("There is no such event.")
    kind = stock.wanted(wish.ticket_type_id)
    if wish.ticket_type_id is None and (refused := nothing_to_have(stock, kind, wish.who, seen)):
        return {"refused": refused}
    if kind is None:
        return NotFound("There is no such ticket type.")
    which = (wish.who.user_id, kind.id)
    taken = seen.live.get(which, set())
    if refused := refusal(stock, kind, wish, len(taken), seen.offered.get(which, 0)):
        return {"refused": refused}
    seen.live[which] = taken
    return outcome_of(issuing.issue(stock, kind, wish.who.user_id, wish.quantity, taken))


def nothing_to_have(stock: Stock, kind: TypeStock | None, who: Caller, seen: Seen) -> str | None:
    """Why a purchase of whatever there is finds nothing on sale; who has all they can have hears that instead."""
    if kind is not None and stock.on_sale(kind):
        return None
    if stock.status == "cancelled":
        return "event-cancelled"
    if stock.over:
        return None
    on_sale = list(filter(stock.on_sale, stock.types.values()))
    if on_sale and all(len(seen.live.get((who.user_id, one.id), ())) >= one.per_attendee_limit for one in on_sale):
        return "already-bought"
    comes = stock.status == "draft" or stock.more_comes or (kind is not None and stock.left(kind) > 0)
    return "sale-not-open" if comes else "sold-out"


def refusal(stock: Stock, kind: TypeStock, wish: Wish, owned: int, offered: int) -> str | None:
    """Why nothing of this can be had now; who could not take their offer any more is to answer it first."""
    if stock.status == "cancelled":
        return "event-cancelled"
    if stock.now >= stock.sale_end(kind):
        return "sale-closed"
    if stock.status == "draft" or not stock.opened(kind):
        return "sale-not-open"
    if owned >= kind.per_attendee_limit:
        return "already-bought"
    if owned + wish.quantity > kind.per_attendee_limit:
        return "over-limit"
    if owned + offered + wish.quantity > kind.per_attendee_limit:
        return "offer-open"
    if wish.price not in (None, kind.price) or wish.currency not in (None, stock.currency):
        return "price-changed"
    left = stock.left(kind)
    return None if wish.quantity <= left else "not-enough-left" if left > 0 else "sold-out"


def outcome_of(tickets: Sequence[NewTicket]) -> Outcome:
    """Of a purchase, as JSON keeps it."""
    terms = tickets[0].terms
    until = {"held_until": terms.held_until.isoformat()} if terms.held_until else {}
    return {"status": terms.status, "tickets": [[ticket.id, ticket.code] for ticket in tickets], **until}


def rendered(outcome: Outcome | AppError, replayed: bool) -> Purchase | AppError:
    if isinstance(outcome, AppError):
        return outcome
    if refused := outcome.get("refused"):
        return Conflict(REFUSALS[refused], type=refused, headers=replay_headers(replayed))
    return purchase(outcome, replayed)


def purchase(outcome: Outcome, replayed: bool) -> Purchase:
    tickets = [Issued(number, code) for number, code in outcome["tickets"]]
    until = outcome.get("held_until")
    return Purchase(
        ticket_number=tickets[0].ticket_number,
        code=tickets[0].code,
        status=outcome["status"],
        tickets=tickets,
        held_until=dt.datetime.fromisoformat(until) if until else None,
        replayed=replayed,
    )
