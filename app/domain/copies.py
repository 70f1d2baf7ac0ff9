"""A festival again: an event copied with all its dates shifted, submitted like any other project."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from app.domain.accounts import Caller
from app.domain.events import Status, Title, stored_data
from app.domain.idempotency import Idempotent
from app.domain.media import MediaItem, draw_media_ids, media_of, new_upload_key
from app.domain.submissions import Draft, Numbers, Submissions, Submitted
from app.domain.ticket_types import general_admission
from app.domain.waiting_entries import waiting_count
from app.domain.workspace import own_event
from app.domain.zones import SKIPPED, is_skipped
from app.engines.database import Database
from app.engines.documents import Documents
from app.engines.media import Media
from app.errors import FieldError, Invalid
from app.messages import EventData, Message, MetadataData, MetadataSubmitted, ProjectSubmitted, TicketTypeData, Upload
from app.phrases import Phrase
from app.validation import FIRST_YEAR, LAST_YEAR, Input, in_the_years

EVENT_MOMENTS = ("start_time", "end_time", "returns_until")
TYPE_MOMENTS = ("sale_opens_at", "sale_closes_at", "hidden_until")

Start = Annotated[
    dt.datetime, Meta(extra={"says": Phrase("must be a date and time such as 2026-06-22T19:10:00+02:00")})
]


class CopyIn(Input, frozen=True, kw_only=True):
    """`start_time` without an offset is in the timezone of the event; the title stays where none is given."""

    start_time: Start
    title: Title | None = None
    status: Status = "draft"

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> Iterable[FieldError]:
        """A start in the last year would push the end beyond it."""
        start = values.get("start_time")
        if start is not None and not FIRST_YEAR < start.year < LAST_YEAR:
            yield FieldError("start_time", in_the_years(FIRST_YEAR + 1, LAST_YEAR - 1))


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """`what`: texts, capacity, ticket_types, metadata or pictures; archived_types, tickets or waiting_list."""

    what: str
    count: int


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """`what` is the field; `of` the ticket type it belongs to, where it is not the event itself."""

    what: str
    of: str | None
    before: dt.datetime
    after: dt.datetime


class CopyPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a copy would be; nothing has happened. The dates are those that are printed on posters."""

    title: str
    status: str
    timezone: str
    old_date: dt.date
    new_date: dt.date
    copied: list[Part]
    shifted: list[Shift]
    dropped: list[Part]


class Source(msgspec.Struct, frozen=True):
    """Everything a copy is made of."""

    event: Mapping[str, Any]
    metadata: Sequence[Mapping[str, Any]]
    pictures: Sequence[MediaItem]
    ticket_types: Sequence[TicketTypeData]
    archived_types: int
    tickets: int
    waiting: int


class Shifter:
    """Moves moments by what the start moves on the clock at the place: noon stays noon when summer time changes."""

    def __init__(self, old_start: dt.datetime, new_start: dt.datetime, timezone: str) -> None:
        self.zone = ZoneInfo(timezone)
        self.by = self.clock(new_start) - self.clock(old_start)
        self.by_days = self.clock(new_start).date() - self.clock(old_start).date()

    def clock(self, moment: dt.datetime) -> dt.datetime:
        return moment.astimezone(self.zone).replace(tzinfo=None) if moment.tzinfo else moment

    def moment(self, moment: dt.datetime) -> dt.datetime:
        return (self.clock(moment) + self.by).replace(tzinfo=self.zone).astimezone(dt.UTC)

    def day(self, day: dt.date) -> dt.date:
        return day + self.by_days


async def source_of(database: Database, documents: Documents, media: Media, who: Caller, event_id: int) -> Source:
    """Raises `NotFound` when the event is another organizer's."""
    event = await own_event(database, who, event_id)
    async with database.connection() as connection:
        pictures = await media_of(connection, media, event_id)
        waiting = await waiting_count(connection, event_id)
        types = await connection.fetch("SELECT * FROM ticket_types WHERE event_id = $1 ORDER BY position, id", event_id)
    found = await documents.find(event_id)
    offered = [ticket_type_from(row) for row in types if not row["archived"]]
    return Source(
        event=event,
        metadata=[one.body for one in found if one.body],
        pictures=pictures,
        ticket_types=offered,
        archived_types=len(types) - len(offered),
        tickets=event["sold"] + event["held"],
        waiting=waiting,
    )


def ticket_type_from(row: Mapping[str, Any]) -> TicketTypeData:
    return TicketTypeData(**{name: row[name] for name in TicketTypeData.__struct_fields__})


def copied_event(source: Source, given: CopyIn) -> EventData:
    event, shift = source.event, shifter(source, given)
    same = stored_data(event)
    moved = {name: shift.moment(event[name]) for name in EVENT_MOMENTS if event[name]}
    title = given.title or event["title"]
    return EventData(**{**same, **moved, "title": title, "status": given.status, "date": shift.day(event["date"])})


def copied_types(source: Source, given: CopyIn) -> list[TicketTypeData]:
    """None where there is only General admission as every event has it, which goes on following the price."""
    shift = shifter(source, given)
    copied = []
    for kind in source.ticket_types:
        moved = {name: shift.moment(at) for name in TYPE_MOMENTS if (at := getattr(kind, name))}
        copied.append(msgspec.structs.replace(kind, **moved))
    return [] if copied == [general_admission(source.event["price"])] else copied


def shifter(source: Source, given: CopyIn) -> Shifter:
    return Shifter(source.event["start_time"], given.start_time, source.event["timezone"])


def copy_plan(source: Source, given: CopyIn) -> CopyPlan:
    """The dry run: what is copied, what is shifted to when, and what is left behind.

    Raises:
        Invalid: the new start is none of the clock of the place.
    """
    require_clock_time(source, given)
    new = copied_event(source, given)
    copied = {
        "texts": 1,
        "capacity": new.capacity,
        "ticket_types": len(source.ticket_types),
        "metadata": len(source.metadata),
        "pictures": len(source.pictures),
    }
    dropped = {"tickets": source.tickets, "waiting_list": source.waiting, "archived_types": source.archived_types}
    return CopyPlan(
        title=new.title,
        status=new.status,
        timezone=new.timezone,
        old_date=source.event["date"],
        new_date=new.date,
        copied=[Part(what=what, count=count) for what, count in copied.items() if count],
        shifted=list(shifts(source, given)),
        dropped=[Part(what=what, count=count) for what, count in dropped.items() if count],
    )


def shifts(source: Source, given: CopyIn) -> Iterable[Shift]:
    shift = shifter(source, given)
    for name in EVENT_MOMENTS:
        if at := source.event[name]:
            yield Shift(what=name, of=None, before=at, after=shift.moment(at))
    for kind in source.ticket_types:
        for name in TYPE_MOMENTS:
            if at := getattr(kind, name):
                yield Shift(what=name, of=kind.name, before=at, after=shift.moment(at))


def require_clock_time(source: Source, given: CopyIn) -> None:
    if is_skipped(given.start_time, ZoneInfo(source.event["timezone"])):
        raise Invalid([FieldError("start_time", SKIPPED)])


async def submit_copy(
    database: Database,
    submissions: Submissions,
    media: Media,
    who: Caller,
    source: Source,
    given: CopyIn,
    idempotent: Idempotent | None,
) -> Submitted:
    """The copy as a new project; metadata beyond the first follow in messages of their own.

    Raises:
        Invalid: the new start is none of the clock of the place.
        Unavailable: a store is away, or the outcome is unknown; the same key goes on where it stopped.
    """
    require_clock_time(source, given)
    uploads = await upload_again(database, media, source.pictures)
    first, *others = [copied_metadata(body, who) for body in source.metadata] or [plain_metadata(source, who)]

    def build(numbers: Numbers) -> tuple[Message, dict[str, Any]]:
        message = ProjectSubmitted(
            message_id=numbers.message_id,
            rev=numbers.rev,
            at=numbers.at,
            event_id=numbers.event_id,
            organizer_id=source.event["organizer_id"],
            event=copied_event(source, given),
            metadata=msgspec.structs.replace(first, metadata_id=numbers.metadata_id),
            uploads=uploads,
            ticket_types=copied_types(source, given),
        )
        return message, {"metadata_id": numbers.metadata_id}

    submitted = await submissions.submit(Draft(who, build, idempotent))
    if submitted.replayed:
        for upload in uploads:
            await media.delete(upload.upload_key)
    for place, metadata in enumerate(others):
        await submit_more(submissions, who, source, submitted.event_id, metadata, also(idempotent, place))
    return submitted


async def upload_again(database: Database, media: Media, pictures: Sequence[MediaItem]) -> list[Upload]:
    """The pictures once more under `incoming/`, where the message of a project finds them."""
    async with database.connection() as connection:
        ids = await draw_media_ids(connection, len(pictures))
    uploads = []
    for place, (media_id, picture) in enumerate(zip(ids, pictures, strict=True)):
        key = new_upload_key()
        await media.copy(picture.s3_key, key)
        uploads.append(
            Upload(
                media_id=media_id,
                upload_key=key,
                position=place,
                alt=picture.alt,
                focal_x=picture.focal_x,
                focal_y=picture.focal_y,
            )
        )
    return uploads


def copied_metadata(body: Mapping[str, Any], who: Caller) -> MetadataData:
    """Without the key of a file: that one belongs to the old event."""
    kept = {name: body[name] for name in MetadataData.__struct_fields__ if name in body and name != "s3_key"}
    return MetadataData(**{**kept, "uploaded_by": who.user_id})


def plain_metadata(source: Source, who: Caller) -> MetadataData:
    """For an event that was submitted without any."""
    return MetadataData(
        metadata_id=0, type="digital", tags=[], description=source.event["description"], uploaded_by=who.user_id
    )


async def submit_more(
    submissions: Submissions,
    who: Caller,
    source: Source,
    event_id: int,
    metadata: MetadataData,
    idempotent: Idempotent | None,
) -> None:
    def build(numbers: Numbers) -> tuple[Message, dict[str, Any]]:
        message = MetadataSubmitted(
            message_id=numbers.message_id,
            rev=numbers.rev,
            at=numbers.at,
            event_id=event_id,
            organizer_id=source.event["organizer_id"],
            metadata=msgspec.structs.replace(metadata, metadata_id=numbers.metadata_id),
        )
        return message, {"metadata_id": numbers.metadata_id}

    await submissions.submit(Draft(who, build, idempotent))


def also(idempotent: Idempotent | None, place: int) -> Idempotent | None:
    """A key for what follows from the same request."""
    return Idempotent(f"{idempotent.key[:240]}+{place}", idempotent.request_hash) if idempotent else None
