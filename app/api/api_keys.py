"""API keys of the signed-in user."""

from typing import Annotated, Any

from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import Body
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.answers import PathId, problems
from app.api.body import WholeBody
from app.api.events import Cursor, Limit
from app.domain import keys
from app.domain.accounts import Caller
from app.domain.idempotency import idempotent, replay_headers
from app.domain.keys import KeyCreated, KeyIn, KeyView
from app.domain.lists import Page, from_cursor, page_of


@post(
    "/api-keys", dto=WholeBody, return_dto=None, opt={"session_only": True},
    summary="Create an API key; its secret is shown this once", responses=problems(400, 409, 413, 422),
)  # fmt: skip
async def create_key(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    who: NamedDependency[Caller],
    data: Annotated[KeyIn, Body()],
) -> Response[KeyCreated]:
    key = idempotent(request.headers.get("idempotency-key"), request.scope["path"], await request.body())
    created, replayed = await keys.create_key(db, who, data, key)
    return Response(created, status_code=201, headers=replay_headers(replayed))


@get("/api-keys", summary="Your API keys, without their secrets", responses=problems(422))
async def list_keys(
    db: NamedDependency[AsyncSession], who: NamedDependency[Caller], limit: Limit = 20, cursor: Cursor = None
) -> Page[KeyView]:
    return page_of(await keys.keys_of(db, who, limit + 1, from_cursor(cursor)), limit, lambda key: key.key_id)


@delete(
    "/api-keys/{key_id:int}", opt={"session_only": True}, summary="Revoke an API key at once", responses=problems(404)
)
async def revoke_key(db: NamedDependency[AsyncSession], who: NamedDependency[Caller], key_id: PathId) -> None:
    await keys.revoke_key(db, who, key_id)


routes = [create_key, list_keys, revoke_key]
