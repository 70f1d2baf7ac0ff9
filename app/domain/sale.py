"""Selling: what a batch of purchases of one event decides, in one transaction, in order of arrival."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from app.domain.accounts import Caller
from app.domain.idempotency import Idempotent, key_reused
from app.engines.database import Connection
from app.errors import AppError, Conflict, NotFound

CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
CODE_LENGTH = 12

REFUSALS = {
    "sold-out": "All places are taken. You can join the waiting list.",
    "already-bought": "You have a ticket for this event already.",
    "sale-closed": "The sale for this event is closed.",
}


class Wish(msgspec.Struct, frozen=True):
    """Somebody wants a place."""

    who: Caller
    idempotent: Idempotent | None

    @property
    def key(self) -> tuple[int, str] | None:
        return (self.who.user_id, self.idempotent.key) if self.idempotent else None


class Purchase(msgspec.Struct, frozen=True, kw_only=True):
    ticket_number: int
    code: str
    status: str
    replayed: bool = False


class Desk(Protocol):
    """Where purchases queue up; `app/sale_desk.py` is the one there is."""

    async def buy(self, event_id: int, wish: Wish) -> Purchase | AppError: ...


Outcome = dict[str, Any]
"""What is remembered of a decision, and rendered again: a ticket, or `{"refused": type}`."""

Keys = dict[tuple[int, str], tuple[bytes, Outcome]]


async def sell(connection: Connection, event_id: int, wishes: Sequence[Wish]) -> list[Purchase | AppError]:
    """Decide all wishes under the lock of the event; nothing counts before the transaction has committed.

    The lock comes first and in a statement of its own: the later ones see all that earlier holders did.

    Raises:
        asyncpg.UniqueViolationError: another process was faster with a key or for a person; do it again.
    """
    event = await lock_event(connection, event_id)
    known = await known_keys(connection, wishes)
    owners = await owners_of_tickets(connection, event_id, wishes)
    left = event["capacity"] - event["sold"] - event["held"] if event else 0
    answers: list[tuple[Wish, Outcome | AppError, bool]] = []
    fresh: dict[int, Outcome] = {}
    new_keys: Keys = {}
    for wish in wishes:
        outcome, replayed = replay(wish, known), True
        if outcome is None:
            outcome, replayed = decide(event, wish, owners, left - len(fresh)), False
            if isinstance(outcome, dict):
                if "code" in outcome:
                    owners.add(wish.who.user_id)
                    fresh[wish.who.user_id] = outcome
                if wish.key and wish.idempotent:
                    known[wish.key] = new_keys[wish.key] = (wish.idempotent.request_hash, outcome)
        answers.append((wish, outcome, replayed))
    if event and fresh:
        await issue(connection, event_id, event, fresh)
    await remember_all(connection, new_keys)
    return [rendered(outcome, replayed) for _, outcome, replayed in answers]


def replay(wish: Wish, known: Keys) -> Outcome | AppError | None:
    """What was decided for this key before; None when it is new."""
    if wish.key is None or wish.idempotent is None or wish.key not in known:
        return None
    request_hash, outcome = known[wish.key]
    return outcome if request_hash == wish.idempotent.request_hash else key_reused()


def decide(event: Mapping[str, Any] | None, wish: Wish, owners: set[int], left: int) -> Outcome | AppError:
    if event is None or not may_see(event, wish.who):
        return NotFound("There is no such event.")
    if event["closed"]:
        return {"refused": "sale-closed"}
    if wish.who.user_id in owners:
        return {"refused": "already-bought"}
    if left <= 0:
        return {"refused": "sold-out"}
    return {"code": new_code(), "status": "sold"}


def rendered(outcome: Outcome | AppError, replayed: bool) -> Purchase | AppError:
    if isinstance(outcome, AppError):
        return outcome
    if refused := outcome.get("refused"):
        headers = {"Idempotent-Replayed": "true"} if replayed else None
        return Conflict(REFUSALS[refused], type=refused, headers=headers)
    return Purchase(**outcome, replayed=replayed)


async def issue(connection: Connection, event_id: int, event: Mapping[str, Any], fresh: dict[int, Outcome]) -> None:
    """Tickets, counter and facts in one statement; the numbers of the tickets go into their outcomes."""
    rows = await connection.fetch(
        """WITH issued AS (
               INSERT INTO tickets (event_id, attendee_id, code, status, price, currency)
               SELECT $1::bigint, attendee, code, 'sold', $4::numeric, $5::text
               FROM unnest($2::bigint[], $3::text[]) WITH ORDINALITY AS wanted (attendee, code, place) ORDER BY place
               RETURNING id, attendee_id
           ), counted AS (
               UPDATE events SET sold = sold + (SELECT count(*) FROM issued) WHERE id = $1
           ), told AS (
               INSERT INTO facts (event_id, type, payload)
               SELECT $1, 'TicketSold', jsonb_build_object('event_id', $1, 'ticket_id', id, 'attendee_id', attendee_id)
               FROM issued ORDER BY id
           )
           SELECT id, attendee_id FROM issued""",
        event_id,
        list(fresh),
        [outcome["code"] for outcome in fresh.values()],
        event["price"],
        event["currency"],
    )
    for row in rows:
        fresh[row["attendee_id"]]["ticket_number"] = row["id"]


async def known_keys(connection: Connection, wishes: Sequence[Wish]) -> Keys:
    keys = [wish.key for wish in wishes if wish.key]
    if not keys:
        return {}
    rows = await connection.fetch(
        """SELECT k.user_id, k.key, k.request_hash, k.outcome FROM idempotency_keys k
           JOIN unnest($1::bigint[], $2::text[]) AS asked (user_id, key) USING (user_id, key)""",
        [user_id for user_id, _ in keys],
        [key for _, key in keys],
    )
    return {(row["user_id"], row["key"]): (row["request_hash"], row["outcome"]) for row in rows}


async def remember_all(connection: Connection, keys: Keys) -> None:
    """In one order, so that two processes with the same keys wait for, and never block, each other."""
    if not keys:
        return
    ordered = sorted(keys)
    await connection.execute(
        """INSERT INTO idempotency_keys (user_id, key, request_hash, outcome)
           SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[], $4::jsonb[])""",
        [user_id for user_id, _ in ordered],
        [key for _, key in ordered],
        [keys[one][0] for one in ordered],
        [keys[one][1] for one in ordered],
    )


async def owners_of_tickets(connection: Connection, event_id: int, wishes: Sequence[Wish]) -> set[int]:
    """Those among the wishing who have a live ticket."""
    rows = await connection.fetch(
        """SELECT attendee_id FROM tickets
           WHERE event_id = $1 AND attendee_id = ANY($2) AND status IN ('held', 'sold', 'used')""",
        event_id,
        [wish.who.user_id for wish in wishes],
    )
    return {row["attendee_id"] for row in rows}


async def lock_event(connection: Connection, event_id: int) -> Mapping[str, Any] | None:
    return await connection.fetchrow(
        """SELECT organizer_id, status, capacity, sold, held, price, currency, end_time <= clock_timestamp() AS closed
           FROM events WHERE id = $1 FOR UPDATE""",
        event_id,
    )


def may_see(event: Mapping[str, Any], who: Caller) -> bool:
    return event["status"] == "published" or event["organizer_id"] == who.organizer_id


def new_code() -> str:
    """59 random bits in letters that cannot be mistaken for one another."""
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
