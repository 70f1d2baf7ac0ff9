"""Waiting lists: in order, whole groups, and before the public."""

import asyncio
import datetime as dt
import itertools
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.domain import offers
from app.domain.accounts import Caller
from app.domain.cancelling import cancel_ticket
from app.domain.catalogue import Search, catalogue
from app.domain.event_changes import EventPatch, change_event
from app.domain.holds import confirm_tickets, release_tickets
from app.domain.idempotency import idempotent
from app.domain.offer_answers import accept_offer, decline_offer
from app.domain.sale import sell
from app.domain.shop import places_now
from app.domain.stock import lock_stock
from app.domain.ticket_type_changes import archive_ticket_type, change_ticket_type
from app.domain.ticket_types import TicketTypeIn, ticket_types_of
from app.domain.tickets import buy_ticket
from app.domain.waiting_list import join_waiting_list, leave_waiting_list
from app.domain.waiting_list_log import log_of_entry, log_of_event, waiting_people
from app.domain.waiting_list_page import entries_of, entry_of, standing
from app.domain.wishes import Wish
from app.engines.folder_media import FolderMedia
from app.errors import Conflict, NotFound, Unavailable
from app.sale_desk import SaleDesk
from tests.box_office import EVENT, BoxOffice, in_hours, kind
from tests.queries import counted_queries
from tests.waiting import eventually

NAMES = ("bob", "ben", "cat", "dan", "eve", "fay")


async def sold_out(office: BoxOffice, capacity: int, limit: int = 4, **event: object) -> list[int]:
    """An event whose places all belong to others; the numbers of their tickets."""
    await office.open(capacity=capacity, ticket_types=[kind("Day", per_attendee_limit=limit)], **event)
    owners = await office.people(*(f"owner{number}" for number in range(capacity)))
    return [(await office.bought(owner)).ticket_number for owner in owners]


async def free(office: BoxOffice, numbers: list[int], count: int = 1) -> None:
    for _ in range(count):
        await cancel_ticket(office.database, office.alice, numbers.pop(), "gave way")


async def kinds_of_lines(office: BoxOffice, waitlist_id: int) -> list[str]:
    return [line.what for line in await log_of_entry(office.database, office.alice, waitlist_id)]


async def changed(office: BoxOffice, kind_id: int, **changes: Any) -> None:
    given = TicketTypeIn(**{"name": "Day", "price": Decimal(20), "per_attendee_limit": 4, **changes})
    await change_ticket_type(office.database, office.alice, kind_id, given, None, ends_waiting=True)


async def last_why(office: BoxOffice, who: Caller) -> str:
    return (await log_of_entry(office.database, who, (await office.entry(who)).waitlist_id))[-1].why


async def test_a_freed_place_is_offered_in_order_and_never_public(office: BoxOffice) -> None:
    numbers = await sold_out(office, 2)
    bob, ben, cat = await office.people("bob", "ben", "cat")
    first, second = await office.joins(bob), await office.joins(ben)
    await free(office, numbers)
    assert await office.standing(bob, ben) == ["offered", "waiting"]
    assert await office.refused(cat) == "sold-out"
    bought = await accept_offer(office.database, bob, first)
    assert (bought.status, len(bought.tickets)) == ("sold", 1)
    assert await office.standing(bob, ben) == ["served", "waiting"]
    assert await kinds_of_lines(office, first) == ["joined", "offered", "accepted"]
    assert await kinds_of_lines(office, second) == ["joined"]
    assert await office.places() == (2, 0)


async def test_nobody_waits_for_a_type_that_is_hidden_yet(office: BoxOffice) -> None:
    await office.open(ticket_types=[kind("Secret", hidden_until=in_hours(2), sale_opens_at=in_hours(3)), kind("Day")])
    secret = await office.value("SELECT id FROM ticket_types WHERE name = 'Secret'")
    (bob,) = await office.people("bob")
    with pytest.raises(NotFound):
        await join_waiting_list(office.database, bob, EVENT, None, ticket_type_ids=[secret])
    await office.value("UPDATE ticket_types SET hidden_until = now() - interval '1 second' WHERE name = 'Secret'")
    assert (await join_waiting_list(office.database, bob, EVENT, None, ticket_type_ids=[secret])).position == 1


async def test_a_draft_offers_and_sells_nothing(office: BoxOffice) -> None:
    numbers = await sold_out(office, 1)
    bob, ben = await office.people("bob", "ben")
    entry, _ = await office.joins(bob), await office.joins(ben)
    await free(office, numbers)
    await office.value("UPDATE events SET status = 'draft'")
    with pytest.raises(Conflict) as refused:
        await accept_offer(office.database, bob, entry)
    assert refused.value.type == "sale-closed"
    await decline_offer(office.database, bob, entry)
    assert await office.standing(bob, ben) == ["declined", "waiting"]


async def test_who_waits_for_nothing_but_a_type_whose_sale_ended_is_told_so(office: BoxOffice) -> None:
    closing = kind("Day", places=1, sale_closes_at=in_hours(2))
    await office.open(capacity=4, ticket_types=[closing, kind("Night", places=1)])
    ann, bob, amy, ben = await office.people("ann", "bob", "amy", "ben")
    day, night = (await office.kinds()).values()
    await office.bought(ann, kind=day)
    await office.bought(amy, kind=night)
    entry, other = await office.joins(bob, kinds=(day,)), await office.joins(ben, kinds=(day, night))
    await office.hours_pass(3)
    await office.settles()
    assert await office.standing(bob, ben) == ["closed", "waiting"]
    assert await kinds_of_lines(office, entry) == ["joined", "closed"]
    assert await kinds_of_lines(office, other) == ["joined"]


async def test_an_offer_ends_with_a_sale_that_ends_earlier_than_it_was_to(office: BoxOffice) -> None:
    numbers = await sold_out(office, 1)
    (bob,) = await office.people("bob")
    await office.joins(bob)
    await free(office, numbers)
    (day,) = (await office.kinds()).values()
    closes = in_hours(2)
    sooner = TicketTypeIn(name="Day", price=Decimal(20), sale_closes_at=closes)
    await change_ticket_type(office.database, office.alice, day, sooner, None)
    offer = (await office.entry(bob)).offer
    assert offer is not None
    assert offer.until == closes
    await office.hours_pass(3)
    await office.settles()
    assert await office.standing(bob) == ["expired"]
    assert await office.places() == (0, 0)


async def test_no_places_are_kept_for_a_group_that_may_not_have_so_many_any_more(office: BoxOffice) -> None:
    """Nothing else is free, so it is the kept places themselves that have to be noticed."""
    numbers = await sold_out(office, 4)
    group, single = await office.people("bob", "ben")
    await office.joins(group, quantity=3)
    await office.value("UPDATE waiting_list SET passed = 3")
    await free(office, numbers, 2)
    assert (await office.entry(group)).kept == 2
    await office.joins(single)
    (day,) = (await office.kinds()).values()
    smaller = TicketTypeIn(name="Day", price=Decimal(20), per_attendee_limit=2)
    await change_ticket_type(office.database, office.alice, day, smaller, None, ends_waiting=True)
    assert await office.standing(group, single) == ["closed", "offered"]
    assert await office.places() == (2, 1)


async def test_no_places_are_kept_for_a_group_that_is_larger_than_its_type_now(office: BoxOffice) -> None:
    """The event is full, so the kept places come free only by being given up."""
    await office.open(
        capacity=4, ticket_types=[kind("Day", per_attendee_limit=4), kind("Night", places=4, per_attendee_limit=4)]
    )
    owner, group, single = await office.people("ann", "bob", "ben")
    day, night = (await office.kinds()).values()
    numbers = [one.ticket_number for one in (await office.bought(owner, quantity=4, kind=day)).tickets]
    await office.joins(group, quantity=4, kinds=(night,))
    await office.value("UPDATE waiting_list SET passed = 3")
    await free(office, numbers, 3)
    assert (await office.entry(group)).kept == 3
    await office.joins(single, kinds=(night,))
    await changed(office, night, name="Night", places=3)
    assert await office.standing(group, single) == ["closed", "offered"]
    assert await office.places() == (1, 1)


async def test_a_group_that_the_limit_has_become_too_small_for_reads_so(office: BoxOffice) -> None:
    numbers = await sold_out(office, 3)
    early, group, late = await office.people("ann", "bob", "ben")
    for who, quantity in ((early, 1), (group, 3), (late, 1)):
        await office.joins(who, quantity)
    (day,) = (await office.kinds()).values()
    await changed(office, day, per_attendee_limit=2)
    await free(office, numbers)
    assert await office.standing(early, group, late) == ["offered", "waiting", "waiting"], "nothing is left to deny it"
    await free(office, numbers)
    assert await office.standing(early, group, late) == ["offered", "closed", "offered"]
    assert await last_why(office, group) == "One person cannot have 3 of these tickets together."


async def test_a_group_that_its_type_has_become_too_small_for_reads_so(office: BoxOffice) -> None:
    numbers = await sold_out(office, 4)
    group, single = await office.people("bob", "ben")
    await office.joins(group, quantity=3)
    await free(office, numbers, 2)
    (day,) = (await office.kinds()).values()
    await changed(office, day, places=2)
    asks_nobody = TicketTypeIn(name="Day", price=Decimal(20), places=2, per_attendee_limit=3)  # it is lost already
    await change_ticket_type(office.database, office.alice, day, asks_nobody, None)
    assert await office.standing(group) == ["waiting"]
    await office.joins(single)
    await free(office, numbers)
    assert await office.standing(group, single) == ["closed", "offered"]
    assert await last_why(office, group) == "There are too few places of these tickets now for a group of 3."
    assert (await office.facts()).count("WaitingListClosed") == 1


async def test_a_group_that_the_event_has_become_too_small_for_reads_so(office: BoxOffice) -> None:
    numbers = await sold_out(office, 4)
    (group,) = await office.people("bob")
    await office.joins(group, quantity=4)
    await free(office, numbers, 2)
    with pytest.raises(Conflict, match="People concerned: 1") as refused:
        await change_event(office.database, office.alice, EVENT, EventPatch(capacity=3), None)
    assert (refused.value.type, await office.standing(group)) == ("ends-waiting", ["waiting"])
    await change_event(office.database, office.alice, EVENT, EventPatch(capacity=3), None, ends_waiting=True)
    assert await office.standing(group) == ["closed"]
    assert await last_why(office, group) == "There are too few places of these tickets now for a group of 4."


async def test_a_group_waits_on_while_one_of_its_types_can_hold_it(office: BoxOffice) -> None:
    await office.open(
        capacity=9,
        ticket_types=[kind("Day", places=3, per_attendee_limit=3), kind("Night", places=3, per_attendee_limit=3)],
    )
    ann, amy, group = await office.people("ann", "amy", "bob")
    day, night = (await office.kinds()).values()
    numbers = [one.ticket_number for one in (await office.bought(ann, quantity=3, kind=day)).tickets]
    await office.bought(amy, quantity=3, kind=night)
    await office.joins(group, quantity=3)
    await changed(office, night, name="Night", per_attendee_limit=2, places=4)
    await free(office, numbers)
    assert await office.standing(group) == ["waiting"]
    await changed(office, day, sale_closes_at=in_hours(-1), places=3, per_attendee_limit=3)
    assert await office.standing(group) == ["closed"], "the night alone is left to wait for"
    assert await last_why(office, group) == "One person cannot have 3 of these tickets together."


async def test_what_was_kept_for_somebody_who_gets_another_type_goes_to_the_first_who_waits(office: BoxOffice) -> None:
    days, nights, kinds = await two_full_types(office, places=3, capacity=9)
    pair, group, single = await office.people("bob", "ben", "cat")
    day = kinds["Day"]
    await office.joins(pair, quantity=2, kinds=(day,))
    waitlist_id = await office.joins(group, quantity=3)
    await office.joins(single, kinds=(day,))
    await office.value("UPDATE waiting_list SET passed = 3 WHERE id = $1", waitlist_id)
    await free(office, days, 2)
    assert (await office.entry(group)).kept == 2
    await free(office, nights, 3)
    assert await office.standing(group, pair, single) == ["offered", "offered", "waiting"]
    assert (await office.entry(pair)).passed == 2, "what is kept for somebody later goes past those who wait as well"
    assert await office.places() == (1, 5)


async def offered_type(office: BoxOffice, who: Caller) -> str | None:
    offer = (await office.entry(who)).offer
    return offer and offer.ticket_type


async def two_full_types(
    office: BoxOffice, places: int = 2, capacity: int = 4
) -> tuple[list[int], list[int], dict[str, int]]:
    """So many places of each, all sold; the numbers of the tickets of the days and of the nights, and the types."""
    limits = {"places": places, "per_attendee_limit": places}
    await office.open(capacity=capacity, ticket_types=[kind("Day", **limits), kind("Night", **limits)])
    ann, amy = await office.people("ann", "amy")
    kinds = await office.kinds()
    owned = [
        [one.ticket_number for one in (await office.bought(who, quantity=places, kind=kinds[name])).tickets]
        for who, name in ((ann, "Day"), (amy, "Night"))
    ]
    return owned[0], owned[1], kinds


async def test_places_of_each_type_are_kept_until_those_of_one_are_enough(office: BoxOffice) -> None:
    days, nights, _ = await two_full_types(office)
    pair, single, other = await office.people("bob", "ben", "cat")
    waitlist_id = await office.joins(pair, quantity=2)
    await office.value("UPDATE waiting_list SET passed = 3")
    for one in (single, other):
        await office.joins(one)
    await free(office, days)
    await free(office, nights)
    assert await office.standing(pair, single, other) == ["waiting"] * 3, "of neither type a place goes past the group"
    assert (await office.entry(pair)).kept == 1
    await free(office, nights)
    assert await office.standing(pair, single, other) == ["offered", "offered", "waiting"]
    assert [await offered_type(office, who) for who in (pair, single)] == ["Night", "Day"]
    assert await kinds_of_lines(office, waitlist_id) == ["joined", "kept", "kept", "offered"]
    assert await office.places() == (1, 3)


async def test_what_is_kept_of_one_type_are_places_of_the_event_for_another_too(office: BoxOffice) -> None:
    days, nights, kinds = await two_full_types(office)
    (pair,) = await office.people("bob")
    await office.joins(pair, quantity=2)
    await office.value("UPDATE waiting_list SET passed = 3")
    await free(office, days)
    await free(office, nights)
    await changed(office, kinds["Day"], places=3, per_attendee_limit=2)
    assert await offered_type(office, pair) == "Day", "the event is full but for what is kept for them"
    assert await office.places() == (2, 2)


async def test_a_place_that_somebody_later_takes_as_another_type_goes_past_a_group_too(office: BoxOffice) -> None:
    await office.open(capacity=6, ticket_types=[kind("Day", per_attendee_limit=4), kind("Night", per_attendee_limit=4)])
    ann, amy, pair, *singles = await office.people("ann", "amy", "bob", "s1", "s2", "s3", "s4")
    day, night = (await office.kinds()).values()
    days = [one.ticket_number for one in (await office.bought(ann, quantity=4, kind=day)).tickets]
    nights = [one.ticket_number for one in (await office.bought(amy, quantity=2, kind=night)).tickets]
    waitlist_id = await office.joins(pair, quantity=2, kinds=(day,))
    for single in singles:
        await office.joins(single, kinds=(night,))
    await free(office, days, 4)
    assert await office.standing(pair, *singles) == ["waiting", "offered", "offered", "offered", "waiting"]
    assert await kinds_of_lines(office, waitlist_id) == ["joined", "passed", "passed", "passed", "kept"]
    await free(office, nights)
    assert await office.standing(pair, singles[3]) == ["offered", "waiting"]


async def test_two_groups_do_not_hold_for_ever_what_each_lacks(office: BoxOffice) -> None:
    _, nights, kinds = await two_full_types(office, places=3, capacity=6)
    first, second = await office.people("bob", "ben")
    night = kinds["Night"]
    entries = [await office.joins(first, quantity=3), await office.joins(second, quantity=2, kinds=(night,))]
    await office.value("UPDATE waiting_list SET passed = 3 WHERE id = $1", entries[1])
    await free(office, nights)
    assert (await office.entry(second)).kept == 1
    await office.value("UPDATE waiting_list SET passed = 3 WHERE id = $1", entries[0])
    await free(office, nights, 2)
    assert await office.standing(first, second) == ["offered", "waiting"]
    assert await kinds_of_lines(office, entries[1]) == ["joined", "kept", "released"]
    assert await last_why(office, second) == "Fewer places are kept now: 0 of 2 × Night."
    assert await office.places() == (3, 3)


async def test_the_first_in_line_gets_what_is_kept_for_later_ones_where_that_is_enough(office: BoxOffice) -> None:
    days, nights, kinds = await two_full_types(office, places=4, capacity=9)
    first, second, *singles = await office.people("bob", "ben", "cat", "cem", "col")
    day, night = kinds.values()
    await office.joins(first, quantity=4, kinds=(day,))
    await office.joins(second, quantity=4)
    for single in singles:
        await office.joins(single, kinds=(night,))
    await free(office, nights, 3)
    assert (await office.entry(second)).passed == 3
    await free(office, days, 3)
    assert ((await office.entry(first)).passed, (await office.entry(second)).kept) == (3, 3)
    await free(office, days)
    assert await office.standing(first, second) == ["offered", "waiting"]
    assert (await office.entry(second)).kept == 0


@pytest.mark.parametrize("later", ["Day", "Night"])
async def test_the_last_in_line_is_the_first_to_give_what_is_kept_for_it_to_an_earlier_group(
    office: BoxOffice, later: str
) -> None:
    """Of the type that is wanted, and of another where the event is full."""
    await office.open(capacity=4, ticket_types=[kind("Day", per_attendee_limit=4), kind("Night", per_attendee_limit=4)])
    owner, first, second, last = await office.people("ann", "bob", "ben", "cat")
    kinds = await office.kinds()
    numbers = [one.ticket_number for one in (await office.bought(owner, quantity=4, kind=kinds["Day"])).tickets]
    await office.joins(first, quantity=2, kinds=(kinds["Day"],))
    for waitlist_id in reversed([await office.joins(who, quantity=3, kinds=(kinds[later],)) for who in (second, last)]):
        await office.value("UPDATE waiting_list SET passed = 3 WHERE id = $1", waitlist_id)
        await free(office, numbers)
    assert [(await office.entry(who)).kept for who in (first, second, last)] == [0, 1, 1]
    await free(office, numbers)
    assert await office.standing(first, second, last) == ["offered", "waiting", "waiting"]
    assert [(await office.entry(who)).kept for who in (second, last)] == [1, 0]
    assert await office.places() == (1, 3)


async def test_a_group_that_was_passed_often_enough_gets_what_is_kept_for_later_ones_though_nothing_is_kept_for_it(
    office: BoxOffice,
) -> None:
    days, nights, kinds = await two_full_types(office, places=4, capacity=9)
    first, second, *singles = await office.people("bob", "ben", "cat", "cem", "col")
    day, night = kinds.values()
    waitlist_id = await office.joins(first, quantity=3, kinds=(day,))
    await office.joins(second, quantity=4)
    for single in singles:
        await office.joins(single, kinds=(night,))
    await free(office, nights, 3)
    assert (await office.entry(second)).passed == 3, "by those who came for a night"
    await free(office, days, 3)
    assert await kinds_of_lines(office, waitlist_id) == ["joined", "passed", "passed", "offered"]
    assert await office.standing(second) == ["waiting"]
    assert (await office.places())[1] == 6, "nobody holds what the first lacked"


async def test_places_that_come_free_together_pass_nobody_they_are_enough_for(office: BoxOffice) -> None:
    limits = {"places": 3, "per_attendee_limit": 3}
    types = [kind("Day", **limits), kind("Night", **limits)]
    await office.open(capacity=20, payment="organizer_confirms", ticket_types=types)
    ann, ada, amy, kept_for, group, single = await office.people("ann", "ada", "amy", "bob", "ben", "cat")
    day, night = (await office.kinds()).values()
    days = [one.ticket_number for one in (await office.bought(ann, quantity=2, kind=day)).tickets]
    unpaid = [one.ticket_number for one in (await office.bought(ada, kind=day)).tickets]
    unpaid += [one.ticket_number for one in (await office.bought(amy, quantity=3, kind=night)).tickets]
    first = await office.joins(kept_for, quantity=3)
    waitlist_id = await office.joins(group, quantity=2, kinds=(day,))
    await office.joins(single, kinds=(day,))
    await office.value("UPDATE waiting_list SET passed = 3 WHERE id = $1", first)
    await free(office, days, 1)
    passed = (await office.entry(group)).passed
    await release_tickets(office.database, office.alice, EVENT, unpaid, "never paid")
    assert await office.standing(kept_for, group, single) == ["offered", "offered", "waiting"]
    assert (await office.entry(group)).passed == passed
    assert (await kinds_of_lines(office, waitlist_id))[-1] == "offered"


async def test_a_group_is_passed_when_a_sale_opens_with_too_few_places_for_it(office: BoxOffice) -> None:
    """By the clock, and by the organizer."""
    limits = {"places": 6, "per_attendee_limit": 4}
    types = [kind("Day", sale_opens_at=in_hours(2), **limits), kind("Night", sale_opens_at=in_hours(48), **limits)]
    await office.open(capacity=20, ticket_types=types)
    day, night = (await office.kinds()).values()
    joined = {}
    for opening in (day, night):
        three, four = await office.people(f"three-{opening}", f"four-{opening}")
        await office.joins(three, quantity=3, kinds=(opening,))
        joined[four] = await office.joins(four, quantity=4, kinds=(opening,))
    await changed(office, night, name="Night", places=6)
    await office.hours_pass(3)
    for _ in range(2):
        await office.settles()
    for four, waitlist_id in joined.items():
        assert await kinds_of_lines(office, waitlist_id) == ["joined", "passed"]
        assert (await office.entry(four)).passed == 1


async def test_a_group_is_passed_when_a_hidden_type_appears_that_is_too_small_for_it(office: BoxOffice) -> None:
    types = [kind("Day", places=1), kind("Night", places=6, per_attendee_limit=4, hidden_until=in_hours(2))]
    await office.open(capacity=20, ticket_types=types)
    ann, three, four = await office.people("ann", "bob", "ben")
    await office.bought(ann)
    for who, many in ((three, 3), (four, 4)):
        await office.joins(who, quantity=many)
    await office.hours_pass(3)
    await office.settles()
    assert await office.standing(three, four) == ["offered", "waiting"]
    assert (await office.entry(four)).passed == 1


async def test_what_comes_free_of_another_type_goes_past_nobody(office: BoxOffice) -> None:
    await office.open(capacity=20, ticket_types=[kind("Day", places=2, per_attendee_limit=2), kind("Night")])
    ann, pair, other, *guests = await office.people("ann", "bob", "ben", "g1", "g2", "g3", "g4")
    day, night = (await office.kinds()).values()
    await office.bought(ann, kind=day)
    numbers = [(await office.bought(guest, kind=night)).ticket_number for guest in guests]
    await office.joins(pair, quantity=2, kinds=(day,))
    await free(office, numbers, 4)
    assert (await office.entry(pair)).passed == 0
    await office.bought(other, kind=day)


async def test_nobody_waits_for_a_draft(office: BoxOffice) -> None:
    await office.open(status="draft")
    with pytest.raises(Conflict) as refused:
        await office.joins(office.alice)
    assert refused.value.type == "not-published"


async def test_those_who_wait_for_a_full_type_cost_the_sale_of_another_nothing(office: BoxOffice) -> None:
    await office.open(capacity=9, ticket_types=[kind("Day", places=1), kind("Night", per_attendee_limit=3)])
    ann, amy, first, second = await office.people("ann", "amy", "bob", "ben")
    day, night = (await office.kinds()).values()
    number = (await office.bought(ann, kind=day)).ticket_number
    others = [one.ticket_number for one in (await office.bought(amy, kind=night, quantity=3)).tickets]
    with counted_queries() as alone:
        await free(office, others)
    for one in (first, second):
        await office.joins(one, kinds=(day,))
    await office.value(
        """WITH more AS (INSERT INTO users (email, full_name, password_hash, role)
                         SELECT n || '@example.org', n, 'x', 'attendee' FROM generate_series(1, 500) AS n RETURNING id)
           INSERT INTO waiting_list (event_id, attendee_id, status, quantity, ticket_type_ids)
           SELECT $1, id, 'waiting', 1, ARRAY[$2::bigint] FROM more""",
        EVENT,
        day,
    )
    with counted_queries() as crowded:
        await free(office, others)
    assert len(crowded) == len(alone)
    await free(office, [number])
    assert await office.standing(first, second) == ["offered", "waiting"]


async def test_a_freed_place_that_thousands_of_groups_are_too_large_for_is_soon_public(office: BoxOffice) -> None:
    numbers = await sold_out(office, 2)
    await office.value(
        """WITH more AS (INSERT INTO users (email, full_name, password_hash, role)
                         SELECT n || '@example.org', n, 'x', 'attendee' FROM generate_series(1, 5000) AS n RETURNING id)
           INSERT INTO waiting_list (event_id, attendee_id, status, quantity)
           SELECT $1, id, 'waiting', 2 FROM more""",
        EVENT,
    )
    async with asyncio.timeout(10):
        await free(office, numbers)
    assert await office.value("SELECT sum(passed) FROM waiting_list") == 5000
    await office.value("UPDATE waiting_list SET passed = 3")
    async with asyncio.timeout(3):
        await free(office, numbers)
    assert await office.value("SELECT count(*) FROM waiting_list WHERE status = 'offered'") == 1


async def test_nobody_slips_in_between_freeing_and_offering(office: BoxOffice) -> None:
    """The buyer waits for the lock while the place is freed, and decides right after."""
    numbers = await sold_out(office, 1)
    bob, cat = await office.people("bob", "cat")
    await office.joins(bob)
    async with office.database.transaction() as connection:
        await connection.execute("SELECT 1 FROM events WHERE id = $1 FOR UPDATE", EVENT)
        cancelling = asyncio.create_task(free(office, numbers))
        await eventually(lambda: waiting_for_locks(office, 1))
        buying = asyncio.create_task(office.buy(cat))
        await eventually(lambda: waiting_for_locks(office, 2))
    await cancelling
    assert getattr(await buying, "type", None) == "sold-out"
    assert await office.standing(bob) == ["offered"]


async def waiting_for_locks(office: BoxOffice, count: int) -> bool:
    waiting = await office.value(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return bool(waiting == count)


async def test_an_offer_that_is_declined_or_not_taken_goes_to_the_next(office: BoxOffice) -> None:
    numbers = await sold_out(office, 1, offer_hours=24)
    bob, ben, cat, dan = await office.people(*NAMES[:4])
    first, second, third = [await office.joins(who) for who in (bob, ben, cat)]
    await free(office, numbers)
    await decline_offer(office.database, bob, first)
    await decline_offer(office.database, bob, first)
    assert await office.standing(bob, ben, cat) == ["declined", "offered", "waiting"]
    await office.hours_pass(25)
    assert await office.refused(dan) == "sold-out"
    assert await office.standing(bob, ben, cat) == ["declined", "expired", "offered"]
    with pytest.raises(Conflict) as refusal:
        await accept_offer(office.database, ben, second)
    assert refusal.value.type == "offer-expired"
    await leave_waiting_list(office.database, cat, third)
    assert (await office.bought(dan)).status == "sold"
    assert await office.places() == (1, 0)


async def test_an_offer_is_open_as_long_as_its_organizer_says(office: BoxOffice) -> None:
    numbers = await sold_out(office, 1, offer_hours=5)
    (bob,) = await office.people("bob")
    await office.joins(bob)
    await free(office, numbers)
    offer = (await office.entry(bob)).offer
    assert offer is not None
    assert abs(offer.until - in_hours(5)) < dt.timedelta(minutes=2)
    for hours, status in ((4.9, "offered"), (0.2, "expired")):
        await office.hours_pass(hours)
        await office.settles()
        assert await office.standing(bob) == [status]


async def test_an_offer_that_has_run_out_reads_so_before_anybody_has_written_it(office: BoxOffice) -> None:
    numbers = await sold_out(office, 1)
    (bob,) = await office.people("bob")
    await office.joins(bob)
    await free(office, numbers)
    await office.hours_pass(25)
    entry = await office.entry(bob)
    assert (entry.status, entry.offer) == ("expired", None)


async def test_an_offer_ends_with_the_sale_at_the_latest(office: BoxOffice) -> None:
    closes = in_hours(5)
    await office.open(capacity=1, ticket_types=[kind("Day", sale_closes_at=closes)])
    bob, ben = await office.people("bob", "ben")
    number = (await office.bought(bob)).ticket_number
    await office.joins(ben)
    await cancel_ticket(office.database, office.alice, number, "x")
    offer = (await office.entry(ben)).offer
    assert offer is not None
    assert (offer.until, offer.quantity, offer.price, offer.ticket_type) == (closes, 1, "20.00", "Day")


async def test_a_group_gets_all_or_nothing_and_is_passed_three_times_at_most(office: BoxOffice) -> None:
    numbers = await sold_out(office, 10)
    group, *singles = await office.people(*NAMES)
    waitlist_id = await office.joins(group, quantity=3)
    for single in singles[:4]:
        await office.joins(single)
    await free(office, numbers, 3)
    assert await office.standing(group, *singles[:4]) == ["waiting", "offered", "offered", "offered", "waiting"]
    assert (await office.entry(group)).passed == 3
    await free(office, numbers, 2)
    assert await office.standing(group, singles[3]) == ["waiting", "waiting"]
    assert (await office.entry(group)).kept == 2
    assert await office.refused(singles[4]) == "sold-out", "kept places are nobody else's"
    assert await office.places() == (5, 5)
    await free(office, numbers)
    assert (await office.entry(group)).status == "offered"
    assert await kinds_of_lines(office, waitlist_id) == ["joined", *["passed"] * 3, "kept", "kept", "offered"]
    assert len((await accept_offer(office.database, group, waitlist_id)).tickets) == 3
    assert await office.places() == (7, 3)


async def test_the_public_passes_a_group_that_does_not_fit_too(office: BoxOffice) -> None:
    numbers = await sold_out(office, 8)
    group, *public = await office.people(*NAMES)
    waitlist_id = await office.joins(group, quantity=2)
    for buyer in public[:3]:
        await free(office, numbers)
        await office.bought(buyer)
    assert (await office.entry(group)).passed == 3
    await free(office, numbers)
    assert await office.refused(public[3]) == "sold-out"
    await leave_waiting_list(office.database, group, waitlist_id)
    await office.bought(public[3])
    assert await office.places() == (8, 0)


async def test_looking_again_does_not_pass_anybody(office: BoxOffice) -> None:
    numbers = await sold_out(office, 3)
    bob, ben = await office.people("bob", "ben")
    await office.joins(bob, quantity=2)
    await free(office, numbers)
    for _ in range(3):
        await office.joins(ben, quantity=2)
        await office.value("UPDATE events SET due_at = now()")
        await office.settles()
    assert ((await office.entry(bob)).passed, (await office.entry(ben)).passed) == (1, 0)


async def test_only_types_that_will_do_are_offered(office: BoxOffice) -> None:
    await office.open(capacity=2, ticket_types=[kind("Day", places=1), kind("Night", places=1)])
    ann, amy, bob, ben = await office.people("ann", "amy", "bob", "ben")
    day, night = (await office.kinds()).values()
    await office.bought(ann, kind=day)
    number = (await office.bought(amy, kind=night)).ticket_number
    await office.joins(bob, kinds=(day,))
    await office.joins(ben)
    await cancel_ticket(office.database, office.alice, number, "x")
    assert await office.standing(bob, ben) == ["waiting", "offered"]
    assert (await office.entry(bob)).passed == 0, "a night was never of use to bob"
    with pytest.raises(NotFound):
        await office.joins(amy, kinds=(999,))


async def test_joining_makes_sense_once_and_only_when_it_does(office: BoxOffice) -> None:
    numbers = await sold_out(office, 3, limit=2)
    bob, owner = await office.people("bob", "owner0")
    with pytest.raises(Conflict) as refusal:
        await office.joins(bob, quantity=3)
    assert refusal.value.type == "over-limit"
    with pytest.raises(Conflict) as refusal:
        await office.joins(owner, quantity=2)
    assert refusal.value.type == "over-limit"
    assert await office.joins(bob) == await office.joins(bob, quantity=2)
    await free(office, numbers, 2)
    with pytest.raises(Conflict) as refusal:
        await office.joins((await office.people("ben"))[0])
    assert refusal.value.type == "places-left"
    await office.joins((await office.people("cat"))[0], quantity=2)
    assert (await office.facts()).count("WaitingListJoined") == 2


async def test_those_who_joined_before_the_sale_are_offered_first_when_it_opens(office: BoxOffice) -> None:
    await office.open(capacity=1, ticket_types=[kind("Day", sale_opens_at=in_hours(2))])
    bob, ben = await office.people("bob", "ben")
    assert await office.refused(ben) == "sale-not-open"
    waitlist_id = await office.joins(bob)
    await office.hours_pass(3)
    assert await office.refused(ben) == "sold-out"
    assert (await accept_offer(office.database, bob, waitlist_id)).status == "sold"


async def test_who_waits_for_a_sale_can_read_when_it_begins(office: BoxOffice) -> None:
    opens, later = in_hours(2), in_hours(3)
    kinds = [
        kind("Day", sale_opens_at=opens),
        kind("Night", sale_opens_at=later),
        kind("Over", sale_closes_at=in_hours(-1)),
        kind("Secret", sale_opens_at=in_hours(1), hidden_until=in_hours(1)),
    ]
    await office.open(capacity=2, ticket_types=kinds)
    numbers = await office.kinds()
    bob, ben, cat, dan = await office.people("bob", "ben", "cat", "dan")
    await office.joins(dan)
    await office.joins(bob, kinds=(numbers["Day"],))
    await office.joins(ben, kinds=(numbers["Night"],))
    await office.joins(cat, kinds=(numbers["Day"], numbers["Night"]))
    said = [(await office.entry(who)).opens_at for who in (bob, ben, cat, dan)]
    assert said == [opens, later, opens, opens], "nothing of what is hidden or over"
    await office.value("UPDATE ticket_types SET places = 1, sold = 1 WHERE name = 'Day'")
    assert [(await office.entry(who)).opens_at for who in (bob, dan)] == [None, later], "nothing of which is left"
    await office.value("UPDATE ticket_types SET sale_opens_at = now() WHERE name = 'Day'")
    assert (await office.entry(dan)).opens_at == later, "the sale of what is gone is none"
    await office.value("UPDATE ticket_types SET per_attendee_limit = 2 WHERE name <> 'Night'")
    await office.value("UPDATE waiting_list SET quantity = 2 WHERE id = $1", (await office.entry(cat)).waitlist_id)
    assert (await office.entry(cat)).opens_at is None, "two of a Night are more than one person can have"
    await office.value("UPDATE ticket_types SET per_attendee_limit = 2, places = 1 WHERE name = 'Night'")
    assert (await office.entry(cat)).opens_at is None, "nor are there two Nights"
    await office.value("UPDATE events SET capacity = 1, sold = 1")
    assert (await office.entry(dan)).opens_at is None, "all places are taken"
    await office.value("UPDATE events SET capacity = 2")
    seen = (await office.entry(ben)).seen
    await office.value("UPDATE ticket_types SET sale_opens_at = sale_opens_at + interval '1 hour'")
    assert (await office.entry(ben)).seen != seen, "its page says so without a reload"
    await office.hours_pass(5)
    assert (await office.entry(ben)).opens_at is None


async def public_left(office: BoxOffice) -> tuple[int, list[int]]:
    """In the catalogue, and of each type on the page of the event; without writing what the clock has decided."""
    media = FolderMedia(Path("/nowhere"))
    (card,) = (await catalogue(office.database, media, Search(), "UTC", 10, None)).items
    async with office.database.connection() as connection:
        return card.left, [one.left for one in await ticket_types_of(connection, EVENT)]


async def test_what_is_left_is_shown_while_nobody_waits_or_nothing_is_due(office: BoxOffice) -> None:
    await office.open(capacity=4, payment="organizer_confirms", hold_hours=1, ticket_types=[kind("Day")])
    bob, group = await office.people("bob", "group")
    await office.bought(bob)
    await office.hours_pass(2)
    assert await public_left(office) == (3, [3]), "a hold has lapsed, which nobody has written yet"
    await office.settles()
    await office.value("UPDATE ticket_types SET per_attendee_limit = 5, places = 5")
    await office.value("UPDATE events SET capacity = 6, held = 2")
    await office.joins(group, quantity=5)
    assert await public_left(office) == (4, [4]), "too few for those who wait"


async def test_nothing_is_shown_as_left_that_the_list_has_not_had(office: BoxOffice) -> None:
    await office.open(capacity=2, ticket_types=[kind("Day", sale_opens_at=in_hours(2))])
    (bob,) = await office.people("bob")
    await office.joins(bob)
    await office.hours_pass(3)
    assert await public_left(office) == (0, [0])
    await office.settles()
    assert await public_left(office) == (1, [1])


async def test_more_than_fit_into_a_transaction_are_offered_in_several_and_nobody_buys_meanwhile(
    office: BoxOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offers, "AT_ONCE", 2)
    await office.open(capacity=6, ticket_types=[kind("Day", sale_opens_at=in_hours(2))])
    *waiting, stranger = await office.people("ann", "amy", "bob", "ben", "cat", "cem")
    for who in waiting:
        await office.joins(who)
    await office.hours_pass(3)
    for offered in (2, 4):
        refused = await office.buy(stranger)
        assert isinstance(refused, Unavailable)
        assert refused.retry_after
        assert (await office.standing(*waiting)).count("offered") == offered
        assert await public_left(office) == (0, [0])
    assert (await office.bought(stranger)).status == "sold"
    assert set(await office.standing(*waiting)) == {"offered"}


async def test_more_capacity_goes_to_the_list_first(office: BoxOffice) -> None:
    await sold_out(office, 1)
    bob, ben, cat, dan = await office.people(*NAMES[:4])
    for who in (bob, ben):
        await office.joins(who)
    await change_event(office.database, office.alice, EVENT, EventPatch(capacity=4), None)
    assert await office.standing(bob, ben) == ["offered", "offered"]
    await office.bought(cat)
    assert await office.refused(dan) == "sold-out"
    with pytest.raises(Conflict, match="4 places are taken"):
        await change_event(office.database, office.alice, EVENT, EventPatch(capacity=3), None)


async def test_more_capacity_that_the_public_buys_passes_a_group_that_does_not_fit(office: BoxOffice) -> None:
    await sold_out(office, 2)
    group, *public = await office.people(*NAMES)
    waitlist_id = await office.joins(group, quantity=2)
    for capacity, buyer in enumerate(public[:3], 3):
        await change_event(office.database, office.alice, EVENT, EventPatch(capacity=capacity), None)
        assert (await office.entry(group)).passed == capacity - 2
        await office.bought(buyer)
    await change_event(office.database, office.alice, EVENT, EventPatch(capacity=6), None)
    assert (await office.entry(group)).kept == 1
    assert await office.refused(public[3]) == "sold-out"
    await change_event(office.database, office.alice, EVENT, EventPatch(capacity=7), None)
    assert await kinds_of_lines(office, waitlist_id) == ["joined", *["passed"] * 3, "kept", "offered"]
    assert await office.places() == (5, 2)


async def test_whoever_has_bought_elsewhere_gives_way(office: BoxOffice) -> None:
    numbers = await sold_out(office, 3, limit=2)
    bob, cat = await office.people("bob", "cat")
    group = await office.joins(bob, quantity=2)
    await free(office, numbers)
    await office.bought(bob)
    await office.joins(cat)
    await free(office, numbers)
    assert await office.standing(bob, cat) == ["closed", "offered"]
    assert (await log_of_entry(office.database, bob, group))[
        -1
    ].why == "With 2 more it would be more tickets than one person can have."


async def test_who_could_not_take_their_offer_any_more_answers_it_before_buying(office: BoxOffice) -> None:
    await office.open(capacity=3, ticket_types=[kind("Day", places=2, per_attendee_limit=2), kind("VIP", places=1)])
    ann, bob = await office.people("ann", "bob")
    kinds = await office.kinds()
    numbers = [one.ticket_number for one in (await office.bought(ann, quantity=2, kind=kinds["Day"])).tickets]
    waitlist_id = await office.joins(bob, quantity=2, kinds=(kinds["Day"],))
    for number in numbers:
        await cancel_ticket(office.database, office.alice, number, "x")
    await office.value("UPDATE ticket_types SET places = 5 WHERE name = 'Day'")
    await change_event(office.database, office.alice, EVENT, EventPatch(capacity=6), None)
    for key in ("one", "other"):
        assert await office.refused(bob, kind=kinds["Day"], key=key) == "offer-open"
    assert (await office.bought(bob, kind=kinds["VIP"])).status == "sold", "another kind is another limit"
    await decline_offer(office.database, bob, waitlist_id)
    assert (await office.bought(bob, kind=kinds["Day"])).status == "sold"


async def test_facts_happen_when_they_are_decided(office: BoxOffice) -> None:
    """And not when the transaction began that then waited for its turn."""
    await office.open(capacity=1, payment="organizer_confirms", hold_hours=1)
    ann, bob = await office.people("ann", "bob")
    await office.bought(ann)
    soon = "clock_timestamp() + interval '0.2 seconds'"
    async with office.database.transaction() as connection:
        await connection.execute("SELECT FROM events FOR UPDATE")
        joining = asyncio.create_task(office.joins(bob))
        await eventually(lambda: waiting_for_locks(office, 1))
        await connection.execute(f"UPDATE tickets SET held_until = {soon}")
        await connection.execute(f"UPDATE events SET due_at = {soon}")
        await connection.execute("SELECT pg_sleep(0.3)")
    with pytest.raises(Conflict, match="places left"):
        await joining
    await office.settles()
    assert await office.value(
        "SELECT bool_and(f.at >= t.held_until) FROM facts f, tickets t WHERE f.type = 'TicketLapsed'"
    )


async def test_a_crowd_that_joins_leaves_connections_to_those_who_buy_elsewhere(office: BoxOffice) -> None:
    await office.open(capacity=1)
    await office.open(event_id=EVENT + 1)
    crowd = await office.people(*(f"p{number}" for number in range(3 * office.database.pool_size)))
    await office.bought(crowd[0])
    async with office.database.transaction() as connection:
        await connection.execute("SELECT FROM events WHERE id = $1 FOR UPDATE", EVENT)
        joining = [asyncio.create_task(office.joins(who)) for who in crowd[1:]]
        await eventually(lambda: waiting_for_locks(office, 1))
        async with asyncio.timeout(2):
            desk = SaleDesk(office.database, sell)
            bought = await buy_ticket(desk, crowd[0], EVENT + 1, None)
            await desk.close()
        assert bought.status == "sold"
    entries = await asyncio.gather(*joining)
    assert entries == sorted(entries), "in the order they came"
    assert not office.database.turns.lines


async def test_a_crowd_that_looks_at_what_is_due_leaves_connections_to_those_who_buy_elsewhere(
    office: BoxOffice,
) -> None:
    await office.open(capacity=1, payment="organizer_confirms")
    await office.open(event_id=EVENT + 1)
    bob, ben = await office.people("bob", "ben")
    await office.bought(bob)
    await office.hours_pass(200)
    async with office.database.transaction() as connection:
        await connection.execute("SELECT FROM events WHERE id = $1 FOR UPDATE", EVENT)
        crowd = range(3 * office.database.pool_size)
        looking = [asyncio.create_task(places_now(office.database, None, EVENT)) for _ in crowd]
        await eventually(lambda: waiting_for_locks(office, 1))
        async with asyncio.timeout(2):
            desk = SaleDesk(office.database, sell)
            assert (await buy_ticket(desk, ben, EVENT + 1, None)).status == "sold"
            await desk.close()
            seen = await asyncio.gather(*looking)
        assert {places.availability.left for places in seen} == {0}, "nobody waits for a lock for ever"
    assert (await places_now(office.database, None, EVENT)).availability.left == 1
    assert not office.database.turns.under_way


async def test_a_crowd_that_answers_offers_leaves_connections_to_those_who_buy_elsewhere(office: BoxOffice) -> None:
    await office.open(event_id=EVENT + 1)
    await office.open(ticket_types=[kind("Day", sale_opens_at=in_hours(1))], capacity=100)
    crowd = await office.people(*(f"p{number}" for number in range(3 * office.database.pool_size)))
    entries = [await office.joins(who) for who in crowd]
    await office.hours_pass(2)
    await office.settles()
    async with office.database.transaction() as connection:
        await connection.execute("SELECT FROM events WHERE id = $1 FOR UPDATE", EVENT)
        answers = itertools.cycle((accept_offer, decline_offer, leave_waiting_list))
        answering = [
            asyncio.create_task(answer(office.database, who, entry))
            for answer, who, entry in zip(answers, crowd, entries, strict=False)
        ]
        await eventually(lambda: waiting_for_locks(office, 1))
        async with asyncio.timeout(2):
            desk = SaleDesk(office.database, sell)
            assert (await buy_ticket(desk, crowd[0], EVENT + 1, None)).status == "sold"
            await desk.close()
    await asyncio.gather(*answering)
    assert Counter(await office.standing(*crowd)) == {
        status: len(crowd) // 3 for status in ("served", "declined", "left")
    }


async def test_an_offer_that_ends_with_the_sale_says_so(office: BoxOffice) -> None:
    numbers = await sold_out(office, 1)
    (bob,) = await office.people("bob")
    entry = await office.joins(bob)
    await free(office, numbers)
    (day,) = (await office.kinds()).values()
    closes = in_hours(3)
    await changed(office, day, sale_closes_at=closes)
    assert await office.standing(bob) == ["offered"]
    assert (await log_of_entry(office.database, bob, entry))[-1].until == closes
    await changed(office, day, sale_closes_at=in_hours(-1))
    assert await kinds_of_lines(office, entry) == ["joined", "offered", "shortened", "shortened", "expired"]
    joined, *_, shortened, _ = await log_of_entry(office.database, bob, entry)
    assert joined.at < shortened.until < shortened.at + dt.timedelta(seconds=1), "and not when the sale is said to end"
    assert (await office.facts())[-3:] == ["TicketTypeChanged", "OfferShortened", "OfferExpired"]


async def test_an_offer_of_what_is_sold_no_more_ends_and_its_owner_keeps_the_turn(office: BoxOffice) -> None:
    await office.open(capacity=2, ticket_types=[kind("Day"), kind("Night")])
    kinds = await office.kinds()
    ann, any_kind, day_only, later = await office.people("ann", "any", "day", "later")
    numbers = [(await office.bought(ann, kind=number)).ticket_number for number in kinds.values()]
    entries = [await office.joins(any_kind), await office.joins(day_only, kinds=(kinds["Day"],))]
    await office.joins(later)
    await free(office, numbers, 2)
    assert await office.standing(any_kind, day_only, later) == ["offered", "offered", "waiting"]
    facts = await office.facts()
    with pytest.raises(Conflict, match="People concerned: 2") as refused:
        await archive_ticket_type(office.database, office.alice, kinds["Day"], None)
    assert (refused.value.type, await office.facts()) == ("ends-waiting", facts)
    assert await office.standing(any_kind, day_only, later) == ["offered", "offered", "waiting"]
    await archive_ticket_type(office.database, office.alice, kinds["Day"], None, ends_waiting=True)
    assert await office.standing(any_kind, day_only, later) == ["offered", "closed", "offered"]
    assert await kinds_of_lines(office, entries[0]) == ["joined", "offered", "withdrawn", "offered"]
    assert await last_why(office, day_only) == "These tickets are not sold any more."
    with pytest.raises(Conflict):
        await accept_offer(office.database, day_only, entries[1])
    assert (await accept_offer(office.database, any_kind, entries[0])).status == "sold"
    assert await office.value("SELECT count(*) FROM tickets WHERE ticket_type_id = $1", kinds["Day"]) == 1
    assert (await office.facts()).count("OfferWithdrawn") == 2


async def test_who_waits_for_what_has_ended_or_is_sold_no_more_reads_that_the_sale_ended(office: BoxOffice) -> None:
    await office.open(capacity=1, ticket_types=[kind(name) for name in ("Day", "Night", "Noon")])
    kinds = await office.kinds()
    bob, ben = await office.people("bob", "ben")
    await office.bought(bob)
    await office.joins(ben, kinds=(kinds["Night"], kinds["Day"]))
    await archive_ticket_type(office.database, office.alice, kinds["Night"], None)
    await changed(office, kinds["Day"], sale_closes_at=in_hours(-1))
    assert await last_why(office, ben) == "The sale ended before places came free."


async def test_nobody_joins_for_a_sale_that_ends_before_it_begins(office: BoxOffice) -> None:
    await office.open(capacity=1, ticket_types=[kind("Day", sale_opens_at=in_hours(5))])
    await office.value("UPDATE ticket_types SET sale_closes_at = now() + interval '1 hour'")
    (bob,) = await office.people("bob")
    with pytest.raises(Conflict) as refused:
        await office.joins(bob)
    assert refused.value.type == "sale-closed"


async def test_who_is_passed_and_comes_to_it_at_the_same_moment_was_not_passed(office: BoxOffice) -> None:
    kinds_of_four = [kind(name, places=4, per_attendee_limit=4) for name in ("J", "K")]
    await office.open(capacity=8, payment="organizer_confirms", hold_hours=5, ticket_types=kinds_of_four)
    kinds = await office.kinds()
    one, other, early, middle, late = await office.people("one", "other", "early", "middle", "late")
    js = [ticket.ticket_number for ticket in (await office.bought(one, quantity=4, kind=kinds["J"])).tickets]
    ks = [ticket.ticket_number for ticket in (await office.bought(other, quantity=4, kind=kinds["K"])).tickets]
    entry = await office.joins(early, quantity=2, kinds=(kinds["K"],))
    passed_often = "UPDATE waiting_list SET passed = 3 WHERE id = $1"
    await office.joins(middle, quantity=3)
    await office.value(passed_often, await office.joins(late, quantity=3, kinds=(kinds["J"],)))
    await release_tickets(office.database, office.alice, EVENT, [js.pop()], "x")
    await office.value(passed_often, (await office.entry(middle)).waitlist_id)
    for numbers in (ks, js):
        await release_tickets(office.database, office.alice, EVENT, [numbers.pop()], "x")
    await office.value("UPDATE waiting_list SET passed = 0 WHERE id = $1", entry)
    before = await kinds_of_lines(office, entry)
    await release_tickets(office.database, office.alice, EVENT, [js.pop(), ks.pop()], "x")
    assert await office.standing(early, middle, late) == ["offered", "offered", "waiting"]
    assert (await office.entry(early)).passed == 0
    assert await kinds_of_lines(office, entry) == [*before, "offered"]


async def test_who_waits_for_what_is_sold_no_more_reads_that(office: BoxOffice) -> None:
    await office.open(capacity=1, ticket_types=[kind("Day"), kind("Night")])
    kinds = await office.kinds()
    bob, ben = await office.people("bob", "ben")
    await office.bought(bob)
    await office.joins(ben, kinds=(kinds["Night"],))
    with pytest.raises(Conflict, match="People concerned: 1"):
        await archive_ticket_type(office.database, office.alice, kinds["Night"], None)
    assert await office.standing(ben) == ["waiting"]
    await archive_ticket_type(office.database, office.alice, kinds["Night"], None, ends_waiting=True)
    assert await last_why(office, ben) == "These tickets are not sold any more."


async def test_an_offer_that_a_new_limit_forbids_goes_to_the_next(office: BoxOffice) -> None:
    await sold_out(office, 2)
    group, single = await office.people("group", "single")
    entry = await office.joins(group, quantity=2)
    await office.joins(single)
    await change_event(office.database, office.alice, EVENT, EventPatch(capacity=4), None)
    assert await office.standing(group, single) == ["offered", "waiting"]
    kinds = await office.kinds()
    limited = TicketTypeIn(name="Day", price=Decimal("49.90"), per_attendee_limit=1)
    await change_ticket_type(office.database, office.alice, kinds["Day"], limited, None, ends_waiting=True)
    assert await office.standing(group, single) == ["closed", "offered"]
    assert (await log_of_entry(office.database, group, entry))[-1].what == "closed"


TOO_EARLY = EventPatch(start_time=in_hours(-3), end_time=in_hours(-1))
SOLD_NO_MORE = TicketTypeIn(name="Day", price=Decimal("49.90"), per_attendee_limit=4, sale_closes_at=in_hours(-1))
FEWER_FOR_EACH = TicketTypeIn(name="Day", price=Decimal("49.90"), per_attendee_limit=1)


@pytest.mark.parametrize(
    ("change", "people", "after"),
    [
        (TOO_EARLY, 3, ["expired", "closed", "closed"]),
        (SOLD_NO_MORE, 3, ["expired", "closed", "closed"]),
        (FEWER_FOR_EACH, 2, ["closed", "closed", "offered"]),
    ],
)
async def test_a_slip_ends_nobodys_waiting(
    office: BoxOffice, change: EventPatch | TicketTypeIn, people: int, after: list[str]
) -> None:
    await sold_out(office, 2)
    everybody = await office.people("group", "pair", "single")
    for who, quantity in zip(everybody, (2, 2, 1), strict=True):
        await office.joins(who, quantity=quantity)
    await change_event(office.database, office.alice, EVENT, EventPatch(capacity=4), None)
    (day,) = (await office.kinds()).values()

    async def save(**sure: bool) -> None:
        if isinstance(change, EventPatch):
            await change_event(office.database, office.alice, EVENT, change, None, **sure)
        else:
            await change_ticket_type(office.database, office.alice, day, change, None, **sure)

    stored = "SELECT jsonb_build_array(to_jsonb(e), to_jsonb(k)) FROM events e JOIN ticket_types k ON k.event_id = e.id"
    before, facts = await office.value(stored), await office.facts()
    with pytest.raises(Conflict) as refused:
        await save()
    said = f"This would end, for good, what people wait for or are offered. People concerned: {people}."
    assert (refused.value.type, refused.value.detail) == ("ends-waiting", said)
    assert (await office.value(stored), await office.facts()) == (before, facts)
    assert await office.standing(*everybody) == ["offered", "waiting", "waiting"]
    await save(ends_waiting=True)
    assert await office.standing(*everybody) == after


async def test_an_offer_counts_by_its_own_type_and_a_change_for_the_better_asks_nobody(office: BoxOffice) -> None:
    await office.open(capacity=2, ticket_types=[kind("Day"), kind("Night")])
    day, night = (await office.kinds()).values()
    ann, bob = await office.people("ann", "bob")
    numbers = [(await office.bought(ann, kind=number)).ticket_number for number in (night, day)]
    await office.joins(bob, kinds=(day, night))
    await free(office, numbers)
    assert await office.standing(bob) == ["offered"]
    ended = TicketTypeIn(name="Day", price=Decimal(20), sale_closes_at=in_hours(-1))
    with pytest.raises(Conflict, match="People concerned: 1"):
        await change_ticket_type(office.database, office.alice, day, ended, None)
    more = TicketTypeIn(name="Day", price=Decimal(20), places=9, per_attendee_limit=4)
    await change_ticket_type(office.database, office.alice, day, more, None)
    assert await office.standing(bob) == ["offered"]


async def test_an_offer_that_a_late_payment_makes_too_much_goes_to_the_next(office: BoxOffice) -> None:
    await office.open(capacity=1, payment="organizer_confirms", hold_hours=1, ticket_types=[kind("Day")])
    bob, next_one = await office.people("bob", "next")
    number = (await office.bought(bob)).ticket_number
    await office.hours_pass(2)
    await office.settles()
    other = (await office.bought(next_one)).ticket_number
    await office.joins(bob)
    await change_event(office.database, office.alice, EVENT, EventPatch(capacity=3), None)
    assert await office.standing(bob) == ["offered"]
    await confirm_tickets(office.database, office.alice, EVENT, [number, other])
    assert await office.standing(bob) == ["closed"]
    assert await office.places() == (2, 0)


async def test_an_offer_cannot_be_accepted_beyond_the_limit_and_stays_open(office: BoxOffice) -> None:
    await office.open(capacity=2, ticket_types=[kind("Day", per_attendee_limit=2)])
    ann, bob = await office.people("ann", "bob")
    numbers = [one.ticket_number for one in (await office.bought(ann, quantity=2)).tickets]
    waitlist_id = await office.joins(bob, quantity=2)
    for number in numbers:
        await cancel_ticket(office.database, office.alice, number, "x")
    await office.value("UPDATE ticket_types SET per_attendee_limit = 1")
    with pytest.raises(Conflict) as refusal:
        await accept_offer(office.database, bob, waitlist_id)
    assert (refusal.value.type, await office.standing(bob)) == ("over-limit", ["offered"])


async def test_an_offer_is_worth_nothing_once_the_organizer_has_closed_the_sale(office: BoxOffice) -> None:
    numbers = await sold_out(office, 1)
    (bob,) = await office.people("bob")
    waitlist_id = await office.joins(bob)
    await free(office, numbers)
    await office.value("UPDATE ticket_types SET sale_closes_at = now()")
    with pytest.raises(Conflict) as refusal:
        await accept_offer(office.database, bob, waitlist_id)
    assert refusal.value.type == "sale-closed"


async def test_accepting_twice_at_once_buys_once(office: BoxOffice) -> None:
    numbers = await sold_out(office, 1)
    (bob,) = await office.people("bob")
    waitlist_id = await office.joins(bob)
    await free(office, numbers)
    key = idempotent("k", "accept")
    answers = await asyncio.gather(*(accept_offer(office.database, bob, waitlist_id, key) for _ in range(5)))
    assert len({answer.code for answer in answers}) == 1
    assert sum(answer.replayed for answer in answers) == 4
    with pytest.raises(Conflict) as refusal:
        await accept_offer(office.database, bob, waitlist_id)
    assert refusal.value.type == "offer-taken"
    assert await office.places() == (1, 0)


async def test_accepting_where_the_organizer_confirms_payments_is_a_hold(office: BoxOffice) -> None:
    numbers = await sold_out(office, 1)
    (bob,) = await office.people("bob")
    waitlist_id = await office.joins(bob)
    await change_event(office.database, office.alice, EVENT, EventPatch(payment="organizer_confirms"), None)
    await free(office, numbers)
    assert (await accept_offer(office.database, bob, waitlist_id)).status == "held"
    assert await office.places() == (0, 1)


async def test_the_list_closes_when_the_sale_ends(office: BoxOffice) -> None:
    await sold_out(office, 1)
    (bob,) = await office.people("bob")
    waitlist_id = await office.joins(bob)
    await office.value("UPDATE events SET end_time = now() - interval '1 minute', due_at = now()")
    await office.settles()
    assert await office.standing(bob) == ["closed"]
    (line,) = [line for line in await log_of_entry(office.database, bob, waitlist_id) if line.what == "closed"]
    assert line.why == "The sale ended before places came free."
    with pytest.raises(Conflict) as refusal:
        await office.joins(bob)
    assert refusal.value.type == "sale-closed"


async def test_what_is_not_yours_is_not_there(office: BoxOffice) -> None:
    numbers = await sold_out(office, 1)
    bob, ben = await office.people("bob", "ben")
    waitlist_id = await office.joins(bob)
    await free(office, numbers)
    for refused in (
        accept_offer(office.database, ben, waitlist_id),
        decline_offer(office.database, ben, waitlist_id),
        leave_waiting_list(office.database, ben, waitlist_id),
        entry_of(office.database, ben, waitlist_id),
        log_of_entry(office.database, office.charlie, waitlist_id),
        log_of_event(office.database, office.charlie, EVENT, 10, None),
        waiting_people(office.database, office.charlie, EVENT, 10, None),
    ):
        with pytest.raises(NotFound):
            await refused
    assert await office.standing(bob) == ["offered"]


async def test_leaving_is_leaving_and_an_ended_entry_cannot_be_left(office: BoxOffice) -> None:
    numbers = await sold_out(office, 1)
    bob, ben = await office.people("bob", "ben")
    first, second = await office.joins(bob), await office.joins(ben)
    for _ in range(2):
        await leave_waiting_list(office.database, bob, first)
    await free(office, numbers)
    await accept_offer(office.database, ben, second)
    with pytest.raises(Conflict) as refusal:
        await leave_waiting_list(office.database, ben, second)
    assert refusal.value.type == "not-waiting"
    assert (await office.joins(bob)) > second, "one may join again, at the end"


async def test_everybody_reads_where_they_stand_and_why(office: BoxOffice) -> None:
    numbers = await sold_out(office, 2)
    bob, ben = await office.people("bob", "ben")
    group = await office.joins(bob, quantity=2)
    await office.joins(ben)
    await free(office, numbers)
    entry = await entry_of(office.database, bob, group)
    assert (entry.position, entry.quantity, entry.passed, entry.ticket_types) == (1, 2, 1, [])
    assert [line.why for line in await log_of_entry(office.database, bob, group)] == [
        "Joined the list for 2. Places are offered in order of joining.",
        "Passed over, 1 of 3 times at most. Free then: 1; wanted together: 2.",
    ]
    newest = await log_of_event(office.database, office.alice, EVENT, 2, None)
    assert [(line.full_name, line.what) for line in newest.items] == [("bob", "passed"), ("ben", "offered")]
    people = (await waiting_people(office.database, office.alice, EVENT, 10, None)).items
    assert [(one.full_name, one.position, one.status) for one in people] == [
        ("bob", 1, "waiting"), ("ben", None, "offered"),
    ]  # fmt: skip
    rest = (await waiting_people(office.database, office.alice, EVENT, 10, group)).items
    assert [one.full_name for one in rest] == ["ben"]
    for who in await office.people("cat", "dan"):
        await office.joins(who)
    first = await waiting_people(office.database, office.alice, EVENT, 2, None)
    second = await waiting_people(office.database, office.alice, EVENT, 2, first.items[-1].waitlist_id)
    assert [one.position for one in [*first.items, *second.items]] == [1, None, 2, 3], "page after page"
    assert len(await entries_of(office.database, bob, open_only=True)) == 1
    async with office.database.connection() as connection:
        mine = await standing(connection, bob, EVENT)
        assert (mine.code, mine.position, mine.entry) == (None, 1, entry)


async def test_who_cannot_have_what_came_free_reads_why_once(office: BoxOffice) -> None:
    kinds = [kind("Day", places=3), kind("Group", places=4, per_attendee_limit=4)]
    await office.open(ticket_types=kinds)
    day, group = (await office.kinds()).values()
    owner, others, bob, ben, cat = await office.people("owner", "others", "bob", "ben", "cat")
    await office.bought(others, quantity=4, kind=group)
    numbers = [(await office.bought(who, kind=day)).ticket_number for who in (owner, others, office.alice)]
    pair, again = await office.joins(bob, quantity=2), await office.joins(owner)
    for who in (ben, cat):
        await office.joins(who)
    await free(office, numbers)
    await free(office, numbers)
    assert await office.standing(bob, owner, ben, cat) == ["waiting", "waiting", "offered", "offered"]
    logs = [await log_of_entry(office.database, bob if entry == pair else owner, entry) for entry in (pair, again)]
    assert [[line.why for line in log[1:]] for log in logs] == [
        ["Day was free, and was not offered. One person cannot have 2 of these tickets together."],
        ["Day was free, and was not offered. With 1 more it would be more tickets than one person can have."],
    ]
    newest = await log_of_event(office.database, office.alice, EVENT, 4, None)
    assert [line.what for line in newest.items] == ["offered", "offered", "skipped", "skipped"]
    await office.value("UPDATE waiting_list SET skipped = '{}'")
    async with office.database.transaction() as connection:
        stock = await lock_stock(connection, EVENT)
        assert stock is not None
        stock.types[day].places, behind = 4, offers.Behind()
        for _ in range(2):  # as where a group gives back what was kept for it
            await offers.walk(connection, stock, behind)
        assert [line.waitlist_id for line in stock.lines] == [pair, again]


async def test_each_free_type_that_is_none_for_who_waits_is_told_and_told_again_when_the_reason_changes(
    office: BoxOffice,
) -> None:
    kinds = [kind(name, places=1) for name in ("Day", "Taken")]
    kinds += [kind("Eve", places=1, sale_opens_at=in_hours(2)), kind("Group", places=4, per_attendee_limit=4)]
    await office.open(ticket_types=kinds)
    day, taken, _, group = (await office.kinds()).values()
    others, bob = await office.people("others", "bob")
    number = (await office.bought(others, kind=day)).ticket_number
    await office.bought(others, kind=taken)
    await office.bought(others, kind=group, quantity=4)
    pair = await office.joins(bob, quantity=2)

    async def told() -> list[str]:
        lines = await log_of_entry(office.database, bob, pair)
        return [f"{line.detail['ticket_type']}: {line.detail['reason']}" for line in lines if line.what == "skipped"]

    await free(office, [number])
    assert await told() == ["Day: over-limit"]
    await office.hours_pass(3)
    await office.settles()
    assert await told() == ["Day: over-limit", "Eve: over-limit"]
    await office.value("UPDATE ticket_types SET per_attendee_limit = 2 WHERE id = $1", day)
    number = (await office.bought(others, kind=day)).ticket_number
    await free(office, [number])
    assert await told() == ["Day: over-limit", "Eve: over-limit", "Day: too-few-places"]


async def test_a_key_of_joining_is_remembered(office: BoxOffice) -> None:
    await sold_out(office, 1)
    (bob,) = await office.people("bob")
    key = idempotent("k", "join")
    answers = await asyncio.gather(
        *(join_waiting_list(office.database, bob, EVENT, key) for _ in range(5)), return_exceptions=True
    )
    assert {getattr(answer, "waitlist_id", answer) for answer in answers} == {answers[0].waitlist_id}  # type: ignore[union-attr]


async def test_a_batch_that_finds_something_due_settles_it_first(office: BoxOffice) -> None:
    numbers = await sold_out(office, 2)
    bob, ben, cat = await office.people("bob", "ben", "cat")
    await office.joins(bob)
    await free(office, numbers)
    await office.hours_pass(25)
    async with office.database.transaction() as connection:
        decided = (await sell(connection, {EVENT: [Wish(ben, None), Wish(cat, None)]}))[EVENT]
    assert [type(answer).__name__ for answer in decided.answers] == ["Purchase", "Conflict"]
    assert await office.standing(bob) == ["expired"]
    assert await office.places() == (2, 0)


async def test_positions_go_on_from_page_to_page_and_leave_out_who_is_offered_something(office: BoxOffice) -> None:
    await office.open(capacity=1)
    owner, *waiters = await office.people("owner", "ann", "ben", "cleo", "dan", "eve")
    number = (await office.bought(owner)).ticket_number
    for who in waiters:
        await office.joins(who)
    await cancel_ticket(office.database, office.alice, number, "ill")
    positions, after = [], None
    while True:
        page = await waiting_people(office.database, office.alice, EVENT, 2, after)
        positions += [one.position for one in page.items]
        if page.next_cursor is None:
            break
        after = page.items[-1].waitlist_id
    assert positions == [None, 1, 2, 3, 4]


async def test_of_the_types_one_waits_for_those_are_named_that_are_still_sold(office: BoxOffice) -> None:
    await office.open(ticket_types=[kind("Day", places=1), kind("Evening", places=1), kind("Night", places=1)])
    kinds = await office.kinds()
    owner, bob = await office.people("owner", "bob")
    for one in kinds.values():
        await office.bought(owner, kind=one)
    waits = await office.joins(bob, kinds=tuple(kinds.values()))
    await archive_ticket_type(office.database, office.alice, kinds["Day"], None)
    await office.value("UPDATE ticket_types SET sale_closes_at = now() WHERE name = 'Evening'")
    (seen,) = (await waiting_people(office.database, office.alice, EVENT, 9, None)).items
    assert (await office.entry(bob)).ticket_types == seen.ticket_types == ["Night"]
    await leave_waiting_list(office.database, bob, waits)
    assert (await office.entry(bob)).ticket_types == ["Day", "Evening", "Night"], "what it was for"
