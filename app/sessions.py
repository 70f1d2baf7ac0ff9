"""Sessions of browsers: a random id in a cookie, with whose it is; its hash in the database, nothing cached."""

import hashlib
import secrets
from collections.abc import Sequence

from app.batching import Batcher
from app.domain.accounts import Caller
from app.domain.devices import LONGEST
from app.engines.database import Database
from app.settings import Settings

TOUCH_EVERY_SECONDS = 300


class Sessions:
    """Look-ups that wait together are one query, so revoking is immediate and still cheap."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self.idle = settings.session_idle_seconds
        self.absolute = settings.session_absolute_seconds
        self.secure = settings.secure_cookies
        self.cookie = "__Host-session" if self.secure else "session"
        self.lookups: Batcher[bytes, Caller | None] = Batcher(self.find_together, limit=256, queue=20_000)

    async def begin(self, user_id: int, replacing: str | None = None, user_agent: str = "") -> str:
        """A new session with a new id; the one the browser came with ends."""
        session_id = f"{secrets.token_urlsafe(32)}.{user_id}"
        async with self.database.transaction() as connection:
            if replacing:
                await connection.execute("DELETE FROM sessions WHERE id_hash = $1", digest(replacing))
            await connection.execute(
                "INSERT INTO sessions (id_hash, user_id, user_agent) VALUES ($1, $2, $3)",
                digest(session_id),
                user_id,
                user_agent[:LONGEST],
            )
        return session_id

    async def find(self, session_id: str) -> Caller | None:
        return await self.lookups.submit(digest(session_id))

    async def end(self, session_id: str) -> None:
        async with self.database.connection() as connection:
            await connection.execute("DELETE FROM sessions WHERE id_hash = $1", digest(session_id))

    async def sweep(self) -> None:
        """Forget sessions that ended by themselves."""
        async with self.database.connection() as connection:
            await connection.execute(
                """DELETE FROM sessions WHERE seen_at < now() - make_interval(secs => $1)
                   OR created_at < now() - make_interval(secs => $2)""",
                self.idle,
                self.absolute,
            )

    async def find_together(self, hashes: Sequence[bytes]) -> list[Caller | None]:
        async with self.database.connection() as connection:
            rows = await connection.fetch(
                """SELECT s.id_hash, s.user_id, u.role, o.id AS organizer_id, u.full_name,
                          s.seen_at < now() - make_interval(secs => $4) AS stale
                   FROM sessions s JOIN users u ON u.id = s.user_id LEFT JOIN organizers o ON o.user_id = u.id
                   WHERE s.id_hash = ANY($1) AND s.seen_at > now() - make_interval(secs => $2)
                     AND s.created_at > now() - make_interval(secs => $3)""",
                list(hashes),
                self.idle,
                self.absolute,
                float(TOUCH_EVERY_SECONDS),
            )
            if stale := [row["id_hash"] for row in rows if row["stale"]]:
                await connection.execute("UPDATE sessions SET seen_at = now() WHERE id_hash = ANY($1)", stale)
        found = {
            row["id_hash"]: Caller(row["user_id"], row["role"], row["organizer_id"], row["full_name"]) for row in rows
        }
        return [found.get(one) for one in hashes]


def whose(session_id: str) -> int | None:
    """Who had the session, even if it has ended: as the browser says, so it proves nothing."""
    user_id = session_id.rpartition(".")[2]
    return int(user_id) if user_id.isdecimal() and len(user_id) < 19 else None


def digest(session_id: str) -> bytes:
    return hashlib.sha256(session_id.encode("utf-8", "replace")).digest()
