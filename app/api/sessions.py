"""Where the signed-in user is signed in."""

from typing import Any

from litestar import Request, delete, get
from litestar.di import NamedDependency

from app.api.answers import PathId, problems
from app.api.events import Cursor, Limit
from app.domain import sessions
from app.domain.accounts import Caller
from app.domain.lists import Page, from_cursor, page_of
from app.domain.sessions import SessionView
from app.parts import Parts
from app.sessions import digest


@get("/sessions", summary="Where you are signed in", responses=problems(422))
async def list_sessions(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Page[SessionView]:
    current = current_session(request, parts)
    found = await sessions.sessions_of(parts.database, who, current, limit + 1, from_cursor(cursor))
    return page_of(found, limit, lambda one: one.session_id)


@delete("/sessions", opt={"session_only": True}, summary="End every session but this one", responses=problems())
async def end_other_sessions(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller]
) -> None:
    await sessions.end_other_sessions(parts.database, who, current_session(request, parts))


@delete(
    "/sessions/{session_id:int}", opt={"session_only": True}, summary="End a session at once", responses=problems(404)
)
async def end_session(parts: NamedDependency[Parts], who: NamedDependency[Caller], session_id: PathId) -> None:
    await sessions.end_session(parts.database, who, session_id)


def current_session(request: Request[Any, Any, Any], parts: Parts) -> bytes:
    return digest(request.cookies.get(parts.sessions.cookie, ""))


routes = [list_sessions, end_other_sessions, end_session]
