"""What only Kafka can do to a log: be away, lose its order, ask for a password, hold what others wrote."""

import asyncio
import shutil
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidReplicationFactorError, KafkaError
from aiokafka.structs import TopicPartition
from structlog.testing import capture_logs

from app.consumers.dead_letters import dead_letter
from app.engines.kafka_access import KafkaAccess
from app.engines.kafka_log import KafkaLog
from app.engines.log import Consumer, Delivered, Record, refuse_unfit
from app.errors import Unavailable
from tests.servers.fleet import Fleet
from tests.servers.kafka import PASSWORD, USER, Kafka
from tests.servers.outage import paused, stopped
from tests.waiting import eventually

TOPIC = "upload-event"
SECONDS = 2.0
LONGEST_CLOSE_SECONDS = 20


@pytest.fixture
def kafka() -> Kafka:
    return Fleet().kafka


@pytest.fixture
def access(kafka: Kafka) -> KafkaAccess:
    return KafkaAccess(servers=kafka.settings()["KAFKA_BOOTSTRAP_SERVERS"], prefix=f"test-{uuid.uuid4().hex}.")


@pytest.fixture
async def log(access: KafkaAccess) -> AsyncIterator[KafkaLog]:
    log = KafkaLog(access, 1, seconds=SECONDS)
    await log.create_topics([TOPIC])
    yield log
    await log.close()


def guarded(access: KafkaAccess, kafka: Kafka, **others: Any) -> KafkaAccess:
    """Through the port that asks for TLS and a password."""
    right = {"ca_file": kafka.ca_file, "mechanism": "PLAIN", "username": USER, "password": PASSWORD}
    servers = f"127.0.0.1:{kafka.guarded_port}"
    return msgspec.structs.replace(access, servers=servers, protocol="SASL_SSL", **right | others)


def record(value: str) -> Record:
    return Record(TOPIC, "k", value.encode(), {})


async def publish_again(log: KafkaLog, value: str) -> None:
    async def accepted() -> bool:
        try:
            await log.publish([record(value)])
        except Unavailable:
            return False
        return True

    await eventually(accepted, 30)


async def values(consumer: Consumer, last: str) -> list[str]:
    found: list[str] = []

    async def complete() -> bool:
        try:
            records = await consumer.poll(100, 0.2)
        except Unavailable:
            await consumer.rewind()
            return False
        found.extend(one.value.decode() for one in records)
        await consumer.commit(records)
        return last in found

    await eventually(complete, 30)
    return found


async def test_what_was_given_up_does_not_land_later(log: KafkaLog, kafka: Kafka) -> None:
    await log.publish([record("before")])
    async with stopped(kafka):
        for number in range(3):
            with pytest.raises(Unavailable) as refused:
                await log.publish([record(f"given up {number}")])
            assert refused.value.retry_after
    await publish_again(log, "afterwards")
    assert await values(await log.consume("g", [TOPIC]), "afterwards") == ["before", "afterwards"]


async def test_once_kafka_is_known_to_be_away_the_answer_comes_at_once(log: KafkaLog, kafka: Kafka) -> None:
    loop = asyncio.get_running_loop()
    async with paused(kafka):
        began = loop.time()
        with pytest.raises(Unavailable, match="outcome is unknown"):
            await log.publish([record("first")])
        assert SECONDS <= loop.time() - began < SECONDS + 2
        began = loop.time()
        with pytest.raises(Unavailable, match="nothing was sent"):
            await log.publish([record("second")])
        assert loop.time() - began < SECONDS / 2
    await publish_again(log, "third")


async def test_a_producer_that_lost_its_order_is_replaced(log: KafkaLog) -> None:
    await log.publish([record("before")])
    broken = log.producer.current
    assert broken is not None
    partition = TopicPartition(log.access.outward(TOPIC), 0)
    broken._txn_manager.increment_sequence_number(partition, 5)
    with pytest.raises(Unavailable):
        await log.publish([record("out of order")])
    await publish_again(log, "after")
    assert log.producer.current is not broken
    assert await values(await log.consume("g", [TOPIC]), "after") == ["before", "after"]


async def test_a_file_of_tls_that_is_away_while_the_producer_is_replaced_stops_nothing(
    access: KafkaAccess, kafka: Kafka, tmp_path: Path
) -> None:
    authority = tmp_path / "authority.pem"
    shutil.copy(kafka.ca_file, authority)
    log = KafkaLog(guarded(access, kafka, ca_file=authority), 1, seconds=SECONDS)
    await log.create_topics([TOPIC])
    assert log.producer.current is not None
    authority.unlink()
    with capture_logs() as lines:
        log.producer.discard(log.producer.current, KafkaError("lost"))
        await eventually(lambda: [line for line in lines if "FileNotFoundError" in line.get("error", "")])
    with pytest.raises(Unavailable, match="nothing was sent"):
        await log.publish([record("refused")])
    shutil.copy(kafka.ca_file, authority)
    await publish_again(log, "after")
    await log.close()


async def test_a_start_that_died_is_begun_again_by_who_sends_next(log: KafkaLog) -> None:
    async def die() -> None:
        raise ZeroDivisionError

    await log.producer.close()
    log.producer.starting = asyncio.create_task(die())
    await asyncio.wait([log.producer.starting])
    await log.publish([record("after")])
    assert await values(await log.consume("g", [TOPIC]), "after") == ["after"]


async def test_a_reader_hears_that_kafka_is_away_and_goes_on_without_loss(log: KafkaLog, kafka: Kafka) -> None:
    consumer = await log.consume("g", [TOPIC])
    await log.publish([record("one")])
    assert await values(consumer, "one") == ["one"]

    async def told() -> bool:
        try:
            return bool(await consumer.poll(100, 0.2))
        except Unavailable:
            return True

    async with stopped(kafka):
        await eventually(told, 30)
        with pytest.raises(Unavailable):
            await log.ping()
        with pytest.raises(Unavailable):
            await log.lag("g", [TOPIC])
    await publish_again(log, "two")
    assert await values(consumer, "two") == ["two"]


async def test_closing_ends_while_kafka_is_away(access: KafkaAccess, kafka: Kafka) -> None:
    log = KafkaLog(access, 1, seconds=SECONDS)
    await log.create_topics([TOPIC])
    consumer = await log.consume("g", [TOPIC])
    before = asyncio.all_tasks()
    async with paused(kafka), asyncio.timeout(LONGEST_CLOSE_SECONDS):
        with pytest.raises(Unavailable):
            await log.publish([record("stuck")])
        await consumer.close()
        await log.close()
        await eventually(lambda: asyncio.all_tasks() <= before)


async def test_what_others_wrote_is_delivered_and_can_be_buried(log: KafkaLog, access: KafkaAccess) -> None:
    stranger = AIOKafkaProducer(bootstrap_servers=access.servers)
    await stranger.start()
    await stranger.send_and_wait(access.outward(TOPIC), b"\xff\xfe", headers=[("ce_id", b"\xff"), ("empty", None)])
    await stranger.send_and_wait(access.outward(TOPIC), None, key=b"\xff")
    await stranger.stop()
    consumer = await log.consume("g", [TOPIC])
    first, second = await eventually(lambda: consumer.poll(2, 1)), await consumer.poll(1, 1)
    found = [*first, *second]
    assert [one.value for one in found] == [b"\xff\xfe", b""]
    for one in found:
        refuse_unfit(dead_letter(one, "g", ValueError("no"), 1))


async def test_a_named_process_that_comes_back_finds_its_partitions_and_the_others_keep_theirs(
    access: KafkaAccess,
) -> None:
    """What `EVENTSTREAM_INSTANCE` is for: a restart hands nothing around."""
    logs = [KafkaLog(access, 4, seconds=SECONDS, instance=name) for name in ("one", "two")]
    await logs[0].create_topics([TOPIC])
    steady, leaving = [await log.consume("g", [TOPIC]) for log in logs]
    await eventually(lambda: len(steady.client.assignment()) == len(leaving.client.assignment()) == 2, 30)
    before, generation = leaving.client.assignment(), steady.client._coordinator.generation
    await leaving.close()
    back = await logs[1].consume("g", [TOPIC])
    assert back.client.assignment() == before
    await logs[0].publish([Record(TOPIC, f"k{number}", b"x", {}) for number in range(40)])
    found: list[Delivered] = []

    async def all_there() -> bool:
        for consumer in (steady, back):
            found.extend(await consumer.poll(100, 0.2))
        return len(found) == 40

    await eventually(all_there, 30)
    assert steady.client._coordinator.generation == generation, "the group was ordered anew"
    for consumer in (steady, back):
        await consumer.close()
    for log in logs:
        await log.close()


async def test_two_processes_of_the_same_name_are_told_so(access: KafkaAccess) -> None:
    """They would take the partitions from each other for ever."""
    logs = [KafkaLog(access, 2, seconds=SECONDS, session_seconds=3, instance="same") for _ in range(2)]
    await logs[0].create_topics([TOPIC])
    consumers = [await log.consume("g", [TOPIC]) for log in logs]

    async def told() -> bool:
        for consumer in consumers:
            with suppress(KafkaError):  # who joins as the other does so may be refused for good
                await consumer.poll(1, 0.1)
        return any("EVENTSTREAM_INSTANCE" in line["event"] and line.get("instance") == "same" for line in lines)

    with capture_logs() as lines:
        await eventually(told, 60)
    for log in logs:
        await log.close()


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
async def test_behind_tls_and_a_password(access: KafkaAccess, kafka: Kafka, mechanism: str) -> None:
    log = KafkaLog(guarded(access, kafka, mechanism=mechanism), 1, seconds=5)
    await log.create_topics([TOPIC])
    await log.publish([record("secret")])
    assert await values(await log.consume("g", [TOPIC]), "secret") == ["secret"]
    await log.close()


@pytest.mark.parametrize("wrong", [{"password": "guessed"}, {"ca_file": None}])
async def test_a_wrong_password_or_authority_is_unavailable(
    access: KafkaAccess, kafka: Kafka, wrong: dict[str, str | None]
) -> None:
    log = KafkaLog(guarded(access, kafka, **wrong), 1)
    with pytest.raises(Unavailable):
        await log.ping()
    await log.close()


async def test_copies_for_which_there_are_no_brokers_are_refused(access: KafkaAccess) -> None:
    log = KafkaLog(access, 1, replication=3)
    with pytest.raises(InvalidReplicationFactorError):
        await log.create_topics([TOPIC])
    await log.close()
