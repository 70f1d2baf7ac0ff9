"""The logs that must pass the contract, by name; Kafka where `KAFKA_BOOTSTRAP_SERVERS` says there is one."""

import os
import uuid
from collections.abc import Awaitable, Callable, Mapping

import msgspec
import pytest

from app.engines.database import Database
from app.engines.kafka_access import KafkaAccess
from app.engines.kafka_consumer import KafkaConsumer
from app.engines.kafka_log import KafkaLog
from app.engines.log import Consumer, Log
from app.engines.postgres_consumer import PostgresConsumer
from app.engines.postgres_log import PostgresLog

PARTITIONS = 4
MEMBER_SECONDS = 1.5


class Twin(msgspec.Struct, frozen=True):
    """`abandon` is a crash: the member says no more that it lives, and does not leave."""

    log: Log
    abandon: Callable[[Consumer], Awaitable[None]]


def postgres(request: pytest.FixtureRequest) -> Twin:
    database: Database = request.getfixturevalue("database")
    return Twin(PostgresLog(database, PARTITIONS, lease_seconds=MEMBER_SECONDS), stop_heartbeat)


async def stop_heartbeat(consumer: Consumer) -> None:
    assert isinstance(consumer, PostgresConsumer)
    assert consumer.heartbeat is not None
    consumer.heartbeat.cancel()


def kafka(request: pytest.FixtureRequest) -> Twin:
    access = KafkaAccess(servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"], prefix=f"test-{uuid.uuid4().hex}.")
    return Twin(KafkaLog(access, PARTITIONS, session_seconds=MEMBER_SECONDS), stop_coordination)


async def stop_coordination(consumer: Consumer) -> None:
    assert isinstance(consumer, KafkaConsumer)
    coordinator = consumer.client._coordinator
    for task in (coordinator._coordination_task, coordinator._heartbeat_task):
        task.cancel()


TWINS: Mapping[str, Callable[[pytest.FixtureRequest], Twin]] = {
    "postgres": postgres,
    **({"kafka": kafka} if os.environ.get("KAFKA_BOOTSTRAP_SERVERS") else {}),
}
