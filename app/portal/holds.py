"""Tickets that wait for a payment: confirmed or released by the organizer, one or many."""

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Template

from app.domain.accounts import Caller
from app.domain.holds import Decided, confirm_tickets, held_tickets, release_tickets
from app.domain.lists import from_cursor
from app.domain.workspace import own_event
from app.errors import AppError, Conflict, FieldError, Invalid
from app.language import gettext, ngettext
from app.parts import Parts
from app.portal.flash import see_other
from app.portal.forms import form_of, text_in
from app.portal.workspace import EventId, frame
from app.validation import several

ON_A_PAGE = 50


@get("/projects/{event_id:int}/held", opt={"role": "organizer"})
async def held(
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    event_id: EventId,
    cursor: Annotated[str | None, QueryParameter(required=False)] = None,
) -> Template:
    return await held_page(parts, who, event_id, cursor)


async def held_page(
    parts: Parts,
    who: Caller,
    event_id: int,
    cursor: str | None = None,
    refusal: AppError | None = None,
    chosen: tuple[int, ...] = (),
    reason: str = "",
) -> Template:
    event = await own_event(parts.database, who, event_id)
    page = await held_tickets(parts.database, who, event_id, ON_A_PAGE, from_cursor(cursor))
    errors = {bad.field: bad.message for bad in refusal.fields} if refusal else {}
    more = {"tab": "held", "page": page, "first": bool(cursor), "refusal": refusal, "chosen": chosen}
    context = frame(event, "attendees", errors=errors, values={"reason": reason}, **more)
    return Template("holds/page.html", context=context, status_code=refusal.status if refusal else 200)


@post("/projects/{event_id:int}/held", opt={"role": "organizer", "limit": "submit"})
async def decide_held(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: EventId
) -> Response[Any]:
    form = await form_of(request)
    chosen = tuple(int(one) for one in several(form.get("ticket_numbers")) if one.isascii() and one.isdigit())
    reason = text_in(form, "reason") or ""
    try:
        if not chosen:
            raise Invalid([FieldError("ticket_numbers", "tick at least one")], "Tick at least one ticket.")
        if form.get("decision") == "release":
            decided = await release_tickets(parts.database, who, event_id, chosen, reason)
            said = ngettext("%(num)s place is free again.", "%(num)s places are free again.", len(decided.done))
        else:
            decided = await confirm_tickets(parts.database, who, event_id, chosen)
            said = ngettext("%(num)s payment is confirmed.", "%(num)s payments are confirmed.", len(decided.done))
    except (Conflict, Invalid) as refusal:
        return await held_page(parts, who, event_id, None, refusal, chosen, reason)
    return see_other(f"/projects/{event_id}/held", said % {"num": len(decided.done)} + refused_too(decided))


def refused_too(decided: Decided) -> str:
    """The first refusal stands for the others: they are seldom and alike."""
    return f" {gettext(decided.refused[0].detail)}" if decided.refused else ""


routes = [held, decide_held]
