"""Selling: what a batch of purchases of one event decides, in one transaction, in order of arrival."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from app.domain.accounts import Caller
from app.domain.idempotency import Idempotent, Keys, key_reused, remember_all
from app.domain.issuing import Issued, Issuing, Live, NewTicket
from app.domain.offers import settle
from app.domain.stock import Stock, TypeStock, lock_stocks, may_see
from app.engines.database import Connection
from app.errors import AppError, Conflict, NotFound
from app.phrases import Phrase

REFUSALS = {
    "sold-out": Phrase("All places are taken. You can join the waiting list."),
    "not-enough-left": Phrase("Fewer places are left than you want. You can take fewer, or join the waiting list."),
    "already-bought": Phrase("You have a ticket for this event already."),
    "over-limit": Phrase("That is more than one person can have of these tickets."),
    "sale-closed": Phrase("The sale for this event is closed."),
    "sale-not-open": Phrase("The sale has not begun yet."),
    "event-cancelled": Phrase("This event is cancelled."),
}


class Wish(msgspec.Struct, frozen=True):
    """Somebody wants places, all of them or none; without a type, of the first one on sale."""

    who: Caller
    idempotent: Idempotent | None
    ticket_type_id: int | None = None
    quantity: int = 1

    @property
    def key(self) -> tuple[int, str] | None:
        return (self.who.user_id, self.idempotent.key) if self.idempotent else None


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


class Decided(msgspec.Struct, frozen=True):
    """`sold_out`: nobody can have anything now, and the next ones can be told so without waiting for the lock."""

    answers: list[Purchase | AppError]
    sold_out: bool


async def sell(connection: Connection, wishes: Mapping[int, Sequence[Wish]], wait: bool = True) -> dict[int, Decided]:
    """Decide all wishes, by event, under the locks of the events; nothing counts before the transaction has committed.

    Without `wait` those events are left out that somebody else has locked, or where the clock has decided something.

    Raises:
        asyncpg.UniqueViolationError: another process was faster with a key or for a person; do it again.
    """
    stocks = await lock_stocks(connection, list(wishes), "FOR UPDATE" if wait else "FOR UPDATE SKIP LOCKED")
    if not wait:
        stocks = {event_id: stock for event_id, stock in stocks.items() if not stock.due}
    for stock in stocks.values():
        if stock.due:
            await settle(connection, stock)
    places = sum(
        max(0, min(sum(wish.quantity for wish in wishes[stock.id]), stock.capacity - stock.sold - stock.held))
        for stock in stocks.values()
    )
    ticket_ids, known, live = await what_is_known(connection, *asked(wishes), places)
    issuing = Issuing(ticket_ids)
    decided, fresh = {}, Keys()
    for event_id in wishes if wait else stocks:
        found = stocks.get(event_id)
        outcomes, keys = decide_all(found, wishes[event_id], known, live, issuing)
        decided[event_id] = Decided([rendered(*one) for one in outcomes], found is not None and is_sold_out(found))
        fresh |= keys
    if issuing.tickets:
        await issuing.write(connection, [stock for stock in stocks.values() if stock.facts], fresh)
    else:
        await remember_all(connection, fresh)
    return decided


async def turn_away(connection: Connection, event_id: int, wishes: Sequence[Wish]) -> Decided | None:
    """What `sell` would decide while nothing is left, without the lock; None when there may be something again."""
    stock = (await lock_stocks(connection, [event_id], how="")).get(event_id)
    if stock is None or stock.due or not is_sold_out(stock):
        return None
    _, known, live = await what_is_known(connection, *asked({event_id: wishes}), 0)
    outcomes, keys = decide_all(stock, wishes, known, live, Issuing([]))
    await remember_all(connection, keys)
    return Decided([rendered(*outcome) for outcome in outcomes], sold_out=True)


def is_sold_out(stock: Stock) -> bool:
    return all(stock.left(kind) <= 0 for kind in stock.types.values() if not kind.archived)


def decide_all(
    stock: Stock | None, wishes: Sequence[Wish], known: Keys, live: Live, issuing: Issuing
) -> tuple[list[tuple[Outcome | AppError, bool]], Keys]:
    """Outcomes with whether they are replays; and the keys to remember."""
    outcomes: list[tuple[Outcome | AppError, bool]] = []
    fresh: Keys = {}
    for wish in wishes:
        outcome, replayed = replay(wish, known), True
        if outcome is None:
            outcome, replayed = decide(stock, wish, live, issuing), False
            if isinstance(outcome, dict) and wish.key and wish.idempotent:
                known[wish.key] = fresh[wish.key] = (wish.idempotent.request_hash, outcome)
        outcomes.append((outcome, replayed))
    return outcomes, fresh


def replay(wish: Wish, known: Keys) -> Outcome | AppError | None:
    """What was decided for this key before; None when it is new."""
    if wish.key is None or wish.idempotent is None or wish.key not in known:
        return None
    request_hash, outcome = known[wish.key]
    return outcome if request_hash == wish.idempotent.request_hash else key_reused()


def decide(stock: Stock | None, wish: Wish, live: Live, issuing: Issuing) -> Outcome | AppError:
    if stock is None or not may_see(stock, wish.who):
        return NotFound("There is no such event.")
    kind = stock.wanted(wish.ticket_type_id)
    if kind is None:
        return NotFound("There is no such ticket type.")
    taken = live.get((wish.who.user_id, kind.id), set())
    if refused := refusal(stock, kind, wish.quantity, len(taken)):
        return {"refused": refused}
    live[(wish.who.user_id, kind.id)] = taken
    return outcome_of(issuing.issue(stock, kind, wish.who.user_id, wish.quantity, taken))


def refusal(stock: Stock, kind: TypeStock, quantity: int, owned: int) -> str | None:
    """Why nothing of this can be had now."""
    if stock.status == "cancelled":
        return "event-cancelled"
    if stock.now >= stock.sale_end(kind):
        return "sale-closed"
    if stock.status == "draft" or not stock.opened(kind):
        return "sale-not-open"
    if owned >= kind.per_attendee_limit:
        return "already-bought"
    if owned + quantity > kind.per_attendee_limit:
        return "over-limit"
    left = stock.left(kind)
    return None if quantity <= left else "not-enough-left" if left > 0 else "sold-out"


def outcome_of(tickets: Sequence[NewTicket]) -> Outcome:
    """Of a purchase, as JSON keeps it."""
    first = tickets[0]
    until = {"held_until": first.held_until.isoformat()} if first.held_until else {}
    return {"status": first.status, "tickets": [[ticket.id, ticket.code] for ticket in tickets], **until}


def rendered(outcome: Outcome | AppError, replayed: bool) -> Purchase | AppError:
    if isinstance(outcome, AppError):
        return outcome
    if refused := outcome.get("refused"):
        headers = {"Idempotent-Replayed": "true"} if replayed else None
        return Conflict(REFUSALS[refused], type=refused, headers=headers)
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


def asked(wishes: Mapping[int, Sequence[Wish]]) -> tuple[list[tuple[int, int]], list[tuple[int, str]]]:
    """Who wishes for which event, and under which keys."""
    people = {(event_id, wish.who.user_id) for event_id, those in wishes.items() for wish in those}
    return list(people), [wish.key for those in wishes.values() for wish in those if wish.key]


async def what_is_known(
    connection: Connection, people: Sequence[tuple[int, int]], keys: Sequence[tuple[int, str]], places: int
) -> tuple[list[int], Keys, Live]:
    """Ids for up to `places` tickets, what was decided under these keys before, and who has what of which event.

    Each `OFFSET 0` keeps its look-up one by index, however large the tables were when the plan was made; `+ 0` keeps
    it off the index by event, which looks as good as the one by person while there are no tickets.
    """
    row = await connection.fetchrow(
        """SELECT ARRAY(SELECT nextval('tickets_id_seq') FROM generate_series(1, $1::integer)) AS ticket_ids,
                  (SELECT jsonb_agg(jsonb_build_array(user_id, key, encode(k.request_hash, 'hex'), k.outcome))
                   FROM unnest($2::bigint[], $3::text[]) AS asked (user_id, key),
                        LATERAL (SELECT request_hash, outcome FROM idempotency_keys
                                 WHERE user_id = asked.user_id AND key = asked.key OFFSET 0) AS k) AS known,
                  (SELECT jsonb_agg(jsonb_build_array(person, t.ticket_type_id, t.nth))
                   FROM unnest($4::bigint[], $5::bigint[]) AS asked (event, person),
                        LATERAL (SELECT ticket_type_id, nth FROM tickets
                                 WHERE attendee_id = person AND event_id + 0 = event
                                   AND status IN ('held', 'sold', 'used') OFFSET 0) AS t) AS live""",
        places,
        [user_id for user_id, _ in keys],
        [key for _, key in keys],
        [event_id for event_id, _ in people],
        [person for _, person in people],
    )
    known = {(user, key): (bytes.fromhex(hashed), outcome) for user, key, hashed, outcome in row["known"] or ()}
    live: Live = {}
    for person, ticket_type_id, nth in row["live"] or ():
        live.setdefault((person, ticket_type_id), set()).add(nth)
    return row["ticket_ids"], known, live
