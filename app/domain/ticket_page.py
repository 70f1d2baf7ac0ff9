"""Tickets as their holder sees them."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec

from app.domain.accounts import Caller
from app.domain.ticket_codes import SigningKey, TicketCode, signed
from app.domain.tickets import TICKETS, TicketView, ticket_view
from app.engines.database import Database
from app.errors import NotFound

ADMITS = ("sold", "used")


class TicketPage(TicketView, frozen=True, kw_only=True):
    """`qr_text` is what its QR code says; None while the ticket lets nobody in.

    `valid_for_event` counts the holder's valid tickets for the same event.
    """

    end_time: dt.datetime
    holder: str
    company_name: str | None
    returns_until: dt.datetime | None
    used_at: dt.datetime | None
    valid_for_event: int
    qr_text: str | None


async def ticket_page(database: Database, who: Caller, number: int) -> TicketPage:
    """Raises `NotFound` for what is unknown or somebody else's."""
    found = await ticket_pages(database, who, "t.id = $2", number)
    if not found:
        raise NotFound("There is no such ticket.")
    return found[0]


async def valid_tickets(database: Database, who: Caller, event_id: int) -> list[TicketPage]:
    """All that let the caller and their people into an event; raises `NotFound` where there is none."""
    valid = "t.event_id = $2 AND t.status = 'sold' AND e.status <> 'cancelled'"
    found = await ticket_pages(database, who, valid, event_id)
    if not found:
        raise NotFound("You have no valid ticket for this event.")
    return found


async def ticket_pages(database: Database, who: Caller, condition: str, value: int) -> list[TicketPage]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"""WITH mine AS ({TICKETS} WHERE t.attendee_id = $1 AND {condition})
               SELECT mine.*, e.end_time, t.used_at, u.full_name AS holder, k.kid, k.private_key,
                      coalesce(e.organized_by, o.company_name) AS company_name,
                      CASE WHEN e.returns_until IS NOT NULL
                           THEN least(e.returns_until, e.end_time) END AS returns_until,
                      (SELECT count(*) FROM tickets v WHERE v.attendee_id = $1 AND v.event_id = mine.event_id
                                                        AND v.status = 'sold' AND e.status <> 'cancelled'
                      ) AS valid_for_event
               FROM mine JOIN tickets t ON t.id = mine.id JOIN events e ON e.id = mine.event_id
                    JOIN users u ON u.id = $1 LEFT JOIN organizers o ON o.id = e.organizer_id
                    CROSS JOIN (SELECT kid, private_key FROM ticket_keys ORDER BY kid DESC LIMIT 1) k
               ORDER BY mine.id""",
            who.user_id,
            value,
        )
    return [as_page(row) for row in rows]


def as_page(row: Mapping[str, Any]) -> TicketPage:
    view = ticket_view(row)
    says = TicketCode(event_id=view.event_id, ticket_number=view.ticket_number, code=view.code)
    key = SigningKey(kid=row["kid"], private_key=row["private_key"])
    qr_text = signed(key, says) if view.status in ADMITS else None
    known = msgspec.structs.asdict(view) | {"qr_text": qr_text}
    return TicketPage(**known, **{name: row[name] for name in TicketPage.__struct_fields__ if name not in known})
