"""The catalogue, and the page that sells an event."""

import secrets
from collections.abc import Awaitable
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter
from litestar.response import Redirect, Template

from app.domain.accounts import Caller, company_of
from app.domain.event_page import availability, coming_events, core, event_row
from app.domain.idempotency import Idempotent, idempotent
from app.domain.lists import from_cursor
from app.domain.media import media_of
from app.domain.tickets import buy_ticket
from app.domain.waiting_list import join_waiting_list
from app.domain.waiting_list_page import standing
from app.errors import AppError, Conflict
from app.parts import Parts
from app.portal.forms import form_of, text_in

ON_A_PAGE = 24
EventId = Annotated[int, PathParameter(ge=0, le=2**63 - 1)]


@get("/", opt={"public": True})
async def catalogue(
    parts: NamedDependency[Parts],
    visitor: NamedDependency[Caller | None],
    cursor: Annotated[str | None, QueryParameter(required=False)] = None,
) -> Template:
    page = await coming_events(parts.database, parts.media, ON_A_PAGE, from_cursor(cursor))
    return Template("events/catalogue.html", context={"visitor": visitor, "page": page})


@get("/events/{event_id:int}", opt={"public": True})
async def event(parts: NamedDependency[Parts], visitor: NamedDependency[Caller | None], event_id: EventId) -> Template:
    return Template("events/page.html", context=await event_context(parts, visitor, event_id, None))


@post("/events/{event_id:int}/purchase", opt={"limit": "buy"})
async def purchase(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: EventId
) -> Response[Any]:
    key = await key_of(request)
    return await shown(request, parts, who, event_id, buy_ticket(parts.sale_desk, who, event_id, key))


@post("/events/{event_id:int}/waiting-list-entry", opt={"limit": "buy"})
async def waiting_list_entry(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: EventId
) -> Response[Any]:
    key = await key_of(request)
    return await shown(request, parts, who, event_id, join_waiting_list(parts.database, who, event_id, key))


async def key_of(request: Request[Any, Any, Any]) -> Idempotent | None:
    """Each rendered form has its own key, so pressing twice is one purchase."""
    return idempotent(text_in(await form_of(request), "key"), request.scope["path"])


async def shown(
    request: Request[Any, Any, Any], parts: Parts, who: Caller, event_id: int, decision: Awaitable[Any]
) -> Response[Any]:
    """The part of the page that changed for htmx; the page for everybody else, after a redirect if all went well."""
    refusal = None
    try:
        await decision
    except Conflict as error:
        refusal = error
    by_htmx = bool(request.headers.get("hx-request"))
    if refusal is None and not by_htmx:
        return Redirect(f"/events/{event_id}", status_code=303)
    context = await event_context(parts, who, event_id, refusal)
    template = "events/_buy.html" if by_htmx else "events/page.html"
    return Template(template, context=context, status_code=refusal.status if refusal else 200)


async def event_context(
    parts: Parts, visitor: Caller | None, event_id: int, refusal: AppError | None
) -> dict[str, Any]:
    row = await event_row(parts.database, visitor, event_id)
    async with parts.database.connection() as connection:
        pictures = await media_of(connection, parts.media, event_id)
        mine = await standing(connection, visitor, event_id)
        company = await company_of(connection, row["organizer_id"])
    return {
        "visitor": visitor,
        "event": core(row),
        "company": company,
        "places": availability(row),
        "on_sale": row["on_sale"],
        "pictures": pictures,
        "mine": mine,
        "own": visitor is not None and visitor.organizer_id == row["organizer_id"],
        "key": secrets.token_urlsafe(16),
        "refusal": refusal,
    }


routes = [catalogue, event, purchase, waiting_list_entry]
