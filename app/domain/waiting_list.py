"""The waiting list of an event, in order of joining."""

import datetime as dt
from typing import Any

import asyncpg
import msgspec

from app.domain.accounts import Caller
from app.domain.events import Id
from app.domain.facts import write_fact
from app.domain.idempotency import Idempotent, lost_the_race, remember, remembered
from app.domain.sale import Wish, lock_event, may_see, owners_of_tickets
from app.engines.database import Connection, Database
from app.errors import Conflict, Forbidden, NotFound
from app.messages import WaitingListJoined
from app.validation import Input

REFUSALS = {
    "places-left": "There are places left: buy a ticket instead.",
    "already-bought": "You have a ticket for this event already.",
    "sale-closed": "The sale for this event is closed.",
}


class JoinIn(Input, frozen=True, kw_only=True):
    event_id: Id
    user_id: Id | None = None


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """`position` counts from 1."""

    waitlist_id: int
    position: int
    replayed: bool = False


def require_self(who: Caller, user_id: int | None) -> None:
    if user_id not in (None, who.user_id):
        raise Forbidden("user_id is not you.")


async def join_waiting_list(database: Database, who: Caller, event_id: int, idempotent: Idempotent | None) -> Place:
    """Join, or be told the place again.

    Raises:
        NotFound: no such event, or a draft of somebody else.
        Conflict: of type `places-left`, `already-bought` or `sale-closed`.
    """
    while True:
        try:
            async with database.transaction() as connection:
                outcome = await remembered(connection, who.user_id, idempotent)
                replayed = outcome is not None
                if outcome is None:
                    outcome = await decide(connection, who, event_id)
                    await remember(connection, who.user_id, idempotent, outcome)
            break
        except asyncpg.UniqueViolationError as error:
            if not lost_the_race(error):
                raise
    if refused := outcome.get("refused"):
        raise Conflict(REFUSALS[refused], type=refused, headers={"Idempotent-Replayed": "true"} if replayed else None)
    return Place(**outcome, replayed=replayed)


async def decide(connection: Connection, who: Caller, event_id: int) -> dict[str, Any]:
    """Ids are drawn under the lock of the event, so their order is the order of joining."""
    event = await lock_event(connection, event_id)
    if event is None or not may_see(event, who):
        raise NotFound("There is no such event.")
    known: int | None = await connection.fetchval(
        "SELECT id FROM waiting_list WHERE event_id = $1 AND attendee_id = $2 AND status = 'waiting'",
        event_id,
        who.user_id,
    )
    if known is None:
        if event["closed"]:
            return {"refused": "sale-closed"}
        if await owners_of_tickets(connection, event_id, [Wish(who, None)]):
            return {"refused": "already-bought"}
        if event["sold"] + event["held"] < event["capacity"]:
            return {"refused": "places-left"}
        known = await connection.fetchval(
            "INSERT INTO waiting_list (event_id, attendee_id, status) VALUES ($1, $2, 'waiting') RETURNING id",
            event_id,
            who.user_id,
        )
        fact = WaitingListJoined(event_id=event_id, waitlist_id=known, attendee_id=who.user_id)
        await write_fact(connection, fact)
    return {"waitlist_id": known, "position": await position(connection, event_id, known)}


async def position(connection: Connection, event_id: int, waitlist_id: int) -> int:
    counted: int = await connection.fetchval(
        "SELECT count(*) FROM waiting_list WHERE event_id = $1 AND status = 'waiting' AND id <= $2",
        event_id,
        waitlist_id,
    )
    return counted


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody has of an event already: the code of a ticket, or a position."""

    code: str | None = None
    position: int | None = None


async def standing(connection: Connection, who: Caller | None, event_id: int) -> Standing:
    if who is None:
        return Standing()
    code = await connection.fetchval(
        "SELECT code FROM tickets WHERE event_id = $1 AND attendee_id = $2 AND status IN ('held', 'sold', 'used')",
        event_id,
        who.user_id,
    )
    entry = await connection.fetchval(
        "SELECT id FROM waiting_list WHERE event_id = $1 AND attendee_id = $2 AND status = 'waiting'",
        event_id,
        who.user_id,
    )
    return Standing(code=code, position=await position(connection, event_id, entry) if entry else None)


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    event_id: int
    title: str
    position: int
    joined_at: dt.datetime


async def waiting_places(database: Database, who: Caller) -> list[Waiting]:
    """Where the caller waits, newest first, at most a hundred."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            """SELECT w.event_id, e.title, w.joined_at,
                      (SELECT count(*) FROM waiting_list o
                       WHERE o.event_id = w.event_id AND o.status = 'waiting' AND o.id <= w.id) AS position
               FROM waiting_list w JOIN events e ON e.id = w.event_id
               WHERE w.attendee_id = $1 AND w.status = 'waiting' ORDER BY w.id DESC LIMIT 100""",
            who.user_id,
        )
    return [Waiting(**row) for row in rows]
