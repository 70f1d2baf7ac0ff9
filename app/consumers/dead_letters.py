"""Messages nobody could apply: kept as they were, looked at, replayed or dropped."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.engines.log import Consumer, Delivered, Log, Record
from app.messages import TOPICS

SUFFIX = ".dead-letters"
DEAD_TOPICS = tuple(f"{topic}{SUFFIX}" for topic in TOPICS)
READER = "eventstream-dead-letters"
READ_SECONDS = 10.0  # until those in the partitions that another reader holds are given up


def dead_letter(record: Delivered, group: str, error: Exception, attempts: int) -> Record:
    """The original bytes and headers, and why they lie here."""
    headers = record.headers | {
        "dead_group": group,
        "dead_from": f"{record.topic}/{record.partition}/{record.offset}",
        "dead_error_class": type(error).__name__,
        "dead_error": in_words(error),
        "dead_attempts": str(attempts),
        "dead_first_seen": record.appended_at.isoformat(),
    }
    return Record(record.topic + SUFFIX, record.key, record.value, headers)


def in_words(error: Exception) -> str:
    """Without what no text column takes: a message may have put anything into the error."""
    told = f"{type(error).__name__}: {error}"[:1000]
    return told.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


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
