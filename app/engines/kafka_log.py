"""The log in Apache Kafka. `kafka_producer.py` appends, `kafka_consumer.py` reads, `kafka_admin.py` knows topics."""

import asyncio
import datetime as dt
from collections.abc import Mapping, Sequence

from app.engines.kafka_access import KafkaAccess
from app.engines.kafka_admin import CREATE_SECONDS, KafkaAdmin
from app.engines.kafka_consumer import KafkaConsumer
from app.engines.kafka_errors import unavailable_when_away
from app.engines.kafka_producer import KafkaProducer
from app.engines.log import Record, refuse_unfit
from app.errors import NotFound

SESSION_SECONDS = 30.0


class KafkaLog:
    """`replication` None: three copies, or as many as there are brokers; `instance` names a process for good."""

    def __init__(
        self,
        access: KafkaAccess,
        partitions: int,
        *,
        replication: int | None = None,
        seconds: float = 5.0,
        session_seconds: float = SESSION_SECONDS,
        instance: str | None = None,
    ) -> None:
        self.access = access
        self.session_seconds = session_seconds
        self.instance = instance
        self.admin = KafkaAdmin(access, partitions, replication)
        self.producer = KafkaProducer(access, seconds)
        self.known: set[str] = set()
        self.consumers: list[KafkaConsumer] = []

    async def create_topics(self, topics: Sequence[str]) -> None:
        """At the first start of everything this waits for the brokers."""
        await self.admin.create_topics(topics)
        self.known |= set(topics)
        with unavailable_when_away():
            async with asyncio.timeout(CREATE_SECONDS):
                await self.producer.open()

    async def publish(self, records: Sequence[Record]) -> None:
        for record in records:
            refuse_unfit(record)
        if not records:
            return
        await self.require_topics({record.topic for record in records})
        await self.producer.send(records)

    async def require_topics(self, topics: set[str]) -> None:
        if not topics <= self.known:
            self.known |= await self.admin.topics()
        if unknown := topics - self.known:
            raise NotFound(f"There is no topic {', '.join(sorted(unknown))}.")

    async def consume(self, group: str, topics: Sequence[str]) -> KafkaConsumer:
        consumer = KafkaConsumer(
            self.access, group, topics, session_seconds=self.session_seconds, instance=self.instance
        )
        self.consumers = [*(one for one in self.consumers if not one.closed), consumer]
        await consumer.join()
        return consumer

    async def lag(self, group: str, topics: Sequence[str]) -> Mapping[str, int]:
        return await self.admin.lag(group, topics)

    async def partitions_of(self, topics: Sequence[str]) -> Mapping[str, int]:
        return await self.admin.count_partitions(topics)

    async def trim(self, older_than: dt.timedelta, expiring: Sequence[str] = ()) -> None:
        """Kafka forgets by itself, after the retention of each topic."""

    async def ping(self) -> None:
        await self.admin.ping()

    async def close(self) -> None:
        await asyncio.gather(*(one.close() for one in self.consumers if not one.closed))
        await self.producer.close()
        await self.admin.close()
