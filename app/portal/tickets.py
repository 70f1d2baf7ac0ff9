"""An attendee's tickets and places on waiting lists."""

from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Template

from app.domain.accounts import Caller
from app.domain.lists import from_cursor
from app.domain.tickets import tickets_of
from app.domain.waiting_list_page import entries_of
from app.parts import Parts

ON_A_PAGE = 20


@get("/tickets")
async def tickets(
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    cursor: Annotated[str | None, QueryParameter(required=False)] = None,
) -> Template:
    page = await tickets_of(parts.database, who, ON_A_PAGE, from_cursor(cursor))
    waiting = await entries_of(parts.database, who, open_only=True)
    return Template("tickets/page.html", context={"visitor": who, "page": page, "waiting": waiting})


routes = [tickets]
