"""The logs that must pass the contract, by name: how to open one, and how to make a member of it go silent."""

from collections.abc import Awaitable, Callable, Mapping

import msgspec
import pytest

from app.engines.database import Database
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


TWINS: Mapping[str, Callable[[pytest.FixtureRequest], Twin]] = {"postgres": postgres}
