"""Messages nobody could apply: kept as they were, looked at, replayed or dropped."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.engines.log import (
    HEADER_MARGIN_BYTES,
    MAX_BYTES,
    MAX_HEADER_BYTES,
    Consumer,
    Delivered,
    Log,
    Record,
    refuse_unfit,
)
from app.errors import Malformed, TooLarge, first_line
from app.messages import TOPICS

SUFFIX = ".dead-letters"
CUT = "dead_cut"
DEAD_TOPICS = tuple(f"{topic}{SUFFIX}" for topic in TOPICS)
READER = "eventstream-dead-letters"
READ_SECONDS = 10.0  # until those in the partitions that another reader holds are given up


def dead_letter(record: Delivered, group: str, error: Exception, attempts: int) -> Record:
    """The original bytes and headers, and why they lie here; cut where others wrote what we could not append."""
    why = {
        "dead_group": group,
        "dead_from": f"{record.topic}/{record.partition}/{record.offset}",
        "dead_error_class": type(error).__name__,
        "dead_error": in_words(error),
        "dead_attempts": str(attempts),
        "dead_first_seen": record.appended_at.isoformat(),
    }
    letter = Record(record.topic + SUFFIX, record.key, record.value, record.headers | why)
    try:
        refuse_unfit(letter)
    except (Malformed, TooLarge) as unfit:
        return cut_to_fit(letter, why | {CUT: unfit.detail})
    return letter


def cut_to_fit(letter: Record, why: dict[str, str]) -> Record:
    """A letter the log refused would come back to its group for ever: short headers stay, long texts lose their end."""
    room = MAX_HEADER_BYTES - sum(map(bytes_of_header, why, why.values()))
    headers: dict[str, str] = {}
    for name, value in sorted(letter.headers.items(), key=lambda header: len(header[1])):
        name = cut(name, MAX_HEADER_BYTES)
        value = cut(value, max(0, room - bytes_of_header(name, "")))
        if name not in why and bytes_of_header(name, value) <= room:
            headers[name] = value
            room -= bytes_of_header(name, value)
    key = cut(letter.key, MAX_BYTES // 2)
    return Record(letter.topic, key, letter.value[: MAX_BYTES - len(key.encode())], headers | why)


def bytes_of_header(name: str, value: str) -> int:
    return len(name.encode()) + len(value.encode()) + HEADER_MARGIN_BYTES


def cut(text: str, size: int) -> str:
    """At most `size` bytes of it, without what a log refuses."""
    return clean(text).encode()[:size].decode(errors="ignore")


def in_words(error: Exception) -> str:
    """Without what no text column takes: a message may have put anything into the error."""
    return clean(first_line(error)[:1000])


def clean(text: str) -> str:
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


@asynccontextmanager
async def reading(log: Log) -> AsyncIterator[tuple[Consumer, list[Delivered]]]:
    """The dead letters nobody has replayed or dropped yet."""
    consumer = await log.consume(READER, DEAD_TOPICS)
    try:
        found: list[Delivered] = []
        waiting = sum((await log.lag(READER, DEAD_TOPICS)).values())
        while len(found) < waiting and (records := await consumer.poll(200, READ_SECONDS)):
            found += records
        yield consumer, found
    finally:
        await consumer.close()


async def replay_all(log: Log) -> int:
    """Publish each to its topic again, then forget it; messages are safe to apply twice.

    Those that were cut stay: half a message is none.
    """
    async with reading(log) as (consumer, letters):
        await log.publish([record_again(letter) for letter in letters])
        await consumer.commit(letters)
    return sum(CUT not in letter.headers for letter in letters)


def record_again(letter: Delivered) -> Record:
    if CUT in letter.headers:
        return Record(letter.topic, letter.key, letter.value, letter.headers)
    headers = {name: value for name, value in letter.headers.items() if not name.startswith("dead_")}
    return Record(letter.topic.removesuffix(SUFFIX), letter.key, letter.value, headers)


async def drop_all(log: Log) -> int:
    async with reading(log) as (consumer, letters):
        await consumer.commit(letters)
    return len(letters)


def line_about(letter: Delivered) -> str:
    told = letter.headers
    return (
        f"{told.get('ce_id', '(no id)')}  {told.get('ce_type', '(no type)')}  from {told.get('dead_from')}  by"
        f" {told.get('dead_group')}  {told.get('dead_error')}" + (f"  cut: {told[CUT]}" if CUT in told else "")
    )
