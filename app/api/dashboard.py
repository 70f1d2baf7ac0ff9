"""How an organizer's events do, all together and one by one."""

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from app.api.answers import PathId, problems
from app.api.events import Cursor, Limit
from app.domain.accounts import Caller
from app.domain.dashboard import Dashboard, dashboard
from app.domain.lists import from_cursor
from app.domain.sales import Sales, sales_of
from app.domain.workspace import own_event
from app.parts import Parts


@get(
    "/dashboard", opt={"role": "organizer"},
    summary="Totals, last sales, what needs attention, and your coming events, or the past ones with `past=true`",
    responses=problems(422),
)  # fmt: skip
async def read_dashboard(
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    limit: Limit = 20,
    cursor: Cursor = None,
    past: FromQuery[bool] = False,
) -> Dashboard:
    return await dashboard(parts.database, who, limit, from_cursor(cursor), past)


@get(
    "/event/{event_id:int}/sales", opt={"role": "organizer"},
    summary="Tickets and money of your event by day", responses=problems(404),
)  # fmt: skip
async def read_sales(parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: PathId) -> Sales:
    event = await own_event(parts.database, who, event_id)
    async with parts.database.connection() as connection:
        return await sales_of(connection, event)


routes = [read_dashboard, read_sales]
