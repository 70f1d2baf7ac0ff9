"""Who waits for an event, and why each was or was not offered a place."""

from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Template

from app.domain.accounts import Caller
from app.domain.lists import from_cursor
from app.domain.waiting_list_log import log_of_event, waiting_people
from app.domain.workspace import own_event
from app.parts import Parts
from app.portal.workspace import EventId, frame

ON_A_PAGE = 50
Cursor = Annotated[str | None, QueryParameter(required=False)]


@get("/projects/{event_id:int}/waiting-list", opt={"role": "organizer"})
async def waiting_list(
    parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: EventId, cursor: Cursor = None
) -> Template:
    event = await own_event(parts.database, who, event_id)
    page = await waiting_people(parts.database, who, event_id, ON_A_PAGE, from_cursor(cursor))
    context = frame(event, "waiting-list", page=page, log=None, first=bool(cursor))
    return Template("waiting_people/page.html", context=context)


@get("/projects/{event_id:int}/waiting-list/log", opt={"role": "organizer"})
async def waiting_list_log(
    parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: EventId, cursor: Cursor = None
) -> Template:
    event = await own_event(parts.database, who, event_id)
    log = await log_of_event(parts.database, who, event_id, ON_A_PAGE, from_cursor(cursor))
    context = frame(event, "waiting-list", log=log, first=bool(cursor))
    return Template("waiting_people/page.html", context=context)


routes = [waiting_list, waiting_list_log]
