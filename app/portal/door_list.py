"""The list for the door: everybody by name, on paper, however many there are."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.response import Stream
from markupsafe import Markup

from app.domain.accounts import Caller
from app.domain.attendees import Attendee
from app.domain.attendees import door_list as door_list_of
from app.domain.workspace import own_event
from app.parts import Parts
from app.portal.workspace import EventId, frame

ROWS = Markup("<!-- rows -->")


@get("/projects/{event_id:int}/door-list", opt={"role": "organizer"})
async def door_list(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: EventId
) -> Stream:
    event = await own_event(parts.database, who, event_id)
    engine = request.app.template_engine
    assert engine is not None
    now = dt.datetime.now(dt.UTC)
    context = frame(event, "attendees", request=request, now=now, rows=ROWS)
    page = engine.get_template("attendees/door_list.html").render(**context)
    rows = engine.get_template("attendees/_door_rows.html")
    cancelled = event["status"] == "cancelled"

    async def pieces() -> AsyncIterator[str]:
        """The page around its rows, which are rendered as they are read."""
        before, _, after = page.partition(ROWS)
        yield before
        batch: list[Attendee] = []
        async for batch in door_list_of(parts.database, event_id):
            yield rows.render(batch=batch, cancelled=cancelled)
        if not batch:
            yield rows.render(batch=[], cancelled=cancelled)
        yield after

    return Stream(pieces(), media_type="text/html; charset=utf-8")


routes = [door_list]
