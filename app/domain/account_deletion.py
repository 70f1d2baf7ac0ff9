"""Deleting an account: the person is gone from our records, what was sold stays countable."""

import datetime as dt
from contextlib import suppress

import msgspec

from app.domain.accounts import Caller, GivenPassword
from app.domain.cancelling import cancel_ticket
from app.domain.passwords import PasswordCheck
from app.domain.waiting_list import leave_waiting_list
from app.domain.waiting_list_page import entries_of
from app.engines.database import Connection, Database
from app.errors import Conflict
from app.phrases import Phrase
from app.validation import Input

NOBODY = "Deleted account"
ON_ITS_WAY = dt.timedelta(hours=24)


class DeletionIn(Input, frozen=True, kw_only=True):
    current_password: GivenPassword


class GoodTicket(msgspec.Struct, frozen=True, kw_only=True):
    """`held`: until it is paid."""

    ticket_number: int
    event_id: int
    title: str
    held: bool


class LiveEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Without `counted_on` nobody has or waits for a ticket, so that it can become a draft again."""

    event_id: int
    title: str
    counted_on: bool


class Leaving(msgspec.Struct, frozen=True, kw_only=True):
    """What would be left behind: tickets, places on waiting lists, offers; and the `events` that stand in the way."""

    tickets: list[GoodTicket]
    waiting: int
    offers: int
    events: list[LiveEvent]


async def leaving(database: Database, who: Caller) -> Leaving:
    async with database.connection() as connection:
        tickets = await connection.fetch(
            """SELECT t.id AS ticket_number, t.event_id, e.title, t.status = 'held' AS held
               FROM tickets t JOIN events e ON e.id = t.event_id
               WHERE t.attendee_id = $1 AND e.status = 'published' AND e.end_time > now()
                 AND (t.status = 'sold' OR t.status = 'held' AND t.held_until > now())
               ORDER BY e.start_time, t.id LIMIT 100""",
            who.user_id,
        )
        waits = await connection.fetchrow(
            """SELECT count(*) FILTER (WHERE status = 'waiting') AS waiting,
                      count(*) FILTER (WHERE status = 'offered' AND offer_until > now()) AS offers
               FROM waiting_list WHERE attendee_id = $1 AND status IN ('waiting', 'offered')""",
            who.user_id,
        )
        events = await live_events(connection, who.organizer_id)
    return Leaving(tickets=[GoodTicket(**row) for row in tickets], events=events, **waits)


async def live_events(connection: Connection, organizer_id: int | None) -> list[LiveEvent]:
    """Events that attendees may count on, those included that are still on their way to the database."""
    rows = await connection.fetch(
        """SELECT id AS event_id, title,
                  sold + held > 0 OR EXISTS (SELECT FROM waiting_list w WHERE w.event_id = events.id
                                             AND w.status IN ('waiting', 'offered')) AS counted_on
           FROM events WHERE organizer_id = $1 AND status = 'published' AND end_time > now()
           UNION ALL
           SELECT DISTINCT s.event_id, 'Event ' || s.event_id, true FROM submissions s
           WHERE s.organizer_id = $1 AND s.created_at > now() - $2::interval
             AND s.kind IN ('EventSubmitted', 'ProjectSubmitted')
             AND NOT EXISTS (SELECT FROM events e WHERE e.id = s.event_id)
             AND NOT EXISTS (SELECT FROM submission_steps t
                             WHERE t.message_id = s.id AND t.store = 'postgres' AND t.state = 'failed')
           ORDER BY 1 LIMIT 100""",
        organizer_id,
        ON_ITS_WAY,
    )
    return [LiveEvent(**row) for row in rows]


async def delete_account(check: PasswordCheck, who: Caller, given: DeletionIn, address: str) -> None:
    """For good. Paid tickets stay good, without a name; other places are given up; sessions, keys and links end.

    Raises:
        Invalid: the password is wrong.
        Conflict: of type `live-events` while an event of the caller is published and not over.
    """
    await check.confirm(who, given.current_password, address)
    async with check.database.connection() as connection:
        await require_no_events(connection, who)
    await give_up_places(check.database, who)
    async with check.database.transaction() as connection:
        await require_no_events(connection, who)
        await forget(connection, who.user_id)


async def require_no_events(connection: Connection, who: Caller) -> None:
    if events := await live_events(connection, who.organizer_id):
        titles = ", ".join(event.title for event in events)
        raise Conflict(
            Phrase(
                "Cancel your events first, make those that nobody has a ticket for drafts again, "
                "or wait until they are over: %(titles)s.",
                titles=titles,
            ),
            type="live-events",
        )


async def give_up_places(database: Database, who: Caller) -> None:
    """What is waited for, offered or not paid yet goes to the next in line; done twice it does no harm."""
    tried: set[int] = set()
    while entries := {one.waitlist_id for one in await entries_of(database, who, open_only=True)} - tried:
        for waitlist_id in entries:
            with suppress(Conflict):  # it has ended by itself meanwhile, if only by the clock
                await leave_waiting_list(database, who, waitlist_id)
        tried |= entries
    async with database.connection() as connection:
        held = await connection.fetch("SELECT id FROM tickets WHERE attendee_id = $1 AND status = 'held'", who.user_id)
    for ticket in held:
        with suppress(Conflict):
            await cancel_ticket(database, who, ticket["id"], None)


async def forget(connection: Connection, user_id: int) -> None:
    """The row stays, since tickets point at it, and says nothing about anybody; its e-mail is one nobody can have."""
    await connection.execute(
        """UPDATE users SET email = 'deleted-' || id, full_name = $2, password_hash = '', sign_up_key = NULL,
                            deleted_at = now() WHERE id = $1""",
        user_id,
        NOBODY,
    )
    # The company stays: it is the seller on tickets that people hold.
    await connection.execute("UPDATE organizers SET bio = NULL WHERE user_id = $1", user_id)
    for table in ("sessions", "api_keys", "password_resets", "idempotency_keys"):
        await connection.execute(f"DELETE FROM {table} WHERE user_id = $1", user_id)
