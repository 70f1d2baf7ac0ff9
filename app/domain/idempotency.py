"""Repeating a request with the same `Idempotency-Key` gives the same answer and no second effect."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import msgspec

from app.engines.database import Connection, Database, to_json
from app.errors import Conflict, FieldError, Invalid, NotFound
from app.phrases import Phrase

MAX_KEY = 255


Keys = dict[tuple[int, str], tuple[bytes, dict[str, Any]]]
"""By user and key: the hash of the request, and what is remembered of its outcome."""

REMEMBER = """
    INSERT INTO idempotency_keys (user_id, key, request_hash, outcome)
    SELECT user_id, key, request_hash, outcome::jsonb
    FROM unnest(${}::bigint[], ${}::text[], ${}::bytea[], ${}::text[]) AS k (user_id, key, request_hash, outcome)
"""


class Idempotent(msgspec.Struct, frozen=True):
    """A key with the hash of what was asked for under it."""

    key: str
    request_hash: bytes


def idempotent(key: str | None, *parts: bytes | str) -> Idempotent | None:
    """None without a key; raises `Invalid` for one that is empty or longer than 255 characters."""
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_KEY or not key.isprintable():
        raise Invalid(
            [FieldError("Idempotency-Key", Phrase("must have 1 to %(most)s printable characters", most=MAX_KEY))]
        )
    return Idempotent(key, hash_of(*parts))


def hash_of(*parts: bytes | str) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()


def replay_headers(replayed: bool) -> dict[str, str]:
    """What an answer says of itself that was given before."""
    return {"Idempotent-Replayed": "true"} if replayed else {}


async def remembered(connection: Connection, user_id: int, request: Idempotent | None) -> dict[str, Any] | None:
    """The outcome of the first request with this key; raises `Invalid` when that one asked for something else."""
    if request is None:
        return None
    row = await connection.fetchrow(
        "SELECT request_hash, outcome FROM idempotency_keys WHERE user_id = $1 AND key = $2", user_id, request.key
    )
    if row is None:
        return None
    if row["request_hash"] != request.request_hash:
        raise key_reused()
    outcome: dict[str, Any] = row["outcome"]
    return outcome


async def remember(connection: Connection, user_id: int, request: Idempotent | None, outcome: dict[str, Any]) -> None:
    """As `remember_all`, of one request."""
    if request is not None:
        await remember_all(connection, {(user_id, request.key): (request.request_hash, outcome)})


async def remember_all(connection: Connection, keys: Keys) -> None:
    """Keep the outcomes, in the transaction of their effects.

    Raises:
        asyncpg.UniqueViolationError: another request with one of these keys was faster; roll back and begin again.
    """
    if keys:
        await connection.execute(REMEMBER.format(1, 2, 3, 4), *key_columns(keys))


def key_columns(keys: Keys) -> tuple[list[int], list[str], list[bytes], list[str]]:
    """What `REMEMBER` asks for; in one order, so that two processes with the same keys never block each other."""
    rows = [(user_id, key, *keys[(user_id, key)]) for user_id, key in sorted(keys)]
    return (
        [user_id for user_id, _, _, _ in rows],
        [key for _, key, _, _ in rows],
        [request_hash for _, _, request_hash, _ in rows],
        [to_json(outcome) for _, _, _, outcome in rows],
    )


async def once(
    database: Database,
    user_id: int,
    request: Idempotent | None,
    decide: Callable[[Connection], Awaitable[dict[str, Any]]],
) -> tuple[dict[str, Any], bool]:
    """What `decide` says in a transaction of its own, or what it said the first time; and whether it is the latter.

    Who raises may have waited for the same request: what that one has done is then no reason to refuse.
    """
    while True:
        try:
            async with database.transaction() as connection:
                outcome = await remembered(connection, user_id, request)
                if outcome is not None:
                    return outcome, True
                outcome = await decide(connection)
                await remember(connection, user_id, request, outcome)
                return outcome, False
        except asyncpg.UniqueViolationError as error:
            if not lost_the_race(error):
                raise
        except (Conflict, Invalid, NotFound):
            if request is None:
                raise
            async with database.connection() as connection:
                outcome = await remembered(connection, user_id, request)
            if outcome is None:
                raise
            return outcome, True


def lost_the_race(error: asyncpg.UniqueViolationError) -> bool:
    return error.constraint_name == "idempotency_keys_pkey"


def key_reused() -> Invalid:
    refusal = Invalid(
        [FieldError("Idempotency-Key", "was used for another request before")],
        "This Idempotency-Key belongs to another request.",
    )
    refusal.type = "idempotency-key-reused"
    return refusal
