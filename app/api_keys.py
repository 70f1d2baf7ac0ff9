"""API keys: `es_<prefix>_<secret>`, shown once, stored hashed, with scopes, revocable at once."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence

from app.batching import Batcher
from app.domain.accounts import Caller
from app.engines.database import Database

TOUCH_EVERY_SECONDS = 60
SCOPES = ("read", "write")


class ApiKeys:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.lookups: Batcher[str, tuple[bytes, Caller] | None] = Batcher(self.find_together, limit=256, queue=20_000)

    async def find(self, token: str) -> Caller | None:
        """Whose key this is; None for one that is unknown or revoked."""
        prefix, secret = split(token)
        found = await self.lookups.submit(prefix)
        if found is None or not hmac.compare_digest(found[0], digest(secret)):
            return None
        return found[1]

    async def find_together(self, prefixes: Sequence[str]) -> list[tuple[bytes, Caller] | None]:
        async with self.database.connection() as connection:
            rows = await connection.fetch(
                """SELECT k.id, k.prefix, k.secret_hash, k.user_id, u.role, o.id AS organizer_id, u.full_name, k.scopes,
                          coalesce(k.last_used_at < now() - make_interval(secs => $2), true) AS stale
                   FROM api_keys k JOIN users u ON u.id = k.user_id LEFT JOIN organizers o ON o.user_id = u.id
                   WHERE k.prefix = ANY($1) AND k.revoked_at IS NULL""",
                list(prefixes),
                float(TOUCH_EVERY_SECONDS),
            )
            if stale := [row["id"] for row in rows if row["stale"]]:
                await connection.execute("UPDATE api_keys SET last_used_at = now() WHERE id = ANY($1)", stale)
        found = {
            row["prefix"]: (
                row["secret_hash"],
                Caller(row["user_id"], row["role"], row["organizer_id"], row["full_name"], frozenset(row["scopes"])),
            )
            for row in rows
        }
        return [found.get(prefix) for prefix in prefixes]


def new_token() -> tuple[str, str, bytes]:
    """The token to show once, and what to store of it: prefix and hash of the secret."""
    prefix, secret = secrets.token_hex(6), secrets.token_hex(32)
    return f"es_{prefix}_{secret}", prefix, digest(secret)


def split(token: str) -> tuple[str, str]:
    kind, _, rest = token.partition("_")
    prefix, _, secret = rest.partition("_")
    return (prefix, secret) if kind == "es" else ("", "")


def digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
