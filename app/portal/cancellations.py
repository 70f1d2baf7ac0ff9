"""Cancelling a whole event: confirmed by typing its title, then done in the background with its progress shown."""

import secrets
import textwrap
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect, Template

from app.domain.accounts import Caller
from app.domain.cancellations import Cancellation, cancel_event, cancellation_of, what_ends
from app.domain.idempotency import idempotent
from app.domain.workspace import own_event
from app.errors import AppError, Conflict, FieldError, Invalid, NotFound, Unavailable
from app.form_request import form_of
from app.parts import Parts
from app.portal.forms import ReasonForm, by_field, text_in
from app.portal.workspace import EventId, frame
from app.validation import read

MOST_TYPED = 40


@get("/projects/{event_id:int}/cancellation", opt={"role": "organizer"})
async def cancellation(parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: EventId) -> Template:
    return await cancellation_page(parts, who, event_id, {})


async def cancellation_page(
    parts: Parts, who: Caller, event_id: int, values: dict[str, str], refusal: AppError | None = None
) -> Template:
    event = await own_event(parts.database, who, event_id)
    async with parts.database.connection() as connection:
        tickets, waiting = await what_ends(connection, event_id)
    context = frame(
        event,
        "overview",
        progress=await progress_or_none(parts, who, event_id),
        tickets=tickets,
        waiting=waiting,
        to_type=beginning(event["title"]),
        values=values,
        errors=by_field(refusal.fields) if refusal else {},
        refusal=refusal,
        key=secrets.token_urlsafe(16),
    )
    return Template("cancellations/page.html", context=context, status_code=refusal.status if refusal else 200)


async def progress_or_none(parts: Parts, who: Caller, event_id: int) -> Cancellation | None:
    try:
        return await cancellation_of(parts.database, who, event_id)
    except NotFound:
        return None


@get("/projects/{event_id:int}/cancellation/progress", opt={"role": "organizer"})
async def progress(parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: EventId) -> Template:
    found = await cancellation_of(parts.database, who, event_id)
    context = {"progress": found, "root": f"/projects/{event_id}"}
    return Template("cancellations/progress.hx.html", context=context)


@post(
    "/projects/{event_id:int}/cancellation",
    opt={"role": "organizer", "limit": "submit", "keep_typed": True},
)
async def create_cancellation(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: EventId
) -> Response[Any]:
    form = await form_of(request)
    values = {name: text_in(form, name) or "" for name in ("reason", "typed")}
    event = await own_event(parts.database, who, event_id)
    try:
        reason = read(CancellationForm, values, form=True, defaults={"title": event["title"]}).reason
        await cancel_event(
            parts.database, who, event_id, reason, idempotent(text_in(form, "key"), "cancellation", reason)
        )
    except (Conflict, Invalid, Unavailable) as refusal:
        return await cancellation_page(parts, who, event_id, values, refusal)
    return Redirect(f"/projects/{event_id}/cancellation", status_code=303)


class CancellationForm(ReasonForm, frozen=True, kw_only=True):
    """`typed` is the title of the event, which nobody cancels by a slip."""

    typed: str = ""

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> Iterable[FieldError]:
        """Against its `title`."""
        if letters(values.get("typed", "")) not in {letters(values["title"]), letters(beginning(values["title"]))}:
            yield FieldError("typed", "must be the title of the event")


def beginning(title: str) -> str:
    """As much of a title as one may be asked to type."""
    return title if len(title) <= MOST_TYPED else textwrap.wrap(title, MOST_TYPED)[0]


def letters(title: str) -> str:
    """What has to be typed of it: keyboards make other quotes and dashes of what one types, and not each has emoji."""
    folded = unicodedata.normalize("NFKC", title).casefold()
    return "".join(filter(str.isalnum, folded)) or "".join(folded.split())


routes = [cancellation, progress, create_cancellation]
