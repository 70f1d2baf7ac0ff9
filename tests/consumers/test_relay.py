"""Facts are numbered without gaps and mirrored in a topic, whoever and however many do it."""

import asyncio
import json
from contextlib import suppress

import pytest

from app.consumers.relay import relay_facts
from app.domain.facts import number_facts
from app.engines.postgres_log import PostgresLog
from app.messages import FACTS
from tests.box_office import OTHER, BoxOffice
from tests.cast import Stage, stored_event
from tests.waiting import eventually


@pytest.fixture
async def log(office: BoxOffice) -> PostgresLog:
    log = PostgresLog(office.database, partitions=2)
    await log.create_topics([FACTS])
    return log


async def numbers(office: BoxOffice) -> list[int]:
    return [row["seq"] for row in await office.rows("SELECT seq FROM facts ORDER BY id")]


async def published(log: PostgresLog) -> list[dict[str, object]]:
    consumer = await log.consume("readers", [FACTS])
    try:
        found = []
        while records := await consumer.poll(100, 0):
            found += [json.loads(record.value) for record in records]
        return found
    finally:
        await consumer.close()


async def test_facts_are_numbered_in_order_and_published_with_their_numbers(
    office: BoxOffice, log: PostgresLog
) -> None:
    event_id = await office.open()
    for who in await office.people("a", "b", "c"):
        await office.bought(who)
    assert await numbers(office) == [None] * 3
    assert await relay_facts(office.database, log) is False
    assert await numbers(office) == [1, 2, 3]
    facts = await published(log)
    assert [(fact["sequence"], fact["type"], fact["event_id"]) for fact in facts] == [
        (number, "TicketSold", event_id) for number in (1, 2, 3)
    ]
    assert {"ticket_id", "ticket_type_id", "attendee_id", "at"} <= facts[0].keys()


async def test_two_relays_at_once_number_each_fact_once_and_leave_no_gap(office: BoxOffice, log: PostgresLog) -> None:
    await office.open(capacity=40)
    await office.open(event_id=OTHER, capacity=40)
    people = await office.people(*(f"p{number}" for number in range(20)))
    working = True

    async def relay() -> None:
        while working:
            await relay_facts(office.database, log)

    relays = [asyncio.create_task(relay()) for _ in range(2)]
    await asyncio.gather(
        *(office.bought(who) for who in people), *(office.bought(who, event_id=OTHER) for who in people)
    )
    working = False
    await asyncio.gather(*relays)
    await relay_facts(office.database, log)
    assert sorted(await numbers(office)) == list(range(1, 41))
    assert {fact["sequence"] for fact in await published(log)} == set(range(1, 41))


async def test_what_is_rolled_back_takes_no_number_and_what_commits_late_is_not_lost(
    office: BoxOffice, log: PostgresLog
) -> None:
    await office.open()
    await office.open(event_id=OTHER)
    bob, ben = await office.people("bob", "ben")
    await office.bought(bob)
    with suppress(ZeroDivisionError):
        async with office.database.transaction() as connection:
            assert await number_facts(connection, 10) == 1
            raise ZeroDivisionError
    async with office.database.transaction() as late:
        await late.execute("INSERT INTO facts (event_id, type, payload) VALUES ($1, 'TicketUsed', '{}')", OTHER)
        await office.bought(ben)
        await relay_facts(office.database, log)
        assert sorted(await numbers(office)) == [1, 2]
    await relay_facts(office.database, log)
    rows = await office.rows("SELECT type, seq FROM facts ORDER BY seq")
    assert [tuple(row) for row in rows] == [("TicketSold", 1), ("TicketSold", 2), ("TicketUsed", 3)]


async def test_a_log_that_is_away_loses_nothing(office: BoxOffice, log: PostgresLog) -> None:
    await office.open()
    (bob,) = await office.people("bob")
    await office.bought(bob)
    await office.value("ALTER TABLE log_records RENAME TO gone")
    with pytest.raises(Exception, match="log_records"):
        await relay_facts(office.database, log)
    await office.value("ALTER TABLE gone RENAME TO log_records")
    await relay_facts(office.database, log)
    assert [fact["sequence"] for fact in await published(log)] == [1]


async def test_the_running_application_relays_by_itself(stage: Stage) -> None:
    alice = await stage.person("Alice", organizer=True)
    event_id = await stored_event(alice)
    await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}")

    async def numbered() -> bool:
        async with stage.parts.database.connection() as connection:
            return bool(await connection.fetchval("SELECT published FROM fact_counter"))

    await eventually(numbered, seconds=30)
