"""An organizer's events and drafts."""

from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Template

from app.domain.accounts import Caller
from app.domain.drafts import drafts_of
from app.domain.event_page import events_of
from app.domain.lists import from_cursor
from app.parts import Parts

ON_A_PAGE = 50


@get("/projects", opt={"role": "organizer"})
async def projects(
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    cursor: Annotated[str | None, QueryParameter(required=False)] = None,
) -> Template:
    page = await events_of(parts.database, parts.media, who, ON_A_PAGE, from_cursor(cursor))
    drafts = [] if cursor else await drafts_of(parts.database, who)
    context = {"visitor": who, "page": page, "drafts": drafts, "timezone": parts.settings.timezone}
    return Template("projects/list.html", context=context)


routes = [projects]
