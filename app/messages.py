"""Every message and fact of the system: its table of contents."""

import datetime as dt
from decimal import Decimal
from typing import ClassVar

import msgspec

from app.engines.log import Delivered, Record
from app.errors import AppError
from app.tracing import traceparent


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
    """`organized_by` is None where that is the organizer's company, whatever it is called later."""

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
    payment: str = "instant"
    hold_hours: int = 168
    offer_hours: int = 24
    returns_until: dt.datetime | None = None
    organized_by: str | None = None
    tags: list[str] = []


class TicketTypeData(msgspec.Struct, frozen=True, kw_only=True):
    """`places` is None where only the capacity of the event counts."""

    name: str
    description: str
    price: Decimal
    places: int | None
    sale_opens_at: dt.datetime | None
    sale_closes_at: dt.datetime | None
    hidden_until: dt.datetime | None
    per_attendee_limit: int


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
    ticket_types: list[TicketTypeData] = []


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
    ticket_types: list[TicketTypeData] = []


class MediaDeleted(Message, frozen=True, kw_only=True):
    topic = "upload-project-event"
    stores = ("postgres", "s3")

    media_id: int
    s3_key: str


class Fact(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """What already happened; written to `facts` in the transaction that made it happen."""

    event_id: int


class TicketFact(Fact, frozen=True, kw_only=True):
    ticket_id: int
    ticket_type_id: int
    attendee_id: int


class TicketSold(TicketFact, frozen=True, kw_only=True, tag=True):
    """Bought, or taken by accepting an offer, with nothing left to pay."""


class TicketHeld(TicketFact, frozen=True, kw_only=True, tag=True):
    """Waits for the organizer to confirm the payment."""

    until: dt.datetime


class TicketConfirmed(TicketFact, frozen=True, kw_only=True, tag=True):
    """`late`: the hold had lapsed, and there was still a place."""

    by: int
    late: bool


class TicketLapsed(TicketFact, frozen=True, kw_only=True, tag=True):
    """Not confirmed until its deadline."""


class TicketCancelled(TicketFact, frozen=True, kw_only=True, tag=True):
    by: int
    reason: str


class TicketUsed(TicketFact, frozen=True, kw_only=True, tag=True):
    by: int


class TicketUseUndone(TicketFact, frozen=True, kw_only=True, tag=True):
    by: int


class WaitingListFact(Fact, frozen=True, kw_only=True):
    waitlist_id: int
    attendee_id: int


class WaitingListJoined(WaitingListFact, frozen=True, kw_only=True, tag=True):
    quantity: int
    ticket_type_ids: list[int]


class WaitingListLeft(WaitingListFact, frozen=True, kw_only=True, tag=True):
    """By the attendee's own wish."""


class WaitingListOffered(WaitingListFact, frozen=True, kw_only=True, tag=True):
    ticket_type_id: int
    quantity: int
    until: dt.datetime


class OfferShortened(WaitingListFact, frozen=True, kw_only=True, tag=True):
    """The sale of the offered type ends earlier now, and the offer with it."""

    until: dt.datetime


class OfferWithdrawn(WaitingListFact, frozen=True, kw_only=True, tag=True):
    """The offered type is sold no more; the entry waits again for the others that it may be."""


class OfferAccepted(WaitingListFact, frozen=True, kw_only=True, tag=True):
    purchase_id: int


class OfferDeclined(WaitingListFact, frozen=True, kw_only=True, tag=True):
    """By the attendee's own wish."""


class OfferExpired(WaitingListFact, frozen=True, kw_only=True, tag=True):
    """Neither accepted nor declined until its deadline."""


class WaitingListClosed(WaitingListFact, frozen=True, kw_only=True, tag=True):
    """Not by the attendee; `reason`: event-cancelled, sale-closed, withdrawn, already-bought, over-limit or
    too-few-places.
    """

    reason: str


class TicketTypeChanged(Fact, frozen=True, kw_only=True, tag=True):
    """Created, changed or archived; holds the full new state."""

    ticket_type_id: int
    rev: int
    by: int
    archived: bool
    ticket_type: TicketTypeData


class EventCancelled(Fact, frozen=True, kw_only=True, tag=True):
    """Nothing is sold any more; each ticket and each entry of the waiting list follows with a fact of its own."""

    rev: int
    by: int
    reason: str


class EventChanged(Fact, frozen=True, kw_only=True, tag=True):
    """Holds the full new state, so that a reader needs no other source."""

    rev: int
    organizer_id: int
    by: int
    event: EventData


MESSAGES: dict[str, type[Message]] = {
    kind.__name__: kind for kind in (EventSubmitted, MetadataSubmitted, MetadataDeleted, ProjectSubmitted, MediaDeleted)
}
FACTS = "event-facts"
TOPICS = tuple(dict.fromkeys(kind.topic for kind in MESSAGES.values()))


class Undecodable(AppError):
    """These bytes are no message of ours; trying again will not help."""

    status = 422
    default_type = "undecodable"


def encode(message: Message) -> Record:
    """The message as a log record, with headers after the CloudEvents Kafka binding."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": message.message_id,
        "ce_type": type(message).__name__,
        "ce_source": "eventstream",
        "ce_time": message.at.isoformat(),
        "content-type": "application/json",
    }
    if trace := traceparent.get():
        headers["traceparent"] = trace
    return Record(message.topic, str(message.event_id), msgspec.json.encode(message), headers)


def decode(record: Record | Delivered) -> Message:
    kind = MESSAGES.get(record.headers.get("ce_type", ""))
    if kind is None:
        raise Undecodable(f"unknown ce_type {record.headers.get('ce_type')!r}")
    try:
        return msgspec.json.decode(record.value, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Undecodable(f"{kind.__name__}: {error}") from error
