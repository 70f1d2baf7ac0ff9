"""One ticket: its data, its QR code, on paper, in a calendar; and the keys that prove it."""

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec

from app.api.answers import PathId, problems, public_problems
from app.domain import ticket_codes
from app.domain.accounts import Caller
from app.domain.lists import Page
from app.domain.ticket_codes import PublicKey
from app.domain.ticket_page import TicketPage, ticket_page
from app.parts import Parts
from app.ticket_files import calendar_file, pdf_file, pdf_of_all, qr_file


def file_or_problems(kind: str, *statuses: int) -> dict[int, ResponseSpec]:
    answer = ResponseSpec(bytes, description="The file", media_type=kind, generate_examples=False)
    return {200: answer, **problems(404, *statuses)}


@get("/tickets/{ticket_number:int}", summary="One of your tickets", responses=problems(404))
async def one_ticket(parts: NamedDependency[Parts], who: NamedDependency[Caller], ticket_number: PathId) -> TicketPage:
    return await ticket_page(parts.database, who, ticket_number)


@get(
    "/tickets/{ticket_number:int}/qr.svg", summary="Its QR code",
    responses=file_or_problems("image/svg+xml", 409),
)  # fmt: skip
async def ticket_qr(
    parts: NamedDependency[Parts], who: NamedDependency[Caller], ticket_number: PathId
) -> Response[bytes]:
    return await qr_file(parts, who, ticket_number)


@get(
    "/tickets/{ticket_number:int}/ticket.pdf", summary="It on paper",
    responses=file_or_problems("application/pdf"),
)  # fmt: skip
async def ticket_pdf(
    parts: NamedDependency[Parts], who: NamedDependency[Caller], ticket_number: PathId
) -> Response[bytes]:
    return await pdf_file(parts, who, ticket_number)


@get(
    "/tickets/{ticket_number:int}/event.ics", summary="Its event for a calendar",
    responses=file_or_problems("text/calendar"),
)  # fmt: skip
async def ticket_calendar(
    parts: NamedDependency[Parts], who: NamedDependency[Caller], ticket_number: PathId
) -> Response[bytes]:
    return await calendar_file(parts, who, ticket_number)


@get(
    "/event/{event_id:int}/tickets.pdf", summary="Your valid tickets for an event on paper, a page for each",
    responses=file_or_problems("application/pdf"),
)  # fmt: skip
async def all_tickets_pdf(
    parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: PathId
) -> Response[bytes]:
    return await pdf_of_all(parts, who, event_id)


@get(
    "/ticket-keys", opt={"public": True}, summary="The public keys that prove the QR codes of tickets",
    responses=public_problems(),
)  # fmt: skip
async def ticket_keys(parts: NamedDependency[Parts]) -> Page[PublicKey]:
    async with parts.database.connection() as connection:
        return Page(await ticket_codes.public_keys(connection), None)


routes = [one_ticket, ticket_qr, ticket_pdf, ticket_calendar, all_tickets_pdf, ticket_keys]
