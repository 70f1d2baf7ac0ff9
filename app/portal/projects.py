"""An organizer's events, the form for a new one, and how far it is."""

import secrets
from typing import Annotated, Any
from zoneinfo import available_timezones

from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect, Template

from app.api.projects import ProjectForm, key_of
from app.domain.accounts import Caller, company_of
from app.domain.event_page import events_of
from app.domain.events import event_data
from app.domain.lists import from_cursor
from app.domain.metadata import KINDS
from app.domain.progress import progress
from app.domain.projects import submit_project
from app.domain.submissions import Submitted
from app.errors import AppError
from app.parts import Parts
from app.portal.forms import again, empty, form_of, text_in
from app.uploads import MAX_REQUEST, spooled
from app.validation import read

ON_A_PAGE = 50
TRIES = 30
TIMEZONES = sorted(zone for zone in available_timezones() if "/" in zone or zone == "UTC")
CURRENCIES = ("EUR", "USD", "GBP", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "KES", "NGN", "ZAR", "JPY", "AUD", "CAD")


@get("/projects", opt={"role": "organizer"})
async def projects(
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    cursor: Annotated[str | None, QueryParameter(required=False)] = None,
) -> Template:
    page = await events_of(parts.database, parts.media, who, ON_A_PAGE, from_cursor(cursor))
    return Template("projects/list.html", context={"visitor": who, "page": page})


@get("/projects/new", opt={"role": "organizer"})
async def new_project(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller]
) -> Template:
    async with parts.database.connection() as connection:
        company = await company_of(connection, who.organizer_id or 0)
    values = {
        "company_name": company or "",
        "currency": parts.settings.currency,
        "timezone": parts.settings.timezone,
        "key": secrets.token_urlsafe(16),
    }
    return empty(request, "projects/new.html", values, **choices())


@post("/projects", opt={"role": "organizer", "limit": "submit"}, request_max_body_size=MAX_REQUEST)
async def create_project(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller]
) -> Response[Any]:
    form = await form_of(request)
    try:
        submitted = await submitted_project(parts, who, form)
    except AppError as refusal:
        form["key"] = secrets.token_urlsafe(16) if refusal.status == 422 else form.get("key", "")
        return again(request, "projects/new.html", refusal, form, **choices())
    return Redirect(f"/projects/submissions/{submitted.submission_id}", status_code=303)


async def submitted_project(parts: Parts, who: Caller, form: dict[str, Any]) -> Submitted:
    uploads = form.get("images")
    chosen = [one for one in (uploads if isinstance(uploads, list) else [uploads]) if isinstance(one, UploadFile)]
    given = read(ProjectForm, {**form, "images": chosen}, form=True, defaults=parts.settings.event_defaults)
    data = event_data(given, parts.settings.currency, parts.settings.timezone)
    async with spooled(given.images, "images") as files:
        return await submit_project(
            parts.database, parts.submissions, parts.media, parts.pictures, who, given, data, files,
            key_of(text_in(form, "key"), given, files),
        )  # fmt: skip


def choices() -> dict[str, Any]:
    return {"kinds": KINDS, "timezones": TIMEZONES, "currencies": CURRENCIES}


@get("/projects/submissions/{submission_id:str}", opt={"role": "organizer"})
async def submission(
    parts: NamedDependency[Parts], who: NamedDependency[Caller], submission_id: FromPath[str]
) -> Template:
    return Template("projects/submission.html", context=await progress_context(parts, who, submission_id, 1))


@get("/projects/submissions/{submission_id:str}/fan-out", opt={"role": "organizer"})
async def fan_out(
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    submission_id: FromPath[str],
    attempt: Annotated[int, QueryParameter(ge=1, le=1000)] = 1,
) -> Template:
    return Template("projects/_fan_out.html", context=await progress_context(parts, who, submission_id, attempt))


async def progress_context(parts: Parts, who: Caller, submission_id: str, attempt: int) -> dict[str, Any]:
    async with parts.database.connection() as connection:
        found = await progress(connection, who, submission_id)
    return {"visitor": who, "progress": found, "attempt": attempt, "polling": not found.settled and attempt < TRIES}


routes = [projects, new_project, create_project, submission, fan_out]
