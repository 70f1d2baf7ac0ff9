"""One ticket as its holder sees it."""

import datetime as dt

import msgspec

from app.domain.accounts import Caller
from app.domain.ticket_codes import SigningKey, TicketCode, signed
from app.domain.tickets import TICKETS, TicketView, ticket_view
from app.engines.database import Database
from app.errors import NotFound

ADMITS = ("sold", "used")


class TicketPage(TicketView, frozen=True, kw_only=True):
    """`qr_text` is what its QR code says; None while the ticket lets nobody in."""

    end_time: dt.datetime
    holder: str
    company_name: str | None
    returns_until: dt.datetime | None
    used_at: dt.datetime | None
    qr_text: str | None


async def ticket_page(database: Database, who: Caller, number: int) -> TicketPage:
    """Raises `NotFound` for what is unknown or somebody else's."""
    async with database.connection() as connection:
        row = await connection.fetchrow(f"{TICKETS} WHERE t.id = $1 AND t.attendee_id = $2", number, who.user_id)
        if row is None:
            raise NotFound("There is no such ticket.")
        more = await connection.fetchrow(
            """SELECT e.end_time, t.used_at, u.full_name AS holder, k.kid, k.private_key,
                      coalesce(e.organized_by, o.company_name) AS company_name,
                      CASE WHEN e.returns_until IS NOT NULL THEN least(e.returns_until, e.end_time) END AS returns_until
               FROM tickets t JOIN events e ON e.id = t.event_id JOIN users u ON u.id = t.attendee_id
                    LEFT JOIN organizers o ON o.id = e.organizer_id
                    CROSS JOIN (SELECT kid, private_key FROM ticket_keys ORDER BY kid DESC LIMIT 1) k
               WHERE t.id = $1""",
            number,
        )
    view, more = ticket_view(row), dict(more)
    key = SigningKey(kid=more.pop("kid"), private_key=more.pop("private_key"))
    says = TicketCode(event_id=view.event_id, ticket_number=number, code=view.code)
    qr_text = signed(key, says) if view.status in ADMITS else None
    return TicketPage(**msgspec.structs.asdict(view), **more, qr_text=qr_text)
