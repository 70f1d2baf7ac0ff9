"""How far submissions are in each store, for the people who wait for them."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import msgspec

from app.domain.accounts import Caller
from app.engines.database import Connection
from app.errors import NotFound
from app.messages import MESSAGES

NEVER_ACCEPTED = dt.timedelta(hours=24)


class Step(msgspec.Struct, frozen=True):
    """How far one store is: `pending`, `retrying`, `stored` or `failed`; `error` says why in words."""

    state: str
    error: str | None = None
    at: dt.datetime | None = None


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """A submission as its sender sees it; `state` is the state of the slowest store, or `failed` if any failed."""

    submission_id: str
    kind: str
    event_id: int
    state: str
    stores: dict[str, Step]
    created_at: dt.datetime
    accepted_at: dt.datetime | None
    answer: dict[str, Any]

    @property
    def settled(self) -> bool:
        return all(step.state in {"stored", "failed"} for step in self.stores.values())


async def progress(connection: Connection, who: Caller, submission_id: str) -> Progress:
    """Raises `NotFound` for ids that are unknown, malformed or somebody else's."""
    try:
        wanted = uuid.UUID(submission_id)
    except ValueError as error:
        raise NotFound("There is no such submission.") from error
    found = await progress_of(connection, "s.id = $1 AND s.user_id = $2", wanted, who.user_id)
    if not found:
        raise NotFound("There is no such submission.")
    return found[0]


async def is_draft(connection: Connection, event_id: int) -> bool:
    """Whether it is stored, and nobody but its organizer sees it."""
    return bool(await connection.fetchval("SELECT status = 'draft' FROM events WHERE id = $1", event_id))


async def progress_of(connection: Connection, condition: str, *arguments: Any) -> list[Progress]:
    """Newest first. `condition` is SQL of ours over `submissions s`."""
    rows = await connection.fetch(
        f"""SELECT s.id, s.kind, s.event_id, s.created_at, s.accepted_at, s.answer, now() - s.created_at AS age,
                   coalesce(jsonb_object_agg(
                       t.store, jsonb_build_object('state', t.state, 'error', t.error, 'at', t.at))
                       FILTER (WHERE t.store IS NOT NULL), '{{}}') AS steps
            FROM submissions s LEFT JOIN submission_steps t ON t.message_id = s.id
            WHERE {condition} GROUP BY s.id ORDER BY s.rev DESC""",
        *arguments,
    )
    return [progress_from(row) for row in rows]


def progress_from(row: Any) -> Progress:
    lost = row["accepted_at"] is None and not row["steps"] and row["age"] > NEVER_ACCEPTED
    waiting = Step("failed", "It never reached the log; please submit it again.") if lost else Step("pending")
    stores = {
        store: msgspec.convert(row["steps"][store], Step) if store in row["steps"] else waiting
        for store in MESSAGES[row["kind"]].stores
    }
    return Progress(
        submission_id=str(row["id"]),
        kind=row["kind"],
        event_id=row["event_id"],
        state=overall([step.state for step in stores.values()]),
        stores=stores,
        created_at=row["created_at"],
        accepted_at=row["accepted_at"],
        answer=row["answer"],
    )


def overall(states: Sequence[str]) -> str:
    return next((state for state in ("failed", "retrying", "pending") if state in states), "stored")


async def fan_out(connection: Connection, event_id: int) -> dict[str, str]:
    """The state of the newest submission of an event for each store; `not_needed` where no store awaits one."""
    states = dict.fromkeys(("postgres", "mongo", "s3"), "not_needed")
    for one in reversed(await progress_of(connection, "s.event_id = $1", event_id)):
        states.update({store: step.state for store, step in one.stores.items()})
    return states
