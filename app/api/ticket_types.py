"""Ticket types of an event: read, add, change, archive."""

from typing import Annotated, Any

from litestar import Request, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import Body

from app.api.answers import PathId, idempotent_json, problems
from app.api.body import WholeBody
from app.api.events import EndsWaiting, revision
from app.domain import ticket_type_changes
from app.domain.accounts import Caller
from app.domain.event_page import event_row
from app.domain.idempotency import replay_headers
from app.domain.lists import Page
from app.domain.ticket_types import TicketType, TicketTypeIn, ticket_types_of
from app.parts import Parts


@get(
    "/event/{event_id:int}/ticket-types",
    summary="What is sold of an event; its owner sees hidden and archived types too", responses=problems(404),
)  # fmt: skip
async def list_ticket_types(
    parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: PathId
) -> Page[TicketType]:
    event = await event_row(parts.database, who, event_id)
    async with parts.database.connection() as connection:
        mine = event["organizer_id"] == who.organizer_id
        return Page(await ticket_types_of(connection, event_id, everything=mine), None)


@post(
    "/event/{event_id:int}/ticket-types", dto=WholeBody, return_dto=None, opt={"role": "organizer", "limit": "submit"},
    summary="Add a ticket type to your event", responses=problems(400, 404, 409, 413, 422),
)  # fmt: skip
async def create_ticket_type(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    event_id: PathId,
    data: Annotated[TicketTypeIn, Body()],
) -> Response[TicketType]:
    key = await idempotent_json(request)
    created, replayed = await ticket_type_changes.create_ticket_type(parts.database, who, event_id, data, key)
    return tagged(created, 201, replayed)


@put(
    "/ticket-types/{ticket_type_id:int}", dto=WholeBody, return_dto=None, opt={"role": "organizer", "limit": "submit"},
    summary="Replace what is said about a ticket type; send `If-Match` with its `rev` in quotes",
    responses=problems(400, 404, 409, 412, 413, 422, 428),
)  # fmt: skip
async def change_ticket_type(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    ticket_type_id: PathId,
    data: Annotated[TicketTypeIn, Body()],
    ends_waiting: EndsWaiting = False,
) -> Response[TicketType]:
    kind = await ticket_type_changes.change_ticket_type(
        parts.database, who, ticket_type_id, data, revision(request), ends_waiting=ends_waiting
    )
    return tagged(kind)


@delete(
    "/ticket-types/{ticket_type_id:int}", opt={"role": "organizer", "limit": "submit"},
    summary="Sell no more of a ticket type; tickets that are out stay good",
    responses=problems(404, 409, 412, 422, 428),
)  # fmt: skip
async def archive_ticket_type(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    ticket_type_id: PathId,
    ends_waiting: EndsWaiting = False,
) -> None:
    await ticket_type_changes.archive_ticket_type(
        parts.database, who, ticket_type_id, revision(request), ends_waiting=ends_waiting
    )


def tagged(found: TicketType, status: int = 200, replayed: bool = False) -> Response[TicketType]:
    return Response(found, status_code=status, headers={"ETag": f'"{found.rev}"', **replay_headers(replayed)})


routes = [list_ticket_types, create_ticket_type, change_ticket_type, archive_ticket_type]
