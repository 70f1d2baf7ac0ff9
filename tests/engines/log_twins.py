"""The logs that must pass the contract, by name; Kafka where `KAFKA_BOOTSTRAP_SERVERS` says there is one."""

import os
import uuid
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import asyncpg
import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from app.engines.database import Database
from app.engines.kafka_access import KafkaAccess
from app.engines.kafka_consumer import KafkaConsumer
from app.engines.kafka_log import KafkaLog
from app.engines.log import Consumer, Log, Record
from app.engines.postgres_consumer import PostgresConsumer
from app.engines.postgres_log import PostgresLog

PARTITIONS = 4
MEMBER_SECONDS = 1.5


Late = Callable[[Record], AbstractAsyncContextManager[None]]


class Twin(msgspec.Struct, frozen=True):
    """`abandon` is a crash: the member says no more that it lives, and does not leave.

    `late` is a writer of its own that begins to append a record, and is done when its block ends.
    """

    log: Log
    abandon: Callable[[Consumer], Awaitable[None]]
    late: Late


def postgres(request: pytest.FixtureRequest) -> Twin:
    database: Database = request.getfixturevalue("database")
    log = PostgresLog(database, PARTITIONS, lease_seconds=MEMBER_SECONDS)
    return Twin(log, stop_heartbeat, partial(late_in_postgres, database))


@asynccontextmanager
async def late_in_postgres(database: Database, record: Record) -> AsyncIterator[None]:
    partition = zlib.crc32(record.key.encode()) % PARTITIONS
    writer = await asyncpg.connect(database.url)
    try:
        async with writer.transaction():
            await writer.execute(
                "SELECT log_append($1, $2, $3, $4, ARRAY['{}'])",
                *([record.topic], [partition], [record.key], [record.value]),
            )
            yield
    finally:
        await writer.close()


async def stop_heartbeat(consumer: Consumer) -> None:
    assert isinstance(consumer, PostgresConsumer)
    assert consumer.heartbeat is not None
    consumer.heartbeat.cancel()


def kafka(request: pytest.FixtureRequest) -> Twin:
    access = KafkaAccess(servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"], prefix=f"test-{uuid.uuid4().hex}.")
    return Twin(
        KafkaLog(access, PARTITIONS, session_seconds=MEMBER_SECONDS), stop_coordination, partial(late_in_kafka, access)
    )


@asynccontextmanager
async def late_in_kafka(access: KafkaAccess, record: Record) -> AsyncIterator[None]:
    """In a transaction; Kafka has no other way to be half done."""
    writer = AIOKafkaProducer(transactional_id=uuid.uuid4().hex, **access.options())
    async with writer, writer.transaction():
        await writer.send_and_wait(access.outward(record.topic), record.value, record.key.encode())
        yield


async def stop_coordination(consumer: Consumer) -> None:
    assert isinstance(consumer, KafkaConsumer)
    coordinator = consumer.client._coordinator
    for task in (coordinator._coordination_task, coordinator._heartbeat_task):
        task.cancel()


TWINS: Mapping[str, Callable[[pytest.FixtureRequest], Twin]] = {
    "postgres": postgres,
    **({"kafka": kafka} if os.environ.get("KAFKA_BOOTSTRAP_SERVERS") else {}),
}
