"""Waiting lists: join."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import Body

from app.api.answers import idempotent_json, problems, replay_headers
from app.api.body import WholeBody
from app.domain import waiting_list
from app.domain.accounts import Caller
from app.domain.waiting_list import JoinIn
from app.parts import Parts


class Joined(msgspec.Struct, frozen=True):
    success: str
    waitlist_id: int
    position: int


@post(
    "/attendee/join-waiting-list", dto=WholeBody, return_dto=None, opt={"limit": "buy"},
    summary="Join the waiting list of a sold-out event", responses=problems(400, 404, 409, 413, 422),
)  # fmt: skip
async def join_waiting_list(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    data: Annotated[JoinIn, Body()],
) -> Response[Joined]:
    waiting_list.require_self(who, data.user_id)
    key = await idempotent_json(request)
    place = await waiting_list.join_waiting_list(
        parts.database, who, data.event_id, key, data.quantity, data.ticket_type_ids
    )
    content = Joined("Subscribed to waiting list", place.waitlist_id, place.position)
    return Response(content, status_code=201, headers=replay_headers(place.replayed))


routes = [join_waiting_list]
