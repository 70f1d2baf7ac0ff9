"""The attendees of an event as its organizer finds, filters and exports them."""

import datetime as dt
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from app.domain.issuing import CODE_LENGTH, CODE_LETTERS
from app.domain.lists import Page, page_of
from app.domain.money import money
from app.engines.database import Connection, Database
from app.errors import FieldError, Invalid, NotFound
from app.validation import clean

STATUSES = ("held", "sold", "used", "lapsed", "cancelled")
AT_THE_DOOR = ("held", "sold", "used")
BATCH = 500
FEW_PEOPLE = 4000
CODE = re.compile(f"[{CODE_LETTERS}]{{{CODE_LENGTH}}}")


class AttendeeFilter(msgspec.Struct, frozen=True, kw_only=True):
    """`q` is a ticket's code or number, or beginnings of words of a name or an e-mail address."""

    q: str = ""
    status: str | None = None
    ticket_type_id: int | None = None

    def __post_init__(self) -> None:
        try:
            clean(self.q)
        except ValueError as error:
            raise Invalid([FieldError("q", error.args[0])]) from error


class Attendee(msgspec.Struct, frozen=True, kw_only=True):
    ticket_number: int
    code: str
    status: str
    full_name: str
    email: str
    ticket_type: str
    price: str
    currency: str
    bought_at: dt.datetime
    held_until: dt.datetime | None
    used_at: dt.datetime | None
    cancelled_at: dt.datetime | None
    cancel_reason: str | None

    @property
    def paid(self) -> bool:
        """Also where it is cancelled, and to be paid back; a payment that came leaves no deadline behind."""
        return Decimal(self.price) > 0 and self.status not in ("held", "lapsed") and self.held_until is None


SELECT = """SELECT t.id AS ticket_number, t.code, t.status, t.price, t.currency, t.created_at AS bought_at,
                   t.held_until, t.used_at, t.cancelled_at, t.cancel_reason, u.full_name, u.email, k.name AS ticket_type
            FROM tickets t JOIN users u ON u.id = t.attendee_id JOIN ticket_types k ON k.id = t.ticket_type_id"""


async def attendees(
    database: Database, event_id: int, wanted: AttendeeFilter, limit: int, before: int | None
) -> Page[Attendee]:
    """One page of those who match, newest ticket first."""
    async with database.connection() as connection:
        found = await matching(connection, event_id, wanted, limit + 1, before)
    return page_of(found, limit, lambda one: one.ticket_number)


async def all_attendees(database: Database, event_id: int, wanted: AttendeeFilter) -> AsyncIterator[list[Attendee]]:
    """All who match, newest first. No connection is kept between two batches: a slow reader holds nobody up."""
    before = None
    while True:
        async with database.connection() as connection:
            found = await matching(connection, event_id, wanted, BATCH, before)
        if found:
            yield found
        if len(found) < BATCH:
            return
        before = found[-1].ticket_number


async def matching(
    connection: Connection, event_id: int, wanted: AttendeeFilter, limit: int, before: int | None
) -> list[Attendee]:
    """The conditions are written out for each combination, so that each has a plan of its own."""
    conditions, arguments = ["t.event_id = $1"], [event_id, limit]

    def also(condition: str, value: Any) -> None:
        arguments.append(value)
        conditions.append(condition.format(f"${len(arguments)}"))

    if before is not None:
        also("t.id < {}", before)
    if wanted.status:
        also("t.status = {}", wanted.status)
    if wanted.ticket_type_id:
        also("t.ticket_type_id = {}", wanted.ticket_type_id)
    if wanted.q:
        also(*await found_by(connection, event_id, wanted.q))
    rows = await connection.fetch(f"{SELECT} WHERE {' AND '.join(conditions)} ORDER BY t.id DESC LIMIT $2", *arguments)
    return [attendee(row) for row in rows]


async def found_by(connection: Connection, event_id: int, q: str) -> tuple[str, Any]:
    """The condition that finds what was typed: the code of a ticket, its number, or words of its owner.

    Few people are looked up one by one. Of many, enough are met soon by going through the tickets: the planner would
    do that for few as well, hoping to meet fifty of them early.
    """
    code = code_in(q)
    if code and await connection.fetchval("SELECT event_id FROM tickets WHERE code = $1", code) == event_id:
        return "t.code = {}", code
    number = re.fullmatch(r"(?:no\.?\s*)?([1-9]\d{0,17})", q, re.ASCII | re.IGNORECASE)
    if number and await connection.fetchval("SELECT event_id FROM tickets WHERE id = $1", int(number[1])) == event_id:
        return "t.id = {}", int(number[1])
    people = await connection.fetch(
        "SELECT id FROM users WHERE words @@ words_beginning($1) LIMIT $2", q, FEW_PEOPLE + 1
    )
    if len(people) > FEW_PEOPLE:
        # Half of all, the planner thinks of a coalesce; the words are made once, and not for each ticket on the way.
        return "coalesce(u.words @@ (SELECT words_beginning({})), false)", q
    return "t.attendee_id = ANY({}::bigint[])", [row["id"] for row in people]


def code_in(text: str) -> str | None:
    """The code that was typed, in small letters or in groups perhaps."""
    found = re.sub(r"[\s-]", "", text).upper()
    return found if CODE.fullmatch(found) else None


async def door_list(database: Database, event_id: int) -> AsyncIterator[list[Attendee]]:
    """Everybody who may come in, by name. Only the numbers are held in memory."""
    async with database.connection() as connection:
        numbers = await connection.fetchval(
            """SELECT array_agg(t.id ORDER BY lower(u.full_name), t.id) FROM tickets t
               JOIN users u ON u.id = t.attendee_id JOIN events e ON e.id = t.event_id
               WHERE t.event_id = $1 AND t.status = ANY($2) AND e.status <> 'cancelled'""",
            event_id,
            AT_THE_DOOR,
        )
    for start in range(0, len(numbers or ()), BATCH):
        async with database.connection() as connection:
            rows = await connection.fetch(
                f"""{SELECT} JOIN unnest($1::bigint[]) WITH ORDINALITY AS wanted (id, place) ON wanted.id = t.id
                    ORDER BY wanted.place""",
                numbers[start : start + BATCH],
            )
        yield [attendee(row) for row in rows]


async def attendee_of(database: Database, event_id: int, ticket_number: int) -> Attendee:
    """One ticket of the event; raises `NotFound` when it is not of this event."""
    async with database.connection() as connection:
        row = await connection.fetchrow(f"{SELECT} WHERE t.id = $1 AND t.event_id = $2", ticket_number, event_id)
    if row is None:
        raise NotFound("There is no such ticket.")
    return attendee(row)


async def attendees_with(database: Database, event_id: int, ticket_numbers: Sequence[int]) -> dict[int, Attendee]:
    """By ticket number, in that order; those that are not of this event are left out."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"{SELECT} WHERE t.id = ANY($1) AND t.event_id = $2 ORDER BY t.id", list(ticket_numbers), event_id
        )
    return {row["ticket_number"]: attendee(row) for row in rows}


def attendee(row: Mapping[str, Any]) -> Attendee:
    return Attendee(**{**row, "price": money(row["price"], row["currency"])})
