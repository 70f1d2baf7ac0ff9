"""Pictures of a draft: added, described, moved and removed, each at once."""

from collections.abc import Awaitable
from typing import Any

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.response import Redirect

from app.domain.accounts import Caller
from app.domain.draft_pictures import add_draft_pictures
from app.domain.draft_removal import remove_draft_picture
from app.domain.media_details import change_draft_picture
from app.domain.picture_files import PictureFile
from app.errors import Invalid
from app.form_request import form_of
from app.parts import Parts
from app.portal.drafts import DraftId, address, found_draft, page
from app.portal.pictures import MediaId, as_typed, keep_the_good, patch_in, told
from app.uploads import MAX_REQUEST


@post("/projects/drafts/{draft_id:int}/pictures", opt={"role": "organizer"}, request_max_body_size=MAX_REQUEST)
async def add(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller], draft_id: DraftId
) -> Response[Any]:
    async def work() -> None:
        await keep_the_good(await form_of(request), keep)

    async def keep(file: PictureFile) -> None:
        await add_draft_pictures(parts.database, parts.media, parts.pictures, who, draft_id, [file])

    return await arranged(request, parts, who, draft_id, work())


@post("/projects/drafts/{draft_id:int}/pictures/{media_id:int}", opt={"role": "organizer", "keep_typed": "alt"})
async def change(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    draft_id: DraftId,
    media_id: MediaId,
) -> Response[Any]:
    async def work() -> None:
        await change_draft_picture(parts.database, who, draft_id, media_id, patch_in(await form_of(request), media_id))

    return await arranged(request, parts, who, draft_id, work(), media_id)


@post("/projects/drafts/{draft_id:int}/pictures/{media_id:int}/removal", opt={"role": "organizer"})
async def remove(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    draft_id: DraftId,
    media_id: MediaId,
) -> Response[Any]:
    work = remove_draft_picture(parts.database, parts.media, who, draft_id, media_id)
    return await arranged(request, parts, who, draft_id, work)


async def arranged(
    request: Request[Any, Any, Any],
    parts: Parts,
    who: Caller,
    draft_id: int,
    work: Awaitable[None],
    changed: int | None = None,
) -> Response[Any]:
    """The pictures as they are now: for htmx with the preview, for everybody else as the page of the step."""
    refusal = None
    try:
        await work
    except Invalid as error:
        refusal = error
    by_htmx = bool(request.headers.get("hx-request"))
    if refusal is None and not by_htmx:
        return Redirect(address(draft_id, "media"), status_code=303)
    found, pictures = await found_draft(parts, who, draft_id)
    template = "drafts/pictures.hx.html" if by_htmx else ""
    answer = page(parts, found, pictures, "media", refusal=refusal, template=template)
    answer.context["said"] = "" if refusal else told(pictures, changed)
    if refusal:
        answer.context["pictures"] = as_typed(answer.context["pictures"], changed, await form_of(request))
    return answer


routes = [add, change, remove]
