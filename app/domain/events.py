"""Events: what people attend. Submitting, recording and changing them; `event_page.py` reads them."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from app.domain.accounts import Caller
from app.domain.idempotency import Idempotent
from app.domain.money import currency_complaint, price_complaint
from app.domain.submissions import Draft, Numbers, Submissions, Submitted
from app.domain.ticket_types import check_ticket_types, record_ticket_types, ticket_types_data
from app.domain.zones import SKIPPED, in_zone, is_skipped, zone_or_none
from app.engines.database import Connection
from app.errors import FieldError, Forbidden
from app.messages import EventData, EventSubmitted, Message, ProjectSubmitted
from app.phrases import Phrase
from app.validation import Input

Title = Annotated[str, Meta(min_length=1, max_length=200, extra={"says": Phrase("must have 1 to 200 characters")})]
Text = Annotated[str, Meta(min_length=1, max_length=20_000, extra={"says": Phrase("must have 1 to 20,000 characters")})]
Capacity = Annotated[
    int, Meta(ge=1, le=1_000_000, extra={"says": Phrase("must be a whole number from 1 to 1,000,000")})
]
Status = Annotated[Literal["draft", "published"], Meta(extra={"says": Phrase('must be "draft" or "published"')})]
Id = Annotated[int, Meta(ge=1, le=2**63 - 1, extra={"says": Phrase("must be an id")})]
Payment = Annotated[
    Literal["instant", "organizer_confirms"], Meta(extra={"says": Phrase('must be "instant" or "organizer_confirms"')})
]
Hours = Annotated[int, Meta(ge=1, le=8760, extra={"says": Phrase("must be a whole number of hours from 1 to 8,760")})]
Tag = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\n]*$")]
Tags = Annotated[
    list[Tag],
    Meta(max_length=50, extra={"says": Phrase("must be at most 50 texts of 1 to 100 characters, of one line each")}),
]
Short = Annotated[str, Meta(min_length=1, max_length=100, extra={"says": Phrase("must have 1 to 100 characters")})]


class EventIn(Input, frozen=True, kw_only=True):
    """Times without an offset are in `timezone`; `price` is in major units of `currency`."""

    title: Title
    description: Text
    location: Title
    start_time: dt.datetime
    end_time: dt.datetime
    price: Decimal
    capacity: Capacity
    date: dt.date
    currency: Short | None = None
    timezone: Short | None = None
    status: Status = "published"
    payment: Payment = "instant"
    hold_hours: Hours = 168
    offer_hours: Hours = 24
    returns_until: dt.datetime | None = None
    tags: Tags = msgspec.field(default_factory=list)
    ticket_types: list[dict[str, Any]] | None = None
    organizer_id: Id | None = None

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> Iterable[FieldError]:
        yield from check_event(values)


def check_event(values: Mapping[str, Any]) -> Iterable[FieldError]:
    """What must hold between the fields of an event; missing ones are not judged, but for currency and timezone."""
    currency, timezone = values["currency"], values["timezone"]
    if complaint := currency_complaint(currency):
        yield FieldError("currency", complaint)
    if values.get("price") is not None and (complaint := price_complaint(values["price"], currency)):
        yield FieldError("price", complaint)
    zone = zone_or_none(timezone)
    if zone is None:
        yield FieldError("timezone", "must be a timezone such as Europe/Berlin")
    for name in ("start_time", "end_time", "returns_until"):
        if zone and values.get(name) and is_skipped(values[name], zone):
            yield FieldError(name, SKIPPED)
    if {"start_time", "end_time"} <= values.keys() and ends_too_early(values["start_time"], values["end_time"], zone):
        yield FieldError("end_time", "must not be before the start")
    end = in_zone(values["end_time"], zone) if zone and "end_time" in values else None
    yield from check_ticket_types(values.get("ticket_types") or (), currency, timezone, end)


def ends_too_early(start: dt.datetime, end: dt.datetime, zone: ZoneInfo | None) -> bool:
    """In a zone that is not known, as far as that does not matter."""
    if zone is None and (start.tzinfo is None) != (end.tzinfo is None):
        return False
    return in_zone(end, zone or ZoneInfo("UTC")) < in_zone(start, zone or ZoneInfo("UTC"))


def event_data(given: EventIn, currency: str, timezone: str) -> EventData:
    """What was sent, with the installation's `currency` and `timezone` where nothing was said."""
    currency, timezone = given.currency or currency, given.timezone or timezone
    zone = ZoneInfo(timezone)
    return EventData(
        title=given.title,
        description=given.description,
        location=given.location,
        start_time=in_zone(given.start_time, zone),
        end_time=in_zone(given.end_time, zone),
        date=given.date,
        price=given.price,
        currency=currency,
        timezone=timezone,
        capacity=given.capacity,
        status=given.status,
        payment=given.payment,
        hold_hours=given.hold_hours,
        offer_hours=given.offer_hours,
        returns_until=in_zone(given.returns_until, zone) if given.returns_until else None,
        tags=given.tags,
    )


def require_organizer(who: Caller) -> int:
    """The caller's organizer id."""
    if who.organizer_id is None:
        raise Forbidden("Only organizers may do this.", type="organizers-only")
    return who.organizer_id


async def submit_event(
    submissions: Submissions, who: Caller, given: EventIn, data: EventData, idempotent: Idempotent | None
) -> Submitted:
    organizer_id = require_organizer(who)

    def build(numbers: Numbers) -> tuple[Message, dict[str, Any]]:
        message = EventSubmitted(
            message_id=numbers.message_id,
            rev=numbers.rev,
            at=numbers.at,
            event_id=numbers.event_id,
            organizer_id=organizer_id,
            event=data,
            ticket_types=ticket_types_data(given.ticket_types or (), data.timezone),
        )
        return message, {}

    return await submissions.submit(Draft(who, build, idempotent))


async def record_events(connection: Connection, messages: Sequence[EventSubmitted | ProjectSubmitted]) -> None:
    """Core data into Postgres, unless a newer revision is there already."""
    newest = {message.event_id: message for message in sorted(messages, key=lambda message: message.rev)}
    rows = [
        (
            m.event_id, m.organizer_id, m.rev, m.event.title, m.event.description, m.event.location,
            m.event.start_time, m.event.end_time, m.event.date, m.event.price, m.event.currency, m.event.timezone,
            m.event.status, m.event.capacity, m.event.payment, m.event.hold_hours, m.event.offer_hours,
            m.event.returns_until, m.event.organized_by, "\n".join(m.event.tags), m.at,
        )
        for m in newest.values()
    ]  # fmt: skip
    await connection.execute(
        """INSERT INTO events (id, organizer_id, rev, title, description, location, start_time, end_time, date, price,
                               currency, timezone, status, capacity, payment, hold_hours, offer_hours, returns_until,
                               organized_by, tags, created_at)
           SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[],
                                $7::timestamptz[], $8::timestamptz[], $9::date[], $10::numeric[], $11::text[],
                                $12::text[], $13::text[], $14::integer[], $15::text[], $16::integer[],
                                $17::integer[], $18::timestamptz[], $19::text[], $20::text[], $21::timestamptz[])
           ON CONFLICT (id) DO UPDATE SET
               rev = excluded.rev, title = excluded.title, description = excluded.description,
               location = excluded.location, start_time = excluded.start_time, end_time = excluded.end_time,
               date = excluded.date, price = excluded.price, currency = excluded.currency,
               timezone = excluded.timezone, status = excluded.status, capacity = excluded.capacity,
               payment = excluded.payment, hold_hours = excluded.hold_hours, offer_hours = excluded.offer_hours,
               returns_until = excluded.returns_until, organized_by = excluded.organized_by, tags = excluded.tags
           WHERE events.rev < excluded.rev""",
        *([row[column] for row in rows] for column in range(21)),
    )
    # Who announces an event under the name of the company goes on doing so when that is renamed.
    await connection.execute(
        """UPDATE events e SET organized_by = NULL FROM organizers o
           WHERE e.id = ANY($1) AND o.id = e.organizer_id AND o.company_name = e.organized_by""",
        list(newest),
    )
    await record_ticket_types(connection, list(newest.values()))


def stored_data(row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `EventData` out of a row of the database, which has tags one in a line."""
    return {name: row[name] for name in EventData.__struct_fields__} | {"tags": tags_in(row["tags"])}


def tags_in(text: str) -> list[str]:
    return text.split("\n") if text else []
