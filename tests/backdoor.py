"""What tests look at and break behind the application's back, whatever engines it stands on."""

import datetime as dt
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.engines.folder_media import FolderMedia
from app.engines.kafka_log import KafkaLog
from app.engines.log import Log, Record
from app.engines.media import Media
from app.engines.mongo_documents import MongoDocuments
from app.engines.postgres_log import PostgresLog
from app.parts import Parts
from tests.servers.fleet import Fleet
from tests.servers.outage import paused, stopped
from tests.waiting import eventually


async def published(log: Log, *topics: str) -> list[Record]:
    """All that ever was, as it was."""
    group = f"onlooker-{uuid.uuid4().hex}"
    consumer = await log.consume(group, topics)
    found: list[Record] = []
    while sum((await log.lag(group, topics)).values()) > 0:
        records = await consumer.poll(200, 1)
        found += [Record(one.topic, one.key, one.value, one.headers) for one in records]
        await consumer.commit(records)
    await consumer.close()
    return found


async def append_unchecked(log: Log, record: Record) -> None:
    """As a program would that is not ours."""
    if isinstance(log, KafkaLog):
        await log.producer.send([record])
    else:
        assert isinstance(log, PostgresLog)
        await log.append([[record]])


async def keys_below(media: Media, prefix: str) -> list[str]:
    return [key async for key in media.keys_below(prefix, dt.timedelta(0))]


@asynccontextmanager
async def silent_log(parts: Parts) -> AsyncIterator[None]:
    """It takes what is sent and does not answer."""
    if isinstance(parts.log, KafkaLog):
        async with paused(Fleet().kafka):
            yield
        await eventually(lambda: parts.log.producer.current, 30)  # type: ignore[attr-defined]
    else:
        async with parts.database.transaction() as connection:
            await connection.execute("LOCK TABLE log_partitions")
            yield


@asynccontextmanager
async def silent_documents(parts: Parts) -> AsyncIterator[None]:
    if isinstance(parts.documents, MongoDocuments):
        async with paused(Fleet().mongodb):
            yield
    else:
        async with parts.database.transaction() as connection:
            await connection.execute("LOCK TABLE documents")
            yield


@asynccontextmanager
async def media_away(parts: Parts) -> AsyncIterator[None]:
    """Nothing can be stored."""
    if isinstance(parts.media, FolderMedia):
        events = parts.media.objects / "events"
        away = events.rename(events.with_name("away"))
        events.write_text("a file where the folder should be: nothing can be stored below it")
        yield
        events.unlink()
        away.rename(events)
    else:
        async with stopped(Fleet().s3):
            yield
