"""The tickets of a person by when their events are: what comes, soonest first, and what is over, latest first."""

from app.domain.accounts import Caller
from app.domain.lists import Page, page_of
from app.domain.tickets import TICKETS, TicketView, ticket_view
from app.engines.database import Database

GONE = "('cancelled', 'lapsed')"


async def coming_tickets(database: Database, who: Caller, limit: int, after: int | None) -> Page[TicketView]:
    """Of events that are not over, `after` being a ticket of the page before; cancelled ones are with the past."""
    return await tickets_where(
        database, who, limit, after,
        f"e.end_time > now() AND e.status <> 'cancelled' AND t.status NOT IN {GONE}", ">", "ASC",
    )  # fmt: skip


async def past_tickets(database: Database, who: Caller, limit: int, after: int | None) -> Page[TicketView]:
    return await tickets_where(
        database, who, limit, after,
        f"(e.end_time <= now() OR e.status = 'cancelled' OR t.status IN {GONE})", "<", "DESC",
    )  # fmt: skip


async def tickets_where(
    database: Database, who: Caller, limit: int, after: int | None, condition: str, beyond: str, order: str
) -> Page[TicketView]:
    """One query; its cost is that of one person's tickets, whatever the page."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"""{TICKETS} WHERE t.attendee_id = $1 AND {condition}
                AND ($2::bigint IS NULL OR (e.start_time, t.id) {beyond} (
                    SELECT f.start_time, p.id FROM tickets p JOIN events f ON f.id = p.event_id
                    WHERE p.id = $2 AND p.attendee_id = $1))
                ORDER BY e.start_time {order}, t.id {order} LIMIT $3""",
            who.user_id,
            after,
            limit + 1,
        )
    return page_of([ticket_view(row) for row in rows], limit, lambda ticket: ticket.ticket_number)
