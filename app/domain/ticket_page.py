"""One ticket as its holder sees it."""

import datetime as dt

import msgspec

from app.domain.accounts import Caller
from app.domain.money import money
from app.domain.ticket_codes import TicketCode, newest_key, signed
from app.engines.database import Database
from app.errors import NotFound

ADMITS = ("sold", "used")


class TicketPage(msgspec.Struct, frozen=True, kw_only=True):
    """`qr_text` is what its QR code says; None while the ticket lets nobody in."""

    ticket_number: int
    code: str
    status: str
    price: str
    currency: str
    bought_at: dt.datetime
    holder: str
    event_id: int
    title: str
    location: str
    start_time: dt.datetime
    end_time: dt.datetime
    timezone: str
    company_name: str | None
    qr_text: str | None


async def ticket_page(database: Database, who: Caller, number: int) -> TicketPage:
    """Raises `NotFound` for what is unknown or somebody else's."""
    async with database.connection() as connection:
        row = await connection.fetchrow(
            """SELECT t.id AS ticket_number, t.code, t.status, t.price, t.currency, t.created_at AS bought_at,
                      u.full_name AS holder, e.id AS event_id, e.title, e.location, e.start_time, e.end_time,
                      e.timezone, o.company_name
               FROM tickets t JOIN events e ON e.id = t.event_id JOIN users u ON u.id = t.attendee_id
                    LEFT JOIN organizers o ON o.id = e.organizer_id
               WHERE t.id = $1 AND t.attendee_id = $2""",
            number,
            who.user_id,
        )
        if row is None:
            raise NotFound("There is no such ticket.")
        key = await newest_key(connection)
    says = TicketCode(event_id=row["event_id"], ticket_number=row["ticket_number"], code=row["code"])
    admits = row["status"] in ADMITS
    price = money(row["price"], row["currency"])
    return TicketPage(**{**row, "price": price}, qr_text=signed(key, says) if admits else None)
