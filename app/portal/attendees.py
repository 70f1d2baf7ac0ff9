"""The attendees of an event: found, checked in, cancelled, printed and exported."""

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Stream, Template

from app.api.attendees import csv_stream
from app.domain.accounts import Caller
from app.domain.attendees import STATUSES, AttendeeFilter, attendee_of, attendees
from app.domain.cancelling import cancel_ticket
from app.domain.door import undo_use, use_ticket
from app.domain.lists import from_cursor
from app.domain.ticket_types import ticket_types_of
from app.domain.workspace import own_event
from app.errors import AppError, Conflict, Invalid, Unavailable
from app.form_request import form_of
from app.language import gettext, translated
from app.parts import Parts
from app.portal.filters import moment
from app.portal.flash import Kind, see_other
from app.portal.forms import ReasonForm, by_field, text_in
from app.portal.workspace import EventId, frame
from app.same_origin import local_path, page_in, split
from app.validation import read

ON_A_PAGE = 50
Text = Annotated[str, QueryParameter(required=False, max_length=200)]


@get("/projects/{event_id:int}/attendees", opt={"role": "organizer"})
async def attendee_list(
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    event_id: EventId,
    q: Text = "",
    status: Text = "",
    type: Text = "",
    cursor: Annotated[str | None, QueryParameter(required=False)] = None,
) -> Template:
    event = await own_event(parts.database, who, event_id)
    wanted = wanted_by(q, status, type)
    page = await attendees(parts.database, event_id, wanted, ON_A_PAGE, from_cursor(cursor))
    async with parts.database.connection() as connection:
        types = await ticket_types_of(connection, event_id, everything=True)
    query = urlencode({"q": wanted.q, "status": wanted.status or "", "type": wanted.ticket_type_id or ""})
    more = {"tab": "attendees", "page": page, "wanted": wanted, "filter_query": query, "ticket_types": types}
    return Template("attendees/list.html", context=frame(event, "attendees", first=bool(cursor), **more))


def wanted_by(q: str, status: str, type: str) -> AttendeeFilter:
    """A form sends empty fields too; what is no choice of ours does not filter."""
    return AttendeeFilter(
        q=q.strip(),
        status=status if status in STATUSES else None,
        ticket_type_id=int(type) if type.isascii() and type.isdigit() and len(type) < 19 else None,
    )


@get("/projects/{event_id:int}/attendees.csv", opt={"role": "organizer"})
async def attendees_csv(
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    event_id: EventId,
    q: Text = "",
    status: Text = "",
    type: Text = "",
) -> Stream:
    event = await own_event(parts.database, who, event_id)
    return csv_stream(parts, event_id, event["timezone"], wanted_by(q, status, type))


@get("/projects/{event_id:int}/attendees/{ticket_number:int}", opt={"role": "organizer"})
async def attendee(
    parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: EventId, ticket_number: EventId
) -> Template:
    return await attendee_page(parts, who, event_id, ticket_number)


async def attendee_page(
    parts: Parts, who: Caller, event_id: int, ticket_number: int, refusal: AppError | None = None, reason: str = ""
) -> Template:
    event = await own_event(parts.database, who, event_id)
    one = await attendee_of(parts.database, event_id, ticket_number)
    errors = by_field(refusal.fields) if refusal else {}
    more = {"one": one, "refusal": refusal, "errors": errors, "values": {"reason": reason}}
    status = refusal.status if refusal else 200
    return Template("attendees/page.html", context=frame(event, "attendees", **more), status_code=status)


@post("/projects/{event_id:int}/attendees/{ticket_number:int}/use", opt={"role": "organizer"})
async def use(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    event_id: EventId,
    ticket_number: EventId,
) -> Response[Any]:
    event = await own_event(parts.database, who, event_id)
    one = await attendee_of(parts.database, event_id, ticket_number)
    try:
        await use_ticket(parts.database, who, ticket_number)
    except Conflict as refusal:
        return await at_the_door(request, parts, event, ticket_number, not_let_in(refusal, event["timezone"]), "bad")
    return await at_the_door(
        request, parts, event, ticket_number, gettext("Checked in: %(name)s") % {"name": one.full_name}
    )


@post("/projects/{event_id:int}/attendees/{ticket_number:int}/undo", opt={"role": "organizer"})
async def undo(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    event_id: EventId,
    ticket_number: EventId,
) -> Response[Any]:
    event = await own_event(parts.database, who, event_id)
    one = await attendee_of(parts.database, event_id, ticket_number)
    try:
        await undo_use(parts.database, who, ticket_number)
    except Conflict as refusal:
        return await at_the_door(request, parts, event, ticket_number, translated(refusal.detail), "bad")
    return await at_the_door(
        request, parts, event, ticket_number, gettext("Not checked in any more: %(name)s") % {"name": one.full_name}
    )


def not_let_in(refusal: Conflict, timezone: str) -> str:
    used_at = refusal.extra.get("used_at")
    if isinstance(used_at, dt.datetime):
        return gettext("This ticket was used before: %(at)s.") % {"at": moment(used_at, timezone)}
    return translated(refusal.detail)


async def at_the_door(
    request: Request[Any, Any, Any],
    parts: Parts,
    event: Mapping[str, Any],
    ticket_number: int,
    said: str,
    kind: Kind = "good",
) -> Response[Any]:
    """The row as it is now for htmx; for everybody else the page they came from."""
    if request.headers.get("hx-request"):
        one = await attendee_of(parts.database, event["id"], ticket_number)
        context = frame(event, "attendees", rows=[one], said=said, kind=kind)
        return Template("attendees/row.hx.html", context=context)
    back = page_in(split(request.headers.get("referer", "")))
    own = f"/projects/{event['id']}/attendees"
    return see_other(local_path(back if back.startswith(own) else None, own), said, kind)


@post(
    "/projects/{event_id:int}/attendees/{ticket_number:int}/cancellation",
    opt={"role": "organizer", "keep_typed": True},
)
async def cancellation(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    event_id: EventId,
    ticket_number: EventId,
) -> Response[Any]:
    reason = text_in(await form_of(request), "reason") or ""
    await attendee_of(parts.database, event_id, ticket_number)
    try:
        await cancel_ticket(parts.database, who, ticket_number, read(ReasonForm, {"reason": reason}, form=True).reason)
    except (Conflict, Invalid, Unavailable) as refusal:
        return await attendee_page(parts, who, event_id, ticket_number, refusal, reason)
    address = f"/projects/{event_id}/attendees/{ticket_number}"
    return see_other(address, gettext("The ticket is cancelled."))


routes = [attendee_list, attendees_csv, attendee, use, undo, cancellation]
