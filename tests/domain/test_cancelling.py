"""Tickets and events that are cancelled: by whom, until when, and what becomes of the places."""

import asyncio
from contextlib import suppress

import pytest

from app.domain import offers
from app.domain.accounts import Caller
from app.domain.attendees import door_list
from app.domain.cancellations import cancel_event, cancel_some, cancellation_of, cancellations_under_way
from app.domain.cancelling import cancel_ticket
from app.domain.door import undo_use, use_ticket
from app.domain.event_changes import EventPatch, change_event
from app.domain.idempotency import idempotent
from app.domain.offer_answers import accept_offer
from app.domain.ticket_page import ticket_page, valid_tickets
from app.domain.tickets import tickets_of
from app.domain.waiting_list import leave_waiting_list
from app.domain.waiting_list_log import log_of_entry
from app.errors import Conflict, Invalid, NotFound
from tests.box_office import EVENT, BoxOffice, in_hours, kind


async def test_an_attendee_returns_a_ticket_until_the_cut_off(office: BoxOffice) -> None:
    await office.open(returns_until=in_hours(2))
    bob, ben = await office.people("bob", "ben")
    mine, his = [(await office.bought(who)).ticket_number for who in (bob, ben)]
    assert (await cancel_ticket(office.database, bob, mine, None)).status == "cancelled"
    (row,) = await office.rows("SELECT * FROM tickets WHERE id = $1", mine)
    assert (row["cancelled_by"], row["cancel_reason"]) == (bob.user_id, "returned by the attendee")
    assert await office.places() == (1, 0)
    assert (await office.bought(bob)).status == "sold", "one may buy again"
    await office.hours_pass(3)
    with pytest.raises(Conflict) as refusal:
        await cancel_ticket(office.database, ben, his, None)
    assert refusal.value.type == "too-late-to-return"


async def test_after_the_event_nothing_is_returned_whatever_the_cut_off(office: BoxOffice) -> None:
    await office.open(returns_until=in_hours(9))
    (bob,) = await office.people("bob")
    number = (await office.bought(bob)).ticket_number
    await office.value("UPDATE events SET end_time = now()")
    with pytest.raises(Conflict) as refusal:
        await cancel_ticket(office.database, bob, number, None)
    assert refusal.value.type == "too-late-to-return"


async def test_without_a_cut_off_nothing_is_returned(office: BoxOffice) -> None:
    await office.open()
    (bob,) = await office.people("bob")
    with pytest.raises(Conflict) as refusal:
        await cancel_ticket(office.database, bob, (await office.bought(bob)).ticket_number, None)
    assert refusal.value.type == "not-returnable"


async def test_an_organizer_cancels_with_a_reason_and_cancelling_is_terminal(office: BoxOffice) -> None:
    await office.open()
    (bob,) = await office.people("bob")
    number = (await office.bought(bob)).ticket_number
    with pytest.raises(Invalid, match="reason"):
        await cancel_ticket(office.database, office.alice, number, None)
    await cancel_ticket(office.database, office.alice, number, "double booking")
    again = await cancel_ticket(office.database, office.alice, number, "another reason")
    assert again.status == "cancelled"
    assert await office.value("SELECT cancel_reason FROM tickets") == "double booking"
    assert await office.facts() == ["TicketSold", "TicketCancelled"]
    assert await office.places() == (0, 0)


async def test_a_used_ticket_stays_used_and_strangers_find_nothing(office: BoxOffice) -> None:
    await office.open()
    bob, ben = await office.people("bob", "ben")
    number = (await office.bought(bob)).ticket_number
    for stranger in (ben, office.charlie):
        with pytest.raises(NotFound):
            await cancel_ticket(office.database, stranger, number, "x")
    with pytest.raises(NotFound):
        await cancel_ticket(office.database, office.alice, 999, "x")
    await use_ticket(office.database, office.alice, number)
    with pytest.raises(Conflict, match="has been used"):
        await cancel_ticket(office.database, office.alice, number, "x")


async def test_cancelling_at_once_counts_once(office: BoxOffice) -> None:
    await office.open()
    (bob,) = await office.people("bob")
    number = (await office.bought(bob)).ticket_number
    await asyncio.gather(*(cancel_ticket(office.database, office.alice, number, "x") for _ in range(5)))
    assert (await office.facts()).count("TicketCancelled") == 1
    assert await office.places() == (0, 0)


async def with_tickets_and_waiters(office: BoxOffice) -> None:
    await office.open(capacity=5, ticket_types=[kind("Day", per_attendee_limit=3)])
    people = await office.people("a", "b", "c", "d", "e")
    numbers = [(await office.bought(who)).ticket_number for who in people]
    for who in await office.people("bob", "ben"):
        await office.joins(who)
    await cancel_ticket(office.database, office.alice, numbers[0], "x")
    await use_ticket(office.database, office.alice, numbers[1])


async def test_a_cancelled_event_is_closed_at_once_and_followed_up_step_by_step(office: BoxOffice) -> None:
    await with_tickets_and_waiters(office)
    begun, _ = await cancel_event(office.database, office.alice, EVENT, "storm", idempotent("k", "cancel"))
    assert (begun.tickets_total, begun.tickets_done, begun.waiters_total, begun.finished_at) == (4, 0, 2, None)
    cat, bob = await office.people("cat", "bob")
    assert await office.refused(cat) == "event-cancelled"
    with pytest.raises(Conflict) as refusal:
        await office.joins(cat)
    assert refusal.value.type == "event-cancelled"

    async def step() -> bool:
        async with office.database.transaction() as connection:
            assert await cancellations_under_way(connection) == [EVENT]
            return await cancel_some(connection, EVENT, step=3)

    assert await step()
    assert (await cancellation_of(office.database, office.alice, EVENT)).tickets_done == 3
    assert not await step()
    done, _ = await cancel_event(office.database, office.alice, EVENT, "another storm")
    assert (done.tickets_done, done.waiters_done, done.reason) == (4, 2, "storm")
    assert done.finished_at is not None
    assert await office.places() == (0, 0)
    assert await office.standing(bob) == ["closed"]
    assert {row["cancel_reason"] for row in await office.rows("SELECT * FROM tickets")} == {"storm", "x"}
    facts = await office.facts()
    assert [facts.count(one) for one in ("EventCancelled", "TicketCancelled", "WaitingListClosed")] == [1, 5, 2]


async def test_tickets_of_a_cancelled_event_let_nobody_in_before_they_are_cancelled_one_by_one(
    office: BoxOffice,
) -> None:
    await office.open(returns_until=in_hours(2))
    bob, ben = await office.people("bob", "ben")
    mine, used = [(await office.bought(who)).ticket_number for who in (bob, ben)]
    await use_ticket(office.database, office.alice, used)
    await cancel_event(office.database, office.alice, EVENT, "storm")
    page = await ticket_page(office.database, bob, mine)
    assert (page.status, page.cancel_reason, page.qr_text) == ("cancelled", "storm", None)
    assert (page.returnable, page.valid_for_event) == (False, 0)
    with pytest.raises(NotFound):
        await valid_tickets(office.database, bob, EVENT)
    assert [batch async for batch in door_list(office.database, EVENT)] == []
    assert (await cancel_ticket(office.database, bob, mine, None)).status == "cancelled"
    assert await office.value("SELECT status FROM tickets WHERE id = $1", mine) == "sold", (
        "the job does it, and says why"
    )
    for act, number in ((use_ticket, mine), (undo_use, used)):
        with pytest.raises(Conflict) as refusal:
            await act(office.database, office.alice, number)
        assert refusal.value.type == "not-live"


async def test_a_step_that_is_interrupted_leaves_nothing_half_done(office: BoxOffice) -> None:
    await with_tickets_and_waiters(office)
    await cancel_event(office.database, office.alice, EVENT, "storm")
    with suppress(ZeroDivisionError):
        async with office.database.transaction() as connection:
            await cancel_some(connection, EVENT, step=2)
            raise ZeroDivisionError
    assert (await cancellation_of(office.database, office.alice, EVENT)).tickets_done == 0

    async def work() -> None:
        more = True
        while more:
            async with office.database.transaction() as connection:
                more = await cancel_some(connection, EVENT, step=1)

    await asyncio.gather(*(work() for _ in range(3)))
    done = await cancellation_of(office.database, office.alice, EVENT)
    assert (done.tickets_done, done.waiters_done) == (4, 2)
    assert (await office.facts()).count("TicketCancelled") == 5
    assert await office.places() == (0, 0)


async def test_a_hold_that_had_lapsed_is_not_cancelled_with_its_event(office: BoxOffice) -> None:
    await office.open(payment="organizer_confirms", hold_hours=48)
    (bob,) = await office.people("bob")
    await office.bought(bob)
    await office.hours_pass(49)
    assert (await cancel_event(office.database, office.alice, EVENT, "storm"))[0].tickets_total == 0
    assert await office.facts() == ["TicketHeld", "TicketLapsed", "EventCancelled"]


async def test_holds_that_had_lapsed_among_many_are_not_cancelled_with_their_event(
    office: BoxOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offers, "AT_ONCE", 2)
    await office.open(payment="organizer_confirms", hold_hours=1)
    for who in await office.people("a", "b", "c", "d", "e"):
        await office.bought(who)
    await office.hours_pass(2)
    await cancel_event(office.database, office.alice, EVENT, "storm")
    async with office.database.transaction() as connection:
        await cancel_some(connection, EVENT)
    assert {row["status"] for row in await office.rows("SELECT status FROM tickets")} == {"lapsed"}


async def test_a_ticket_that_was_never_paid_reads_lapsed_though_its_event_is_cancelled(office: BoxOffice) -> None:
    """Who could still pay when it was cancelled goes on to read that, whatever the clock says since."""
    await office.open(payment="organizer_confirms", hold_hours=48)
    bob, ben = await office.people("bob", "ben")
    await office.bought(bob)
    await office.hours_pass(49)
    await office.bought(ben)
    await cancel_event(office.database, office.alice, EVENT, "storm")

    async def reads(who: Caller) -> set[str]:
        (ticket,) = (await tickets_of(office.database, who, 10, None)).items
        return {ticket.status, (await ticket_page(office.database, who, ticket.ticket_number)).status}

    assert [await reads(who) for who in (bob, ben)] == [{"lapsed"}, {"cancelled"}]
    await office.hours_pass(49)
    assert [await reads(who) for who in (bob, ben)] == [{"lapsed"}, {"cancelled"}]
    lapsed = await office.value("SELECT id FROM tickets WHERE attendee_id = $1", bob.user_id)
    with pytest.raises(Conflict) as refusal:
        await cancel_ticket(office.database, bob, lapsed, None)
    assert refusal.value.type == "not-live"
    async with office.database.transaction() as connection:
        await cancel_some(connection, EVENT)
    written = await office.rows("SELECT status FROM tickets ORDER BY id")
    assert [row["status"] for row in written] == ["lapsed", "cancelled"]


async def test_what_is_cancelled_by_hand_while_the_event_is_cancelled_confuses_nobody(office: BoxOffice) -> None:
    await office.open(capacity=3)
    bob, ben, cat, waiting = await office.people("bob", "ben", "cat", "dan")
    numbers = [(await office.bought(who)).ticket_number for who in (bob, ben, cat)]
    entry = await office.joins(waiting)
    await cancel_event(office.database, office.alice, EVENT, "storm")
    await cancel_ticket(office.database, office.alice, numbers[0], "asked for it")
    async with office.database.transaction() as connection:
        await cancel_some(connection, EVENT)
    done = await cancellation_of(office.database, office.alice, EVENT)
    assert (done.tickets_total, done.tickets_done, done.waiters_total, done.waiters_done) == (2, 2, 1, 1)
    assert (await log_of_entry(office.database, waiting, entry))[-1].why == "The event was cancelled."


async def test_who_leaves_the_list_while_the_event_is_cancelled_is_not_waited_for(office: BoxOffice) -> None:
    await with_tickets_and_waiters(office)
    await cancel_event(office.database, office.alice, EVENT, "storm")
    bob, ben = await office.people("bob", "ben")
    async with office.database.transaction() as connection:
        assert await cancel_some(connection, EVENT, step=3)
    await leave_waiting_list(office.database, bob, (await office.entry(bob)).waitlist_id)
    async with office.database.transaction() as connection:
        assert not await cancel_some(connection, EVENT, step=3)
    done = await cancellation_of(office.database, office.alice, EVENT)
    assert (done.tickets_total, done.tickets_done, done.waiters_total, done.waiters_done) == (4, 4, 1, 1)
    assert await office.standing(bob, ben) == ["left", "closed"]


async def test_a_cancelled_event_stays_so(office: BoxOffice) -> None:
    await with_tickets_and_waiters(office)
    bob = (await office.people("bob"))[0]
    await cancel_event(office.database, office.alice, EVENT, "storm")
    with pytest.raises(Conflict, match="cancelled"):
        await change_event(office.database, office.alice, EVENT, EventPatch(status="published"), None)
    written = "SELECT status FROM waiting_list WHERE attendee_id = $1"
    assert await office.value(written, bob.user_id) == "offered"
    with pytest.raises(Conflict) as refusal:
        await accept_offer(office.database, bob, (await office.entry(bob)).waitlist_id)
    assert refusal.value.type == "event-cancelled"
    async with office.database.transaction() as connection:
        await cancel_some(connection, EVENT)
    assert await office.value(written, bob.user_id) == "closed"


async def test_only_published_events_of_ones_own_are_cancelled(office: BoxOffice) -> None:
    await office.open(status="draft")
    with pytest.raises(Conflict) as refusal:
        await cancel_event(office.database, office.alice, EVENT, "storm")
    assert refusal.value.type == "not-published"
    for refused in (
        cancel_event(office.database, office.charlie, EVENT, "storm"),
        cancellation_of(office.database, office.charlie, EVENT),
        cancellation_of(office.database, office.alice, EVENT),
    ):
        with pytest.raises(NotFound):
            await refused
