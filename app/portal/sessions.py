"""Where you are signed in, as a page."""

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter
from litestar.response import Template

from app.api.sessions import current_session
from app.domain import sessions
from app.domain.accounts import Caller
from app.language import gettext
from app.parts import Parts
from app.portal.flash import see_other

SessionId = Annotated[int, PathParameter(ge=0, le=2**63 - 1)]


@get("/account/sessions")
async def sessions_page(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller]
) -> Template:
    found = await sessions.sessions_of(parts.database, who, current_session(request, parts))
    context = {"sessions": sorted(found, key=lambda one: not one.current), "timezone": parts.settings.timezone}
    return Template("accounts/sessions.html", context=context)


@post("/account/sessions/{session_id:int}/ending", opt={"session_only": True})
async def end_session(
    parts: NamedDependency[Parts], who: NamedDependency[Caller], session_id: SessionId
) -> Response[Any]:
    await sessions.end_session(parts.database, who, session_id)
    return see_other("/account/sessions", gettext("That device is signed out."))


@post("/account/sessions/endings", opt={"session_only": True})
async def end_others(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller]
) -> Response[Any]:
    await sessions.end_other_sessions(parts.database, who, current_session(request, parts))
    return see_other("/account/sessions", gettext("You are signed out everywhere else."))


routes = [sessions_page, end_session, end_others]
