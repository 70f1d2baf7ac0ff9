"""Cancelling: a ticket by its attendee or the organizer, an event with everything that hangs on it."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import Body

from app.api.answers import PathId, idempotent_json, problems
from app.api.body import WholeBody
from app.domain import cancellations, cancelling
from app.domain.accounts import Caller
from app.domain.cancellations import Cancellation
from app.domain.cancelling import Reason
from app.domain.idempotency import replay_headers
from app.parts import Parts
from app.validation import Input


class CancelTicketIn(Input, frozen=True, kw_only=True):
    """An organizer has to say why; the attendee reads it."""

    reason: Reason | None = None


class CancelEventIn(Input, frozen=True, kw_only=True):
    reason: Reason


class TicketCancelled(msgspec.Struct, frozen=True):
    success: str
    ticket_number: int
    status: str


@post(
    "/tickets/{ticket_number:int}/cancellation", dto=WholeBody, return_dto=None, opt={"limit": "buy"},
    summary="Return your ticket, or cancel one of your event", responses=problems(400, 404, 409, 413, 422),
)  # fmt: skip
async def cancel_ticket(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    ticket_number: PathId,
    data: Annotated[CancelTicketIn, Body()],
) -> Response[TicketCancelled]:
    key = await idempotent_json(request)
    done = await cancelling.cancel_ticket(parts.database, who, ticket_number, data.reason, key)
    content = TicketCancelled("Ticket cancelled", done.ticket_number, done.status)
    return Response(content, status_code=201, headers=replay_headers(done.replayed))


@post(
    "/event/{event_id:int}/cancellation", dto=WholeBody, return_dto=None, status_code=202,
    opt={"role": "organizer", "limit": "submit"},
    summary="Cancel your event: its sale ends now, its tickets and waiting list follow",
    responses=problems(400, 404, 409, 413, 422),
)  # fmt: skip
async def cancel_event(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    event_id: PathId,
    data: Annotated[CancelEventIn, Body()],
) -> Response[Cancellation]:
    key = await idempotent_json(request)
    progress, replayed = await cancellations.cancel_event(parts.database, who, event_id, data.reason, key)
    parts.sale_clock.wake()
    headers = {"Location": f"/api/v1/event/{event_id}/cancellation", **replay_headers(replayed)}
    return Response(progress, status_code=202, headers=headers)


@get(
    "/event/{event_id:int}/cancellation", opt={"role": "organizer"},
    summary="How far the cancellation of your event is", responses=problems(404),
)  # fmt: skip
async def read_cancellation(
    parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: PathId
) -> Cancellation:
    return await cancellations.cancellation_of(parts.database, who, event_id)


routes = [cancel_ticket, cancel_event, read_cancellation]
