"""What every log must do. The fixture names the twins; no test here knows which one it talks to."""

import asyncio
import collections
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest

from app.consumers.dead_letters import dead_letter
from app.engines.log import MAX_BYTES, Consumer, Delivered, Log, Record
from app.errors import NotFound, TooLarge
from tests.engines.log_twins import PARTITIONS, TWINS, Late, Twin
from tests.waiting import eventually

TOPIC = "upload-event"


@pytest.fixture(params=TWINS)
def twin(request: pytest.FixtureRequest) -> Twin:
    return TWINS[request.param](request)


@pytest.fixture
async def log(twin: Twin) -> AsyncIterator[Log]:
    await twin.log.create_topics([TOPIC, "other"])
    yield twin.log
    await twin.log.close()


@pytest.fixture
def late(twin: Twin) -> Late:
    return twin.late


def record(number: int, key: str | None = None, topic: str = TOPIC) -> Record:
    return Record(topic, key or f"key-{number}", str(number).encode(), {"n": str(number)})


async def drain(consumer: Consumer, count: int, commit: bool = True) -> list[Delivered]:
    """Polls until `count` records came."""
    found: list[Delivered] = []

    async def enough() -> bool:
        records = await consumer.poll(100, 0.2)
        found.extend(records)
        if commit:
            await consumer.commit(records)
        return len(found) >= count

    await eventually(enough, 15)
    return found


def numbers(records: Sequence[Delivered]) -> list[int]:
    return [int(one.value) for one in records]


async def test_a_new_group_begins_at_the_first_record(log: Log) -> None:
    await log.publish([record(number) for number in range(20)])
    found = await drain(await log.consume("late", [TOPIC]), 20)
    assert sorted(numbers(found)) == list(range(20))


async def test_records_come_back_as_they_were(log: Log) -> None:
    sent = Record(TOPIC, "schlüssel", bytes(range(256)), {"ce_id": "1", "ce_type": "Ü"})
    await log.publish([sent])
    (found,) = await drain(await log.consume("g", [TOPIC]), 1)
    assert (found.topic, found.key, found.value, found.headers) == (TOPIC, sent.key, sent.value, sent.headers)
    assert found.appended_at.tzinfo is not None


async def test_offsets_are_gapless_from_zero_and_keys_keep_their_order(log: Log) -> None:
    await asyncio.gather(*(log.publish([record(number, key=f"k{number % 7}")]) for number in range(70)))
    for batch in range(70, 140, 10):
        await log.publish([record(number, key=f"k{number % 7}") for number in range(batch, batch + 10)])
    found = await drain(await log.consume("g", [TOPIC]), 140)
    by_partition = collections.defaultdict(list)
    by_key = collections.defaultdict(list)
    for one in found:
        by_partition[one.partition].append(one.offset)
        if int(one.value) >= 70:  # those before were sent at the same time
            by_key[one.key].append(int(one.value))
    assert all(offsets == list(range(len(offsets))) for offsets in by_partition.values())
    assert all(values == sorted(values) for values in by_key.values())


async def test_what_commits_late_is_delivered_all_the_same(log: Log, late: Late) -> None:
    """One writer begins first and is done last; a reader looks in between and afterwards."""
    consumer = await log.consume("g", [TOPIC])
    async with late(record(1, key="same")):
        quick = asyncio.create_task(log.publish([record(2, key="same")]))
        await asyncio.wait([quick], timeout=0.3)
        found = await consumer.poll(10, 0.3)
    await quick
    while records := await consumer.poll(10, 1):
        found += records
    assert sorted(numbers(found)) == [1, 2]


async def test_each_group_gets_everything_once(log: Log) -> None:
    await log.publish([record(number) for number in range(30)])
    one, other = await log.consume("one", [TOPIC]), await log.consume("other", [TOPIC])
    assert sorted(numbers(await drain(one, 30))) == sorted(numbers(await drain(other, 30))) == list(range(30))
    assert await one.poll(10, 0.1) == []


async def test_only_the_topics_asked_for(log: Log) -> None:
    await log.publish([record(1), record(2, topic="other")])
    assert numbers(await drain(await log.consume("g", ["other"]), 1)) == [2]


async def test_what_was_committed_does_not_come_again(log: Log) -> None:
    await log.publish([record(number) for number in range(10)])
    first = await log.consume("g", [TOPIC])
    await drain(first, 10)
    await first.close()
    await log.publish([record(10)])
    assert numbers(await drain(await log.consume("g", [TOPIC]), 1)) == [10]


async def test_a_crash_between_effect_and_offset_delivers_again(log: Log) -> None:
    await log.publish([record(number) for number in range(10)])
    first = await log.consume("g", [TOPIC])
    await drain(first, 10, commit=False)
    await first.close()
    assert sorted(numbers(await drain(await log.consume("g", [TOPIC]), 10))) == list(range(10))


async def test_rewind_brings_back_what_was_not_committed(log: Log) -> None:
    consumer = await log.consume("g", [TOPIC])
    await log.publish([record(number, key="same") for number in range(6)])
    found = await drain(consumer, 6, commit=False)
    await consumer.commit(found[:4])
    await consumer.rewind()
    assert numbers(await drain(consumer, 2)) == [4, 5]


async def test_two_members_share_the_partitions(log: Log) -> None:
    one, other = await log.consume("g", [TOPIC]), await log.consume("g", [TOPIC])
    seen: dict[str, set[int]] = {"one": set(), "other": set()}
    got: list[int] = []
    sent = 0

    async def both_have_half() -> bool:
        nonlocal sent
        await log.publish([record(sent + more) for more in range(16)])
        sent += 16
        seen["one"].clear(), seen["other"].clear()
        for name, consumer in (("one", one), ("other", other)):
            records = await consumer.poll(1000, 0.1)
            await consumer.commit(records)
            got.extend(numbers(records))
            seen[name] = {r.partition for r in records}
        return len(seen["one"]) == 2 and len(seen["other"]) == 2 and not seen["one"] & seen["other"]

    await eventually(both_have_half, 20)
    for consumer in (one, other):
        records = await consumer.poll(1000, 0.3)
        await consumer.commit(records)
        got.extend(numbers(records))
    assert set(got) == set(range(sent))


async def settled(log: Log, *consumers: Consumer) -> int:
    """Waits until each member gets a part of its own of what is published; how many records that took."""
    sent = 0

    async def each_has_its_own() -> bool:
        nonlocal sent
        await log.publish([record(sent + more) for more in range(16)])
        sent += 16
        parts = []
        for consumer in consumers:
            records = await consumer.poll(1000, 0.2)
            await consumer.commit(records)
            parts.append({one.partition for one in records})
        return all(parts) and len(set().union(*parts)) == sum(map(len, parts)) == 4

    await eventually(each_has_its_own, 30)
    return sent


async def test_a_member_that_joins_later_gets_its_part(log: Log) -> None:
    first = await log.consume("g", [TOPIC])
    await settled(log, first)
    await settled(log, first, await log.consume("g", [TOPIC]))


async def test_a_member_that_leaves_is_replaced_at_once(log: Log) -> None:
    staying, leaving = await log.consume("g", [TOPIC]), await log.consume("g", [TOPIC])
    await log.publish([record(number) for number in range(40)])
    await leaving.close()
    assert set(numbers(await drain(staying, 40))) == set(range(40))


async def test_a_member_that_goes_silent_is_replaced_and_its_records_come_again(log: Log, twin: Twin) -> None:
    silent = await log.consume("g", [TOPIC])
    await log.publish([record(number) for number in range(20)])
    await drain(silent, 20, commit=False)
    await twin.abandon(silent)
    heir = await log.consume("g", [TOPIC])
    assert set(numbers(await drain(heir, 20))) == set(range(20))


async def test_a_late_word_of_a_replaced_member_does_not_count(log: Log, twin: Twin) -> None:
    replaced = await log.consume("g", [TOPIC])
    await log.publish([record(number, key="same") for number in range(10)])
    stale = await drain(replaced, 10, commit=False)
    await twin.abandon(replaced)
    heir = await log.consume("g", [TOPIC])
    await drain(heir, 10, commit=False)
    await replaced.commit(stale)
    assert await log.lag("g", [TOPIC]) == {TOPIC: 10}


async def test_lag_rises_and_falls(log: Log) -> None:
    consumer = await log.consume("g", [TOPIC, "other"])
    assert await log.lag("g", [TOPIC, "other"]) == {TOPIC: 0, "other": 0}
    await log.publish([record(1), record(2), record(3, topic="other")])
    assert await log.lag("g", [TOPIC, "other"]) == {TOPIC: 2, "other": 1}
    await drain(consumer, 3)
    assert await log.lag("g", [TOPIC, "other"]) == {TOPIC: 0, "other": 0}


async def test_what_is_too_large_is_refused_and_nothing_of_it_lands(log: Log) -> None:
    large = Record(TOPIC, "k", b"x" * (MAX_BYTES + 1), {})
    with pytest.raises(TooLarge):
        await log.publish([record(1), large])
    assert await log.lag("g", [TOPIC]) == {TOPIC: 0}
    await log.publish([Record(TOPIC, "k", b"x" * (MAX_BYTES - 1), {})])


async def test_the_largest_message_can_still_become_a_dead_letter(log: Log) -> None:
    headers = {"ce_id": "1", "ce_type": "EventSubmitted", "traceparent": "x" * 55}
    await log.publish([Record(TOPIC, "k", b"x" * (MAX_BYTES - 1), headers)])
    (largest,) = await drain(await log.consume("g", [TOPIC]), 1)
    buried = dead_letter(largest, "eventstream-postgres", ValueError("ü" * 2000), 5)
    await log.publish([msgspec.structs.replace(buried, topic="other")])


async def test_headers_that_are_too_large_are_refused(log: Log) -> None:
    with pytest.raises(TooLarge, match="headers"):
        await log.publish([Record(TOPIC, "k", b"", {"ce_id": "x" * 40_000})])


async def test_an_unknown_topic_is_named(log: Log) -> None:
    with pytest.raises(NotFound, match="no-such-topic"):
        await log.publish([record(1, topic="no-such-topic")])


async def test_partitions_are_counted_by_topic(log: Log) -> None:
    assert await log.partitions_of([TOPIC, "other", "no-such-topic"]) == {TOPIC: PARTITIONS, "other": PARTITIONS}


async def test_creating_topics_again_changes_nothing(log: Log) -> None:
    await log.publish([record(1)])
    await log.create_topics([TOPIC])
    assert await log.lag("g", [TOPIC]) == {TOPIC: 1}


async def test_eight_writers_and_two_readers_miss_nothing_and_double_nothing(log: Log) -> None:
    consumers = [await log.consume("g", [TOPIC]) for _ in range(2)]
    await settled(log, *consumers)

    async def write(writer: int) -> None:
        for number in range(50):
            await log.publish([record(writer * 1000 + number * 2), record(writer * 1000 + number * 2 + 1)])

    wanted = {writer * 1000 + number for writer in range(1, 9) for number in range(100)}
    got: collections.Counter[int] = collections.Counter()

    async def read(consumer: Consumer) -> None:
        while set(got) != wanted:
            records = await consumer.poll(50, 0.2)
            got.update(number for number in numbers(records) if number in wanted)
            await consumer.commit(records)

    async with asyncio.timeout(40):
        await asyncio.gather(*(write(writer) for writer in range(1, 9)), *(read(consumer) for consumer in consumers))
    assert got == collections.Counter(wanted)


async def test_one_full_partition_does_not_starve_the_others(log: Log) -> None:
    await log.publish([record(number, key="busy") for number in range(400)])
    await log.publish([record(1000 + number, key=f"k{number}") for number in range(8)])
    consumer = await log.consume("g", [TOPIC])
    first = await drain(consumer, 100)
    assert len({one.partition for one in first}) > 1


async def test_ping_of_a_log_that_is_there(log: Log) -> None:
    await log.ping()
