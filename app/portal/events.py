"""The page that sells an event, and the parts of it that change while one looks or buys."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter
from litestar.response import Template

from app.domain.accounts import Caller
from app.domain.events import Id
from app.domain.idempotency import Idempotent, idempotent
from app.domain.sale import Purchase
from app.domain.shop import places_now, shop
from app.domain.tickets import buy_ticket
from app.domain.waiting_list import Place, Quantity, join_waiting_list
from app.errors import AppError
from app.form_request import form_of
from app.kept_form import CHOICE
from app.language import gettext, ngettext
from app.parts import Parts
from app.portal.filters import number
from app.portal.flash import see_other
from app.portal.forms import new_key, retry_headers, text_in
from app.validation import Input, read

EventId = Annotated[int, PathParameter(ge=0, le=2**63 - 1)]


class Wanted(Input, frozen=True, kw_only=True):
    """Without a type, the first one on sale, or any to wait for."""

    ticket_type_id: Id | None = None
    quantity: Quantity = 1
    price: Decimal | None = None
    currency: str | None = None


Decide = Callable[[Wanted, Idempotent | None], Awaitable[str]]


@get("/events/{event_id:int}", opt={"public": True})
async def event(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    visitor: NamedDependency[Caller | None],
    event_id: EventId,
) -> Template:
    """With what somebody chose before they signed in."""
    values = {name: request.query_params[name] for name in CHOICE if name in request.query_params}
    return Template("events/page.html", context=await context_of(parts, visitor, event_id) | {"values": values})


@get("/events/{event_id:int}/places", opt={"public": True})
async def places(
    parts: NamedDependency[Parts],
    visitor: NamedDependency[Caller | None],
    event_id: EventId,
    seen: Annotated[str, QueryParameter(required=False)] = "",
    first: Annotated[str, QueryParameter(required=False)] = "",
) -> Response[Any]:
    """What is left, for those who look: nothing where nothing changed, and the whole box where the choice did.

    `first` is the `seen` from when the page was opened or the visitor did something last, once it is another.
    """
    now = await places_now(parts.database, visitor, event_id, seen)
    if seen == now.seen:
        return Response(None, status_code=204)
    if seen.partition("~")[0] == now.offer:
        return Template("events/places.hx.html", context={"places": now, "first": first})
    headers = {"HX-Retarget": "#buy", "HX-Reswap": "outerHTML"}
    context = await context_of(parts, visitor, event_id)
    context |= {"seen": seen, "first": first or seen.partition("~")[0]}
    return Template("events/changed.hx.html", context=context, headers=headers)


@post("/events/{event_id:int}/purchase", opt={"limit": "buy", "keep_choice": True})
async def purchase(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: EventId
) -> Response[Any]:
    async def buy(wanted: Wanted, key: Idempotent | None) -> str:
        sold = await buy_ticket(
            parts.sale_desk, who, event_id, key, wanted.ticket_type_id, wanted.quantity, wanted.price, wanted.currency
        )
        return bought(sold)

    return await decided(request, parts, who, event_id, buy)


@post("/events/{event_id:int}/waiting-list-entry", opt={"limit": "buy", "keep_choice": True})
async def waiting_list_entry(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: EventId
) -> Response[Any]:
    async def join(wanted: Wanted, key: Idempotent | None) -> str:
        types = [wanted.ticket_type_id] if wanted.ticket_type_id else []
        return joined(await join_waiting_list(parts.database, who, event_id, key, wanted.quantity, types))

    return await decided(request, parts, who, event_id, join, "wait-")


def bought(purchase: Purchase) -> str:
    count = len(purchase.tickets)
    if purchase.status == "held":
        return ngettext("A place is held for you.", "%(num)s places are held for you.", count) % {"num": number(count)}
    return ngettext("You have a ticket.", "You have %(num)s tickets.", count) % {"num": number(count)}


def joined(place: Place) -> str:
    if place.status == "offered":
        return gettext("You have an offer already: take it, or pass it on.")
    return gettext("You are number %(position)s on the waiting list.") % {"position": number(place.position)}


async def decided(
    request: Request[Any, Any, Any], parts: Parts, who: Caller, event_id: int, decide: Decide, prefix: str = ""
) -> Response[Any]:
    """The part of the page that changed for htmx; the page for everybody else, after a redirect if all went well.

    `prefix` tells the fields of one form on the page from those of the other.
    """
    form = await form_of(request)
    key = text_in(form, "key")
    said, refusal = "", None
    try:
        seen = {"price": form.get(f"price-{form.get('ticket_type_id')}", "")}
        wanted = read(Wanted, form | seen, form=True, local=False)
        said = await decide(wanted, idempotent(key, request.scope["path"], *map(str, msgspec.structs.astuple(wanted))))
    except AppError as error:
        refusal = error
    by_htmx = bool(request.headers.get("hx-request"))
    if refusal is None and not by_htmx:
        return see_other(f"/events/{event_id}", said)
    context = await context_of(parts, who, event_id)
    values = form if refusal else {"ticket_type_id": form.get("ticket_type_id")}
    errors = {prefix + bad.field: bad.message for bad in refusal.fields} if refusal else {}
    context |= {"refusal": refusal, "said": said, "values": values, "errors": errors, "waits": bool(prefix)}
    if refusal and refusal.status == 503:
        context["key"] = (key or "").removesuffix("-wait")  # the outcome may be unknown: nobody is to buy twice
    template = "events/buy.hx.html" if by_htmx else "events/page.html"
    headers = retry_headers(refusal) if refusal else None
    return Template(template, context=context, status_code=refusal.status if refusal else 200, headers=headers)


async def context_of(parts: Parts, visitor: Caller | None, event_id: int) -> dict[str, Any]:
    found = await shop(parts.database, parts.media, visitor, event_id)
    return {
        "visitor": visitor,
        "shop": found,
        "event": found.event,
        "places": found.places,
        "key": new_key(),
        "values": {},
        "errors": {},
        "refusal": None,
        "seen": "",
        "first": "",
        "said": "",
        "waits": False,
        "public_url": parts.settings.public_url,
    }


routes = [event, places, purchase, waiting_list_entry]
