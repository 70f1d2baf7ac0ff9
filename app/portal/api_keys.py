"""API keys, as a page: a new one is shown once, on the answer to its form."""

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter
from litestar.response import Template

from app.domain import keys
from app.domain.accounts import Caller
from app.domain.idempotency import idempotent
from app.domain.keys import KeyCreated, KeyIn, KeyView
from app.errors import AppError
from app.form_request import form_of
from app.language import gettext
from app.parts import Parts
from app.portal.flash import see_other
from app.portal.forms import again, empty, new_key, text_in
from app.validation import read

KeyId = Annotated[int, PathParameter(ge=0, le=2**63 - 1)]


@get("/account/api-keys", opt={"session_only": True})
async def keys_page(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller]
) -> Template:
    return empty(request, "accounts/api_keys.html", {"key": new_key()}, **await listed(parts, who))


@post("/account/api-keys", opt={"session_only": True, "keep_typed": True})
async def create_key(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller]
) -> Response[Any]:
    form = await form_of(request)
    try:
        created = await new_api_key(request, parts, who, form)
    except AppError as refusal:
        return again(request, "accounts/api_keys.html", refusal, {**form, "key": new_key()}, **await listed(parts, who))
    return empty(request, "accounts/api_keys.html", {"key": new_key()}, **await listed(parts, who, created))


async def new_api_key(request: Request[Any, Any, Any], parts: Parts, who: Caller, form: dict[str, Any]) -> KeyCreated:
    """Reloading the answer sends the form again, with its key: that is no second API key."""
    given = read(KeyIn, {**form, "scopes": ["read", "write"] if form.get("writes") else ["read"]}, form=True)
    key = idempotent(text_in(form, "key"), request.scope["path"], given.name, *given.scopes)
    async with parts.database.sessions.begin() as db:
        created, _ = await keys.create_key(db, who, given, key)
    return created


async def listed(parts: Parts, who: Caller, created: KeyCreated | None = None) -> dict[str, Any]:
    async with parts.database.sessions.begin() as db:
        found: list[KeyView] = await keys.keys_of(db, who)
    return {"keys": found, "created": created, "timezone": parts.settings.timezone}


@post("/account/api-keys/{key_id:int}/revocation", opt={"session_only": True})
async def revoke_key(parts: NamedDependency[Parts], who: NamedDependency[Caller], key_id: KeyId) -> Response[Any]:
    async with parts.database.sessions.begin() as db:
        await keys.revoke_key(db, who, key_id)
    return see_other("/account/api-keys", gettext("The key is revoked."))


routes = [keys_page, create_key, revoke_key]
