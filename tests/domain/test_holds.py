"""Places that wait for a payment: deadlines by the clock of the database, and the organizer's word."""

import asyncio
import datetime as dt
from decimal import Decimal

import pytest

from app.domain.cancelling import cancel_ticket
from app.domain.event_changes import EventPatch, change_event
from app.domain.holds import confirm_tickets, held_tickets, release_tickets
from app.domain.idempotency import idempotent
from app.domain.ticket_type_changes import archive_ticket_type, change_ticket_type
from app.domain.ticket_types import TicketTypeIn
from app.domain.waiting_list_log import log_of_entry
from app.errors import Conflict, NotFound
from tests.box_office import EVENT, BoxOffice, in_hours, kind

CONFIRMS = {"payment": "organizer_confirms", "hold_hours": 48}


async def test_a_purchase_is_held_until_the_organizer_confirms_it(office: BoxOffice) -> None:
    await office.open(**CONFIRMS)
    (bob,) = await office.people("bob")
    bought = await office.bought(bob, key="k")
    assert bought.status == "held"
    assert bought.held_until is not None
    assert abs(bought.held_until - in_hours(48)) < dt.timedelta(minutes=2)
    assert await office.bought(bob, key="k") == type(bought)(**{**_fields(bought), "replayed": True})
    assert await office.places() == (0, 1)
    decided = await confirm_tickets(office.database, office.alice, EVENT, [bought.ticket_number])
    assert (decided.done, decided.refused) == ([bought.ticket_number], [])
    assert await office.places() == (1, 0)
    assert await office.facts() == ["TicketHeld", "TicketConfirmed"]


def _fields(bought: object) -> dict[str, object]:
    return {name: getattr(bought, name) for name in bought.__struct_fields__}  # type: ignore[attr-defined]


async def test_a_hold_ends_with_the_sale_and_free_tickets_need_none(office: BoxOffice) -> None:
    closes = in_hours(3)
    kinds = [kind("Paid", sale_closes_at=closes), kind("Free", price=Decimal(0))]
    await office.open(ticket_types=kinds, **CONFIRMS)
    (bob,) = await office.people("bob")
    paid, free = (await office.kinds()).values()
    assert (await office.bought(bob, kind=paid)).held_until == closes
    assert (await office.bought(bob, kind=free)).status == "sold"


async def test_a_hold_outlasts_a_sale_that_is_made_to_end_earlier(office: BoxOffice) -> None:
    await office.open(capacity=2, ticket_types=[kind("Day")], **CONFIRMS)
    bob, ben = await office.people("bob", "ben")
    bought = await office.bought(bob)
    (day,) = (await office.kinds()).values()
    ended = TicketTypeIn(name="Day", price=Decimal(20), sale_closes_at=in_hours(-1))
    await change_ticket_type(office.database, office.alice, day, ended, None)
    await office.settles()
    assert await office.refused(ben) == "sale-closed"
    (held,) = await office.rows("SELECT status, held_until FROM tickets")
    assert tuple(held) == ("held", bought.held_until)
    assert (await confirm_tickets(office.database, office.alice, EVENT, [bought.ticket_number])).done
    assert await office.places() == (1, 0)


async def test_a_place_whose_hold_has_lapsed_goes_to_the_next_without_any_job(office: BoxOffice) -> None:
    await office.open(capacity=1, **CONFIRMS)
    bob, ben = await office.people("bob", "ben")
    await office.bought(bob)
    assert await office.refused(ben) == "sold-out"
    await office.hours_pass(49)
    assert (await office.bought(ben)).status == "held"
    assert [row["status"] for row in await office.rows("SELECT status FROM tickets ORDER BY id")] == ["lapsed", "held"]
    assert await office.facts() == ["TicketHeld", "TicketLapsed", "TicketHeld"]
    assert await office.places() == (0, 1)


async def test_a_late_confirmation_takes_a_place_again_if_there_is_one(office: BoxOffice) -> None:
    await office.open(capacity=2, **CONFIRMS)
    bob, ben, cat = await office.people("bob", "ben", "cat")
    late = [(await office.bought(who)).ticket_number for who in (bob, ben)]
    await office.hours_pass(49)
    await office.bought(cat)
    decided = await confirm_tickets(office.database, office.alice, EVENT, late)
    assert decided.done == late[:1]
    assert [(one.ticket_number, one.type) for one in decided.refused] == [(late[1], "no-places-left")]
    with pytest.raises(Conflict, match="its place is sold, or kept for the waiting list") as refusal:
        await confirm_tickets(office.database, office.alice, EVENT, late[1:])
    assert refusal.value.type == "no-places-left"
    assert await office.places() == (1, 1)


async def test_a_late_confirmation_takes_no_place_that_another_type_of_the_event_has_taken(office: BoxOffice) -> None:
    kinds = [kind("Day", places=1), kind("Night", places=1)]
    await office.open(capacity=1, ticket_types=kinds, **CONFIRMS)
    bob, ben = await office.people("bob", "ben")
    late = (await office.bought(bob)).ticket_number
    await office.hours_pass(49)
    await office.bought(ben, kind=(await office.kinds())["Night"])
    with pytest.raises(Conflict) as refusal:
        await confirm_tickets(office.database, office.alice, EVENT, [late])
    assert (refusal.value.type, await office.places()) == ("no-places-left", (0, 1))


async def test_a_late_confirmation_is_refused_when_its_owner_has_bought_again(office: BoxOffice) -> None:
    await office.open(**CONFIRMS)
    (bob,) = await office.people("bob")
    late = (await office.bought(bob)).ticket_number
    await office.hours_pass(49)
    await office.bought(bob)
    with pytest.raises(Conflict, match="has another ticket now"):
        await confirm_tickets(office.database, office.alice, EVENT, [late])
    assert await office.places() == (0, 1)


async def test_a_late_payment_buys_nothing_of_a_draft(office: BoxOffice) -> None:
    await office.open(**CONFIRMS)
    (bob,) = await office.people("bob")
    late = (await office.bought(bob)).ticket_number
    await office.hours_pass(49)
    await change_event(office.database, office.alice, EVENT, EventPatch(status="draft"), None)
    with pytest.raises(Conflict, match="Publish the event first") as refusal:
        await confirm_tickets(office.database, office.alice, EVENT, [late])
    assert (refusal.value.type, await office.places()) == ("not-published", (0, 0))


async def test_a_late_confirmation_is_fine_beside_a_new_ticket_where_the_limit_allows_both(office: BoxOffice) -> None:
    await office.open(ticket_types=[kind("Group", per_attendee_limit=2)], **CONFIRMS)
    (bob,) = await office.people("bob")
    late = [one.ticket_number for one in (await office.bought(bob, quantity=2)).tickets]
    await office.hours_pass(49)
    await office.bought(bob)
    decided = await confirm_tickets(office.database, office.alice, EVENT, late)
    assert (decided.done, [one.type for one in decided.refused]) == (late[:1], ["already-bought"])
    assert await office.places() == (1, 1)


async def test_a_payment_in_time_ends_no_offer_of_its_owner(office: BoxOffice) -> None:
    await office.open(capacity=2, ticket_types=[kind("Group", per_attendee_limit=2)], **CONFIRMS)
    bob, ben = await office.people("bob", "ben")
    held, taken = [(await office.bought(who)).ticket_number for who in (bob, ben)]
    await office.joins(bob)
    await release_tickets(office.database, office.alice, EVENT, [taken], "never paid")
    await confirm_tickets(office.database, office.alice, EVENT, [held])
    assert await office.standing(bob) == ["offered"]


async def test_what_cannot_be_confirmed_is_told_in_the_order_it_was_asked_for(office: BoxOffice) -> None:
    await office.open(payment="instant")
    (bob,) = await office.people("bob")
    sold = (await office.bought(bob)).ticket_number
    for decide, more in ((confirm_tickets, ()), (release_tickets, ("x",))):
        with pytest.raises(Conflict) as refusal:
            await decide(office.database, office.alice, EVENT, [sold, 999], *more)
        assert refusal.value.type == "not-held"


async def test_a_late_payment_counts_also_for_what_is_sold_no_more(office: BoxOffice) -> None:
    await office.open(ticket_types=[kind("Day"), kind("Night")], **CONFIRMS)
    (bob,) = await office.people("bob")
    day = (await office.kinds())["Day"]
    late = (await office.bought(bob, kind=day)).ticket_number
    await office.hours_pass(49)
    await archive_ticket_type(office.database, office.alice, day, None)
    assert (await confirm_tickets(office.database, office.alice, EVENT, [late])).done == [late]
    assert await office.places() == (1, 0)


async def test_a_late_payment_takes_the_place_that_its_owner_is_offered(office: BoxOffice) -> None:
    await office.open(capacity=2, ticket_types=[kind("Group", per_attendee_limit=2)], **CONFIRMS)
    bob, ben, cat, dan = await office.people("bob", "ben", "cat", "dan")
    late = [(await office.bought(who)).ticket_number for who in (bob, ben)]
    await office.hours_pass(49)
    taken = [(await office.bought(who)).ticket_number for who in (cat, dan)]
    entry = await office.joins(bob, quantity=2)
    await office.joins(ben)
    await release_tickets(office.database, office.alice, EVENT, taken, "never paid")
    assert await office.standing(bob, ben) == ["offered", "waiting"]
    decided = await confirm_tickets(office.database, office.alice, EVENT, late)
    assert (decided.done, [one.type for one in decided.refused]) == (late[:1], ["no-places-left"])
    assert await office.standing(bob, ben) == ["closed", "offered"], "the rest of it is for who waits"
    assert await office.places() == (1, 1)
    why = "With 2 more it would be more tickets than one person can have."
    assert (await log_of_entry(office.database, bob, entry))[-1].why == why


async def test_a_late_payment_for_a_pair_takes_the_pair_that_its_owner_is_offered(office: BoxOffice) -> None:
    await office.open(capacity=3, ticket_types=[kind("Group", per_attendee_limit=2)], **CONFIRMS)
    bob, ben, cat, dan = await office.people("bob", "ben", "cat", "dan")
    late = [one.ticket_number for one in (await office.bought(bob, quantity=2)).tickets]
    late.append((await office.bought(dan)).ticket_number)
    await office.hours_pass(49)
    taken = [(await office.bought(who, quantity=many)).ticket_number for who, many in ((cat, 2), (ben, 1))]
    await office.joins(bob, quantity=2)
    await office.joins(ben)
    await release_tickets(office.database, office.alice, EVENT, [taken[0], taken[0] + 1], "never paid")
    assert await office.standing(bob, ben) == ["offered", "waiting"]
    decided = await confirm_tickets(office.database, office.alice, EVENT, late)
    assert (decided.done, [one.ticket_number for one in decided.refused]) == (late[:2], late[2:])
    assert await office.standing(bob, ben) == ["closed", "waiting"]
    assert await office.places() == (2, 1)


async def test_a_late_payment_ends_no_offer_of_another_type(office: BoxOffice) -> None:
    await office.open(ticket_types=[kind("Day"), kind("Night", places=1)], **CONFIRMS)
    day, night = (await office.kinds()).values()
    bob, ben = await office.people("bob", "ben")
    late = (await office.bought(bob, kind=day)).ticket_number
    await office.hours_pass(49)
    taken = (await office.bought(ben, kind=night)).ticket_number
    await office.joins(bob, kinds=(night,))
    await release_tickets(office.database, office.alice, EVENT, [taken], "never paid")
    assert (await confirm_tickets(office.database, office.alice, EVENT, [late])).done == [late]
    assert await office.standing(bob) == ["offered"]


async def test_what_an_organizer_changes_counts_no_hold_whose_deadline_has_passed(office: BoxOffice) -> None:
    await office.open(capacity=3, ticket_types=[kind("Day", places=3)], **CONFIRMS)
    (day,) = (await office.kinds()).values()
    for who in await office.people("bob", "ben"):
        await office.bought(who, kind=day)
    await office.hours_pass(49)
    fewer = TicketTypeIn(name="Day", price=Decimal(20), places=1)
    assert (await change_ticket_type(office.database, office.alice, day, fewer, None)).left == 1
    (cat,) = await office.people("cat")
    await office.bought(cat, kind=day)
    await office.hours_pass(49)
    await change_event(office.database, office.alice, EVENT, EventPatch(status="draft"), None)
    assert [row["status"] for row in await office.rows("SELECT status FROM tickets")] == ["lapsed"] * 3
    assert await office.places() == (0, 0)


async def test_confirming_twice_at_once_counts_once(office: BoxOffice) -> None:
    await office.open(ticket_types=[kind("Group", per_attendee_limit=4)], **CONFIRMS)
    (bob,) = await office.people("bob")
    numbers = [one.ticket_number for one in (await office.bought(bob, quantity=4)).tickets]
    tries = (confirm_tickets(office.database, office.alice, EVENT, numbers) for _ in range(4))
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["Conflict", "Conflict", "Conflict", "Decided"]
    assert await office.places() == (4, 0)


async def test_the_same_confirmation_again_is_the_same_answer(office: BoxOffice) -> None:
    await office.open(**CONFIRMS)
    (bob,) = await office.people("bob")
    numbers = [(await office.bought(bob)).ticket_number]
    key = idempotent("k", "confirm")
    first = await confirm_tickets(office.database, office.alice, EVENT, numbers, key)
    again = await confirm_tickets(office.database, office.alice, EVENT, numbers, key)
    assert (again.done, again.replayed) == (first.done, True)


async def test_released_places_go_to_the_waiting_list(office: BoxOffice) -> None:
    await office.open(capacity=1, **CONFIRMS)
    bob, ben, cat = await office.people("bob", "ben", "cat")
    held = (await office.bought(bob)).ticket_number
    await office.joins(ben)
    decided = await release_tickets(office.database, office.alice, EVENT, [held, 999], "never paid")
    assert (decided.done, decided.refused[0].type) == ([held], "not-found")
    assert await office.standing(ben) == ["offered"]
    assert await office.refused(cat) == "sold-out"
    assert await office.value("SELECT cancel_reason FROM tickets") == "never paid"
    with pytest.raises(Conflict, match="does not wait"):
        await release_tickets(office.database, office.alice, EVENT, [held], "again")


async def test_an_attendee_gives_up_a_hold_at_any_time(office: BoxOffice) -> None:
    await office.open(**CONFIRMS)
    (bob,) = await office.people("bob")
    held = (await office.bought(bob)).ticket_number
    assert (await cancel_ticket(office.database, bob, held, None)).status == "cancelled"
    assert await office.places() == (0, 0)


async def test_held_tickets_are_listed_for_their_organizer_alone(office: BoxOffice) -> None:
    await office.open(**CONFIRMS)
    numbers = [(await office.bought(who)).ticket_number for who in await office.people("bob", "ben", "cat")]
    first = await held_tickets(office.database, office.alice, EVENT, 2, None)
    assert [one.ticket_number for one in first.items] == numbers[:2]
    assert (first.items[0].full_name, first.items[0].price) == ("bob", "49.90")
    rest = await held_tickets(office.database, office.alice, EVENT, 2, numbers[1])
    assert ([one.ticket_number for one in rest.items], rest.next_cursor) == (numbers[2:], None)
    for refused in (
        held_tickets(office.database, office.charlie, EVENT, 2, None),
        confirm_tickets(office.database, office.charlie, EVENT, numbers),
        release_tickets(office.database, office.charlie, EVENT, numbers, "x"),
        confirm_tickets(office.database, office.alice, EVENT, [999]),
    ):
        with pytest.raises(NotFound):
            await refused


async def test_an_event_with_tickets_that_wait_for_a_payment_is_no_draft_again(office: BoxOffice) -> None:
    await office.open(**CONFIRMS)
    (bob,) = await office.people("bob")
    await office.bought(bob)
    for patch in (EventPatch(status="draft"), EventPatch(currency="USD")):
        with pytest.raises(Conflict) as refusal:
            await change_event(office.database, office.alice, EVENT, patch, None)
        assert refusal.value.type == "tickets-sold"
    await office.hours_pass(49)
    await change_event(office.database, office.alice, EVENT, EventPatch(status="draft"), None)
    assert await office.value("SELECT status FROM events") == "draft"
