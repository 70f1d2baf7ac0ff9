"""Members of consumer groups over Kafka."""

import asyncio
import datetime as dt
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition

from app.engines.kafka_access import KafkaAccess
from app.engines.kafka_errors import bounded, unavailable_when_away
from app.engines.log import Delivered
from app.errors import Unavailable

JOIN_SECONDS, CALL_SECONDS, CLOSE_SECONDS = 60.0, 10.0, 3.0
GRACE_SECONDS = 1.0
TIMES_THROWN_OUT, OFTEN_SECONDS = 3, 60.0
MOST_BETWEEN_POLLS_MS = 86_400_000  # a store that is away for hours is no reason to hand its partitions around

log = structlog.get_logger()


class KafkaConsumer:
    """One member, which joins again by itself: heartbeats and fetches are tasks of the client's."""

    def __init__(
        self, access: KafkaAccess, group: str, topics: Sequence[str], *, session_seconds: float, instance: str | None
    ) -> None:
        self.access = access
        self.instance = instance
        self.member = ""
        self.thrown_out: deque[float] = deque(maxlen=TIMES_THROWN_OUT)
        self.turn = 0
        self.closed = False
        self.client = AIOKafkaConsumer(
            *map(access.outward, topics),
            group_id=access.outward(group),
            group_instance_id=instance,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            session_timeout_ms=int(session_seconds * 1000),
            heartbeat_interval_ms=min(3000, int(session_seconds * 1000 / 5)),
            max_poll_interval_ms=MOST_BETWEEN_POLLS_MS,
            **access.options(),
        )

    async def join(self) -> None:
        try:
            with unavailable_when_away():
                async with asyncio.timeout(JOIN_SECONDS):
                    await self.client.start()
        except BaseException:
            await self.close()
            raise

    async def poll(self, limit: int, seconds: float) -> list[Delivered]:
        try:
            found = await self.fetched(limit, seconds)
        except KafkaError as error:
            if self.instance is not None and "UnknownError" in str(error):  # the client has no word for it
                self.tell_of_a_double()
            raise
        self.notice_a_double()
        return [self.delivered(record) for record in found]

    async def fetched(self, limit: int, seconds: float) -> list[ConsumerRecord]:
        found: list[ConsumerRecord] = []
        with unavailable_when_away(), suppress(TimeoutError):  # while the group reorders itself nothing is given out
            async with asyncio.timeout(seconds + GRACE_SECONDS):
                await self.take(found, limit)
                if not found:
                    first = await self.client.getmany(timeout_ms=int(seconds * 1000), max_records=1)
                    found += [record for records in first.values() for record in records]
                    await self.take(found, limit)
        if not found and self.client._coordinator.coordinator_id is None:
            raise Unavailable("Kafka does not answer.", retry_after=2)
        return found

    def notice_a_double(self) -> None:
        """Two with the same name throw each other out at every heartbeat, and the broker tells neither why."""
        member = self.client._coordinator.member_id
        if self.instance is None or member in ("", self.member):
            return
        if self.member:
            self.thrown_out.append(asyncio.get_running_loop().time())
        self.member = member
        times = self.thrown_out
        if len(times) == TIMES_THROWN_OUT and times[-1] - times[0] < OFTEN_SECONDS:
            self.tell_of_a_double()
            times.clear()

    def tell_of_a_double(self) -> None:
        log.error("another process seems to have the same EVENTSTREAM_INSTANCE", instance=self.instance)

    async def take(self, found: list[ConsumerRecord], limit: int) -> None:
        """What has been fetched already: first a part of each partition, beginning with another one each time."""
        self.turn += 1
        ours = sorted(self.client.assignment())
        begin = self.turn % max(len(ours), 1)
        for most in (max(1, limit // max(len(ours), 1)), limit):
            for partition in ours[begin:] + ours[:begin]:
                if room := limit - len(found):
                    taken = await self.client.getmany(partition, max_records=min(most, room))
                    found += taken.get(partition, [])

    def delivered(self, record: ConsumerRecord) -> Delivered:
        """Others may write to the topics too: what is no text is shown as far as it goes."""
        return Delivered(
            self.access.inward(record.topic),
            record.partition,
            record.offset,
            (record.key or b"").decode(errors="replace"),
            record.value or b"",
            {name: (value or b"").decode(errors="replace") for name, value in record.headers},
            dt.datetime.fromtimestamp(record.timestamp / 1000, dt.UTC),
        )

    async def commit(self, records: Sequence[Delivered]) -> None:
        ends: dict[TopicPartition, int] = {}
        for record in records:
            partition = TopicPartition(self.access.outward(record.topic), record.partition)
            ends[partition] = max(ends.get(partition, 0), record.offset + 1)
        ours = {partition: end for partition, end in ends.items() if partition in self.client.assignment()}
        if ours:
            with unavailable_when_away(), suppress(CommitFailedError):  # they have moved, or come again
                async with asyncio.timeout(CALL_SECONDS):
                    await self.client.commit(ours)

    async def rewind(self) -> None:
        with unavailable_when_away():
            async with asyncio.timeout(CALL_SECONDS):
                ours = list(self.client.assignment())
                committed = await asyncio.gather(*(self.client.committed(partition) for partition in ours))
                with suppress(IllegalStateError):  # the group has a new order, and begins where it had committed
                    for partition, offset in zip(ours, committed, strict=True):
                        if offset is not None:
                            self.client.seek(partition, offset)
                    if unknown := [one for one, offset in zip(ours, committed, strict=True) if offset is None]:
                        await self.client.seek_to_beginning(*unknown)

    async def close(self) -> None:
        """With the broker away each step of the client's own may hang, and the next one be left out."""
        self.closed = True
        await bounded(self.client.stop(), CLOSE_SECONDS)
        if self.client._fetcher is not None:
            await bounded(self.client._fetcher.close(), CLOSE_SECONDS)
        await bounded(self.client._client.close(), CLOSE_SECONDS)
