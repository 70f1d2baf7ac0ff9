"""Duplicating an event: a preview of what moves, then the copy."""

import secrets
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Redirect, Template

from app.domain.accounts import Caller
from app.domain.copies import CopyIn, CopyPlan, Source, copy_plan, source_of, submit_copy
from app.domain.idempotency import idempotent
from app.errors import AppError, Invalid
from app.form_request import form_of
from app.parts import Parts
from app.portal.forms import by_field, text_in
from app.portal.workspace import EventId, frame
from app.validation import read

Text = Annotated[str | None, QueryParameter(required=False)]
CLOCK = "%Y-%m-%dT%H:%M"


@get("/projects/{event_id:int}/copy", opt={"role": "organizer"})
async def copy(
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    event_id: EventId,
    title: Text = None,
    start_time: Text = None,
    key: Text = None,
) -> Template:
    """Without a start: the form with the old one. With a start: the same form with its preview."""
    source = await source_of(parts.database, parts.documents, parts.media, who, event_id)
    old = source.event["start_time"].astimezone(ZoneInfo(source.event["timezone"])).strftime(CLOCK)
    values = {"title": source.event["title"] if title is None else title, "start_time": start_time or old}
    if start_time is None:
        return copy_page(source, values, key)
    try:
        return copy_page(source, values, key, copy_plan(source, read(CopyIn, values, form=True)))
    except Invalid as refusal:
        return copy_page(source, values, key, refusal=refusal)


def copy_page(
    source: Source,
    values: dict[str, Any],
    key: str | None,
    plan: CopyPlan | None = None,
    refusal: AppError | None = None,
) -> Template:
    context = frame(
        source.event,
        "overview",
        values=values,
        errors=by_field(refusal.fields) if refusal else {},
        refusal=refusal,
        plan=plan,
        key=key or secrets.token_urlsafe(16),
    )
    return Template("copies/page.html", context=context, status_code=refusal.status if refusal else 200)


@post("/projects/{event_id:int}/copy", opt={"role": "organizer", "limit": "submit", "keep_typed": True})
async def create_copy(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: EventId
) -> Response[Any]:
    form = await form_of(request)
    values = {name: text_in(form, name) or "" for name in ("title", "start_time")}
    source = await source_of(parts.database, parts.documents, parts.media, who, event_id)
    key = idempotent(text_in(form, "key"), "copy", str(event_id), *values.values())
    try:
        given = read(CopyIn, values, form=True)
        submitted = await submit_copy(parts.database, parts.submissions, parts.media, who, source, given, key)
    except AppError as refusal:
        kept = text_in(form, "key") if refusal.status != 422 else None
        return copy_page(source, values, kept, refusal=refusal)
    return Redirect(f"/projects/submissions/{submitted.submission_id}", status_code=303)


routes = [copy, create_copy]
