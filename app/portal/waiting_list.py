"""A place on a waiting list: why it stands where it stands, taking or refusing an offer, leaving."""

from collections.abc import Awaitable
from decimal import Decimal
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter
from litestar.response import Template

from app.domain import offer_answers, waiting_list
from app.domain.accounts import Caller
from app.domain.events import Id
from app.domain.idempotency import idempotent
from app.domain.lists import from_cursor
from app.domain.waiting_list_log import log_of_entry
from app.domain.waiting_list_page import ended_entries, entry_of
from app.errors import AppError, Conflict, Invalid, Unavailable
from app.form_request import form_of
from app.language import gettext
from app.parts import Parts
from app.portal.events import bought
from app.portal.flash import see_other
from app.portal.forms import new_key, text_in
from app.validation import Input, read

ON_A_PAGE = 24
SeenBefore = Annotated[str, QueryParameter(required=False)]
EntryId = Annotated[int, PathParameter(ge=0, le=2**63 - 1)]


class Seen(Input, frozen=True, kw_only=True):
    """What is offered, and the price of a place, as the page said it."""

    ticket_type_id: Id | None = None
    price: Decimal | None = None
    currency: str | None = None


@get("/waiting-list-entries/{waitlist_id:int}")
async def entry(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    waitlist_id: EntryId,
    seen: SeenBefore = "",
) -> Response[Any]:
    """Nothing for a page that looks again, where nothing has changed since it was `seen`."""
    if request.headers.get("hx-request") and seen == (await entry_of(parts.database, who, waitlist_id)).seen:
        return Response(None, status_code=204)
    return await shown(parts, who, waitlist_id)


@get("/waiting-list-entries/past")
async def old_entries(
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    cursor: Annotated[str | None, QueryParameter(required=False)] = None,
) -> Template:
    ended = await ended_entries(parts.database, who, ON_A_PAGE, from_cursor(cursor))
    return Template("waiting_list/past.html", context={"ended": ended, "cursor": cursor})


async def shown(parts: Parts, who: Caller, waitlist_id: int, refusal: AppError | None = None) -> Template:
    context = {
        "entry": await entry_of(parts.database, who, waitlist_id),
        "lines": await log_of_entry(parts.database, who, waitlist_id),
        "refusal": refusal,
        "key": new_key(),
    }
    return Template("waiting_list/entry.html", context=context, status_code=refusal.status if refusal else 200)


@post("/waiting-list-entries/{waitlist_id:int}/acceptance", opt={"limit": "buy"})
async def accept(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller], waitlist_id: EntryId
) -> Response[Any]:
    form = await form_of(request)
    key = idempotent(text_in(form, "key"), request.scope["path"])
    try:
        seen = read(Seen, form, form=True, local=False)
        purchase = await offer_answers.accept_offer(
            parts.database, who, waitlist_id, key, seen.price, seen.currency, seen.ticket_type_id
        )
    except (Conflict, Invalid, Unavailable) as refusal:
        return await shown(parts, who, waitlist_id, refusal)
    if len(purchase.tickets) > 1:
        return see_other("/tickets", bought(purchase))
    held = purchase.status == "held"
    return see_other(
        f"/tickets/{purchase.ticket_number}", bought(purchase) if held else gettext("It is yours. Enjoy the festival!")
    )


@post("/waiting-list-entries/{waitlist_id:int}/refusal", opt={"limit": "buy"})
async def decline(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller], waitlist_id: EntryId
) -> Response[Any]:
    try:
        seen = read(Seen, await form_of(request), form=True, local=False)
    except Invalid as refusal:
        return await shown(parts, who, waitlist_id, refusal)
    done = offer_answers.decline_offer(parts.database, who, waitlist_id, ticket_type_id=seen.ticket_type_id)
    return await ended(parts, who, waitlist_id, done, gettext("You gave the offer up."))


@post("/waiting-list-entries/{waitlist_id:int}/departure", opt={"limit": "buy"})
async def leave(parts: NamedDependency[Parts], who: NamedDependency[Caller], waitlist_id: EntryId) -> Response[Any]:
    """Of who waits: an offer that came meanwhile is answered on its own."""
    done = waiting_list.leave_waiting_list(parts.database, who, waitlist_id, with_offer=False)
    return await ended(parts, who, waitlist_id, done, gettext("You left the waiting list."))


async def ended(parts: Parts, who: Caller, waitlist_id: int, decision: Awaitable[Any], words: str) -> Response[Any]:
    try:
        await decision
    except (Conflict, Unavailable) as refusal:
        return await shown(parts, who, waitlist_id, refusal)
    return see_other("/tickets", words)


routes = [entry, old_entries, accept, decline, leave]
