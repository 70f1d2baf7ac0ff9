"""What the program needs of a log: durable topics with partitions, and consumer groups."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from app.errors import Malformed, TooLarge

# Together below what Kafka takes by default for one message; the same in every log, so that moving later loses nothing.
MAX_BYTES = 1_000_000
MAX_HEADER_BYTES = 30_000
HEADER_MARGIN_BYTES = 6  # what Kafka's format adds to each


class Record(msgspec.Struct, frozen=True):
    """One message as bytes. Records with equal `key` keep their order."""

    topic: str
    key: str
    value: bytes
    headers: dict[str, str]


class Delivered(msgspec.Struct, frozen=True):
    """A record as a consumer gets it; `offset` counts from 0 without gaps within its partition."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    headers: dict[str, str]
    appended_at: dt.datetime


class Consumer(Protocol):
    """One member of a group. Not for concurrent use."""

    async def poll(self, limit: int, seconds: float) -> list[Delivered]:
        """Up to `limit` records after the last polled, waiting at most `seconds` for the first.

        Raises:
            Unavailable: the log cannot be reached; polling again later goes on without loss.
        """
        ...

    async def commit(self, records: Sequence[Delivered]) -> None:
        """The group is done with these and all before them in their partitions.

        Partitions that moved to another member meanwhile are left out: their records come again there.

        Raises:
            Unavailable: the log cannot be reached.
        """
        ...

    async def rewind(self) -> None:
        """Forget what was polled but not committed, so that the next poll brings it again."""
        ...

    async def close(self) -> None:
        """Leave the group at once, so that the others take over without waiting."""
        ...


class Log(Protocol):
    async def publish(self, records: Sequence[Record]) -> None:
        """Append durably; when this returns, all are in the log.

        Raises:
            Unavailable: the outcome is unknown (the append may yet land), or the log cannot be reached.
            TooLarge: a record is larger than `MAX_BYTES`, or its headers than `MAX_HEADER_BYTES`; nothing was appended.
        """
        ...

    async def consume(self, group: str, topics: Sequence[str]) -> Consumer:
        """Join the group; a new group begins at the first record."""
        ...

    async def lag(self, group: str, topics: Sequence[str]) -> Mapping[str, int]:
        """Records appended but not committed by the group, by topic."""
        ...

    async def create_topics(self, topics: Sequence[str]) -> None:
        """Make sure they exist; partitions of those that do are left as they are."""
        ...

    async def partitions_of(self, topics: Sequence[str]) -> Mapping[str, int]:
        """How many each has; a topic that does not exist is left out."""
        ...

    async def trim(self, older_than: dt.timedelta, expiring: Sequence[str] = ()) -> None:
        """Forget old records that every group has handled, of `expiring` topics whether or not anybody has.

        Nothing where the log does so by itself.
        """
        ...

    async def ping(self) -> None:
        """Raises `Unavailable` when the log is away."""
        ...

    async def close(self) -> None: ...


def refuse_unfit(record: Record) -> None:
    """Before it joins a batch: what one log cannot store would fail its neighbours, and is refused by every log."""
    texts = "".join([record.key, *record.headers.keys(), *record.headers.values()])
    try:
        size, headers = len(record.value) + len(record.key.encode()), len(texts.encode()) - len(record.key.encode())
        headers += HEADER_MARGIN_BYTES * len(record.headers)
    except UnicodeEncodeError as error:
        raise Malformed("A key or header of a message is not Unicode text.") from error
    if "\0" in texts:
        raise Malformed("A key or header of a message has a zero byte.")
    if size > MAX_BYTES:
        raise TooLarge(f"A message may have {MAX_BYTES:,} bytes; this one has {size:,}.")
    if headers > MAX_HEADER_BYTES:
        raise TooLarge(f"The headers of a message may have {MAX_HEADER_BYTES:,} bytes; these have {headers:,}.")
