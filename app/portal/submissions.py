"""How far a submission is, store by store, and once more for those that failed."""

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect, Template

from app.domain.accounts import Caller
from app.domain.progress import is_draft, progress
from app.errors import AppError, Conflict, Unavailable
from app.parts import Parts

TRIES = 30
Attempt = Annotated[int, QueryParameter(ge=1, le=1000)]


@get("/projects/submissions/{submission_id:str}", opt={"role": "organizer"})
async def submission(
    parts: NamedDependency[Parts], who: NamedDependency[Caller], submission_id: FromPath[str], attempt: Attempt = 1
) -> Template:
    return Template("projects/submission.html", context=await progress_context(parts, who, submission_id, attempt))


@get("/projects/submissions/{submission_id:str}/fan-out", opt={"role": "organizer"})
async def fan_out(
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    submission_id: FromPath[str],
    attempt: Attempt = 1,
) -> Template:
    return Template("projects/fan_out.hx.html", context=await progress_context(parts, who, submission_id, attempt))


@post("/projects/submissions/{submission_id:str}/retry", opt={"role": "organizer", "limit": "submit"})
async def retry(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    submission_id: FromPath[str],
) -> Response[Any]:
    refusal: AppError | None = None
    try:
        await parts.submissions.retry(who, submission_id)
    except (Conflict, Unavailable) as error:
        refusal = error
    by_htmx = bool(request.headers.get("hx-request"))
    if refusal is None and not by_htmx:
        return Redirect(f"/projects/submissions/{submission_id}", status_code=303)
    context = {**await progress_context(parts, who, submission_id, 1), "refusal": refusal}
    template = "projects/_fan_out.html" if by_htmx else "projects/submission.html"
    return Template(template, context=context, status_code=refusal.status if refusal else 200)


async def progress_context(parts: Parts, who: Caller, submission_id: str, attempt: int) -> dict[str, Any]:
    async with parts.database.connection() as connection:
        found = await progress(connection, who, submission_id)
        draft = await is_draft(connection, found.event_id)
    polling = not found.settled and attempt < TRIES
    return {"progress": found, "attempt": attempt, "polling": polling, "draft": draft, "refusal": None}


routes = [submission, fan_out, retry]
