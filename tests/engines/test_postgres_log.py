"""What only the log in PostgreSQL can get wrong; and the proof that the contract catches the known trap."""

import asyncio
import datetime as dt
import re
import sys
import time

import asyncpg
import pytest

from app.engines import leases
from app.engines.database import Database
from app.engines.log import MAX_BYTES, Record
from app.engines.postgres_log import PostgresLog
from app.errors import Malformed, TooLarge, Unavailable
from tests.engines.naive_log import NaiveLog
from tests.engines.test_log_contract import drain, numbers, record
from tests.engines.test_log_contract import test_what_commits_late_is_delivered_all_the_same as late_commit
from tests.waiting import eventually

TOPIC = "upload-event"


async def opened(database: Database, **options: float) -> PostgresLog:
    log = PostgresLog(database, partitions=1, **options)  # type: ignore[arg-type]
    await log.create_topics([TOPIC])
    return log


async def test_the_contract_catches_a_log_that_polls_by_id(database: Database) -> None:
    """Sequence numbers become visible out of order, so `id > last` steps over the late one."""
    naive = NaiveLog(database)
    await naive.create_topics([TOPIC])
    with pytest.raises(AssertionError, match=re.escape("[2]")):
        await late_commit(naive, naive.late)


async def test_a_rollback_leaves_no_gap(database: Database) -> None:
    log = await opened(database)
    await log.publish([record(1)])
    async with database.connection() as connection:
        undone = connection.transaction()
        await undone.start()
        await connection.execute("SELECT log_append($1, $2, $3, $4, $5)", [TOPIC], [0], ["k"], [b"x"], ["{}"])
        await undone.rollback()
    await log.publish([record(2)])
    found = await drain(await log.consume("g", [TOPIC]), 2)
    assert [one.offset for one in found] == [0, 1]
    await log.close()


async def test_a_connection_killed_in_mid_append_leaves_no_gap(database: Database) -> None:
    log = await opened(database)
    victim = await asyncpg.connect(database.url)
    await victim.execute("BEGIN")
    await victim.execute("SELECT log_append($1, $2, $3, $4, $5)", [TOPIC], [0], ["k"], [b"x"], ["{}"])
    async with database.connection() as connection:
        await connection.execute("SELECT pg_terminate_backend($1)", victim.get_server_pid())
    await log.publish([record(7)])
    (found,) = await drain(await log.consume("g", [TOPIC]), 1)
    assert (found.offset, numbers([found])) == (0, [7])
    victim.terminate()
    await log.close()


async def test_without_notifications_records_arrive_all_the_same(database: Database) -> None:
    log = await opened(database)
    consumer = await log.consume("g", [TOPIC])
    assert log.wakeups.connection is not None
    async with database.connection() as connection:
        await connection.execute("SELECT pg_terminate_backend($1)", log.wakeups.connection.get_server_pid())
    await eventually(log.wakeups.connection.is_closed)
    await log.publish([record(1)])
    assert numbers(await consumer.poll(10, 3)) == [1]
    await log.close()


async def test_a_heartbeat_that_dies_is_heard_of(database: Database) -> None:
    log = await opened(database)
    consumer = await log.consume("g", [TOPIC])
    assert consumer.heartbeat is not None
    consumer.heartbeat.cancel()
    await eventually(consumer.heartbeat.done)
    with pytest.raises(asyncio.CancelledError):
        await consumer.poll(10, 0.1)
    await log.close()


async def test_a_log_that_does_not_answer_in_time_is_unavailable(database: Database) -> None:
    log = await opened(database, seconds=0.3)
    async with database.transaction() as connection:
        await connection.execute("LOCK TABLE log_partitions")
        with pytest.raises(Unavailable, match="outcome is unknown"):
            await log.publish([record(1)])
    await log.close()


async def test_trim_forgets_only_what_every_group_has_handled(database: Database) -> None:
    log = await opened(database)
    fast, slow = await log.consume("fast", [TOPIC]), await log.consume("slow", [TOPIC])
    await log.publish([record(number) for number in range(4)])
    await drain(fast, 4)
    found = await drain(slow, 4, commit=False)
    await slow.commit(found[:2])
    await log.trim(dt.timedelta(days=1))
    assert await count(database) == 4
    await log.trim(dt.timedelta(0))
    assert await count(database) == 2
    await log.close()


async def count(database: Database) -> int:
    async with database.connection() as connection:
        found: int = await connection.fetchval("SELECT count(*) FROM log_records")
    return found


async def test_records_of_one_transaction_may_span_partitions(database: Database) -> None:
    log = PostgresLog(database, partitions=6)
    await log.create_topics([TOPIC])
    await log.publish([Record(TOPIC, f"k{number}", b"1", {}) for number in range(60)])
    found = await drain(await log.consume("g", [TOPIC]), 60)
    assert len({one.partition for one in found}) == 6
    await log.close()


async def test_trim_keeps_what_a_group_that_has_committed_nothing_still_needs(database: Database) -> None:
    log = await opened(database)
    fast, slow = await log.consume("fast", [TOPIC]), await log.consume("slow", [TOPIC])
    await log.publish([record(1)])
    await drain(fast, 1)
    await log.trim(dt.timedelta(0))
    assert numbers(await drain(slow, 1)) == [1]
    await log.close()


async def test_what_was_trimmed_is_no_lag_of_a_new_group(database: Database) -> None:
    log = await opened(database)
    await log.publish([record(1), record(2)])
    await drain(await log.consume("old", [TOPIC]), 2)
    await log.trim(dt.timedelta(0))
    await log.publish([record(3)])
    late = await log.consume("new", [TOPIC])
    assert await log.lag("new", [TOPIC]) == {TOPIC: 1}
    assert numbers(await drain(late, 1)) == [3]
    await log.close()


async def test_trim_forgets_what_expires_whoever_has_not_read_it(database: Database) -> None:
    log = PostgresLog(database, partitions=1)
    await log.create_topics([TOPIC, "event-facts", "letters"])
    reader = await log.consume("reader", ["letters"])
    for topic in (TOPIC, "event-facts", "letters"):
        await log.publish([record(1, topic=topic), record(2, topic=topic)])
    expiring = ["event-facts", "letters"]
    await log.trim(dt.timedelta(days=1), expiring)
    assert await count(database) == 6
    await log.trim(dt.timedelta(0), expiring)
    assert await count(database) == 2, "what somebody may still need to store stays"
    for group in ("reader", "newcomer"):
        assert await log.lag(group, expiring) == {"event-facts": 0, "letters": 0}
    await log.publish([record(3, topic="letters")])
    assert await log.lag("reader", ["letters"]) == {"letters": 1}
    assert numbers(await drain(reader, 1)) == [3]
    await log.close()


async def test_trim_forgets_members_that_left(database: Database) -> None:
    log = await opened(database)
    await (await log.consume("g", [TOPIC])).close()
    await log.trim(dt.timedelta(0))
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM leases WHERE name LIKE '%/members/%'") == 0
    await log.close()


async def test_an_append_to_a_partition_that_is_gone_is_not_acknowledged(database: Database) -> None:
    log = await opened(database)
    await log.publish([record(1)])
    async with database.connection() as connection:
        await connection.execute("DELETE FROM log_partitions")
    with pytest.raises(asyncpg.RaiseError, match="missing"):
        await log.publish([record(2)])
    await log.close()


@pytest.mark.parametrize(
    "unfit", [Record(TOPIC, "a\0b", b"", {}), Record(TOPIC, "k", b"", {"h": "\0"}), Record(TOPIC, "\ud800", b"", {})]
)
async def test_a_record_postgres_cannot_keep_does_not_fail_its_neighbours(database: Database, unfit: Record) -> None:
    log = await opened(database)
    first, bad, last = await asyncio.gather(
        *(log.publish([one]) for one in (record(1), unfit, record(2))), return_exceptions=True
    )
    assert isinstance(bad, Malformed)
    assert (first, last) == (None, None)
    await log.close()


async def test_size_is_counted_in_bytes(database: Database) -> None:
    log = await opened(database)
    with pytest.raises(TooLarge):
        await log.publish([Record(TOPIC, "k", b"", {"h": "ü" * (MAX_BYTES // 2)})])
    await log.close()


MEMBER = """
import asyncio, sys
from app.engines.database import Database
from app.engines.postgres_log import PostgresLog

async def main():
    database = Database(sys.argv[1])
    await database.open()
    consumer = await PostgresLog(database, partitions=1, lease_seconds=1.5).consume("g", ["upload-event"])
    while not (records := await consumer.poll(10, 1)):
        continue
    print(len(records), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_member_whose_process_is_killed_is_replaced(database: Database) -> None:
    log = await opened(database, lease_seconds=1.5)
    await log.publish([record(number) for number in range(5)])
    member = await asyncio.create_subprocess_exec(
        sys.executable, "-c", MEMBER, database.url, stdout=asyncio.subprocess.PIPE
    )
    assert member.stdout is not None
    assert await asyncio.wait_for(member.stdout.readline(), 20) == b"5\n"
    member.kill()
    await member.wait()
    assert sorted(numbers(await drain(await log.consume("g", [TOPIC]), 5))) == list(range(5))
    await log.close()


async def test_a_stale_epoch_cannot_commit(database: Database) -> None:
    log = await opened(database)
    consumer = await log.consume("g", [TOPIC])
    await log.publish([record(1)])
    found = await drain(consumer, 1, commit=False)
    async with database.connection() as connection:  # it went to somebody and came back, unnoticed so far
        await connection.execute("UPDATE leases SET epoch = epoch + 2 WHERE name = $1", f"log/g/{TOPIC}/0")
    await consumer.commit(found)
    assert await log.lag("g", [TOPIC]) == {TOPIC: 1}
    await log.close()


async def test_a_lease_is_kept_until_it_ends_and_its_epoch_rises_with_each_new_holder(database: Database) -> None:
    async with database.connection() as connection:
        assert await leases.acquire(connection, ["x"], "bob", 60) == {"x": 1}
        assert await leases.acquire(connection, ["x"], "alice", 60) == {}
        assert await leases.acquire(connection, ["x"], "bob", 60) == {"x": 1}
        await leases.release(connection, ["x"], "alice")
        assert await leases.acquire(connection, ["x"], "alice", 60) == {}
        await leases.release(connection, ["x"], "bob")
        assert await leases.acquire(connection, ["x"], "alice", 60) == {"x": 2}


async def test_members_hear_at_once_who_joins_and_who_leaves(database: Database) -> None:
    log = PostgresLog(database, partitions=4, lease_seconds=60)
    await log.create_topics([TOPIC])
    one, other = await log.consume("g", [TOPIC]), await log.consume("g", [TOPIC])
    began = time.monotonic()
    await eventually(lambda: len(one.owned) == len(other.owned) == 2, 5)
    await other.close()
    await eventually(lambda: len(one.owned) == 4, 5)
    assert time.monotonic() - began < 60 / 3
    await one.close()
    await log.close()


async def test_who_could_not_join_is_forgotten(database: Database) -> None:
    log = await opened(database)
    async with database.transaction() as connection:
        await connection.execute("LOCK TABLE leases")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(log.consume("g", [TOPIC]), 0.3)
    assert not any(log.wakeups.bells.values())
    await log.close()


async def test_close_frees_also_what_was_taken_without_hearing_of_it(database: Database) -> None:
    log = await opened(database)
    consumer = await log.consume("g", [TOPIC])
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO leases VALUES ('log/g/other/0', $1, 1, now() + interval '1 hour')", consumer.member
        )
        await consumer.close()
        assert await connection.fetchval("SELECT count(*) FROM leases WHERE until > now()") == 0
    await log.close()
