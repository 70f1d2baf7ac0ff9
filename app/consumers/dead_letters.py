"""Messages nobody could apply: kept as they were, looked at, replayed or dropped."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from app.engines.log import HEADER_MARGIN_BYTES, MAX_BYTES, MAX_HEADER_BYTES, Consumer, Delivered, Log, Record
from app.errors import first_line
from app.messages import TOPICS

SUFFIX = ".dead-letters"
DEAD_TOPICS = tuple(f"{topic}{SUFFIX}" for topic in TOPICS)
READER = "eventstream-dead-letters"
KEY_CHARACTERS = 1_000
HEADER_BYTES_OF_OURS = 6_000  # the error has at most 1,000 characters
READ_SECONDS = 10.0  # until those in the partitions that another reader holds are given up


def dead_letter(record: Delivered, group: str, error: Exception, attempts: int) -> Record:
    """The original bytes and headers, and why they lie here.

    What the log would refuse is cut until it fits, and `dead_cut` says so: a letter must never stop its group.
    """
    told = {
        "dead_group": group,
        "dead_from": f"{record.topic}/{record.partition}/{record.offset}",
        "dead_error_class": type(error).__name__,
        "dead_error": in_words(error),
        "dead_attempts": str(attempts),
        "dead_first_seen": record.appended_at.isoformat(),
    }
    key = storable(record.key)[:KEY_CHARACTERS]
    value = record.value[: MAX_BYTES - len(key.encode())]
    kept = shortest(record.headers, MAX_HEADER_BYTES - HEADER_BYTES_OF_OURS)
    if (key, value, kept) != (record.key, record.value, record.headers):
        left_out = len(record.headers) - len(kept)
        told["dead_cut"] = f"{len(value)} of {len(record.value)} bytes kept, {left_out} headers left out"
    return Record(record.topic + SUFFIX, key, value, kept | told)


def shortest(headers: Mapping[str, str], room: int) -> dict[str, str]:
    """As many as fit, in their order: the ids and types are short."""
    clean = {storable(name): storable(value) for name, value in headers.items()}
    sizes = {name: len(f"{name}{value}".encode()) + HEADER_MARGIN_BYTES for name, value in clean.items()}
    fit: set[str] = set()
    for name in sorted(sizes, key=sizes.__getitem__):
        room -= sizes[name]
        if room >= 0:
            fit.add(name)
    return {name: value for name, value in clean.items() if name in fit}


def storable(text: str) -> str:
    """Without what no text column takes."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def in_words(error: Exception) -> str:
    """A message may have put anything into the error."""
    return storable(first_line(error)[:1000])


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
    """Publish each to its topic again, then forget it; messages are safe to apply twice."""
    async with reading(log) as (consumer, letters):
        originals = [
            Record(
                letter.topic.removesuffix(SUFFIX),
                letter.key,
                letter.value,
                {name: value for name, value in letter.headers.items() if not name.startswith("dead_")},
            )
            for letter in letters
        ]
        await log.publish(originals)
        await consumer.commit(letters)
    return len(letters)


async def drop_all(log: Log) -> int:
    async with reading(log) as (consumer, letters):
        await consumer.commit(letters)
    return len(letters)


def line_about(letter: Delivered) -> str:
    told = letter.headers
    return (
        f"{told.get('ce_id', '(no id)')}  {told.get('ce_type', '(no type)')}  from {told.get('dead_from')}  by"
        f" {told.get('dead_group')}  {told.get('dead_error')}"
    )
