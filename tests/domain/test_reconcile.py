"""Recounting finds what is wrong, and nothing else."""

from app.domain.cancelling import cancel_ticket
from app.domain.facts import number_facts
from app.domain.reconcile import drifts, recount, sales_drifts, strays
from tests.box_office import EVENT, OTHER, BoxOffice, kind


async def test_offers_kept_places_and_holds_are_no_drift(office: BoxOffice) -> None:
    await office.open(capacity=4, ticket_types=[kind("Day", per_attendee_limit=3)], payment="organizer_confirms")
    owners = await office.people("a", "b", "c", "d")
    numbers = [(await office.bought(owner)).ticket_number for owner in owners]
    bob, ben = await office.people("bob", "ben")
    group = await office.joins(bob, quantity=3)
    await office.joins(ben)
    await office.value("UPDATE waiting_list SET passed = 3 WHERE id = $1", group)
    for number in numbers[:2]:
        await cancel_ticket(office.database, office.alice, number, "x")
    assert (await office.entry(bob)).kept == 2
    assert await office.places() == (0, 4)
    await cancel_ticket(office.database, office.alice, numbers[2], "x")
    assert await office.standing(bob, ben) == ["offered", "waiting"]
    assert await office.places() == (0, 4)


async def test_every_counter_that_lies_is_named(office: BoxOffice) -> None:
    await office.open()
    (bob,) = await office.people("bob")
    await office.bought(bob)
    (general,) = (await office.kinds()).values()
    await office.value("UPDATE events SET sold = 3")
    await office.value("UPDATE ticket_types SET held = 2")
    found = [
        (one.ticket_type_id, one.sold, one.held, one.sold_counted, one.held_counted)
        for one in await drifts(office.database)
    ]
    assert found == [(None, 3, 0, 1, 0), (general, 1, 2, 1, 0)]
    await office.value("UPDATE events SET sold = 1")
    await office.value("UPDATE ticket_types SET held = 0")
    assert await drifts(office.database) == []


async def test_tickets_of_nobody_or_of_no_type_are_found(office: BoxOffice) -> None:
    await office.open()
    bob, ben = await office.people("bob", "ben")
    numbers = [(await office.bought(who)).ticket_number for who in (bob, ben)]
    assert await strays(office.database) == []
    await office.value("UPDATE tickets SET attendee_id = -1 WHERE id = $1", numbers[0])
    await office.open(event_id=OTHER)
    elsewhere = "(SELECT id FROM ticket_types WHERE event_id = $2)"
    await office.value(f"UPDATE tickets SET ticket_type_id = {elsewhere} WHERE id = $1", numbers[1], OTHER)
    assert await strays(office.database) == numbers


async def test_an_open_offer_that_nobody_counted_is_found(office: BoxOffice) -> None:
    await office.open()
    (bob,) = await office.people("bob")
    await office.value(
        """INSERT INTO waiting_list (event_id, attendee_id, status, offered_type_id, offer_until, quantity)
           SELECT $1, $2, 'offered', id, now(), 2 FROM ticket_types""",
        EVENT,
        bob.user_id,
    )
    assert [(one.held, one.held_counted) for one in await drifts(office.database)] == [(0, 2), (0, 2)]


async def test_sales_by_day_that_do_not_add_up_are_found(office: BoxOffice) -> None:
    await office.open()
    ann, ben = await office.people("ann", "ben")
    number = (await office.bought(ann)).ticket_number
    await office.bought(ben)
    await cancel_ticket(office.database, office.alice, number, "x")
    assert await sales_drifts(office.database) == []
    await office.value("DELETE FROM sales_days")
    (found,) = await sales_drifts(office.database)
    assert (found.sold, found.sold_counted, str(found.money_counted)) == (0, 1, "49.9000")


async def test_a_fact_that_is_gone_is_missed(office: BoxOffice) -> None:
    await office.open()
    for who in await office.people("ann", "ben", "cleo"):
        await office.bought(who)
    found = await recount(office.database)
    assert (found.missing_facts, found.events, found.tickets) == (0, 1, 3), "none has a number yet"
    async with office.database.transaction() as connection:
        assert await number_facts(connection, 2) == 2
    assert (await recount(office.database)).missing_facts == 0
    await office.value("DELETE FROM facts WHERE seq = 2")
    assert (await recount(office.database)).missing_facts == 1
