"""Every message and fact of the system: its table of contents."""

import datetime as dt
from decimal import Decimal
from typing import ClassVar

import msgspec

from app.engines.log import Delivered, Record
from app.errors import AppError


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What all messages carry. `rev` orders everything that is ever said about one object."""

    topic: ClassVar[str]
    stores: ClassVar[tuple[str, ...]]

    message_id: str
    rev: int
    at: dt.datetime
    event_id: int
    organizer_id: int


class EventData(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    description: str
    location: str
    start_time: dt.datetime
    end_time: dt.datetime
    date: dt.date
    price: Decimal
    currency: str
    timezone: str
    capacity: int
    status: str


class MetadataData(msgspec.Struct, frozen=True, kw_only=True):
    metadata_id: int
    type: str
    tags: list[str]
    description: str
    s3_key: str | None = None
    company_name: str | None = None
    uploaded_by: int


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that waits under `upload_key` and will be known as `media_id`; the focal point is in percent."""

    media_id: int
    upload_key: str
    position: int
    alt: str = ""
    focal_x: int = 50
    focal_y: int = 50


class EventSubmitted(Message, frozen=True, kw_only=True):
    topic = "upload-event"
    stores = ("postgres",)

    event: EventData


class MetadataSubmitted(Message, frozen=True, kw_only=True):
    topic = "upload-metadata"
    stores = ("postgres", "mongo")

    metadata: MetadataData


class MetadataDeleted(Message, frozen=True, kw_only=True):
    topic = "upload-metadata"
    stores = ("postgres", "mongo")

    metadata_id: int


class ProjectSubmitted(Message, frozen=True, kw_only=True):
    topic = "upload-project-event"
    stores = ("postgres", "mongo", "s3")

    event: EventData
    metadata: MetadataData
    uploads: list[Upload]


class MediaDeleted(Message, frozen=True, kw_only=True):
    topic = "upload-project-event"
    stores = ("postgres", "s3")

    media_id: int
    s3_key: str


class Fact(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """What already happened; written to `facts` in the transaction that made it happen."""

    event_id: int


class TicketSold(Fact, frozen=True, kw_only=True, tag=True):
    ticket_id: int
    attendee_id: int


class WaitingListJoined(Fact, frozen=True, kw_only=True, tag=True):
    waitlist_id: int
    attendee_id: int


class EventChanged(Fact, frozen=True, kw_only=True, tag=True):
    """Holds the full new state, so that a reader needs no other source."""

    rev: int
    organizer_id: int
    event: EventData


MESSAGES: dict[str, type[Message]] = {
    kind.__name__: kind for kind in (EventSubmitted, MetadataSubmitted, MetadataDeleted, ProjectSubmitted, MediaDeleted)
}
TOPICS = tuple(dict.fromkeys(kind.topic for kind in MESSAGES.values()))


class Undecodable(AppError):
    """These bytes are no message of ours; trying again will not help."""

    status = 422
    default_type = "undecodable"


def encode(message: Message, traceparent: str | None = None) -> Record:
    """The message as a log record, with headers after the CloudEvents Kafka binding."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": message.message_id,
        "ce_type": type(message).__name__,
        "ce_source": "eventstream",
        "ce_time": message.at.isoformat(),
        "content-type": "application/json",
    }
    if traceparent:
        headers["traceparent"] = traceparent
    return Record(message.topic, str(message.event_id), msgspec.json.encode(message), headers)


def decode(record: Record | Delivered) -> Message:
    kind = MESSAGES.get(record.headers.get("ce_type", ""))
    if kind is None:
        raise Undecodable(f"unknown ce_type {record.headers.get('ce_type')!r}")
    try:
        return msgspec.json.decode(record.value, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Undecodable(f"{kind.__name__}: {error}") from error
