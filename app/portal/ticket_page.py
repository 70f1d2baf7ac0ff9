"""The page of one ticket, its files, and giving it back."""

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter
from litestar.response import Template

from app.domain.accounts import Caller
from app.domain.cancelling import cancel_ticket
from app.domain.idempotency import idempotent
from app.domain.ticket_page import ticket_page
from app.errors import AppError, Conflict, Unavailable
from app.form_request import form_of
from app.language import gettext
from app.parts import Parts
from app.portal.flash import see_other
from app.portal.forms import new_key, text_in
from app.portal.workspace import EventId
from app.ticket_files import calendar_file, pdf_file, pdf_of_all, qr_file
from app.ticket_qr import qr_svg

TicketNumber = Annotated[int, PathParameter(ge=0, le=2**63 - 1)]


@get("/tickets/{ticket_number:int}")
async def ticket(parts: NamedDependency[Parts], who: NamedDependency[Caller], ticket_number: TicketNumber) -> Template:
    return await shown(parts, who, ticket_number)


async def shown(parts: Parts, who: Caller, number: int, refusal: AppError | None = None) -> Template:
    found = await ticket_page(parts.database, who, number)
    code = qr_svg(found.qr_text) if found.qr_text else None
    context = {"ticket": found, "qr": code, "refusal": refusal, "key": new_key()}
    return Template("tickets/ticket.html", context=context, status_code=refusal.status if refusal else 200)


@post("/tickets/{ticket_number:int}/cancellation", opt={"limit": "buy"})
async def give_back(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    ticket_number: TicketNumber,
) -> Response[Any]:
    key = idempotent(text_in(await form_of(request), "key"), request.scope["path"])
    try:
        await cancel_ticket(parts.database, who, ticket_number, None, key)
    except (Conflict, Unavailable) as refusal:
        return await shown(parts, who, ticket_number, refusal)
    return see_other("/tickets", gettext("The ticket was given back."))


@get("/tickets/{ticket_number:int}/qr.svg")
async def ticket_qr(
    parts: NamedDependency[Parts], who: NamedDependency[Caller], ticket_number: TicketNumber
) -> Response[bytes]:
    return await qr_file(parts, who, ticket_number)


@get("/tickets/{ticket_number:int}/ticket.pdf")
async def ticket_pdf(
    parts: NamedDependency[Parts], who: NamedDependency[Caller], ticket_number: TicketNumber
) -> Response[bytes]:
    return await pdf_file(parts, who, ticket_number)


@get("/tickets/{ticket_number:int}/event.ics")
async def ticket_calendar(
    parts: NamedDependency[Parts], who: NamedDependency[Caller], ticket_number: TicketNumber
) -> Response[bytes]:
    return await calendar_file(parts, who, ticket_number)


@get("/events/{event_id:int}/tickets.pdf")
async def all_tickets_pdf(
    parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: EventId
) -> Response[bytes]:
    return await pdf_of_all(parts, who, event_id)


routes = [all_tickets_pdf, ticket, give_back, ticket_qr, ticket_pdf, ticket_calendar]
