"""The clock tidies up after everybody, and two of them do no harm."""

import asyncio
from contextlib import suppress

import asyncpg
import pytest

from app import sale_clock
from app.domain.cancellations import cancel_event, cancellation_of
from app.domain.offers import AT_ONCE
from app.domain.sale import sell
from app.domain.tickets import buy_ticket
from app.engines.database import Database
from app.leased import Leased
from app.sale_clock import tick
from app.sale_desk import SaleDesk
from app.supervision import Health
from tests.box_office import EVENT, OTHER, BoxOffice
from tests.cast import Stage, stored_event
from tests.waiting import eventually


async def test_what_is_due_is_written_down(office: BoxOffice) -> None:
    await office.open(capacity=1, payment="organizer_confirms", hold_hours=1)
    bob, ben = await office.people("bob", "ben")
    await office.bought(bob)
    await office.joins(ben)
    await tick(office.database)
    assert await office.standing(ben) == ["waiting"]
    await office.hours_pass(2)
    await asyncio.gather(tick(office.database), tick(office.database))
    assert await office.standing(ben) == ["offered"]
    assert (await office.facts()).count("TicketLapsed") == 1
    assert await office.places() == (0, 1)


async def test_very_much_that_ends_at_once_is_written_in_steps(office: BoxOffice) -> None:
    many = 2 * AT_ONCE + 500
    await office.open(capacity=10_000, payment="organizer_confirms")
    await office.value(
        """INSERT INTO tickets (event_id, ticket_type_id, attendee_id, purchase_id, nth, code, status, price,
                               held_until, currency)
           SELECT event_id, id, 1000 + n, n, 1, 'LATE' || n, 'held', 20, now() - interval '1 minute', 'EUR'
           FROM ticket_types, generate_series(1, $1::integer) AS n""",
        many,
    )
    await office.value("UPDATE ticket_types SET held = $1", many)
    await office.value("UPDATE events SET held = $1, due_at = now()", many)
    held = []
    while await tick(office.database):
        held.append((await office.places())[1])
    assert held == [many - AT_ONCE, many - 2 * AT_ONCE]
    assert await office.places() == (0, 0)
    assert (await office.facts()).count("TicketLapsed") == many


async def test_an_event_that_is_locked_holds_up_no_other(database: Database, office: BoxOffice) -> None:
    for event_id in (EVENT, EVENT + 1):
        await office.open(event_id=event_id, payment="organizer_confirms", hold_hours=1)
    (ann,) = await office.people("ann")
    desk = SaleDesk(database, sell)
    for event_id in (EVENT, EVENT + 1):
        await buy_ticket(desk, ann, event_id, None)
    await desk.close()
    await office.value("UPDATE tickets SET held_until = now()")
    await office.value("UPDATE events SET due_at = now() - interval '1 hour' + id * interval '1 minute'")
    async with database.transaction() as connection:
        await connection.execute("SELECT FROM events WHERE id = $1 FOR UPDATE", EVENT)
        async with asyncio.timeout(2):
            await tick(database)
        held = {row["event_id"]: row["status"] for row in await office.rows("SELECT event_id, status FROM tickets")}
        assert held == {EVENT: "held", EVENT + 1: "lapsed"}
    await tick(database)
    assert await office.value("SELECT bool_and(status = 'lapsed') FROM tickets")


async def test_an_event_that_cannot_be_settled_holds_up_no_other(office: BoxOffice) -> None:
    await office.open(payment="organizer_confirms", hold_hours=1, event_id=OTHER)
    await office.open(payment="organizer_confirms", hold_hours=1)
    (bob,) = await office.people("bob")
    for event_id in (OTHER, EVENT):
        await office.bought(bob, event_id=event_id)
    await office.value(
        """CREATE FUNCTION breaks() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           IF NEW.event_id = 8 AND NEW.status = 'lapsed' THEN RAISE 'broken'; END IF; RETURN NEW; END $$"""
    )
    await office.value("CREATE TRIGGER breaks BEFORE UPDATE ON tickets FOR EACH ROW EXECUTE FUNCTION breaks()")
    for table, column in (("tickets", "held_until"), ("events", "due_at")):
        await office.value(f"UPDATE {table} SET {column} = now() - interval '1 minute' * id WHERE {column} IS NOT NULL")
    with pytest.raises(asyncpg.RaiseError):
        await tick(office.database)
    rows = await office.rows("SELECT event_id, status FROM tickets ORDER BY event_id")
    assert [(row["event_id"], row["status"]) for row in rows] == [(EVENT, "lapsed"), (OTHER, "held")]


async def test_many_that_cannot_be_settled_do_not_hide_the_others(
    office: BoxOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sale_clock, "AT_ONCE", 1)
    await office.open(payment="organizer_confirms", hold_hours=1, event_id=OTHER)
    await office.open(payment="organizer_confirms", hold_hours=1)
    (bob,) = await office.people("bob")
    for event_id in (OTHER, EVENT):
        await office.bought(bob, event_id=event_id)
    await office.hours_pass(2)
    await office.value("UPDATE events SET due_at = due_at - interval '1 hour' WHERE id = $1", OTHER)
    await office.value("ALTER TABLE tickets ADD CHECK (event_id <> 8 OR status <> 'lapsed')")

    async def settled() -> bool:
        with suppress(asyncpg.CheckViolationError):
            await tick(office.database)
        return bool(await office.value("SELECT status = 'lapsed' FROM tickets WHERE event_id = $1", EVENT))

    await eventually(settled)


async def test_a_cancelled_event_is_finished_by_whoever_comes_next(office: BoxOffice) -> None:
    await office.open()
    for who in await office.people("a", "b", "c"):
        await office.bought(who)
    await cancel_event(office.database, office.alice, EVENT, "storm")
    while await tick(office.database):
        pass
    assert (await cancellation_of(office.database, office.alice, EVENT)).finished_at is not None
    assert await office.places() == (0, 0)


async def test_the_running_application_cancels_everything_of_an_event(stage: Stage) -> None:
    alice, bob = await stage.person("Alice", organizer=True), await stage.person("Bob")
    event_id = await stored_event(alice)
    await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    await alice.post(f"/api/v1/event/{event_id}/cancellation", json={"reason": "storm"})

    async def finished() -> object:
        return (await alice.get(f"/api/v1/event/{event_id}/cancellation")).json()["finished_at"]

    await eventually(finished, seconds=30)
    (ticket,) = (await bob.get("/api/v1/tickets")).json()["items"]
    assert (ticket["status"], ticket["cancel_reason"]) == ("cancelled", "storm")


async def test_work_goes_to_one_process_and_to_the_other_when_that_one_stops(office: BoxOffice) -> None:
    steps: list[str] = []

    def leased(name: str) -> Leased:
        async def step() -> bool:
            steps.append(name)
            return False

        return Leased("work", office.database, step, every=0.01)

    first = asyncio.create_task(leased("first").run(Health()))
    await eventually(lambda: steps)
    second = asyncio.create_task(leased("second").run(Health()))
    so_far = len(steps)
    await eventually(lambda: len(steps) > so_far + 5)
    assert set(steps) == {"first"}
    first.cancel()
    await eventually(lambda: "second" in steps)
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
