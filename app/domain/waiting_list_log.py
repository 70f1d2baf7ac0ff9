"""Why an entry of a waiting list was, or was not, offered something; for its attendee and for the organizer."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec

from app.domain.accounts import Caller
from app.domain.holds import require_own_event
from app.domain.lists import Page, page_of
from app.domain.waiting_list_page import WISHED_TYPES, most_kept
from app.engines.database import Database
from app.errors import NotFound

WHYS = {
    "joined": "Joined the list for {quantity}. Places are offered in order of joining.",
    "offered": "Offered {quantity} × {ticket_type} until {until}.",
    "passed": "Passed over, {times} of {of} times at most. Free then: {left}; wanted together: {quantity}.",
    "skipped": "{ticket_type} was free, and was not offered. {reason}",
    "kept": "Places are kept now: {kept} of {quantity} × {ticket_type}.",
    "released": "Fewer places are kept now: {kept} of {quantity} × {ticket_type}.",
    "accepted": "Accepted {quantity} × {ticket_type}.",
    "shortened": "The sale ends earlier now: the offer lasts until {until}.",
    "withdrawn": "The offer ends: these tickets are not sold any more.",
    "declined": "The offer was declined.",
    "expired": "The offer was not taken in time.",
    "left": "Left the list.",
    "closed": "{reason}",
}
REASONS = {
    "event-cancelled": "The event was cancelled.",
    "sale-closed": "The sale ended before places came free.",
    "withdrawn": "These tickets are not sold any more.",
    "already-bought": "With {quantity} more it would be more tickets than one person can have.",
    "over-limit": "One person cannot have {quantity} of these tickets together.",
    "too-few-places": "There are too few places of these tickets now for a group of {quantity}.",
}

LINES = """
    SELECT l.id, l.waitlist_id, u.full_name, l.what, l.detail, l.at
    FROM waiting_list_log l JOIN waiting_list w ON w.id = l.waitlist_id JOIN users u ON u.id = w.attendee_id"""


class LogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """`why` is a sentence; `what` and `detail` are for programs and translations."""

    log_id: int
    waitlist_id: int
    full_name: str
    what: str
    why: str
    detail: dict[str, Any]
    at: dt.datetime

    @property
    def until(self) -> dt.datetime:
        """When what was offered lapses."""
        return dt.datetime.fromisoformat(self.detail["until"])


def log_entry(row: Mapping[str, Any]) -> LogEntry:
    detail = row["detail"]
    words = {**detail, "reason": REASONS.get(detail.get("reason", ""), "").format_map(detail)}
    return LogEntry(
        log_id=row["id"],
        waitlist_id=row["waitlist_id"],
        full_name=row["full_name"],
        what=row["what"],
        why=WHYS[row["what"]].format_map(words),
        detail=detail,
        at=row["at"],
    )


async def log_of_entry(database: Database, who: Caller, waitlist_id: int) -> list[LogEntry]:
    """Oldest first. Raises `NotFound` for an entry that is neither the caller's nor of the caller's event."""
    async with database.connection() as connection:
        entry = await connection.fetchrow(
            """SELECT w.attendee_id, e.organizer_id FROM waiting_list w JOIN events e ON e.id = w.event_id
               WHERE w.id = $1""",
            waitlist_id,
        )
        if entry is None or (entry["attendee_id"] != who.user_id and entry["organizer_id"] != who.organizer_id):
            raise NotFound("There is no such entry.")
        rows = await connection.fetch(
            f"{LINES} WHERE l.waitlist_id = $1 ORDER BY l.id",
            waitlist_id,
        )
    return [log_entry(row) for row in rows]


async def log_of_event(
    database: Database, who: Caller, event_id: int, limit: int, before: int | None
) -> Page[LogEntry]:
    """Newest first, for the organizer."""
    async with database.connection() as connection:
        await require_own_event(connection, who, event_id)
        rows = await connection.fetch(
            f"{LINES} WHERE l.event_id = $1 AND l.id < $2 ORDER BY l.id DESC LIMIT $3",
            event_id,
            before if before is not None else 2**63 - 1,
            limit + 1,
        )
    return page_of([log_entry(row) for row in rows], limit, lambda line: line.log_id)


class WaitingPerson(msgspec.Struct, frozen=True, kw_only=True):
    """`position` counts those who wait, from 1, and is None for those with an offer; `kept` is as in `Entry`."""

    waitlist_id: int
    attendee_id: int
    full_name: str
    email: str
    status: str
    quantity: int
    ticket_types: list[str]
    position: int | None
    passed: int
    kept: int
    offer_until: dt.datetime | None
    joined_at: dt.datetime


async def waiting_people(
    database: Database, who: Caller, event_id: int, limit: int, after: int | None
) -> Page[WaitingPerson]:
    """Who waits or has an offer, in order of joining, for the organizer."""
    async with database.connection() as connection:
        await require_own_event(connection, who, event_id)
        rows = await connection.fetch(
            f"""SELECT w.id AS waitlist_id, w.attendee_id, u.full_name, u.email, w.status, w.quantity, w.passed, w.kept,
                      w.offer_until, w.joined_at,
                      {WISHED_TYPES} AS ticket_types,
                      CASE WHEN w.status = 'waiting' THEN
                          (SELECT count(*) FROM waiting_list o WHERE o.event_id = $1 AND o.status = 'waiting'
                             AND o.id < $2 + 1) + row_number() OVER (PARTITION BY w.status ORDER BY w.id)
                      END AS position
               FROM waiting_list w JOIN users u ON u.id = w.attendee_id
               WHERE w.event_id = $1 AND w.status IN ('waiting', 'offered') AND w.id > $2 ORDER BY w.id LIMIT $3""",
            event_id,
            after or 0,
            limit + 1,
        )
    people = [WaitingPerson(**{**row, "kept": most_kept(row["kept"])}) for row in rows]
    return page_of(people, limit, lambda person: person.waitlist_id)
