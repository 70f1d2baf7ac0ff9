"""The workspace of one event: the frame of its pages, the overview, and whether it is published."""

from collections.abc import Mapping
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter
from litestar.response import Template

from app.domain.accounts import Caller
from app.domain.event_changes import EventPatch, change_event
from app.domain.event_page import availability, core
from app.domain.workspace import overview as overview_of
from app.domain.workspace import own_event
from app.errors import Conflict, Unavailable
from app.form_request import form_of
from app.language import gettext, translated
from app.parts import Parts
from app.portal.charts import bars
from app.portal.flash import see_other
from app.validation import read

EventId = Annotated[int, PathParameter(ge=0, le=2**63 - 1)]


def frame(event: Mapping[str, Any], section: str, **more: Any) -> dict[str, Any]:
    """What every page of the workspace needs, and what this one adds."""
    return {
        "event": core(event),
        "places": availability(event),
        "section": section,
        "root": f"/projects/{event['id']}",
        "timezone": event["timezone"],
        **more,
    }


@get("/projects/{event_id:int}", opt={"role": "organizer"})
async def overview(parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: EventId) -> Template:
    event = await own_event(parts.database, who, event_id)
    found = await overview_of(parts.database, event)
    drawn = bars([span.sold for span in found.sales.spans])
    return Template("workspace/page.html", context=frame(event, "overview", overview=found, bars=drawn))


@post("/projects/{event_id:int}/publication", opt={"role": "organizer", "limit": "submit"})
async def publication(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: EventId
) -> Response[Any]:
    form = await form_of(request)
    patch = read(EventPatch, {"status": form.get("status", "")}, form=True, defaults=parts.settings.event_defaults)
    try:
        await change_event(parts.database, who, event_id, patch, None)
    except (Conflict, Unavailable) as refusal:
        return see_other(f"/projects/{event_id}", translated(refusal.detail), "bad")
    published = gettext("It is on the site now.") if patch.status == "published" else gettext("Only you see it now.")
    return see_other(f"/projects/{event_id}", published)


routes = [overview, publication]
