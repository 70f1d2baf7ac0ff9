"""Tickets that wait for a payment: list, confirm, release."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import Body

from app.api.answers import PathId, idempotent_json, problems
from app.api.body import WholeBody
from app.api.events import Cursor, Limit
from app.domain import holds
from app.domain.accounts import Caller
from app.domain.cancelling import Reason
from app.domain.holds import ConfirmIn, Decided, HeldTicket, Refused
from app.domain.idempotency import replay_headers
from app.domain.lists import Page, from_cursor
from app.parts import Parts


class ReleaseIn(ConfirmIn, frozen=True, kw_only=True):
    reason: Reason = "not paid"


class TicketsDecided(msgspec.Struct, frozen=True):
    """What could be done is done; `refused` says why the others could not."""

    success: str
    done: list[int]
    refused: list[Refused]


@get(
    "/event/{event_id:int}/held-tickets", opt={"role": "organizer"},
    summary="Tickets of your event that wait for a payment, in order of buying", responses=problems(404, 422),
)  # fmt: skip
async def list_held_tickets(
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    event_id: PathId,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Page[HeldTicket]:
    return await holds.held_tickets(parts.database, who, event_id, limit, from_cursor(cursor))


@post(
    "/event/{event_id:int}/confirmations", dto=WholeBody, return_dto=None, status_code=200, opt={"role": "organizer"},
    summary="Payments have arrived: confirm held tickets, also lapsed ones while places are left",
    responses=problems(400, 404, 409, 413, 422),
)  # fmt: skip
async def confirm(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    event_id: PathId,
    data: Annotated[ConfirmIn, Body()],
) -> Response[TicketsDecided]:
    key = await idempotent_json(request)
    return tickets_decided(
        "Tickets confirmed", await holds.confirm_tickets(parts.database, who, event_id, data.ticket_numbers, key)
    )


@post(
    "/event/{event_id:int}/releases", dto=WholeBody, return_dto=None, status_code=200, opt={"role": "organizer"},
    summary="Give held places back before their deadline", responses=problems(400, 404, 409, 413, 422),
)  # fmt: skip
async def release(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    event_id: PathId,
    data: Annotated[ReleaseIn, Body()],
) -> Response[TicketsDecided]:
    key = await idempotent_json(request)
    decided = await holds.release_tickets(parts.database, who, event_id, data.ticket_numbers, data.reason, key)
    return tickets_decided("Tickets released", decided)


def tickets_decided(success: str, decided: Decided) -> Response[TicketsDecided]:
    content = TicketsDecided(success, decided.done, decided.refused)
    return Response(content, headers=replay_headers(decided.replayed))


routes = [list_held_tickets, confirm, release]
