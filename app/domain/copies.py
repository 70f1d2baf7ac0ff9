"""A festival again: an event copied with all its dates shifted, submitted like any other project."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from app.domain.accounts import Caller
from app.domain.attendees import own_event
from app.domain.events import Status, Title
from app.domain.idempotency import Idempotent
from app.domain.media import MediaItem, draw_media_ids, media_of, new_upload_key
from app.domain.submissions import Draft, Numbers, Submissions, Submitted
from app.engines.database import Database
from app.engines.documents import Documents
from app.engines.media import Media
from app.errors import FieldError
from app.messages import EventData, Message, MetadataData, MetadataSubmitted, ProjectSubmitted, Upload
from app.validation import FIRST_YEAR, LAST_YEAR, Input

Start = Annotated[dt.datetime, Meta(extra={"says": "must be a date and time such as 2026-06-22T19:10:00+02:00"})]


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
            yield FieldError("start_time", f"must lie in the years {FIRST_YEAR + 1} to {LAST_YEAR - 1}")


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """`what`: texts, price, capacity, metadata, pictures, tickets or waiting_list; `count` where there are several."""

    what: str
    count: int


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    what: str
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
        waiting = await connection.fetchval(
            "SELECT count(*) FROM waiting_list WHERE event_id = $1 AND status = 'waiting'", event_id
        )
    found = await documents.find(event_id)
    return Source(event, [one.body for one in found if one.body], pictures, event["sold"] + event["held"], waiting)


def copied_event(source: Source, given: CopyIn) -> EventData:
    event = source.event
    shift = Shifter(event["start_time"], given.start_time, event["timezone"])
    same = {name: event[name] for name in EventData.__struct_fields__}
    return EventData(
        **{
            **same,
            "title": given.title or event["title"],
            "status": given.status,
            "start_time": shift.moment(event["start_time"]),
            "end_time": shift.moment(event["end_time"]),
            "date": shift.day(event["date"]),
        }
    )


def copy_plan(source: Source, given: CopyIn) -> CopyPlan:
    """The dry run: what is copied, what is shifted to when, and what is left behind."""
    new = copied_event(source, given)
    copied = [
        Part(what="texts", count=3),
        Part(what="price", count=1),
        Part(what="capacity", count=new.capacity),
        Part(what="metadata", count=len(source.metadata)),
        Part(what="pictures", count=len(source.pictures)),
    ]
    dropped = [Part(what="tickets", count=source.tickets), Part(what="waiting_list", count=source.waiting)]
    return CopyPlan(
        title=new.title,
        status=new.status,
        timezone=new.timezone,
        old_date=source.event["date"],
        new_date=new.date,
        copied=[part for part in copied if part.count],
        shifted=[
            Shift(what=name, before=source.event[name], after=getattr(new, name)) for name in ("start_time", "end_time")
        ],
        dropped=[part for part in dropped if part.count],
    )


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
        Unavailable: a store is away, or the outcome is unknown; the same key goes on where it stopped.
    """
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
        uploads.append(Upload(media_id=media_id, upload_key=key, position=place))
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
