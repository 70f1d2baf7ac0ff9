"""Copies of an event with shifted dates: what one would be, and making it."""

from typing import Annotated, Any

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import Body

from app.api.answers import PathId, idempotent_json, problems
from app.api.body import WholeBody
from app.api.events import EventAccepted, event_accepted
from app.domain.accounts import Caller
from app.domain.copies import CopyIn, CopyPlan, copy_plan, source_of, submit_copy
from app.parts import Parts


@post(
    "/event/{event_id:int}/copy-plan", dto=WholeBody, return_dto=None, status_code=200, opt={"role": "organizer"},
    summary="What a copy of your event would be: copied, shifted and dropped", responses=problems(400, 404, 422),
)  # fmt: skip
async def plan_copy(
    parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: PathId, data: Annotated[CopyIn, Body()]
) -> CopyPlan:
    return copy_plan(await source_of(parts.database, parts.documents, parts.media, who, event_id), data)


@post(
    "/event/{event_id:int}/copies", dto=WholeBody, return_dto=None, status_code=202,
    opt={"role": "organizer", "limit": "submit"},
    summary="Copy your event to a new start; all its dates move with it", responses=problems(400, 404, 422),
)  # fmt: skip
async def create_copy(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    event_id: PathId,
    data: Annotated[CopyIn, Body()],
) -> Response[EventAccepted]:
    key = await idempotent_json(request)
    source = await source_of(parts.database, parts.documents, parts.media, who, event_id)
    submitted = await submit_copy(parts.database, parts.submissions, parts.media, who, source, data, key)
    return await event_accepted(request, parts, who, submitted, "Copy of the event sent to consumer")


routes = [plan_copy, create_copy]
