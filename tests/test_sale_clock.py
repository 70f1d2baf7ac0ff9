"""The clock tidies up after everybody, and two of them do no harm."""

import asyncio

from app.domain.cancellations import cancel_event, cancellation_of
from app.leased import Leased
from app.sale_clock import tick
from app.supervision import Health
from tests.box_office import EVENT, BoxOffice
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
