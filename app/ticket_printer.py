"""PDF tickets, one at a time in a thread of their own: whoever wants paper must not slow down those who buy."""

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from app.domain.ticket_page import TicketPage
from app.errors import Unavailable
from app.language import gettext

WAITING_AT_MOST = 100


class TicketWords(NamedTuple):
    """What a ticket says in the language of its reader: labels with their texts, and a note below."""

    rows: dict[str, str]
    note: str


class TicketPrinter:
    """`money`, `span` and `zone` write amounts and times as the pages do."""

    def __init__(
        self,
        money: Callable[[str, str], str],
        span: Callable[[dt.datetime, dt.datetime, str], str],
        zone: Callable[[str], str],
    ) -> None:
        self.money = money
        self.span = span
        self.zone = zone
        self.thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tickets")
        self.waiting = 0

    async def pdf(self, tickets: Sequence[TicketPage]) -> bytes:
        """The bytes of the file, a page for each; raises `Unavailable` when too many wait for theirs."""
        if self.waiting >= WAITING_AT_MOST:
            raise Unavailable("Many people print their tickets at this moment.", retry_after=5)
        # Words here and not in the thread, which does not know the language of the request.
        pages = [(ticket, self.words(ticket)) for ticket in tickets]
        self.waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self.thread, print_pdf, pages)
        finally:
            self.waiting -= 1

    def words(self, ticket: TicketPage) -> TicketWords:
        price = self.money(ticket.price, ticket.currency)
        number = gettext("No. %(number)s") % {"number": ticket.ticket_number}
        when = self.span(ticket.start_time, ticket.end_time, ticket.timezone)
        rows = {
            gettext("When"): f"{when} ({self.zone(ticket.timezone)})",
            gettext("Where"): ticket.location,
            gettext("Holder"): ticket.holder,
            gettext("Ticket"): ticket.ticket_type,
            gettext("Price"): f"{price} · {number}",  # apart from the name, which may run from right to left
            gettext("Organizer"): ticket.company_name or "",
        }
        if ticket.qr_text:
            note = gettext("Show it at the door, on paper or on a screen. It lets one person in, once.")
        else:
            note = gettext("There is no code to scan: this ticket lets nobody in, or not yet.")
        return TicketWords(rows={label: text for label, text in rows.items() if text}, note=note)

    def close(self) -> None:
        self.thread.shutdown(wait=False, cancel_futures=True)


def print_pdf(pages: Sequence[tuple[TicketPage, TicketWords]]) -> bytes:
    from app.ticket_pdf import ticket_pdf  # half a second and 20 MB that a server which prints nothing does without

    return ticket_pdf(pages)
