"""Topics and offsets in Kafka: made and looked up, not read."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, NoError, TopicAlreadyExistsError, for_code
from aiokafka.structs import TopicPartition

from app.engines.kafka_access import KafkaAccess
from app.engines.kafka_errors import bounded, unavailable_when_away

CALL_SECONDS, CREATE_SECONDS, CLOSE_SECONDS = 3.0, 30.0, 1.0
LOOK_AGAIN_SECONDS = 0.1
REPLICAS = 3
KEEP_MS = 30 * 86_400_000


class Clients(msgspec.Struct, frozen=True):
    """aiokafka knows committed offsets by the one and last offsets by the other."""

    admin: AIOKafkaAdminClient
    reader: AIOKafkaConsumer

    async def open(self) -> None:
        await self.admin.start()
        await self.reader.start()

    async def close(self) -> None:
        await bounded(self.admin.close(), CLOSE_SECONDS)
        await bounded(self.reader.stop(), CLOSE_SECONDS)


class KafkaAdmin:
    """Connects when it is first needed; from then on its clients connect again by themselves."""

    def __init__(self, access: KafkaAccess, partitions: int, replication: int | None) -> None:
        self.access = access
        self.partitions = partitions
        self.replication = replication
        self.opening = asyncio.Lock()
        self.opened: Clients | None = None

    @asynccontextmanager
    async def clients(self, seconds: float = CALL_SECONDS) -> AsyncIterator[Clients]:
        """For calls that must be done within `seconds`."""
        with unavailable_when_away():
            async with asyncio.timeout(seconds):
                async with self.opening:
                    clients = self.opened or await self.connect()
                yield clients

    async def connect(self) -> Clients:
        clients = Clients(AIOKafkaAdminClient(**self.access.options()), AIOKafkaConsumer(**self.access.options()))
        try:
            await clients.open()
        except BaseException:
            await clients.close()
            raise
        self.opened = clients
        return clients

    async def ping(self) -> None:
        async with self.clients() as clients:
            await clients.admin.describe_topics([])

    async def topics(self) -> set[str]:
        """Ours."""
        async with self.clients() as clients:
            names = await clients.admin.list_topics()
        return {self.access.inward(name) for name in names if name.startswith(self.access.prefix)}

    async def create_topics(self, topics: Sequence[str]) -> None:
        """Those that are missing; at the first start of everything this waits for the brokers."""
        async with self.clients(CREATE_SECONDS) as clients:
            brokers = (await clients.admin.describe_cluster())["brokers"]
            replicas = self.replication or min(REPLICAS, len(brokers))
            there = set(await clients.admin.list_topics())
            missing = [name for name in map(self.access.outward, topics) if name not in there]
            if missing:
                answer = await clients.admin.create_topics([self.plan(name, replicas) for name in missing])
                for name, code, *words in answer.topic_errors:
                    if (error := for_code(code)) not in (NoError, TopicAlreadyExistsError):
                        raise error(f"{name}: {' '.join(map(str, words))}")
                await wait_for_leaders(clients, missing)

    async def count_partitions(self, topics: Sequence[str]) -> Mapping[str, int]:
        async with self.clients() as clients:
            found = await partitions_of(clients, [self.access.outward(topic) for topic in topics])
        return Counter(self.access.inward(partition.topic) for partition in found)

    def plan(self, name: str, replicas: int) -> NewTopic:
        """An append counts once two brokers have it, where there are three copies."""
        configs = {"retention.ms": str(KEEP_MS), "min.insync.replicas": "2" if replicas >= REPLICAS else "1"}
        return NewTopic(name, self.partitions, replicas, topic_configs=configs)

    async def lag(self, group: str, topics: Sequence[str]) -> Mapping[str, int]:
        async with self.clients() as clients:
            partitions = await partitions_of(clients, [self.access.outward(topic) for topic in topics])
            ends = await clients.reader.end_offsets(partitions)
            done = await committed(clients, self.access.outward(group), partitions)
            if missing := [partition for partition in partitions if partition not in done]:
                done |= await clients.reader.beginning_offsets(missing)
        lag = dict.fromkeys(topics, 0)
        for partition in partitions:
            lag[self.access.inward(partition.topic)] += max(0, ends[partition] - done[partition])
        return lag

    async def close(self) -> None:
        if self.opened is not None:
            await self.opened.close()
            self.opened = None


async def wait_for_leaders(clients: Clients, topics: Sequence[str]) -> None:
    while True:
        described = await clients.admin.describe_topics(list(topics))
        leaders = [one["leader"] for topic in described for one in topic["partitions"] or [{"leader": -1}]]
        if min(leaders, default=-1) >= 0:
            return
        await asyncio.sleep(LOOK_AGAIN_SECONDS)


async def partitions_of(clients: Clients, topics: Sequence[str]) -> list[TopicPartition]:
    described = await clients.admin.describe_topics(list(topics))
    return [TopicPartition(topic["topic"], one["partition"]) for topic in described for one in topic["partitions"]]


async def committed(clients: Clients, group: str, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
    """Where the group goes on, by partition; without those it has never committed."""
    while True:
        try:
            known = await clients.admin.list_consumer_group_offsets(group, partitions=list(partitions))
        except KafkaError as error:  # the first group of a cluster waits until its brokers have a place for offsets
            if not error.retriable:
                raise
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        else:
            return {partition: found.offset for partition, found in known.items() if found.offset >= 0}
