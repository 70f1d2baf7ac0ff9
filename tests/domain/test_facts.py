"""Every transition is a fact: about whom and what, by whom, why, until when, and at the moment when it happened."""

import datetime as dt
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from app import messages
from app.domain.accounts import Caller
from app.domain.cancellations import cancel_event, cancel_some
from app.domain.cancelling import cancel_ticket
from app.domain.door import undo_use, use_ticket
from app.domain.event_changes import EventPatch, change_event
from app.domain.holds import confirm_tickets, release_tickets
from app.domain.offer_answers import accept_offer, decline_offer
from app.domain.ticket_type_changes import archive_ticket_type, change_ticket_type, create_ticket_type
from app.domain.ticket_types import TicketTypeIn
from app.domain.waiting_list import leave_waiting_list
from app.messages import (
    EventCancelled,
    EventChanged,
    EventData,
    Fact,
    OfferAccepted,
    OfferDeclined,
    OfferExpired,
    OfferShortened,
    OfferWithdrawn,
    TicketCancelled,
    TicketConfirmed,
    TicketHeld,
    TicketLapsed,
    TicketSold,
    TicketTypeChanged,
    TicketTypeData,
    TicketUsed,
    TicketUseUndone,
    WaitingListClosed,
    WaitingListJoined,
    WaitingListLeft,
    WaitingListOffered,
)
from tests.box_office import END, EVENT, START, BoxOffice, in_hours, kind

Scene = Callable[[BoxOffice], AsyncIterator[list[Fact] | None]]
SCENES: dict[Scene, set[type[Fact]]] = {}
"""Each yields the facts that are to have been told since it did so last, or None where that is of no interest."""


def tells(*kinds: type[Fact]) -> Callable[[Scene], Scene]:
    def keep(scene: Scene) -> Scene:
        SCENES[scene] = set(kinds)
        return scene

    return keep


def ticket(who: Caller, number: int, kind_id: int) -> dict[str, int]:
    return {"event_id": EVENT, "ticket_id": number, "ticket_type_id": kind_id, "attendee_id": who.user_id}


def waiter(who: Caller, waitlist_id: int) -> dict[str, int]:
    return {"event_id": EVENT, "waitlist_id": waitlist_id, "attendee_id": who.user_id}


async def offer_until(office: BoxOffice, who: Caller) -> dt.datetime:
    offer = (await office.entry(who)).offer
    assert offer is not None
    return offer.until


async def one_ticket(office: BoxOffice, **event: Any) -> tuple[Caller, int, dict[str, int]]:
    """Of the second of two types; its owner, its number and its part of a fact."""
    await office.open(ticket_types=[kind("Day"), kind("Night")], **event)
    (bob,) = await office.people("bob")
    night = (await office.kinds())["Night"]
    number = (await office.bought(bob, kind=night)).ticket_number
    return bob, number, ticket(bob, number, night)


async def full(office: BoxOffice, nights: int = 1, **event: Any) -> tuple[list[int], int, int]:
    """All places sold; the numbers of the tickets of the nights, and the types."""
    kinds = [kind("Day", places=1), kind("Night", places=nights, per_attendee_limit=2)]
    await office.open(capacity=1 + nights, ticket_types=kinds, **event)
    day, night = (await office.kinds()).values()
    ann, *owners = await office.people("ann", *(f"owner{number}" for number in range(nights)))
    await office.bought(ann, kind=day)
    return [(await office.bought(who, kind=night)).ticket_number for who in owners], day, night


async def offered(office: BoxOffice, **event: Any) -> tuple[Caller, int, int]:
    """A night that was given back is offered to somebody who would take any type; them, their entry and the type."""
    (number,), _, night = await full(office, **event)
    (bob,) = await office.people("bob")
    entry = await office.joins(bob)
    await cancel_ticket(office.database, office.alice, number, "gave way")
    return bob, entry, night


@tells(TicketSold)
async def two_are_bought(office: BoxOffice) -> AsyncIterator[list[Fact] | None]:
    await office.open(ticket_types=[kind("Day"), kind("Night", per_attendee_limit=2)])
    (bob,) = await office.people("bob")
    night = (await office.kinds())["Night"]
    bought = await office.bought(bob, kind=night, quantity=2)
    yield [TicketSold(**ticket(bob, one.ticket_number, night)) for one in bought.tickets]


@tells(TicketHeld, TicketConfirmed)
async def a_payment_is_confirmed(office: BoxOffice) -> AsyncIterator[list[Fact] | None]:
    await office.open(payment="organizer_confirms", ticket_types=[kind("Day"), kind("Night")])
    (bob,) = await office.people("bob")
    night = (await office.kinds())["Night"]
    bought = await office.bought(bob, kind=night)
    about = ticket(bob, bought.ticket_number, night)
    assert bought.held_until is not None
    yield [TicketHeld(**about, until=bought.held_until)]
    await confirm_tickets(office.database, office.alice, EVENT, [bought.ticket_number])
    yield [TicketConfirmed(**about, by=office.alice.user_id, late=False)]


@tells(TicketLapsed, TicketConfirmed)
async def a_payment_is_late(office: BoxOffice) -> AsyncIterator[list[Fact] | None]:
    _, number, about = await one_ticket(office, payment="organizer_confirms", hold_hours=1)
    await office.hours_pass(2)
    yield None
    await office.settles()
    yield [TicketLapsed(**about)]
    await confirm_tickets(office.database, office.alice, EVENT, [number])
    yield [TicketConfirmed(**about, by=office.alice.user_id, late=True)]


@tells(TicketCancelled)
async def a_hold_is_released(office: BoxOffice) -> AsyncIterator[list[Fact] | None]:
    _, number, about = await one_ticket(office, payment="organizer_confirms")
    yield None
    await release_tickets(office.database, office.alice, EVENT, [number], "will not pay")
    yield [TicketCancelled(**about, by=office.alice.user_id, reason="will not pay")]


@tells(TicketCancelled)
async def a_ticket_is_returned(office: BoxOffice) -> AsyncIterator[list[Fact] | None]:
    bob, number, about = await one_ticket(office, returns_until=END)
    yield None
    await cancel_ticket(office.database, bob, number, None)
    yield [TicketCancelled(**about, by=bob.user_id, reason="returned by the attendee")]


@tells(TicketCancelled)
async def a_ticket_is_taken_back(office: BoxOffice) -> AsyncIterator[list[Fact] | None]:
    _, number, about = await one_ticket(office)
    yield None
    await cancel_ticket(office.database, office.alice, number, "double booking")
    yield [TicketCancelled(**about, by=office.alice.user_id, reason="double booking")]


@tells(TicketUsed, TicketUseUndone)
async def a_ticket_is_used_by_mistake(office: BoxOffice) -> AsyncIterator[list[Fact] | None]:
    _, number, about = await one_ticket(office)
    yield None
    await use_ticket(office.database, office.alice, number)
    yield [TicketUsed(**about, by=office.alice.user_id)]
    await undo_use(office.database, office.alice, number)
    yield [TicketUseUndone(**about, by=office.alice.user_id)]


@tells(EventCancelled, TicketCancelled, WaitingListClosed)
async def an_event_is_cancelled(office: BoxOffice) -> AsyncIterator[list[Fact] | None]:
    await office.open(capacity=2)
    ann, amy, bob, ben = await office.people("ann", "amy", "bob", "ben")
    numbers = [(await office.bought(who)).ticket_number for who in (ann, amy)]
    entries = [await office.joins(who) for who in (bob, ben)]
    await use_ticket(office.database, office.alice, numbers[1])
    yield None
    await cancel_event(office.database, office.alice, EVENT, "storm")
    by, rev = office.alice.user_id, await office.value("SELECT rev FROM events")
    yield [EventCancelled(event_id=EVENT, rev=rev, by=by, reason="storm")]
    async with office.database.transaction() as connection:
        await cancel_some(connection, EVENT)
    (general,) = (await office.kinds()).values()
    tickets = [ticket(who, number, general) for who, number in zip((ann, amy), numbers, strict=True)]
    waiters = [waiter(who, entry) for who, entry in zip((bob, ben), entries, strict=True)]
    yield [
        *(TicketCancelled(**one, by=by, reason="storm") for one in tickets),
        *(WaitingListClosed(**one, reason="event-cancelled") for one in waiters),
    ]


@tells(EventChanged)
async def an_event_is_changed(office: BoxOffice) -> AsyncIterator[list[Fact] | None]:
    await office.open()
    now: dict[str, Any] = {
        "title": "Paper Fields", "description": "e", "location": "m", "start_time": START + dt.timedelta(days=1),
        "end_time": END + dt.timedelta(days=1), "date": START.date() + dt.timedelta(days=1), "price": Decimal("51.50"),
        "currency": "USD", "timezone": "America/Lima", "capacity": 11, "status": "published",
        "payment": "organizer_confirms", "hold_hours": 12, "offer_hours": 13, "returns_until": START,
        "organized_by": "Bob's Lanterns", "tags": ["paper", "light"],
    }  # fmt: skip
    rev = await change_event(office.database, office.alice, EVENT, EventPatch(**now), None)
    by = office.alice.user_id
    yield [EventChanged(event_id=EVENT, rev=rev, organizer_id=1, by=by, event=EventData(**now))]


@tells(TicketTypeChanged)
async def a_type_comes_and_goes(office: BoxOffice) -> AsyncIterator[list[Fact] | None]:
    await office.open()
    fields: dict[str, Any] = {
        "name": "Early bird", "description": "breakfast", "price": Decimal("30.50"), "places": 5,
        "sale_opens_at": START, "sale_closes_at": END, "hidden_until": START - dt.timedelta(days=1),
        "per_attendee_limit": 3,
    }  # fmt: skip
    made, _ = await create_ticket_type(office.database, office.alice, EVENT, TicketTypeIn(**fields), None)
    about = {"event_id": EVENT, "ticket_type_id": made.ticket_type_id, "by": office.alice.user_id}
    yield [TicketTypeChanged(**about, rev=made.rev, archived=False, ticket_type=TicketTypeData(**fields))]
    fields |= {"name": "Late bird", "price": Decimal(40), "places": None, "sale_closes_at": None}
    now = await change_ticket_type(office.database, office.alice, made.ticket_type_id, TicketTypeIn(**fields), made.rev)
    yield [TicketTypeChanged(**about, rev=now.rev, archived=False, ticket_type=TicketTypeData(**fields))]
    await archive_ticket_type(office.database, office.alice, made.ticket_type_id, None)
    rev = await office.value("SELECT rev FROM ticket_types WHERE id = $1", made.ticket_type_id)
    assert rev > now.rev > made.rev
    yield [TicketTypeChanged(**about, rev=rev, archived=True, ticket_type=TicketTypeData(**fields))]


@tells(WaitingListJoined, WaitingListLeft)
async def somebody_waits_and_leaves(office: BoxOffice) -> AsyncIterator[list[Fact] | None]:
    _, _, night = await full(office, nights=2)
    bob, ben = await office.people("bob", "ben")
    yield None
    first, second = await office.joins(bob, quantity=2, kinds=(night,)), await office.joins(ben)
    yield [
        WaitingListJoined(**waiter(bob, first), quantity=2, ticket_type_ids=[night]),
        WaitingListJoined(**waiter(ben, second), quantity=1, ticket_type_ids=[]),
    ]
    await leave_waiting_list(office.database, ben, second)
    yield [WaitingListLeft(**waiter(ben, second))]


@tells(TicketCancelled, WaitingListOffered, OfferAccepted, TicketSold)
async def an_offer_is_taken(office: BoxOffice) -> AsyncIterator[list[Fact] | None]:
    numbers, _, night = await full(office, nights=2)
    bob, owner0, owner1 = await office.people("bob", "owner0", "owner1")
    entry = await office.joins(bob, quantity=2, kinds=(night,))
    yield None
    by = office.alice.user_id
    await cancel_ticket(office.database, office.alice, numbers[0], "one")
    yield [TicketCancelled(**ticket(owner0, numbers[0], night), by=by, reason="one")]
    await cancel_ticket(office.database, office.alice, numbers[1], "two")
    yield [
        TicketCancelled(**ticket(owner1, numbers[1], night), by=by, reason="two"),
        WaitingListOffered(
            **waiter(bob, entry), ticket_type_id=night, quantity=2, until=await offer_until(office, bob)
        ),
    ]
    bought = await accept_offer(office.database, bob, entry)
    first, second = (one.ticket_number for one in bought.tickets)
    yield [
        TicketSold(**ticket(bob, first, night)),
        TicketSold(**ticket(bob, second, night)),
        OfferAccepted(**waiter(bob, entry), purchase_id=first),
    ]


@tells(OfferAccepted, TicketHeld)
async def an_offer_is_taken_and_to_be_paid(office: BoxOffice) -> AsyncIterator[list[Fact] | None]:
    bob, entry, night = await offered(office, payment="organizer_confirms")
    yield None
    bought = await accept_offer(office.database, bob, entry)
    assert bought.held_until is not None
    yield [
        TicketHeld(**ticket(bob, bought.ticket_number, night), until=bought.held_until),
        OfferAccepted(**waiter(bob, entry), purchase_id=bought.ticket_number),
    ]


@tells(OfferDeclined, WaitingListOffered)
async def an_offer_is_declined(office: BoxOffice) -> AsyncIterator[list[Fact] | None]:
    bob, entry, night = await offered(office)
    (ben,) = await office.people("ben")
    after = await office.joins(ben)
    yield None
    await decline_offer(office.database, bob, entry)
    until = await offer_until(office, ben)
    yield [
        OfferDeclined(**waiter(bob, entry)),
        WaitingListOffered(**waiter(ben, after), ticket_type_id=night, quantity=1, until=until),
    ]


@tells(OfferExpired)
async def an_offer_runs_out(office: BoxOffice) -> AsyncIterator[list[Fact] | None]:
    bob, entry, _ = await offered(office)
    await office.hours_pass(25)
    yield None
    await office.settles()
    yield [OfferExpired(**waiter(bob, entry))]


async def night_changed(office: BoxOffice, kind_id: int, *, archived: bool = False, **fields: Any) -> Fact:
    """The fact that tells of it."""
    data = kind("Night", **{"places": 1, "per_attendee_limit": 2, **fields})
    if archived:
        await archive_ticket_type(office.database, office.alice, kind_id, None, ends_waiting=True)
    else:
        given = TicketTypeIn(**msgspec.structs.asdict(data))
        await change_ticket_type(office.database, office.alice, kind_id, given, None, ends_waiting=True)
    rev = await office.value("SELECT rev FROM ticket_types WHERE id = $1", kind_id)
    about = {"event_id": EVENT, "ticket_type_id": kind_id, "rev": rev, "by": office.alice.user_id}
    return TicketTypeChanged(**about, archived=archived, ticket_type=data)


@tells(TicketTypeChanged, OfferShortened)
async def the_sale_ends_before_an_offer(office: BoxOffice) -> AsyncIterator[list[Fact] | None]:
    bob, entry, night = await offered(office)
    yield None
    closes = in_hours(2)
    yield [
        await night_changed(office, night, sale_closes_at=closes),
        OfferShortened(**waiter(bob, entry), until=closes),
    ]


@tells(TicketTypeChanged, OfferWithdrawn)
async def what_was_offered_is_sold_no_more(office: BoxOffice) -> AsyncIterator[list[Fact] | None]:
    bob, entry, night = await offered(office)
    yield None
    yield [await night_changed(office, night, archived=True), OfferWithdrawn(**waiter(bob, entry))]


@tells(TicketTypeChanged, WaitingListClosed)
async def what_is_waited_for_is_sold_no_more(office: BoxOffice) -> AsyncIterator[list[Fact] | None]:
    _, _, night = await full(office)
    (bob,) = await office.people("bob")
    entry = await office.joins(bob, kinds=(night,))
    yield None
    yield [
        await night_changed(office, night, archived=True),
        WaitingListClosed(**waiter(bob, entry), reason="withdrawn"),
    ]


@tells(TicketTypeChanged, WaitingListClosed)
async def an_offer_is_more_than_one_may_have_now(office: BoxOffice) -> AsyncIterator[list[Fact] | None]:
    numbers, _, night = await full(office, nights=2)
    (bob,) = await office.people("bob")
    entry = await office.joins(bob, quantity=2)
    for number in numbers:
        await cancel_ticket(office.database, office.alice, number, "gave way")
    assert await office.standing(bob) == ["offered"]
    yield None
    yield [
        await night_changed(office, night, places=2, per_attendee_limit=1),
        WaitingListClosed(**waiter(bob, entry), reason="over-limit"),
    ]


@tells(TicketTypeChanged, WaitingListClosed)
async def one_has_what_one_may_have_now(office: BoxOffice) -> AsyncIterator[list[Fact] | None]:
    numbers, _, night = await full(office, nights=2)
    (owner,) = await office.people("owner0")
    entry = await office.joins(owner, kinds=(night,))
    await cancel_ticket(office.database, office.alice, numbers[1], "gave way")
    assert await office.standing(owner) == ["offered"]
    yield None
    yield [
        await night_changed(office, night, places=2, per_attendee_limit=1),
        WaitingListClosed(**waiter(owner, entry), reason="already-bought"),
    ]


@tells(TicketCancelled, WaitingListClosed)
async def a_group_waits_for_more_than_there_is_now(office: BoxOffice) -> AsyncIterator[list[Fact] | None]:
    numbers, _, night = await full(office, nights=2)
    bob, owner = await office.people("bob", "owner1")
    entry = await office.joins(bob, quantity=2, kinds=(night,))
    await cancel_ticket(office.database, office.alice, numbers[0], "gave way")
    await office.value("UPDATE ticket_types SET places = 1 WHERE id = $1", night)
    yield None
    await cancel_ticket(office.database, office.alice, numbers[1], "gave way")
    yield [
        TicketCancelled(**ticket(owner, numbers[1], night), by=office.alice.user_id, reason="gave way"),
        WaitingListClosed(**waiter(bob, entry), reason="too-few-places"),
    ]


@tells(WaitingListClosed)
async def the_sale_ends_before_a_place_comes_free(office: BoxOffice) -> AsyncIterator[list[Fact] | None]:
    await full(office)
    (bob,) = await office.people("bob")
    entry = await office.joins(bob)
    await office.value("UPDATE events SET end_time = now(), due_at = now()")
    yield None
    await office.settles()
    yield [WaitingListClosed(**waiter(bob, entry), reason="sale-closed")]


UNLIKE = """
    SELECT setval(pg_get_serial_sequence(name, 'id'), start)
    FROM (VALUES ('users', 100), ('ticket_types', 200), ('waiting_list', 300), ('tickets', 400)) AS s (name, start)
    UNION ALL SELECT setval('rev_seq', 500)
"""
"""No number of one thing is that of another."""


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
async def test_it_is_told_about_whom_by_whom_when_and_why(office: BoxOffice, scene: Scene) -> None:
    await office.rows(UNLIKE)
    told: set[type[Fact]] = set()
    last, before = 0, await office.value("SELECT clock_timestamp()")
    async for expected in scene(office):
        after = await office.value("SELECT clock_timestamp()")
        rows = await office.rows("SELECT * FROM facts WHERE id > $1 ORDER BY id", last)
        if expected is not None:
            facts = [msgspec.convert(row["payload"], getattr(messages, row["type"])) for row in rows]
            assert facts == expected
            assert {row["event_id"] for row in rows} == {EVENT}
            assert all(before <= row["at"] <= after for row in rows)
            told |= {type(fact) for fact in facts}
        last, before = max((row["id"] for row in rows), default=last), after
    assert told == SCENES[scene]


def test_each_kind_of_fact_is_told_in_some_scene() -> None:
    kinds = {kind for kind in vars(messages).values() if isinstance(kind, type) and issubclass(kind, Fact)}
    assert set().union(*SCENES.values()) == {kind for kind in kinds if not kind.__subclasses__()}
