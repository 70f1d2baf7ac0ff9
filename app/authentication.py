"""Who sends a request, and whether they may: one gate before every route, and a word for who waits when all ends."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from litestar.connection import ASGIConnection, Request
from litestar.di import NamedDependency
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send
from sqlalchemy.ext.asyncio import AsyncSession

from app.client_address import client_address
from app.domain.accounts import Caller
from app.errors import Forbidden, NotFound, NotSignedIn, TooMany, Unavailable
from app.form_request import FormRequest
from app.kept_form import what_is_kept
from app.parts import Parts
from app.phrases import Phrase
from app.same_origin import SAFE_METHODS, require_same_origin


class Stopping(ASGIMiddleware):
    """Who asks while the server ends hears that, and not nothing."""

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        try:
            await next_app(scope, receive, send)
        except asyncio.CancelledError as error:
            if scope["state"].get("answering"):
                return  # it breaks off, which the server notes
            scope["state"]["stopping"] = True
            raise Unavailable(
                "The server stopped before this was answered. Please send it again; with the same key it is done once.",
                retry_after=2,
            ) from error


class Authentication(ASGIMiddleware):
    """Sets `scope["user"]` to a `Caller` or None; routes marked `anonymous` do not want to know, nor wait for it."""

    exclude_opt_key = "anonymous"

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        scope["user"], scope["auth"] = None, None
        asked: ASGIConnection[Any, Any, Any, Any] = ASGIConnection(scope)
        parts: Parts = asked.app.state.parts
        authorization = asked.headers.get("authorization", "")
        if authorization:
            scope["user"], scope["auth"] = await self.by_key(parts, authorization), "api-key"
        else:
            require_same_origin(scope["method"], asked.headers, parts.settings.public_url)  # type: ignore[typeddict-item]
            if session_id := asked.cookies.get(parts.sessions.cookie):
                scope["user"], scope["auth"] = await parts.sessions.find(session_id), "session"
        require_plain_numbers(scope["path"], scope["path_params"])
        try:
            self.gate(parts, scope)
        except (NotSignedIn, TooMany) as refusal:
            refusal.extra |= await what_is_kept(FormRequest(scope, receive, send), scope["route_handler"].opt)
            raise
        await next_app(scope, receive, send)

    async def by_key(self, parts: Parts, authorization: str) -> Caller:
        kind, _, token = authorization.partition(" ")
        caller = await parts.api_keys.find(token.strip()) if kind.lower() == "bearer" else None
        if caller is None:
            raise NotSignedIn("This API key is unknown or revoked.", headers={"WWW-Authenticate": "Bearer"})
        return caller

    def gate(self, parts: Parts, scope: Any) -> None:
        """Routes say in `opt` what they need: `public`, `role`, `session_only`, `limit`, `keep_typed`, `keep_choice`.

        Not a guard: Litestar copies the handler for each guard and request, which costs more than all of this.
        """
        opt, caller = scope["route_handler"].opt, scope["user"]
        if opt.get("public"):
            return
        if caller is None:
            raise NotSignedIn("Sign in, or send an API key.", headers={"WWW-Authenticate": "Bearer"})
        needed = "read" if scope["method"] in SAFE_METHODS else "write"
        if caller.scopes is not None and needed not in caller.scopes:
            raise Forbidden(Phrase("This API key has no scope '%(scope)s'.", scope=needed), type="missing-scope")
        if caller.scopes is not None and opt.get("session_only"):
            raise Forbidden("Sign in with your password for this; an API key is not enough.", type="session-only")
        if opt.get("role") == "organizer" and caller.organizer_id is None:
            raise Forbidden("Only organizers may do this.", type="organizers-only")
        standing = parts.user_limits.hit(opt.get("limit") or "read", caller.user_id)
        scope["state"]["rate_limit_headers"] = standing.headers


def require_plain_numbers(path: str, found: Mapping[str, Any]) -> None:
    """Raises `NotFound` for `+5`, `05` and `1_0`, which Python takes for numbers too: a thing has one address."""
    segments = path.split("/")
    if any(isinstance(value, int) and str(value) not in segments for value in found.values()):
        raise NotFound("There is no such thing here.")


def address_of(request: Request[Any, Any, Any], parts: Parts) -> str:
    peer = request.client.host if request.client else None
    # All lines: a proxy may add one of its own below that of the client, who can write into the first what they like.
    forwarded_for = ",".join(request.headers.getall("x-forwarded-for", []))
    return client_address(peer, forwarded_for, parts.settings.trusted_proxies)


async def provide_parts(request: Request[Any, Any, Any]) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


async def provide_db(parts: NamedDependency[Parts]) -> AsyncIterator[AsyncSession]:
    async with parts.database.sessions.begin() as db:
        yield db


# Both ask for `parts` only to be resolved after it: what Litestar resolves side by side costs it a task group.
async def provide_who(request: Request[Any, Any, Any], parts: NamedDependency[Parts]) -> Caller:
    """The caller of a route that is not public."""
    caller: Caller = request.user
    return caller


async def provide_visitor(request: Request[Any, Any, Any], parts: NamedDependency[Parts]) -> Caller | None:
    """The caller of a public route, if there is one."""
    caller: Caller | None = request.user
    return caller
