"""Attendees of an event, for its organizer: a list with a search, and all of them as CSV."""

from typing import Annotated, Literal

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Stream

from app.api.answers import PathId, problems
from app.api.events import Cursor, Limit
from app.domain.accounts import Caller
from app.domain.attendee_csv import csv_of
from app.domain.attendees import Attendee, AttendeeFilter, all_attendees, attendees
from app.domain.lists import Page, from_cursor
from app.domain.workspace import own_event
from app.parts import Parts

Search = Annotated[
    str,
    QueryParameter(
        name="q",
        max_length=200,
        description="A ticket's code or number, or beginnings of words of a name or an e-mail address",
    ),
]
Status = Annotated[Literal["held", "sold", "used", "lapsed", "cancelled"] | None, QueryParameter(required=False)]
TypeId = Annotated[int | None, QueryParameter(ge=1, le=2**63 - 1, required=False)]


@get(
    "/event/{event_id:int}/attendees", opt={"role": "organizer"},
    summary="The attendees of your event, newest ticket first", responses=problems(404, 422),
)  # fmt: skip
async def list_attendees(
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    event_id: PathId,
    limit: Limit = 50,
    cursor: Cursor = None,
    q: Search = "",
    status: Status = None,
    ticket_type_id: TypeId = None,
) -> Page[Attendee]:
    await own_event(parts.database, who, event_id)
    wanted = AttendeeFilter(q=q, status=status, ticket_type_id=ticket_type_id)
    return await attendees(parts.database, event_id, wanted, limit, from_cursor(cursor))


@get(
    "/event/{event_id:int}/attendees.csv", opt={"role": "organizer"}, media_type="text/csv",
    summary="All attendees of your event as CSV, however many", responses=problems(404, 422),
)  # fmt: skip
async def attendees_csv(
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    event_id: PathId,
    q: Search = "",
    status: Status = None,
    ticket_type_id: TypeId = None,
) -> Stream:
    event = await own_event(parts.database, who, event_id)
    return csv_stream(
        parts, event_id, event["timezone"], AttendeeFilter(q=q, status=status, ticket_type_id=ticket_type_id)
    )


def csv_stream(parts: Parts, event_id: int, timezone: str, wanted: AttendeeFilter) -> Stream:
    rows = csv_of(all_attendees(parts.database, event_id, wanted), timezone)
    headers = {"Content-Disposition": f'attachment; filename="attendees-{event_id}.csv"'}
    return Stream(rows, media_type="text/csv", headers=headers)


routes = [list_attendees, attendees_csv]
