"""Events: submit, read, list, change."""

import re
from contextlib import suppress
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, patch, post
from litestar.di import NamedDependency
from litestar.params import Body, FromQuery, QueryParameter

from app.api.answers import PathId, accepted, event_in_path, idempotent_json, preferred_wait, problems, until_settled
from app.api.body import WholeBody
from app.domain import event_changes, events
from app.domain.accounts import Caller
from app.domain.event_changes import EventPatch, PatchOfStored
from app.domain.event_page import EventPage, Listed, event_page, events_of, published_events
from app.domain.events import EventIn
from app.domain.lists import Page, from_cursor
from app.domain.submissions import Submitted
from app.domain.workspace import own_event
from app.errors import Invalid, PreconditionRequired, Unavailable
from app.parts import Parts
from app.validation import parse_json, read

Limit = Annotated[int, QueryParameter(ge=1, le=100, description="Items a page has at most")]
EndsWaiting = Annotated[
    bool,
    QueryParameter(
        description="Change it also where that ends at once, for good, what people wait for or are offered;"
        " without it that is refused (409, `ends-waiting`)"
    ),
]
Cursor = Annotated[str | None, QueryParameter(description="`next_cursor` of the page before", required=False)]


class EventAccepted(msgspec.Struct, frozen=True):
    success: str
    event_id: int
    submission_id: str


class EventFound(EventPage, frozen=True, kw_only=True, omit_defaults=True):
    success: str


@post(
    "/event", dto=WholeBody, return_dto=None, status_code=202, opt={"role": "organizer", "limit": "submit"},
    summary="Submit an event", responses=problems(400, 413, 422),
)  # fmt: skip
async def submit_event(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    data: Annotated[EventIn, Body()],
) -> Response[EventAccepted]:
    key = await idempotent_json(request)
    ready = events.event_data(data, parts.settings.currency, parts.settings.timezone)
    submitted = await events.submit_event(parts.submissions, who, data, ready, key)
    return await event_accepted(request, parts, who, submitted, "New event details sent to kafka")


async def event_accepted(
    request: Request[Any, Any, Any], parts: Parts, who: Caller, submitted: Submitted, success: str
) -> Response[Any]:
    """202, or 201 with the stored event where the caller prefers to wait and all stores settled in time."""
    answer = accepted(submitted, EventAccepted(success, submitted.event_id, submitted.submission_id))
    if seconds := preferred_wait(request):
        found = await until_settled(parts.database, who, submitted.submission_id, seconds)
        if found.state == "stored":
            with suppress(Unavailable):  # it is accepted all the same: only reading it back must wait
                stored = await found_event(parts, who, submitted.event_id)
                headers = answer.headers | {"Preference-Applied": f"wait={seconds:g}"}
                return Response(stored, status_code=201, headers=headers)
    return answer


@get("/event/{event_id:int}", summary="Everything about an event", responses=problems(404))
async def read_event(
    parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: PathId
) -> Response[EventFound]:
    found = await found_event(parts, who, event_id)
    return Response(found, headers={"ETag": f'"{found.rev}"'})


async def found_event(parts: Parts, who: Caller, event_id: int) -> EventFound:
    page = await event_page(parts.database, parts.documents, parts.media, who, event_id)
    return EventFound(success="Data found", **{name: getattr(page, name) for name in EventPage.__struct_fields__})


@get("/events", summary="Published events, or your own with `mine=true`; newest first", responses=problems(422))
async def list_events(
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    limit: Limit = 20,
    cursor: Cursor = None,
    mine: FromQuery[bool] = False,
) -> Page[Listed]:
    before = from_cursor(cursor)
    if mine:
        return await events_of(parts.database, parts.media, who, limit, before)
    return await published_events(parts.database, parts.media, limit, before)


async def judge_patch(request: Request[Any, Any, Any]) -> None:
    """A change with bad fields hears in the same answer which of its other fields contradict what is stored."""
    sent = parse_json(await request.body())
    try:
        read(EventPatch, sent)
    except Invalid:
        parts: Parts = request.app.state.parts
        stored = await own_event(parts.database, request.user, event_in_path(request))
        read(PatchOfStored, sent, defaults=stored)


@patch(
    "/event/{event_id:int}", dto=WholeBody, return_dto=None, opt={"role": "organizer", "limit": "submit"},
    summary="Change an event; send `If-Match` with the ETag you read", before_request=judge_patch,
    responses=problems(400, 404, 409, 412, 413, 422, 428),
)  # fmt: skip
async def change_event(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    event_id: PathId,
    data: Annotated[EventPatch, Body()],
    ends_waiting: EndsWaiting = False,
) -> Response[EventFound]:
    if_match = revision(request)
    rev = await event_changes.change_event(parts.database, who, event_id, data, if_match, ends_waiting=ends_waiting)
    return Response(await found_event(parts, who, event_id), headers={"ETag": f'"{rev}"'})


def revision(request: Request[Any, Any, Any]) -> int | None:
    """Out of `If-Match`; None for `*`. Raises `PreconditionRequired` without the header."""
    given = request.headers.get("if-match")
    if given is None:
        raise PreconditionRequired("Send If-Match with the ETag of the event you read, or * to overwrite.")
    found = re.fullmatch(r'\s*"(\d{1,18})"\s*', given)
    return None if given.strip() == "*" else int(found.group(1)) if found else 0


routes = [submit_event, read_event, list_events, change_event]
