"""Much is due at once, or more while one looks: it takes several transactions, and who waits is first all the same."""

import datetime as dt
from collections.abc import Awaitable, Callable
from decimal import Decimal

import msgspec
import pytest

from app.domain import offers
from app.domain.accounts import Caller
from app.domain.cancellations import cancel_event
from app.domain.cancelling import cancel_ticket
from app.domain.event_changes import EventPatch, change_event
from app.domain.holds import confirm_tickets, release_tickets
from app.domain.idempotency import idempotent
from app.domain.offer_answers import accept_offer, decline_offer
from app.domain.reconcile import drifts
from app.domain.sale import Purchase, sell
from app.domain.ticket_type_changes import archive_ticket_type, change_ticket_type, create_ticket_type
from app.domain.ticket_types import TicketTypeIn
from app.domain.waiting_list import join_waiting_list, leave_waiting_list
from app.domain.waiting_list_log import log_of_entry
from app.domain.waiting_list_page import ended_entries, entries_of, entry_of, place_now, standing
from app.domain.wishes import Wish
from app.errors import Conflict, Unavailable
from tests.box_office import EVENT, BoxOffice, in_hours, kind

SLOWLY = """
    CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_sleep(0.4); RETURN NEW; END';
    CREATE TRIGGER slowly BEFORE UPDATE ON tickets FOR EACH ROW WHEN (NEW.status = 'lapsed') EXECUTE FUNCTION slowly()
"""


@pytest.fixture
def two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as the product writes in one transaction would take a test half a minute."""
    monkeypatch.setattr(offers, "AT_ONCE", 2)


async def all_settled(office: BoxOffice) -> None:
    while await office.value("SELECT due_at <= clock_timestamp() FROM events WHERE id = $1", EVENT):
        await office.settles()


async def test_a_sale_that_opens_while_a_batch_settles_something_else_is_for_the_list_first(office: BoxOffice) -> None:
    await office.open(
        payment="organizer_confirms", hold_hours=1,
        ticket_types=[kind("Day"), kind("VIP", places=1, sale_opens_at=in_hours(5))],
    )  # fmt: skip
    late, bob, stranger = await office.people("late", "bob", "stranger")
    kinds = await office.kinds()
    await office.bought(late, kind=kinds["Day"])
    await office.joins(bob, kinds=(kinds["VIP"],))
    await office.hours_pass(2)
    async with office.database.connection() as connection:
        await connection.execute(SLOWLY)
    soon = dt.timedelta(seconds=0.2)
    await office.value("UPDATE ticket_types SET sale_opens_at = clock_timestamp() + $1 WHERE name = 'VIP'", soon)
    assert await office.refused(stranger, kind=kinds["VIP"]) == "sold-out"
    assert await office.standing(bob) == ["offered"]


async def test_many_events_at_once_leave_out_those_that_are_busy_or_have_something_to_settle(office: BoxOffice) -> None:
    (bob,) = await office.people("bob")
    for event_id in (1, 2, 3):
        await office.open(event_id=event_id)
    await office.value("UPDATE events SET due_at = now() WHERE id = 2")
    wishes = {event_id: [Wish(bob, None)] for event_id in (1, 2, 3)}
    async with office.database.transaction() as one, office.database.transaction() as another:
        await one.execute("SELECT FROM events WHERE id = 3 FOR UPDATE")
        decided = await sell(another, wishes, "skip")
    assert list(decided) == [1]
    assert isinstance(decided[1].answers[0], Purchase)
    assert await office.rows("SELECT event_id FROM tickets") == [(1,)]


@pytest.mark.usefixtures("two_at_once")
async def test_while_offers_are_owed_no_late_payment_takes_a_place(office: BoxOffice) -> None:
    await office.open(capacity=4, payment="organizer_confirms", hold_hours=1, ticket_types=[kind("Day")])
    late, *waiting = await office.people("late", "ann", "amy", "bob", "ben")
    number = (await office.bought(late)).ticket_number
    await office.hours_pass(2)
    await office.settles()
    await office.value("UPDATE ticket_types SET sale_opens_at = now() + interval '2 hours'")
    for who in waiting:
        await office.joins(who)
    await office.hours_pass(3)
    with pytest.raises(Conflict) as refused:
        await confirm_tickets(office.database, office.alice, EVENT, [number], None)
    assert refused.value.type == "no-places-left"
    assert await office.standing(*waiting) == ["offered"] * 4


@pytest.mark.usefixtures("two_at_once")
async def test_a_hold_that_ended_with_many_is_late_also_before_that_is_written(
    office: BoxOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offers, "MOST_PARTS", 1)
    await office.open(capacity=5, payment="organizer_confirms", hold_hours=1)
    late = [(await office.bought(who)).ticket_number for who in await office.people("a", "b", "c", "d", "e")]
    (bob,) = await office.people("bob")
    await office.joins(bob)
    await office.hours_pass(2)
    with pytest.raises(Unavailable, match="who waits comes first"):
        await confirm_tickets(office.database, office.alice, EVENT, late[-1:], idempotent("k", "confirm"))
    await all_settled(office)
    decided = await confirm_tickets(office.database, office.alice, EVENT, late, idempotent("k", "confirm"))
    assert (decided.done, [one.type for one in decided.refused]) == (late[:4], ["no-places-left"])
    assert await office.standing(bob) == ["offered"]


@pytest.mark.usefixtures("two_at_once")
async def test_while_offers_are_owed_one_can_join_the_list(office: BoxOffice) -> None:
    await office.open(capacity=6, ticket_types=[kind("Day", sale_opens_at=in_hours(2))])
    *waiting, dan = await office.people("ann", "amy", "bob", "ben", "cat", "cem", "dan")
    for who in waiting:
        await office.joins(who)
    await office.hours_pass(3)
    assert (await join_waiting_list(office.database, dan, EVENT, None)).status == "waiting"
    await all_settled(office)
    assert await office.standing(*waiting, dan) == ["offered"] * 6 + ["waiting"]


@pytest.mark.usefixtures("two_at_once")
async def test_an_offer_ends_at_its_deadline_however_many_end_with_it(office: BoxOffice) -> None:
    await office.open(capacity=5, ticket_types=[kind("Day", sale_opens_at=in_hours(2))])
    people = await office.people("ann", "amy", "bob", "ben", "cat")
    entries = [await office.joins(who) for who in people]
    await office.hours_pass(3)
    await all_settled(office)
    assert await office.standing(*people) == ["offered"] * 5
    await office.hours_pass(30)
    with pytest.raises(Conflict) as refused:
        await accept_offer(office.database, people[-1], entries[-1])
    assert refused.value.type == "offer-expired"
    await office.value("UPDATE events SET due_at = now()")
    with pytest.raises(Conflict) as refused:
        await decline_offer(office.database, people[-2], entries[-2])
    assert refused.value.type == "offer-expired"


@pytest.mark.usefixtures("two_at_once")
async def test_sold_out_is_not_said_before_all_that_has_lapsed_is_written(office: BoxOffice) -> None:
    await office.open(payment="organizer_confirms", hold_hours=1, ticket_types=[kind("Day"), kind("VIP", places=1)])
    *late, last, stranger = await office.people("ann", "amy", "bob", "last", "stranger")
    kinds = await office.kinds()
    for who in late:
        await office.bought(who, kind=kinds["Day"])
    bought = await office.bought(last, kind=kinds["VIP"], key="before")
    await office.hours_pass(2)
    buyers = ((stranger, "k"), (last, "before"), (stranger, "k"))
    first, again, at_last = [await office.buy(who, kind=kinds["VIP"], key=key) for who, key in buyers]
    assert (getattr(first, "status", None), getattr(at_last, "status", None)) == (503, "held")
    assert again == msgspec.structs.replace(bought, replayed=True), "what was decided before stays"


@pytest.mark.usefixtures("two_at_once")
async def test_a_group_gets_what_ended_at_one_moment_also_where_it_is_written_in_parts(office: BoxOffice) -> None:
    await office.open(
        payment="organizer_confirms", hold_hours=1,
        ticket_types=[kind("Day", places=1), kind("VIP", places=2, per_attendee_limit=2)],
    )  # fmt: skip
    ann, amy, group, single = await office.people("ann", "amy", "group", "single")
    kinds = await office.kinds()
    await office.bought(ann, kind=kinds["VIP"])
    await office.bought(amy, kind=kinds["Day"])
    await office.bought(amy, kind=kinds["VIP"])
    await office.joins(group, quantity=2, kinds=(kinds["VIP"],))
    await office.joins(single, kinds=(kinds["VIP"],))
    await office.hours_pass(2)
    await all_settled(office)
    assert await office.standing(group, single) == ["offered", "waiting"]


@pytest.mark.usefixtures("two_at_once")
async def test_a_group_is_passed_when_what_the_public_gets_was_written_in_parts(office: BoxOffice) -> None:
    await office.open(
        payment="organizer_confirms", hold_hours=1,
        ticket_types=[kind("Day", places=3), kind("VIP", places=3, per_attendee_limit=3)],
    )  # fmt: skip
    ann, amy, one, other, group = await office.people("ann", "amy", "one", "other", "group")
    kinds = await office.kinds()
    for who in (ann, amy):
        await office.bought(who, kind=kinds["VIP"])
    for who in (one, other):
        await office.bought(who, kind=kinds["Day"])
    await office.value("UPDATE tickets SET held_until = now() + interval '9 hours' WHERE attendee_id = $1", amy.user_id)
    await office.joins(group, quantity=3, kinds=(kinds["VIP"],))
    await office.hours_pass(2)
    await all_settled(office)
    assert (await office.entry(group)).passed == 1


@pytest.mark.usefixtures("two_at_once")
async def test_a_group_is_not_passed_when_nothing_of_its_type_came_free(office: BoxOffice) -> None:
    await office.open(
        payment="organizer_confirms", hold_hours=1,
        ticket_types=[kind("Day"), kind("VIP", places=3, price=Decimal(0), per_attendee_limit=3)],
    )  # fmt: skip
    *late, owner, group = await office.people("ann", "amy", "bob", "owner", "group")
    kinds = await office.kinds()
    await office.bought(owner, quantity=2, kind=kinds["VIP"])
    await office.joins(group, quantity=2, kinds=(kinds["VIP"],))
    for who in late:
        await office.bought(who, kind=kinds["Day"])
    await office.hours_pass(2)
    await all_settled(office)
    assert (await office.entry(group)).passed == 0


@pytest.mark.usefixtures("two_at_once")
async def test_a_pass_is_counted_also_where_somebody_changes_something_between_the_parts(office: BoxOffice) -> None:
    await office.open(
        payment="organizer_confirms", hold_hours=1,
        ticket_types=[kind("Day"), kind("VIP", places=3, per_attendee_limit=3)],
    )  # fmt: skip
    *late, owner, group = await office.people("ann", "amy", "bob", "owner", "group")
    kinds = await office.kinds()
    number = (await office.bought(owner, kind=kinds["Day"])).ticket_number
    for who, name in zip(late, ("VIP", "Day", "VIP"), strict=True):
        await office.bought(who, kind=kinds[name])
    held_on = "UPDATE tickets SET held_until = now() + interval '9 hours' WHERE attendee_id = ANY($1)"
    await office.value(held_on, [late[2].user_id, owner.user_id])
    await office.joins(group, quantity=3, kinds=(kinds["VIP"],))
    await office.hours_pass(2)
    await cancel_ticket(office.database, office.alice, number, "gave way")
    await all_settled(office)
    assert (await office.entry(group)).passed == 1


@pytest.mark.usefixtures("two_at_once")
async def test_what_has_ended_takes_no_place_when_the_capacity_changes(office: BoxOffice) -> None:
    await office.open(capacity=9, payment="organizer_confirms", hold_hours=1)
    for who in await office.people("a", "b", "c", "d", "e"):
        await office.bought(who)
    await office.hours_pass(2)
    await change_event(office.database, office.alice, EVENT, EventPatch(capacity=1), None)
    assert await office.places() == (0, 0)


@pytest.mark.usefixtures("two_at_once")
async def test_what_has_ended_takes_no_place_of_a_type_that_gets_fewer(office: BoxOffice) -> None:
    await office.open(capacity=9, payment="organizer_confirms", hold_hours=1, ticket_types=[kind("Day", places=9)])
    for who in await office.people("a", "b", "c", "d", "e"):
        await office.bought(who)
    await office.hours_pass(2)
    fewer = TicketTypeIn(name="Day", price=Decimal(20), places=1)
    day = (await office.kinds())["Day"]
    assert (await change_ticket_type(office.database, office.alice, day, fewer, None)).left == 1


@pytest.mark.usefixtures("two_at_once")
async def test_a_hold_that_ended_with_many_is_nobodys_any_more(office: BoxOffice) -> None:
    await office.open(capacity=5, payment="organizer_confirms", hold_hours=1)
    people = await office.people("a", "b", "c", "d", "e")
    late = [(await office.bought(who)).ticket_number for who in people]
    await office.hours_pass(2)
    with pytest.raises(Conflict) as refused:
        await office.joins(people[-1])
    assert refused.value.type == "places-left", "and not already-bought"
    await office.value("UPDATE tickets SET status = 'held'")
    await office.value("UPDATE ticket_types SET held = 5")
    await office.value("UPDATE events SET held = 5, due_at = now()")
    with pytest.raises(Conflict) as refused:
        await release_tickets(office.database, office.alice, EVENT, late[-1:], "never paid")
    assert refused.value.type == "not-held"
    assert set((await office.facts())[-5:]) == {"TicketLapsed"}


ASKED_WHILE_OWING: dict[str, Callable[[BoxOffice, Caller, int, int, int], Awaitable[object]]] = {
    "join": lambda office, bob, day, ticket, entry: office.joins(office.charlie),
    "leave": lambda office, bob, day, ticket, entry: leave_waiting_list(office.database, bob, entry),
    "accept": lambda office, bob, day, ticket, entry: accept_offer(office.database, bob, entry),
    "decline": lambda office, bob, day, ticket, entry: decline_offer(office.database, bob, entry),
    "return": lambda office, bob, day, ticket, entry: cancel_ticket(office.database, office.alice, ticket, "x"),
    "confirm": lambda office, bob, day, ticket, entry: confirm_tickets(office.database, office.alice, EVENT, [ticket]),
    "release": lambda office, bob, day, ticket, entry: release_tickets(
        office.database, office.alice, EVENT, [ticket], "x"
    ),
    "change the event": lambda office, bob, day, ticket, entry: change_event(
        office.database, office.alice, EVENT, EventPatch(capacity=7), None
    ),
    "add a type": lambda office, bob, day, ticket, entry: create_ticket_type(
        office.database, office.alice, EVENT, TicketTypeIn(name="Night", price=Decimal(9)), None
    ),
    "change a type": lambda office, bob, day, ticket, entry: change_ticket_type(
        office.database, office.alice, day, TicketTypeIn(name="Day", price=Decimal(9)), None
    ),
    "archive a type": lambda office, bob, day, ticket, entry: archive_ticket_type(
        office.database, office.alice, day, None
    ),
}


@pytest.mark.usefixtures("two_at_once")
@pytest.mark.parametrize("what", ASKED_WHILE_OWING)
async def test_while_much_is_still_to_be_written_nothing_else_is_decided(
    office: BoxOffice, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(offers, "MOST_PARTS", 1)
    kinds = [kind("Day", per_attendee_limit=9), kind("Eve")]
    await office.open(capacity=6, payment="organizer_confirms", hold_hours=1, ticket_types=kinds)
    ann, bob = await office.people("ann", "bob")
    late = (await office.bought(ann, quantity=6)).tickets[-1].ticket_number
    entry = await office.joins(bob)
    await office.hours_pass(2)
    day = (await office.kinds())["Day"]
    with pytest.raises(Unavailable, match="who waits comes first") as refused:
        await ASKED_WHILE_OWING[what](office, bob, day, late, entry)
    assert refused.value.retry_after
    await all_settled(office)
    assert await office.standing(bob) == ["offered"]
    assert await office.value("SELECT count(*) FROM tickets WHERE status = 'lapsed'") == 6


@pytest.mark.usefixtures("two_at_once")
async def test_everybody_who_waits_for_a_sale_that_ended_is_told(office: BoxOffice) -> None:
    await office.open(capacity=1, ticket_types=[kind("Day", sale_closes_at=in_hours(2))])
    owner, *waiting = await office.people("owner", "ann", "amy", "bob", "ben", "cat")
    await office.bought(owner)
    for who in waiting:
        await office.joins(who)
    await office.hours_pass(3)
    await all_settled(office)
    assert await office.value("SELECT count(*) FROM waiting_list WHERE status = 'closed'") == len(waiting)


async def test_who_was_not_enough_for_and_then_is_offered_everything_is_not_also_passed(office: BoxOffice) -> None:
    """Kept for a later group there is enough for an earlier one, which the first walk had found too little for."""
    kinds_of_four = [kind(name, places=4, per_attendee_limit=4) for name in ("J", "K")]
    await office.open(capacity=8, ticket_types=kinds_of_four)
    kinds = await office.kinds()
    one, other, early, late = await office.people("one", "other", "early", "late")
    js = [ticket.ticket_number for ticket in (await office.bought(one, quantity=4, kind=kinds["J"])).tickets]
    ks = [ticket.ticket_number for ticket in (await office.bought(other, quantity=4, kind=kinds["K"])).tickets]
    entry = await office.joins(early, quantity=3)
    await office.value("UPDATE waiting_list SET passed = 3 WHERE id = $1", await office.joins(late, quantity=3))
    for numbers in (js, ks, js, ks):  # of each two are kept for the later group, and the earlier one wants three
        await office.value("UPDATE waiting_list SET passed = 0 WHERE id = $1", entry)
        await cancel_ticket(office.database, office.alice, numbers.pop(), "gave way")
    await office.value("UPDATE waiting_list SET passed = 0, quantity = 2 WHERE id = $1", entry)
    await cancel_ticket(office.database, office.alice, js.pop(), "gave way")
    assert await office.standing(early) == ["offered"]
    assert await drifts(office.database) == []


@pytest.mark.parametrize("at_once", [1, 2, 2_000])
async def test_one_change_passes_a_group_once_in_however_many_parts_it_is_written(
    office: BoxOffice, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(offers, "AT_ONCE", at_once)
    await office.open(capacity=3, ticket_types=[kind("Day", per_attendee_limit=4)])
    first, group, bob, ben = await office.people("first", "group", "bob", "ben")
    await office.bought(first, quantity=3)
    entry = await office.joins(group, 3)
    await office.joins(bob)
    await office.joins(ben)
    await change_event(office.database, office.alice, EVENT, EventPatch(capacity=5), None)
    await all_settled(office)
    assert await office.standing(bob, ben) == ["offered", "offered"]
    assert [line.what for line in await log_of_entry(office.database, office.alice, entry)] == ["joined", "passed"]
    assert await office.value("SELECT passed FROM waiting_list WHERE id = $1", entry) == 1


async def test_who_waits_for_a_cancelled_event_reads_so_before_the_job_comes_to_them(office: BoxOffice) -> None:
    await office.open(capacity=1)
    first, bob, ben = await office.people("first", "bob", "ben")
    ticket = (await office.bought(first)).ticket_number
    entries = [await office.joins(bob), await office.joins(ben)]
    await cancel_ticket(office.database, office.alice, ticket, "ill")
    assert await office.standing(bob, ben) == ["offered", "waiting"]
    await cancel_event(office.database, office.alice, EVENT, "A storm", None)
    for who, number in zip((bob, ben), entries, strict=True):
        one = await entry_of(office.database, who, number)
        assert (one.status, one.offer, one.position, one.cancel_reason) == ("closed", None, None, "A storm")
        assert await entries_of(office.database, who, open_only=True) == []
        assert [past.waitlist_id for past in (await ended_entries(office.database, who, 10, None)).items] == [number]
        async with office.database.connection() as connection:
            assert ((await standing(connection, who, EVENT)).entry, await place_now(connection, who, EVENT)) == (
                None,
                "",
            )
