"""Appends to Kafka. A producer that is in doubt is thrown away: left alone it would send what was given up long ago.

aiokafka's idempotent producer never gives a batch up, spins while the broker is away, and after some errors cannot
write to a partition any more. It has no public way to drop what it holds, so this file uses its private parts.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.structs import RecordMetadata

from app.engines.kafka_access import KafkaAccess
from app.engines.kafka_errors import bounded
from app.engines.log import MAX_BYTES, Record
from app.errors import TooLarge, Unavailable

log = structlog.get_logger()

LINGER_MS = 3
BATCH_BYTES = 128 * 1024
MARGIN_BYTES = 40_000  # what Kafka's format adds to a record, below the broker's own limit of 1,048,588
REQUEST_SECONDS = 2.0
"""A broker that says nothing for as long is asked no more until another one has told who leads its partitions.

Well below the deadline of who sends. One that waits for its followers answers by then that it does, and is asked again.
"""
START_SECONDS = 5.0  # two brokers in vain, and a third one
CLOSE_SECONDS = 1.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0
UNKNOWN = "Kafka does not answer; the outcome is unknown."
Sent = asyncio.Future[RecordMetadata]


class KafkaProducer:
    """One producer at a time; while there is none, sending fails at once."""

    def __init__(self, access: KafkaAccess, seconds: float) -> None:
        self.access = access
        self.seconds = seconds
        self.current: AIOKafkaProducer | None = None
        self.starting: asyncio.Task[None] | None = None
        self.burials: set[asyncio.Task[None]] = set()
        self.last_success = 0.0

    async def send(self, records: Sequence[Record]) -> None:
        """All are in the log when this returns; raises `Unavailable` where that is not known within the deadline."""
        began = now()
        producer = await self.ready()
        try:
            async with asyncio.timeout(self.seconds):
                sent = [await self.enqueue(producer, record) for record in records]
                await asyncio.wait(sent)
        except (TimeoutError, KafkaError) as error:
            if self.last_success < began:
                self.discard(producer, error)
            raise Unavailable(UNKNOWN, retry_after=2) from error
        failures = [failure for future in sent if (failure := future.exception())]
        if failures:  # aiokafka repeats what it may; this is final
            self.discard(producer, failures[0])
            raise Unavailable(UNKNOWN, retry_after=2) from failures[0]
        self.last_success = now()

    async def ready(self) -> AIOKafkaProducer:
        if self.starting is None or self.start_died():
            with suppress(TimeoutError):
                async with asyncio.timeout(self.seconds):
                    await self.open()
        if self.current is None:
            raise Unavailable("Kafka does not answer; nothing was sent.", retry_after=2)
        return self.current

    def start_died(self) -> bool:
        """Of what nobody foresaw; the next who sends begins again. What was cancelled has been closed."""
        start = self.starting
        return start is not None and start.done() and not start.cancelled() and start.exception() is not None

    async def enqueue(self, producer: AIOKafkaProducer, record: Record) -> Sent:
        headers = [(name, value.encode()) for name, value in record.headers.items()]
        topic = self.access.outward(record.topic)
        try:
            sent = await producer.send(topic, record.value, record.key.encode(), headers=headers)
        except MessageSizeTooLargeError as error:
            raise TooLarge("A message is too large for Kafka.") from error
        sent.add_done_callback(consume_error)
        return sent

    async def open(self) -> None:
        """Returns once there is a producer, however long that takes."""
        if self.current is None:
            if self.starting is None or self.starting.done():
                self.starting = asyncio.create_task(self.start(), name="start of a Kafka producer")
            await asyncio.shield(self.starting)

    async def start(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                self.current = await self.started()
            except (TimeoutError, OSError, KafkaError) as error:  # of the files that TLS needs, too
                if pause == FIRST_PAUSE:
                    log.warning("no Kafka producer yet", error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                log.info("Kafka producer started")
                return

    async def started(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            acks="all", enable_idempotence=True, linger_ms=LINGER_MS, max_batch_size=BATCH_BYTES,
            max_request_size=MAX_BYTES + MARGIN_BYTES, request_timeout_ms=int(REQUEST_SECONDS * 1000),
            **self.access.options(),
        )  # fmt: skip
        # What waits for a leader is given up by its sender first: one such partition costs no other its producer.
        producer._message_accumulator._batch_ttl = self.seconds + 1
        try:
            async with asyncio.timeout(START_SECONDS):
                await producer.start()
        except BaseException:
            await bury(producer, KafkaError("it never started"))
            raise
        return producer

    def discard(self, producer: AIOKafkaProducer, error: BaseException) -> None:
        """Nothing more of what it holds shall land; a new one is started."""
        if self.current is not producer:
            return
        log.warning("Kafka producer discarded", error=f"{type(error).__name__}: {error}")
        self.current = None
        burial = asyncio.create_task(bury(producer, KafkaError("the producer was discarded")))
        self.burials.add(burial)
        burial.add_done_callback(self.burials.discard)
        self.starting = asyncio.create_task(self.start(), name="start of a Kafka producer")

    async def close(self) -> None:
        if self.starting is not None:
            self.starting.cancel()
            await asyncio.gather(self.starting, return_exceptions=True)
        if self.current is not None:
            producer, self.current = self.current, None
            await bounded(producer.stop(), CLOSE_SECONDS)
            await bury(producer, KafkaError("the server is stopping"))
        await asyncio.gather(*self.burials)


async def bury(producer: AIOKafkaProducer, error: BaseException) -> None:
    """Connections first, so that what is on its way fails; then the sender; then all that still waits."""
    producer._closed = True
    client, task = producer.client, producer._sender.sender_task
    if task is not None:
        task.cancel()
    await bounded(client.close(), CLOSE_SECONDS)
    if client._md_update_fut is not None and not client._md_update_fut.done():
        client._md_update_fut.set_result(False)  # nobody else would: what was on its way waits for it
    if task is not None:
        await asyncio.wait([task], timeout=CLOSE_SECONDS)
        task.cancel()
    accumulator = producer._message_accumulator
    waiting = [batch for batches in accumulator._batches.values() for batch in batches]
    accumulator._pending_batches.update(waiting)  # out of which each takes itself as it fails
    accumulator.fail_all(error)
    for batch in waiting:
        consume_error(batch._drain_waiter)


def consume_error(sent: Sent) -> None:
    """Nobody may be waiting any more; that is no news."""
    if not sent.cancelled():
        sent.exception()


def now() -> float:
    return asyncio.get_running_loop().time()
