"""The project builder: a draft in five steps, kept while it is typed, and submitted once."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter
from litestar.response import Redirect, Template

from app.domain.accounts import Caller, company_of
from app.domain.draft_pictures import DraftPicture, pictures_of_draft
from app.domain.draft_removal import remove_draft
from app.domain.draft_submission import submit_draft
from app.domain.drafts import STEPS, ProjectDraft, create_draft, draft_of, save_draft
from app.domain.events import Title
from app.errors import AppError, Invalid, NotFound, Stale
from app.form_request import form_of
from app.language import gettext
from app.parts import Parts
from app.portal.draft_forms import draft_context, fields_of, following, later_than, type_to_see, typed_in
from app.portal.flash import see_other
from app.portal.forms import by_field, retry_headers, revision_in, shown, text_in, touched
from app.validation import Input, read


class NewDraft(Input, frozen=True, kw_only=True):
    title: Title


DraftId = Annotated[int, PathParameter(ge=0, le=2**63 - 1)]
Step = Annotated[str, PathParameter()]


@get("/projects/new", opt={"role": "organizer"})
async def new_project() -> Template:
    return Template("drafts/new.html", context={"values": {}, "errors": {}, "refusal": None})


@post("/projects/drafts", opt={"role": "organizer", "keep_typed": True})
async def start_draft(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller]
) -> Response[Any]:
    title = text_in(await form_of(request), "title") or ""
    try:
        named = read(NewDraft, {"title": title}, form=True)
        draft_id = await create_draft(parts.database, who, {**await usual(parts, who), "title": named.title})
    except AppError as refusal:
        errors = by_field(refusal.fields)
        context = {"values": {"title": title}, "errors": errors, "refusal": refusal}
        return Template("drafts/new.html", context=context, status_code=refusal.status)
    return Redirect(address(draft_id, "basics"), status_code=303)


async def usual(parts: Parts, who: Caller) -> dict[str, Any]:
    """What most organizers would type anyway; the timezone is for their browser to say."""
    async with parts.database.connection() as connection:
        company = await company_of(connection, who.organizer_id or 0)
    defaults = {name: value for name, value in parts.settings.event_defaults.items() if name != "timezone"}
    return {
        **defaults,
        "company_name": company or "",
        "type": "poster",
        "ticket_types": [{"name": gettext("General admission")}],
    }


@get("/projects/drafts/{draft_id:int}", opt={"role": "organizer"})
async def draft(parts: NamedDependency[Parts], who: NamedDependency[Caller], draft_id: DraftId) -> Redirect:
    found, _ = await found_draft(parts, who, draft_id)
    return Redirect(address(draft_id, found.step), status_code=303)


@get("/projects/drafts/{draft_id:int}/{step:str}", opt={"role": "organizer"})
async def draft_step(
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    draft_id: DraftId,
    step: Step,
    everything: Annotated[bool, QueryParameter(name="all")] = False,
) -> Response[Any]:
    found, pictures = await found_draft(parts, who, draft_id)
    if found.submission_id:
        return Redirect(f"/projects/submissions/{found.submission_id}", status_code=303)
    if known(step) != "review" and found.sent:
        return Redirect(address(draft_id, "review"), status_code=303)
    return page(parts, found, pictures, step, everything=everything)


@post("/projects/drafts/{draft_id:int}/{step:str}", opt={"role": "organizer", "keep_typed": True})
async def save_step(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    draft_id: DraftId,
    step: Step,
) -> Response[Any]:
    form = await form_of(request)
    try:
        saved = await save_draft(parts.database, who, draft_id, step, touched(typed_in(form, known(step)), form))
    except Invalid as refusal:
        return await unsaved(parts, who, draft_id, step, form, refusal)
    goal = step if {"add", "remove"} & set(form) else text_in(form, "go") or following(step)
    if goal == "leave":
        return see_other("/projects", gettext("The draft is saved."))
    _, pictures = await found_draft(parts, who, draft_id)
    answer = page(parts, saved, pictures, step, everything=True, status=422)
    held = goal in later_than(step) and bool(answer.context["errors"])
    return answer if held else Redirect(address(draft_id, known(goal)) + type_to_see(form), status_code=303)


@post("/projects/drafts/{draft_id:int}/{step:str}/check", opt={"role": "organizer", "keep_typed": True})
async def check_step(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    draft_id: DraftId,
    step: Step,
) -> Response[Any]:
    """While somebody types: kept, judged, and shown as it will look.

    Without htmx it is what was kept while the session ended, and leads to the page of the step.
    """
    form, by_htmx = await form_of(request), bool(request.headers.get("hx-request"))
    template = "drafts/check.hx.html" if by_htmx else ""
    try:
        typed = typed_in(form, known(step))
        saved = await save_draft(parts.database, who, draft_id, step, touched(typed, form), revision_in(form))
    except (Invalid, Stale) as refusal:
        answer = await unsaved(parts, who, draft_id, step, form, refusal, template)
        if by_htmx:  # the check did its work; a page that was left already needs no error in its console
            answer.status_code = 200
        return answer
    if not by_htmx:
        return Redirect(address(draft_id, step), status_code=303)
    _, pictures = await found_draft(parts, who, draft_id)
    return page(parts, saved, pictures, step, template=template, shows=shown(typed))


@post("/projects/drafts/{draft_id:int}/submission", opt={"role": "organizer", "limit": "submit"})
async def submission(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller], draft_id: DraftId
) -> Response[Any]:
    found, pictures = await found_draft(parts, who, draft_id)
    try:
        if not found.sent:
            typed = typed_in(await form_of(request), "review")
            found = await save_draft(parts.database, who, draft_id, "review", typed)
        submission_id = await submit_draft(
            parts.database, parts.submissions, who, draft_id, parts.settings.event_defaults
        )
    except AppError as refusal:
        found, pictures = await found_draft(parts, who, draft_id)
        return page(parts, found, pictures, "review", refusal=refusal)
    return Redirect(f"/projects/submissions/{submission_id}", status_code=303)


@post("/projects/drafts/{draft_id:int}/removal", opt={"role": "organizer"})
async def removal(parts: NamedDependency[Parts], who: NamedDependency[Caller], draft_id: DraftId) -> Redirect:
    await remove_draft(parts.database, parts.media, who, draft_id)
    return see_other("/projects", gettext("The draft is deleted."))


async def found_draft(parts: Parts, who: Caller, draft_id: int) -> tuple[ProjectDraft, list[DraftPicture]]:
    async with parts.database.connection() as connection:
        return await draft_of(connection, who, draft_id), await pictures_of_draft(connection, draft_id)


async def unsaved(
    parts: Parts, who: Caller, draft_id: int, step: str, form: dict[str, Any], refusal: AppError, template: str = ""
) -> Template:
    """The form as it was typed, though it could not be kept."""
    found, pictures = await found_draft(parts, who, draft_id)
    typed = msgspec.structs.replace(found, typed={**found.typed, **typed_in(form, step)})
    return page(parts, typed, pictures, step, refusal=refusal, template=template, shows=text_in(form, "shown") or "")


def page(
    parts: Parts,
    found: ProjectDraft,
    pictures: list[DraftPicture],
    step: str,
    *,
    everything: bool = False,
    status: int = 200,
    refusal: AppError | None = None,
    template: str = "",
    shows: str | None = None,
) -> Template:
    """`shows` is what the fields of the browser's form were marked with, where they are not those of `found`."""
    context = draft_context(parts, found, pictures, step, everything=everything)
    context["shows"] = shown(fields_of(found, step)) if shows is None else shows
    if refusal:
        context["refusal"] = refusal
        context["errors"] |= by_field(refusal.fields)
        status = refusal.status
    headers = retry_headers(refusal) if refusal else None
    return Template(template or f"drafts/{step}.html", context=context, status_code=status, headers=headers)


def address(draft_id: int, step: str) -> str:
    return f"/projects/drafts/{draft_id}/{step}"


def known(step: str) -> str:
    if step not in STEPS:
        raise NotFound("There is no such step.")
    return step


routes = [new_project, start_draft, draft, draft_step, save_step, check_step, submission, removal]
