"""Sessions as their owner sees them, and ends them."""

import datetime as dt

import msgspec

from app.domain.accounts import Caller
from app.domain.devices import device
from app.engines.database import Database
from app.errors import NotFound


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """`current` is the one that asks; `device` says in a few words what `user_agent` says."""

    session_id: int
    device: str
    user_agent: str
    created_at: dt.datetime
    last_seen_at: dt.datetime
    current: bool


async def sessions_of(
    database: Database, who: Caller, current: bytes, most: int | None = None, before: int | None = None
) -> list[SessionView]:
    """Newest first, those that ended by themselves included until they are swept; at most `most` of those `before`."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            """SELECT id AS session_id, user_agent, created_at, seen_at AS last_seen_at, id_hash = $2 AS current
               FROM sessions WHERE user_id = $1 AND ($4::bigint IS NULL OR id < $4) ORDER BY id DESC LIMIT $3""",
            who.user_id,
            current,
            most,
            before,
        )
    return [SessionView(**row, device=device(row["user_agent"])) for row in rows]


async def end_session(database: Database, who: Caller, session_id: int) -> None:
    """Raises `NotFound` for what is unknown or somebody else's."""
    async with database.connection() as connection:
        ended = await connection.fetchval(
            "DELETE FROM sessions WHERE id = $1 AND user_id = $2 RETURNING id", session_id, who.user_id
        )
    if ended is None:
        raise NotFound("There is no such session.")


async def end_other_sessions(database: Database, who: Caller, current: bytes) -> None:
    """Everywhere but here."""
    async with database.connection() as connection:
        await connection.execute("DELETE FROM sessions WHERE user_id = $1 AND id_hash <> $2", who.user_id, current)
