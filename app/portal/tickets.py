"""An attendee's tickets and places on waiting lists."""

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Template

from app.domain.accounts import Caller
from app.domain.lists import from_cursor
from app.domain.ticket_list import coming_tickets, past_tickets
from app.domain.waiting_list_page import ended_entries, entries_of
from app.parts import Parts
from app.portal.forms import new_key

ON_A_PAGE = 24
PAST_AT_FIRST = 6
Cursor = Annotated[str | None, QueryParameter(required=False)]


@get("/tickets")
async def tickets(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    cursor: Cursor = None,
    seen: Annotated[str, QueryParameter(required=False)] = "",
) -> Response[Any]:
    """Nothing for a page that looks again, where the waiting lists are as they were `seen`."""
    entries = await entries_of(parts.database, who, open_only=True)
    now = "~".join(entry.seen for entry in entries)
    if seen and seen == now and request.headers.get("hx-request"):
        return Response(None, status_code=204)
    coming = await coming_tickets(parts.database, who, ON_A_PAGE, from_cursor(cursor))
    past = await past_tickets(parts.database, who, PAST_AT_FIRST, None)
    ended = await ended_entries(parts.database, who, PAST_AT_FIRST, None)
    context = {"coming": coming, "past": past, "entries": entries, "ended": ended, "cursor": cursor}
    return Template("tickets/page.html", context=context | {"seen": now, "key": new_key()})


@get("/tickets/past")
async def old_tickets(parts: NamedDependency[Parts], who: NamedDependency[Caller], cursor: Cursor = None) -> Template:
    page = await past_tickets(parts.database, who, ON_A_PAGE, from_cursor(cursor))
    ended = await ended_entries(parts.database, who, PAST_AT_FIRST, None)
    return Template("tickets/past.html", context={"page": page, "ended": ended, "cursor": cursor})


routes = [tickets, old_tickets]
