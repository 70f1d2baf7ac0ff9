"""Waiting lists: join, see where one stands, take or leave an offer; and the list as its organizer sees it."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import Body, FromQuery

from app.api.answers import PathId, idempotent_json, problems
from app.api.body import WholeBody
from app.api.events import Cursor, Limit
from app.api.tickets import AsSeen, TicketBought, ticket_bought
from app.domain import offer_answers, waiting_list, waiting_list_log, waiting_list_page
from app.domain.accounts import Caller
from app.domain.events import Id
from app.domain.idempotency import replay_headers
from app.domain.lists import Page, from_cursor, page_of
from app.domain.waiting_list import JoinIn
from app.domain.waiting_list_log import LogEntry, WaitingPerson
from app.domain.waiting_list_page import Entry
from app.parts import Parts
from app.validation import Input


class Joined(msgspec.Struct, frozen=True):
    success: str
    waitlist_id: int
    position: int
    status: str
    quantity: int
    ticket_type_ids: list[int]


JOINED = {"waiting": "Subscribed to waiting list", "offered": "You have an offer: accept or decline it"}


class AcceptanceIn(AsSeen, frozen=True, kw_only=True):
    """Of an offer of no other type than this one."""

    ticket_type_id: Id | None = None


class RefusalIn(Input, frozen=True, kw_only=True):
    """Of an offer of no other type than this one."""

    user_id: Id | None = None
    ticket_type_id: Id | None = None


@post(
    "/attendee/join-waiting-list", dto=WholeBody, return_dto=None, opt={"limit": "buy"},
    summary="Join the waiting list of an event that is sold out or not yet on sale",
    responses=problems(400, 404, 409, 413, 422),
)  # fmt: skip
async def join_waiting_list(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    data: Annotated[JoinIn, Body()],
) -> Response[Joined]:
    key = await idempotent_json(request)
    place = await waiting_list.join_waiting_list(
        parts.database, who, data.event_id, key, data.quantity, data.ticket_type_ids
    )
    content = Joined(
        JOINED[place.status], place.waitlist_id, place.position, place.status, place.quantity, place.ticket_type_ids
    )
    return Response(content, status_code=201, headers=replay_headers(place.replayed))


@get("/waiting-list-entries", summary="Where you wait, with your position and offers", responses=problems(422))
async def list_entries(
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    open_only: FromQuery[bool] = False,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Page[Entry]:
    found = await waiting_list_page.entries_of(parts.database, who, open_only, limit + 1, from_cursor(cursor))
    return page_of(found, limit, lambda entry: entry.waitlist_id)


@get("/waiting-list-entries/{waitlist_id:int}", summary="Where you stand on a waiting list", responses=problems(404))
async def read_entry(parts: NamedDependency[Parts], who: NamedDependency[Caller], waitlist_id: PathId) -> Entry:
    return await waiting_list_page.entry_of(parts.database, who, waitlist_id)


@delete(
    "/waiting-list-entries/{waitlist_id:int}", opt={"limit": "buy"},
    summary="Leave a waiting list; an open offer goes to the next", responses=problems(404, 409),
)  # fmt: skip
async def leave(parts: NamedDependency[Parts], who: NamedDependency[Caller], waitlist_id: PathId) -> None:
    await waiting_list.leave_waiting_list(parts.database, who, waitlist_id)


@post(
    "/waiting-list-entries/{waitlist_id:int}/acceptance", dto=WholeBody, return_dto=None, opt={"limit": "buy"},
    summary="Buy what you are offered; a body may say which `ticket_type_id`, at which `price` and `currency`",
    responses=problems(400, 404, 409, 413, 422),
)  # fmt: skip
async def accept(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    waitlist_id: PathId,
    data: Annotated[AcceptanceIn, Body()],
) -> Response[TicketBought]:
    key = await idempotent_json(request)
    return ticket_bought(
        await offer_answers.accept_offer(
            parts.database, who, waitlist_id, key, data.price, data.currency, data.ticket_type_id
        )
    )


@post(
    "/waiting-list-entries/{waitlist_id:int}/refusal", dto=WholeBody, return_dto=None, status_code=204,
    opt={"limit": "buy"},
    summary="Decline an offer; the places go to the next; a body may say of which `ticket_type_id`",
    responses=problems(400, 404, 409, 413, 422),
)  # fmt: skip
async def decline(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    waitlist_id: PathId,
    data: Annotated[RefusalIn, Body()],
) -> Response[None]:
    key = await idempotent_json(request)
    replayed = await offer_answers.decline_offer(parts.database, who, waitlist_id, key, data.ticket_type_id)
    return Response(None, headers=replay_headers(replayed))


@get(
    "/waiting-list-entries/{waitlist_id:int}/log",
    summary="Why an entry was, or was not, offered something; yours, or of your event", responses=problems(404),
)  # fmt: skip
async def read_entry_log(
    parts: NamedDependency[Parts], who: NamedDependency[Caller], waitlist_id: PathId
) -> Page[LogEntry]:
    return Page(await waiting_list_log.log_of_entry(parts.database, who, waitlist_id), None)


@get(
    "/event/{event_id:int}/waiting-list", opt={"role": "organizer"},
    summary="Who waits for your event, in order of joining", responses=problems(404, 422),
)  # fmt: skip
async def list_waiting(
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    event_id: PathId,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Page[WaitingPerson]:
    return await waiting_list_log.waiting_people(parts.database, who, event_id, limit, from_cursor(cursor))


@get(
    "/event/{event_id:int}/waiting-list-log", opt={"role": "organizer"},
    summary="Everything that happened on the waiting list of your event, newest first", responses=problems(404, 422),
)  # fmt: skip
async def read_event_log(
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    event_id: PathId,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Page[LogEntry]:
    return await waiting_list_log.log_of_event(parts.database, who, event_id, limit, from_cursor(cursor))


routes = [
    join_waiting_list, list_entries, read_entry, leave, accept, decline, read_entry_log, list_waiting, read_event_log,
]  # fmt: skip
