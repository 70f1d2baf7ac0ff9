"""One event as its organizer sees it: whose it is, and how it stands."""

from collections.abc import Mapping
from typing import Any

import msgspec

from app.domain.accounts import Caller
from app.domain.event_page import event_row
from app.domain.sales import Sales, SalesOfType, sales_of
from app.domain.ticket_types import TicketType, ticket_types_of
from app.engines.database import Database
from app.errors import NotFound


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """`to_confirm` are held tickets, `checked_in` used ones; `waiting` leaves out who is offered something."""

    sales: Sales
    ticket_types: list[TicketType]
    to_confirm: int
    checked_in: int
    waiting: int

    @property
    def by_type(self) -> dict[int, SalesOfType]:
        return {one.ticket_type_id: one for one in self.sales.by_type}


async def own_event(database: Database, who: Caller, event_id: int) -> Mapping[str, Any]:
    """The stored event; raises `NotFound` when it is another organizer's."""
    row = await event_row(database, who, event_id)
    if row["organizer_id"] != who.organizer_id:
        raise NotFound("There is no such event.")
    return row


async def overview(database: Database, event: Mapping[str, Any]) -> Overview:
    async with database.connection() as connection:
        counted = await connection.fetchrow(
            """SELECT (SELECT count(*) FROM tickets WHERE event_id = $1 AND status = 'held') AS to_confirm,
                      (SELECT count(*) FROM tickets WHERE event_id = $1 AND status = 'used') AS checked_in,
                      (SELECT count(*) FROM waiting_list WHERE event_id = $1 AND status = 'waiting') AS waiting""",
            event["id"],
        )
        return Overview(
            sales=await sales_of(connection, event),
            ticket_types=await ticket_types_of(connection, event["id"], everything=True),
            **counted,
        )
