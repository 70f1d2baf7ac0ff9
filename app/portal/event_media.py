"""The pictures of an event: added, described, moved and removed, each at once."""

from collections.abc import Awaitable
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect, Template

from app.api.answers import until_settled
from app.domain.accounts import Caller
from app.domain.media import add_media, media_of, submit_media_removal
from app.domain.media_details import change_media
from app.domain.picture_files import PictureFile
from app.domain.workspace import own_event
from app.errors import Invalid
from app.form_request import form_of
from app.parts import Parts
from app.portal.forms import by_field
from app.portal.pictures import MediaId, as_typed, keep_the_good, patch_in, shown_media, told
from app.portal.workspace import EventId, frame
from app.uploads import MAX_REQUEST

REMOVAL_SECONDS = 3.0


@get("/projects/{event_id:int}/media", opt={"role": "organizer"})
async def media_page(parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: EventId) -> Template:
    return await shown(parts, who, event_id, "media/page.html", None)


@post("/projects/{event_id:int}/media", opt={"role": "organizer", "limit": "submit"}, request_max_body_size=MAX_REQUEST)
async def add(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: EventId
) -> Response[Any]:
    async def work() -> None:
        await keep_the_good(await form_of(request), keep)

    async def keep(file: PictureFile) -> None:
        await add_media(parts.database, parts.media, parts.pictures, who, event_id, [file], None, "images")

    return await arranged(request, parts, who, event_id, work())


@post("/projects/{event_id:int}/media/{media_id:int}", opt={"role": "organizer", "keep_typed": "alt"})
async def change(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    event_id: EventId,
    media_id: MediaId,
) -> Response[Any]:
    async def work() -> None:
        await change_media(parts.database, parts.media, who, media_id, patch_in(await form_of(request), media_id))

    return await arranged(request, parts, who, event_id, work(), media_id)


@post("/projects/{event_id:int}/media/{media_id:int}/removal", opt={"role": "organizer", "limit": "submit"})
async def remove(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    event_id: EventId,
    media_id: MediaId,
) -> Response[Any]:
    async def work() -> None:
        sent = await submit_media_removal(parts.database, parts.submissions, who, media_id)
        await until_settled(parts.database, who, sent.submission_id, REMOVAL_SECONDS)

    return await arranged(request, parts, who, event_id, work())


async def arranged(
    request: Request[Any, Any, Any],
    parts: Parts,
    who: Caller,
    event_id: int,
    work: Awaitable[None],
    changed: int | None = None,
) -> Response[Any]:
    """The pictures as they are now: the list for htmx, the page for everybody else."""
    refusal = None
    try:
        await work
    except Invalid as error:
        refusal = error
    by_htmx = bool(request.headers.get("hx-request"))
    if refusal is None and not by_htmx:
        return Redirect(f"/projects/{event_id}/media", status_code=303)
    template = "media/pictures.hx.html" if by_htmx else "media/page.html"
    answer = await shown(parts, who, event_id, template, refusal, changed)
    if refusal:
        answer.context["pictures"] = as_typed(answer.context["pictures"], changed, await form_of(request))
    return answer


async def shown(
    parts: Parts, who: Caller, event_id: int, template: str, refusal: Invalid | None, changed: int | None = None
) -> Template:
    event = await own_event(parts.database, who, event_id)
    async with parts.database.connection() as connection:
        items = await media_of(connection, parts.media, event_id)
    errors = by_field(refusal.fields) if refusal else {}
    context = frame(
        event,
        "media",
        pictures=shown_media(items),
        base=f"/projects/{event_id}/media",
        errors=errors,
        said="" if refusal else told(items, changed),
    )
    return Template(template, context=context, status_code=refusal.status if refusal else 200)


routes = [media_page, add, change, remove]
