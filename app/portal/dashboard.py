"""What an organizer sees first."""

from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Template

from app.domain.accounts import Caller
from app.domain.dashboard import dashboard as dashboard_of
from app.domain.lists import from_cursor
from app.parts import Parts

ON_A_PAGE = 20


@get("/dashboard", opt={"role": "organizer"})
async def dashboard(
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    cursor: Annotated[str | None, QueryParameter(required=False)] = None,
    past: Annotated[bool, QueryParameter(required=False)] = False,
) -> Template:
    found = await dashboard_of(parts.database, who, ON_A_PAGE, from_cursor(cursor), past)
    context = {"visitor": who, "dashboard": found, "past": past, "first": cursor is not None}
    return Template("dashboard/page.html", context=context)


routes = [dashboard]
