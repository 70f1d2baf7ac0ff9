"""Batches of purchases: order, keys, rivals in other processes, and queues that end."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import asyncpg
import httpx
import pytest

from app import sale_desk
from app.domain.accounts import Caller
from app.domain.idempotency import idempotent
from app.domain.reconcile import drifts
from app.domain.sale import Decided, Lock, Purchase, sell
from app.domain.wishes import Wish
from app.engines.database import Connection, Database
from app.errors import AppError, Conflict, Unavailable
from app.sale_desk import ALONE_AT_ONCE, QUEUE, WISHES_TOGETHER, SaleDesk
from tests.box_office import EVENT, BoxOffice
from tests.cast import Stage, staged, stored_event
from tests.crowd import crowd
from tests.waiting import eventually

Wishes = Mapping[int, Sequence[Wish]]


async def people(database: Database, count: int) -> list[Caller]:
    async with database.connection() as connection:
        await crowd(connection, "person", count)  # type: ignore[arg-type]
        rows = await connection.fetch("SELECT id, full_name FROM users WHERE full_name LIKE 'person-%' ORDER BY id")
    return [Caller(row["id"], "attendee", None, row["full_name"]) for row in rows]


def wish(who: Caller, key: str | None = None, path: str = "/buy") -> Wish:
    return Wish(who, idempotent(key, path))


def kinds(answers: list[Purchase | AppError]) -> list[str]:
    return [answer.type if isinstance(answer, AppError) else answer.status for answer in answers]


async def counted(database: Database, event_id: int) -> tuple[int, int, int]:
    """Sold by the counter, by the tickets, and by the facts."""
    async with database.connection() as connection:
        sold = await connection.fetchval("SELECT sold FROM events WHERE id = $1", event_id)
        tickets = await connection.fetchval("SELECT count(*) FROM tickets WHERE event_id = $1", event_id)
        facts = await connection.fetchval("SELECT count(*) FROM facts WHERE type = 'TicketSold'")
    return sold, tickets, facts


async def test_one_batch_decides_in_order_of_arrival(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, capacity=2)
    a, b, c, d = await people(stage.parts.database, 4)
    wishes = [wish(a, "k"), wish(a, "k"), wish(a), wish(a, "k", "/other"), wish(b), wish(c, "c"), wish(c, "c"), wish(d)]
    async with stage.parts.database.transaction() as connection:
        answers = (await sell(connection, {event_id: wishes}))[event_id].answers
    assert kinds(answers) == [
        "sold", "sold", "already-bought", "idempotency-key-reused", "sold", "sold-out", "sold-out", "sold-out",
    ]  # fmt: skip
    first, again = answers[0], answers[1]
    assert isinstance(first, Purchase)
    assert isinstance(again, Purchase)
    assert (first.code, first.ticket_number) == (again.code, again.ticket_number)
    assert (first.replayed, again.replayed) == (False, True)
    assert await counted(stage.parts.database, event_id) == (2, 2, 2)


async def test_two_desks_with_the_same_people_and_keys_sell_each_once(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, capacity=60)
    crowd_of_100 = await people(stage.parts.database, 100)
    desks = [SaleDesk(stage.parts.database, sell) for _ in range(3)]
    answers = await asyncio.gather(
        *(desk.buy(event_id, wish(who, "k")) for who in crowd_of_100 for desk in desks for _ in range(2))
    )
    assert kinds(list(answers)).count("sold") == 60 * 6
    codes = {answer.code for answer in answers if isinstance(answer, Purchase)}
    assert len(codes) == 60
    assert await counted(stage.parts.database, event_id) == (60, 60, 60)


async def test_many_wishes_share_a_transaction(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, capacity=500)
    batches: list[int] = []

    async def counting(connection: Connection, wishes: Wishes, lock: Lock = "wait") -> dict[int, Decided]:
        batches.append(len(wishes[event_id]))
        return await sell(connection, wishes, lock)

    desk = SaleDesk(stage.parts.database, counting)
    crowd_of_300 = await people(stage.parts.database, 300)
    await asyncio.gather(*(desk.buy(event_id, wish(who)) for who in crowd_of_300))
    assert sum(batches) == 300
    assert len(batches) <= 4


async def test_batches_of_several_events_share_a_transaction(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_ids = [await stored_event(alice, capacity=5) for _ in range(6)]
    together: list[int] = []

    async def counting(connection: Connection, wishes: Wishes, lock: Lock = "wait") -> dict[int, Decided]:
        together.append(len(wishes))
        return await sell(connection, wishes, lock)

    desk = SaleDesk(stage.parts.database, counting)
    crowd_of_8 = await people(stage.parts.database, 8)
    answers = await asyncio.gather(
        *(desk.buy(event_id, wish(who, f"{event_id}")) for who in crowd_of_8 for event_id in event_ids)
    )
    assert kinds(list(answers)).count("sold") == 30
    assert kinds(list(answers)).count("sold-out") == 18
    assert max(together) >= 5
    for event_id in event_ids:
        async with stage.parts.database.connection() as connection:
            assert await connection.fetchval("SELECT sold FROM events WHERE id = $1", event_id) == 5
            assert await connection.fetchval("SELECT count(*) FROM tickets WHERE event_id = $1", event_id) == 5
    assert await drifts(stage.parts.database) == []


async def test_what_is_sold_out_is_refused_once_for_each_key_whichever_desk_and_event_it_is_asked_of(
    stage: Stage, alice: httpx.AsyncClient
) -> None:
    event_ids = [await stored_event(alice, capacity=1) for _ in range(2)]
    first, second, *crowd_of_30 = await people(stage.parts.database, 32)
    desks = [SaleDesk(stage.parts.database, sell) for _ in range(2)]
    for desk in desks:
        for event_id in event_ids:
            await desk.buy(event_id, wish(first))
            await desk.buy(event_id, wish(second))
    assert all(desk.sold_out == set(event_ids) for desk in desks)
    for turn in range(5):
        answers = await asyncio.gather(
            *(
                desk.buy(event_id, wish(who, f"k{turn}", f"/{event_id}"))
                for who in crowd_of_30
                for desk in desks
                for event_id in event_ids
            )
        )
        assert sorted(set(kinds(list(answers)))) == ["idempotency-key-reused", "sold-out"]
        assert kinds(list(answers)).count("sold-out") == 60


async def test_nobody_waits_longer_than_a_request_may(
    stage: Stage, alice: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sale_desk, "WAIT_SECONDS", 0.5)
    event_id = await stored_event(alice)
    desk = stage.parts.sale_desk
    crowd_of_300 = await people(stage.parts.database, 300)
    async with stage.parts.database.transaction() as connection:
        await connection.execute("SELECT 1 FROM events WHERE id = $1 FOR UPDATE", event_id)
        answers = await asyncio.gather(
            *(desk.buy(event_id, wish(who, "k")) for who in crowd_of_300), return_exceptions=True
        )
    assert all(isinstance(answer, Unavailable) and answer.retry_after == 2 for answer in answers)
    monkeypatch.setattr(sale_desk, "WAIT_SECONDS", 60.0)
    again = await asyncio.gather(*(desk.buy(event_id, wish(who, "k")) for who in crowd_of_300))
    assert kinds(list(again)).count("sold") == 100
    assert await drifts(stage.parts.database) == []


async def test_many_hot_events_do_not_starve_a_calm_one(stage: Stage, alice: httpx.AsyncClient) -> None:
    shared: list[int] = []

    async def counting(connection: Connection, wishes: Wishes, lock: Lock = "wait") -> dict[int, Decided]:
        if len(wishes) > 1:
            shared.append(sum(len(those) for those in wishes.values()))
        return await sell(connection, wishes, lock)

    hot, calm = [await stored_event(alice, capacity=5000) for _ in range(8)], await stored_event(alice, capacity=10)
    desk = SaleDesk(stage.parts.database, counting)
    crowd_of_600 = await people(stage.parts.database, 600)
    storm = [asyncio.create_task(desk.buy(event_id, wish(who))) for who in crowd_of_600 for event_id in hot]
    await asyncio.wait(storm, return_when=asyncio.FIRST_COMPLETED)
    assert isinstance(await desk.buy(calm, wish(crowd_of_600[0])), Purchase)
    assert sum(not task.done() for task in storm) > 600, "the calm event waited for the hot ones"
    await asyncio.gather(*storm)
    assert max(shared, default=0) <= WISHES_TOGETHER


async def test_an_event_that_somebody_holds_does_not_hold_up_the_others(stage: Stage, alice: httpx.AsyncClient) -> None:
    held, *free = [await stored_event(alice) for _ in range(4)]
    desk, crowd_of_3 = stage.parts.sale_desk, await people(stage.parts.database, 3)
    async with stage.parts.database.transaction() as connection:
        await connection.execute("SELECT 1 FROM events WHERE id = $1 FOR UPDATE", held)
        stuck = [asyncio.create_task(desk.buy(held, wish(who))) for who in crowd_of_3]
        for _ in range(3):
            answers = await asyncio.gather(*(desk.buy(event_id, wish(who)) for event_id in free for who in crowd_of_3))
        assert not any(task.done() for task in stuck)
    assert kinds(list(answers)) == ["already-bought"] * 9
    assert kinds(list(await asyncio.gather(*stuck))) == ["sold"] * 3


async def test_an_event_that_fails_does_not_fail_those_it_shares_a_transaction_with(
    stage: Stage, alice: httpx.AsyncClient
) -> None:
    broken, *sound = [await stored_event(alice) for _ in range(4)]
    shared: list[int] = []

    async def failing(connection: Connection, wishes: Wishes, lock: Lock = "wait") -> dict[int, Decided]:
        shared.append(len(wishes))
        if broken in wishes:
            await connection.execute("SELECT no_such_column FROM events")
        return await sell(connection, wishes, lock)

    desk = SaleDesk(stage.parts.database, failing)
    crowd_of_2 = await people(stage.parts.database, 2)
    buying = [desk.buy(event_id, wish(who)) for who in crowd_of_2 for event_id in (broken, *sound)]
    answers = await asyncio.gather(*buying, return_exceptions=True)
    assert max(shared) > 1
    assert sum(isinstance(answer, Purchase) for answer in answers) == 6
    assert sum(isinstance(answer, asyncpg.UndefinedColumnError) for answer in answers) == 2


async def test_a_commit_without_an_answer_is_not_done_again(stage: Stage, alice: httpx.AsyncClient) -> None:
    kinds_of_tickets = [{"name": "Day", "price": "20", "per_attendee_limit": 4}]
    event_ids = [await stored_event(alice, ticket_types=kinds_of_tickets) for _ in range(4)]
    shared = 0

    async def losing(connection: Connection, wishes: Wishes, lock: Lock = "wait") -> dict[int, Decided]:
        nonlocal shared
        decided = await sell(connection, wishes, lock)
        if len(wishes) > 1:
            shared += len(wishes)
            await connection.execute("COMMIT")
            connection.terminate()
        return decided

    desk = SaleDesk(stage.parts.database, losing)
    (who,) = await people(stage.parts.database, 1)
    answers = await asyncio.gather(*(desk.buy(event_id, wish(who)) for event_id in event_ids), return_exceptions=True)
    assert shared > 1
    assert sum(isinstance(answer, Unavailable) for answer in answers) == shared
    assert [(await counted(stage.parts.database, event_id))[:2] for event_id in event_ids] == [(1, 1)] * 4


async def test_events_that_somebody_holds_do_not_hold_up_a_calm_one(stage: Stage, alice: httpx.AsyncClient) -> None:
    *held, calm = [await stored_event(alice) for _ in range(6 * ALONE_AT_ONCE + 1)]
    desk, (who,) = stage.parts.sale_desk, await people(stage.parts.database, 1)
    async with stage.parts.database.transaction() as connection:
        await connection.execute("SELECT FROM events WHERE id = ANY($1) FOR UPDATE", held)
        stuck = [asyncio.create_task(desk.buy(event_id, wish(who))) for event_id in held]
        await eventually(lambda: desk.turns.locked())
        began = time.monotonic()
        assert isinstance(await desk.buy(calm, wish(who)), Purchase)
        assert time.monotonic() - began < 3
        assert not any(task.done() for task in stuck)
    assert kinds(list(await asyncio.gather(*stuck))) == ["sold"] * len(held)


async def test_one_key_for_two_events_at_once_buys_one(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_ids = [await stored_event(alice) for _ in range(5)]
    (who,) = await people(stage.parts.database, 1)
    buy = stage.parts.sale_desk.buy
    answers = await asyncio.gather(*(buy(event_id, wish(who, "k", f"/{event_id}")) for event_id in event_ids))
    assert sorted(kinds(list(answers))) == ["idempotency-key-reused"] * 4 + ["sold"]


async def test_a_batch_that_fails_fails_its_own_wishes_and_no_others(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    (who,) = await people(stage.parts.database, 1)
    failing = True

    async def failing_once(connection: Connection, wishes: Wishes, lock: Lock = "wait") -> dict[int, Decided]:
        if failing:
            await connection.execute("SELECT no_such_column FROM events")
        return await sell(connection, wishes, lock)

    desk = SaleDesk(stage.parts.database, failing_once)
    with pytest.raises(asyncpg.UndefinedColumnError):
        await desk.buy(event_id, wish(who))
    failing = False
    assert isinstance(await desk.buy(event_id, wish(who)), Purchase)


async def test_a_desk_that_closes_decides_what_waits_and_takes_nothing_new(
    stage: Stage, alice: httpx.AsyncClient
) -> None:
    event_id, other = [await stored_event(alice) for _ in range(2)]
    first, second = await people(stage.parts.database, 2)
    desk = SaleDesk(stage.parts.database, sell)
    under_way = asyncio.create_task(desk.buy(event_id, wish(first)))
    await eventually(lambda: event_id in desk.queues)
    closing = asyncio.create_task(desk.close())
    await eventually(lambda: desk.closed)
    for one in (event_id, other):
        with pytest.raises(Unavailable):
            await desk.buy(one, wish(second))
    await closing
    assert isinstance(await under_way, Purchase)
    with pytest.raises(Unavailable):
        await desk.buy(event_id, wish(second))


async def test_a_hot_event_does_not_starve_a_calm_one(database_url: str, tmp_path: Path) -> None:
    async with staged(database_url, tmp_path) as stage:
        alice = await stage.person("Alice", organizer=True)
        hot, calm = await stored_event(alice, capacity=5000), await stored_event(alice, capacity=10)
        crowd_of_4000 = await people(stage.parts.database, 4000)
        storm = [asyncio.create_task(stage.parts.sale_desk.buy(hot, wish(who))) for who in crowd_of_4000]
        await eventually(lambda: hot in stage.parts.sale_desk.queues)
        answer = await stage.parts.sale_desk.buy(calm, wish(crowd_of_4000[0]))
        assert isinstance(answer, Purchase)
        assert sum(not task.done() for task in storm) > 500, "the calm event waited for the hot one"
        await asyncio.gather(*storm)


async def test_sold_out_is_said_without_waiting_for_the_lock_and_forgotten_when_places_come_free(
    stage: Stage, alice: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice, capacity=1)
    database, desk = stage.parts.database, stage.parts.sale_desk
    first, second, third = await people(database, 3)
    assert isinstance(await desk.buy(event_id, wish(first, "k")), Purchase)
    assert desk.sold_out == {event_id}
    async with database.transaction() as connection:
        await connection.execute("SELECT 1 FROM events WHERE id = $1 FOR UPDATE", event_id)
        answers = await asyncio.gather(
            desk.buy(event_id, wish(second, "k")), desk.buy(event_id, wish(first, "k")), desk.buy(event_id, wish(first))
        )
        assert kinds(list(answers)) == ["sold-out", "sold", "already-bought"]
    await alice.patch(f"/api/v1/event/{event_id}", json={"capacity": 2}, headers={"If-Match": "*"})
    answers = await asyncio.gather(desk.buy(event_id, wish(second, "k")), desk.buy(event_id, wish(third)))
    assert kinds(list(answers)) == ["sold-out", "sold"], "the first answer is remembered under its key"


async def test_sold_out_is_known_in_memory_too_where_a_phase_ended_with_places_left(
    stage: Stage, alice: httpx.AsyncClient
) -> None:
    kinds_sold = [{"name": "Early", "price": "9", "places": 5}, {"name": "Regular", "price": "9", "places": 1}]
    event_id = await stored_event(alice, ticket_types=kinds_sold)
    database, desk = stage.parts.database, stage.parts.sale_desk
    async with database.connection() as connection:
        await connection.execute("UPDATE ticket_types SET sale_closes_at = now() WHERE name = 'Early'")
    first, second = await people(database, 2)
    assert isinstance(await desk.buy(event_id, wish(first)), Purchase)
    async with database.transaction() as connection:
        await connection.execute("SELECT 1 FROM events WHERE id = $1 FOR UPDATE", event_id)
        async with asyncio.timeout(2):
            answer = await desk.buy(event_id, wish(second))
    assert kinds([answer]) == ["sold-out"]


async def test_a_hold_that_ended_is_no_longer_sold_out_in_memory(office: BoxOffice) -> None:
    await office.open(capacity=1, payment="organizer_confirms", hold_hours=1)
    bob, ben, cat = await office.people("bob", "ben", "cat")
    desk = SaleDesk(office.database, sell)
    assert isinstance(await desk.buy(EVENT, wish(bob)), Purchase)
    assert kinds([await desk.buy(EVENT, wish(ben))]) == ["sold-out"]
    assert desk.sold_out == {EVENT}
    await office.hours_pass(2)
    assert isinstance(await desk.buy(EVENT, wish(cat)), Purchase), "though no job has looked"
    await desk.close()


async def test_a_full_queue_sheds_load(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    (who,) = await people(stage.parts.database, 1)
    desk = SaleDesk(stage.parts.database, sell)
    waiting = [asyncio.create_task(desk.buy(event_id, wish(who))) for _ in range(QUEUE)]
    await eventually(lambda: event_id in desk.queues and len(desk.queues[event_id].waiting) > QUEUE - 300)
    refused = [asyncio.create_task(desk.buy(event_id, wish(who))) for _ in range(300)]
    answers = await asyncio.gather(*refused, return_exceptions=True)
    assert any(isinstance(answer, Unavailable) and answer.retry_after == 1 for answer in answers)
    assert kinds(list(await asyncio.gather(*waiting))).count("sold") == 1


async def test_refusals_of_the_desk_are_conflicts(stage: Stage, alice: httpx.AsyncClient) -> None:
    over = await stored_event(alice, start_time="2020-06-22T19:00:00Z", end_time="2020-06-22T20:00:00Z")
    (who,) = await people(stage.parts.database, 1)
    answer = await stage.parts.sale_desk.buy(over, wish(who))
    assert isinstance(answer, Conflict)
    assert kinds([await stage.parts.sale_desk.buy(999_999, wish(who))]) == ["not-found"]
