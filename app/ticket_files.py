"""The files of a ticket as answers: QR code, PDF and calendar entry, the same for the API and the pages."""

from urllib.parse import urlsplit

from litestar import Response

from app.domain.accounts import Caller
from app.domain.ticket_page import ticket_page, valid_tickets
from app.errors import Conflict
from app.parts import Parts
from app.phrases import Phrase
from app.ticket_calendar import ticket_ics
from app.ticket_qr import qr_svg

# What is on the ticket may change until the door: kept by the browser, asked for anew each time.
CACHE = {"Cache-Control": "private, no-cache"}


async def qr_file(parts: Parts, who: Caller, number: int) -> Response[bytes]:
    """Raises `Conflict` of type `admits-nobody` where there is nothing to scan: a held or cancelled ticket."""
    ticket = await ticket_page(parts.database, who, number)
    if ticket.qr_text is None:
        raise Conflict(
            Phrase("The ticket is %(status)s: there is no code to show.", status=ticket.status), type="admits-nobody"
        )
    return Response(qr_svg(ticket.qr_text).encode(), media_type="image/svg+xml", headers=CACHE)


async def pdf_file(parts: Parts, who: Caller, number: int) -> Response[bytes]:
    ticket = await ticket_page(parts.database, who, number)
    headers = {**CACHE, **attachment(f"ticket-{number}.pdf")}
    return Response(await parts.printer.pdf([ticket]), media_type="application/pdf", headers=headers)


async def pdf_of_all(parts: Parts, who: Caller, event_id: int) -> Response[bytes]:
    """All valid tickets for an event, a page for each."""
    tickets = await valid_tickets(parts.database, who, event_id)
    headers = {**CACHE, **attachment(f"tickets-{event_id}.pdf")}
    return Response(await parts.printer.pdf(tickets), media_type="application/pdf", headers=headers)


async def calendar_file(parts: Parts, who: Caller, number: int) -> Response[bytes]:
    ticket = await ticket_page(parts.database, who, number)
    url = parts.settings.public_url
    entry = ticket_ics(ticket, f"{url}/tickets/{number}", urlsplit(url).hostname or "localhost")
    headers = {**CACHE, **attachment(f"ticket-{number}.ics")}
    return Response(entry.encode(), media_type="text/calendar", headers=headers)


def attachment(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
