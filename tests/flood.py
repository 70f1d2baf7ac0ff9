"""Many messages at once, straight into the log: what is tested is who reads them."""

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import psutil

from app.domain.events import EventIn, event_data
from app.engines.log import Log
from app.messages import EventData, EventSubmitted, Message, MetadataData, MetadataSubmitted, encode
from app.validation import read
from tests.cast import event_body

AT_ONCE = 1000
MIB = 1024 * 1024


def envelope(number: int) -> dict[str, Any]:
    """What all messages carry; `number` is the event, and the revision."""
    ids = {"message_id": str(uuid.uuid4()), "rev": number, "event_id": number, "organizer_id": 1}
    return {**ids, "at": dt.datetime.now(dt.UTC)}


def an_event() -> EventData:
    defaults = {"currency": "EUR", "timezone": "UTC"}
    return event_data(read(EventIn, event_body(), defaults=defaults), **defaults)


def some_metadata(number: int) -> MetadataData:
    return MetadataData(
        metadata_id=number, type="poster", tags=["music", "lake"], description="Nine cellars, one bracelet.",
        s3_key=f"posters/{number}.webp", uploaded_by=1,
    )  # fmt: skip


def event_submitted(number: int) -> Message:
    return EventSubmitted(**envelope(number), event=an_event())


def metadata_submitted(number: int) -> Message:
    return MetadataSubmitted(**envelope(number), metadata=some_metadata(number))


async def flood(log: Log, message: Callable[[int], Message], first: int, count: int) -> None:
    """Publish the messages numbered from `first` on."""
    for start in range(first, first + count, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, first + count))
        await log.publish([encode(message(number)) for number in numbers])


def resident_mib(pid: int) -> float:
    """Of one process, in RAM."""
    return psutil.Process(pid).memory_info().rss / MIB
