"""API keys as their owner manages them."""

import datetime as dt
from typing import Annotated, Literal

import msgspec
import sqlalchemy as sa
from msgspec import Meta
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.api_keys import new_token
from app.domain.accounts import Caller, Name
from app.domain.idempotency import Idempotent, key_reused
from app.errors import Conflict, NotFound
from app.phrases import Phrase
from app.tables import ApiKey, IdempotencyKey, User
from app.validation import Input

Scopes = Annotated[
    list[Literal["read", "write"]],
    Meta(min_length=1, max_length=2, extra={"says": Phrase('must be a list of "read" and "write"')}),
]


MOST = 100
"""Live keys of one person."""


class KeyIn(Input, frozen=True, kw_only=True):
    name: Name
    scopes: Scopes


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """`prefix` is how the key begins: `es_<prefix>_`."""

    key_id: int
    name: str
    prefix: str
    scopes: list[str]
    created_at: dt.datetime
    last_used_at: dt.datetime | None


class KeyCreated(msgspec.Struct, frozen=True, kw_only=True):
    """`api_key` is null when this repeats an earlier request: the secret is not kept."""

    success: str
    key_id: int
    api_key: str | None


async def create_key(
    db: AsyncSession, who: Caller, given: KeyIn, idempotent: Idempotent | None
) -> tuple[KeyCreated, bool]:
    """A new key, and whether it was there already because the same request came before."""
    if idempotent and not await claimed(db, who, idempotent):
        known = (await db.execute(sa.select(IdempotencyKey).where(*same_key(who, idempotent)))).scalar_one()
        if known.request_hash != idempotent.request_hash:
            raise key_reused()
        return KeyCreated(success="API key created", key_id=known.outcome["key_id"], api_key=None), True
    await require_room(db, who)
    token, prefix, secret_hash = new_token()
    scopes = sorted(set(given.scopes))
    row = ApiKey(user_id=who.user_id, name=given.name, prefix=prefix, secret_hash=secret_hash, scopes=scopes)
    db.add(row)
    await db.flush()
    if idempotent:
        outcome = {"key_id": row.id}
        await db.execute(sa.update(IdempotencyKey).where(*same_key(who, idempotent)).values(outcome=outcome))
    return KeyCreated(success="API key created", key_id=row.id, api_key=token), False


async def claimed(db: AsyncSession, who: Caller, idempotent: Idempotent) -> bool:
    """Whether this request is the first with its key; waits for another one that is under way."""
    claim = insert(IdempotencyKey).values(
        user_id=who.user_id, key=idempotent.key, request_hash=idempotent.request_hash, outcome={}
    )
    return await db.scalar(claim.on_conflict_do_nothing().returning(IdempotencyKey.key)) is not None


def same_key(who: Caller, idempotent: Idempotent) -> tuple[sa.ColumnElement[bool], ...]:
    return IdempotencyKey.user_id == who.user_id, IdempotencyKey.key == idempotent.key


async def require_room(db: AsyncSession, who: Caller) -> None:
    """Raises `Conflict` for who has as many keys as one may; waits for another of theirs that is being made."""
    await db.execute(sa.select(User.id).where(User.id == who.user_id).with_for_update())
    live = sa.select(sa.func.count()).where(ApiKey.user_id == who.user_id, ApiKey.revoked_at.is_(None))
    if (await db.execute(live)).scalar_one() >= MOST:
        raise Conflict(Phrase("You have %(many)s API keys; revoke one first.", many=MOST), type="too-many-api-keys")


async def keys_of(db: AsyncSession, who: Caller, most: int | None = None, after: int | None = None) -> list[KeyView]:
    """Oldest first, at most `most`, from the one after the key `after`."""
    mine = sa.select(ApiKey).where(ApiKey.user_id == who.user_id, ApiKey.revoked_at.is_(None), ApiKey.id > (after or 0))
    query = mine.order_by(ApiKey.id).limit(most)
    return [
        KeyView(
            key_id=row.id,
            name=row.name,
            prefix=row.prefix,
            scopes=row.scopes,
            created_at=row.created_at,
            last_used_at=row.last_used_at,
        )
        for row in await db.scalars(query)
    ]


async def revoke_key(db: AsyncSession, who: Caller, key_id: int) -> None:
    """Raises `NotFound` for what is unknown, revoked or somebody else's."""
    found = await db.scalar(
        sa.update(ApiKey)
        .where(ApiKey.id == key_id, ApiKey.user_id == who.user_id, ApiKey.revoked_at.is_(None))
        .values(revoked_at=sa.func.now())
        .returning(ApiKey.id)
    )
    if found is None:
        raise NotFound("There is no such API key.")
