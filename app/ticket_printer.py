"""PDF tickets, one at a time in a thread of their own: whoever wants paper must not slow down those who buy."""

import asyncio
import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from app.domain.ticket_page import TicketPage
from app.errors import Unavailable

WAITING_AT_MOST = 100


class TicketPrinter:
    """`money` and `span` write amounts and times as the pages do."""

    def __init__(self, money: Callable[[str, str], str], span: Callable[[dt.datetime, dt.datetime, str], str]) -> None:
        self.money = money
        self.span = span
        self.thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tickets")
        self.waiting = 0

    async def pdf(self, ticket: TicketPage) -> bytes:
        """The bytes of the file; raises `Unavailable` when too many wait for theirs."""
        if self.waiting >= WAITING_AT_MOST:
            raise Unavailable("Many people print their tickets at this moment.", retry_after=5)
        rows = self.rows(ticket)  # here and not in the thread, which does not know the language of the request
        self.waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self.thread, print_pdf, ticket, rows)
        finally:
            self.waiting -= 1

    def rows(self, ticket: TicketPage) -> dict[str, str]:
        return {
            "When": self.span(ticket.start_time, ticket.end_time, ticket.timezone),
            "Where": ticket.location,
            "Holder": ticket.holder,
            "Ticket": f"No. {ticket.ticket_number} · {self.money(ticket.price, ticket.currency)}",
            "Organizer": ticket.company_name or "",
        }

    def close(self) -> None:
        self.thread.shutdown(wait=False, cancel_futures=True)


def print_pdf(ticket: TicketPage, rows: dict[str, str]) -> bytes:
    from app.ticket_pdf import ticket_pdf  # half a second and 20 MB that a server which prints nothing does without

    return ticket_pdf(ticket, rows)
