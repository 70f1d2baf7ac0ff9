"""At the door: use a ticket, or undo that."""

import datetime as dt
from typing import Any

import msgspec
from litestar import Request, Response, delete, post
from litestar.di import NamedDependency

from app.api.answers import PathId, idempotent_json, problems
from app.domain import door
from app.domain.accounts import Caller
from app.domain.door import Used
from app.domain.idempotency import replay_headers
from app.parts import Parts


class TicketUsed(msgspec.Struct, frozen=True):
    ticket_number: int
    status: str
    used_at: dt.datetime | None


@post(
    "/tickets/{ticket_number:int}/use", opt={"role": "organizer"},
    summary="Let the owner of a ticket of your event in; the first scan wins", responses=problems(404, 409, 422),
)  # fmt: skip
async def use_ticket(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    ticket_number: PathId,
) -> Response[TicketUsed]:
    key = await idempotent_json(request)
    used = await door.use_ticket(parts.database, who, ticket_number, key)
    return Response(ticket_used(used), status_code=201, headers=replay_headers(used.replayed))


def ticket_used(used: Used) -> TicketUsed:
    return TicketUsed(used.ticket_number, used.status, used.used_at)


@delete(
    "/tickets/{ticket_number:int}/use", status_code=200, opt={"role": "organizer"},
    summary="It was the wrong ticket: it can be used again", responses=problems(404, 409),
)  # fmt: skip
async def undo_use(parts: NamedDependency[Parts], who: NamedDependency[Caller], ticket_number: PathId) -> TicketUsed:
    return ticket_used(await door.undo_use(parts.database, who, ticket_number))


routes = [use_ticket, undo_use]
