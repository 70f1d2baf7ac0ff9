"""One of three brokers falls silent or dies under load: what was acknowledged is there once, and sending goes on."""

import asyncio
import itertools
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import pytest

from app.engines.kafka_access import KafkaAccess
from app.engines.kafka_log import KafkaLog
from app.engines.log import Record
from app.errors import Unavailable
from tests.folders import passing_folder
from tests.servers.kafka import ThreeBrokers
from tests.servers.outage import paused
from tests.waiting import eventually

TOPIC = "upload-event"
PARTITIONS = 6
KEYS = [f"k{number}" for number in range(4 * PARTITIONS)]
SECONDS = 10.0
AGAIN_SECONDS = 25
"""Until all partitions take records again; for the first nine nobody knows that the broker is gone, and all wait."""


@pytest.fixture(scope="module")
def kafka() -> Iterator[ThreeBrokers]:
    folder = passing_folder("es-")
    kafka = ThreeBrokers(folder)
    try:
        kafka.start()
        yield kafka
    finally:
        kafka.forget()
        shutil.rmtree(folder)


async def whole(log: KafkaLog) -> bool:
    """Whether all three have every message."""
    async with log.admin.clients() as clients:
        (topic,) = await clients.admin.describe_topics([TOPIC])
    return all(len(partition["isr"]) == 3 for partition in topic["partitions"])


class Load:
    """For each key, one record after the other. A refused one is given up, and the next tried when told to."""

    def __init__(self, log: KafkaLog) -> None:
        self.log = log
        self.numbers = itertools.count()
        self.acknowledged = set[str]()
        self.by_key = Counter[str]()
        self.over = False

    async def send(self, key: str) -> None:
        while not self.over:
            value = str(next(self.numbers))
            try:
                await self.log.publish([Record(TOPIC, key, value.encode(), {})])
            except Unavailable as refusal:
                await asyncio.sleep(refusal.retry_after or 0)
            else:
                self.acknowledged.add(value)
                self.by_key[key] += 1

    async def goes_on(self) -> None:
        """For every key, and so in every partition."""
        before = self.by_key.copy()
        await eventually(lambda: all(self.by_key[key] > before[key] + 1 for key in KEYS), AGAIN_SECONDS)


async def everything_in(log: KafkaLog) -> Counter[str]:
    consumer = await log.consume("reader", [TOPIC])
    found = Counter[str]()

    async def read_out() -> bool:
        records = await consumer.poll(500, 0.5)
        found.update(record.value.decode() for record in records)
        await consumer.commit(records)
        with suppress(Unavailable):  # who asks the broker that is gone hears so once
            return not records and (await log.lag("reader", [TOPIC]))[TOPIC] == 0
        return False

    await eventually(read_out, 60)
    await consumer.close()
    return found


@pytest.mark.timeout(300)
async def test_sending_goes_on_without_one_of_three(kafka: ThreeBrokers) -> None:
    """While they wait for longer than the cluster takes to notice: the deadline then says nothing of who leads what."""
    log = KafkaLog(KafkaAccess(servers=kafka.settings()["KAFKA_BOOTSTRAP_SERVERS"]), PARTITIONS, seconds=SECONDS)
    await log.create_topics([TOPIC])
    load = Load(log)
    async with asyncio.TaskGroup() as group:
        for key in KEYS:
            group.create_task(load.send(key))
        await load.goes_on()
        async with paused(kafka.others[0]):
            await load.goes_on()
        await eventually(lambda: whole(log), 60)
        kafka.others[1].kill()
        await load.goes_on()
        load.over = True
    found = await everything_in(log)
    assert max(found.values()) == 1
    assert load.acknowledged <= found.keys()
    await log.close()
