"""The first page: festivals to come, and the search for them."""

from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Template

from app.domain.catalogue import Card, Search, catalogue
from app.domain.lists import Page, from_cursor
from app.errors import Invalid
from app.parts import Parts
from app.portal.forms import by_field
from app.validation import read

ON_A_PAGE = 24
FIELDS = [field.encode_name for field in msgspec.structs.fields(Search)]


@get("/", opt={"public": True})
async def first_page(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    cursor: Annotated[str | None, QueryParameter(required=False)] = None,
) -> Template:
    asked = {name: request.query_params.get(name, "") for name in FIELDS}
    refusal, page = None, Page[Card]([], None)
    try:
        search = read(Search, asked, form=True)
        after = from_cursor(cursor)
        page = await catalogue(parts.database, parts.media, search, parts.settings.timezone, ON_A_PAGE, after)
    except Invalid as error:
        refusal = error
    words = {name: value for name, value in asked.items() if value}
    context = {
        "page": page,
        "values": asked,
        "errors": by_field(refusal.fields) if refusal else {},
        "searched": bool(words),
        "first": f"/?{urlencode(words)}" if cursor else None,
        "next": f"/?{urlencode({**words, 'cursor': page.next_cursor})}" if page.next_cursor else None,
    }
    return Template("events/catalogue.html", context=context, status_code=refusal.status if refusal else 200)


routes = [first_page]
