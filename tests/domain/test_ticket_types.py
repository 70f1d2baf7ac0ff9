"""Ticket types: where they come from, what each allows, and how they change while they are sold."""

import asyncio
import datetime as dt
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.domain.event_changes import EventPatch, change_event
from app.domain.event_page import core, event_row, published_events
from app.domain.events import check_event
from app.domain.idempotency import idempotent
from app.domain.sale import Purchase
from app.domain.ticket_type_changes import archive_ticket_type, change_ticket_type, create_ticket_type
from app.domain.ticket_types import TicketTypeIn, ticket_types_of
from app.domain.wishes import Wish, look
from app.engines.database import Connection
from app.engines.folder_media import FolderMedia
from app.errors import Conflict, Invalid, NotFound, Stale
from app.validation import read
from tests.box_office import EVENT, START, BoxOffice, in_hours, kind


def given(name: str = "Early bird", price: str = "30", **changes: Any) -> TicketTypeIn:
    return TicketTypeIn(name=name, price=Decimal(price), **changes)


async def test_price_and_capacity_of_an_event_make_general_admission_once(office: BoxOffice) -> None:
    for _ in range(2):
        await office.open()
    (row,) = await office.rows("SELECT * FROM ticket_types")
    assert (row["name"], row["price"], row["places"], row["per_attendee_limit"]) == (
        "General admission", Decimal("49.90"), None, 1,
    )  # fmt: skip


async def test_types_that_come_with_an_event_replace_general_admission(office: BoxOffice) -> None:
    await office.open(ticket_types=[kind("Day"), kind("Weekend", price=Decimal(35), places=4)])
    assert list(await office.kinds()) == ["Day", "Weekend"]


async def test_general_admission_follows_the_price_of_the_event_until_it_has_its_own(office: BoxOffice) -> None:
    await office.open()
    (general,) = (await office.kinds()).values()

    async def price_after(event_price: str) -> str:
        await change_event(office.database, office.alice, EVENT, EventPatch(price=Decimal(event_price)), None)
        async with office.database.connection() as connection:
            return (await ticket_types_of(connection, EVENT))[0].price

    assert await price_after("60") == "60.00"
    await change_ticket_type(office.database, office.alice, general, given("All days", "45"), None)
    with pytest.raises(Invalid, match="price"):
        await price_after("70")
    for sent_back in ("60", "45"):
        assert await price_after(sent_back) == "45.00"


async def test_general_admission_does_not_change_its_price_when_another_type_goes(office: BoxOffice) -> None:
    await office.open()
    vip, _ = await create_ticket_type(office.database, office.alice, EVENT, given("VIP"), None)
    with pytest.raises(Invalid) as refused:
        await change_event(office.database, office.alice, EVENT, EventPatch(price=Decimal(70)), None)
    (bad,) = refused.value.fields
    assert (bad.field, str(bad.message)) == ("price", "is that of its ticket types, and is changed there")
    assert await office.value("SELECT price FROM events") == Decimal("49.90")
    await archive_ticket_type(office.database, office.alice, vip.ticket_type_id, None)
    await change_event(office.database, office.alice, EVENT, EventPatch(title="Lanterns"), None)
    assert await office.value("SELECT price FROM ticket_types WHERE NOT archived") == Decimal("49.90")


async def test_the_price_of_an_event_is_that_of_the_ticket_one_gets_without_naming_any(office: BoxOffice) -> None:
    secret = kind("Secret", price=Decimal(77), hidden_until=in_hours(5))
    early = kind("Early", price=Decimal(30), sale_closes_at=in_hours(2))
    await office.open(price=Decimal(5), ticket_types=[secret, early, kind("Late", price=Decimal(40), places=1)])

    async def price() -> str:
        return core(await event_row(office.database, None, EVENT)).price

    assert await price() == "30.00"
    await change_event(office.database, office.alice, EVENT, EventPatch(title="New", price=Decimal(30)), None)
    told = await office.value("SELECT (payload->'event'->>'price')::numeric FROM facts")
    assert told == Decimal(30), "that of a ticket"
    change = EventPatch(price=Decimal(9), currency="USD")
    with pytest.raises(Invalid, match="price"):
        await change_event(office.database, office.alice, EVENT, change, None)
    await office.hours_pass(3)
    assert await price() == "40.00"
    await change_event(office.database, office.alice, EVENT, EventPatch(title="Newer"), None)
    assert await office.value("SELECT price FROM events") == Decimal(40), "nobody can buy the first one any more"
    await office.hours_pass(3)
    (bob,) = await office.people("bob")
    await office.bought(bob, kind=(await office.kinds())["Late"])
    assert await price() == "77.00"


async def test_what_is_hidden_does_not_give_its_price_away(office: BoxOffice) -> None:
    await office.open(price=Decimal(5), ticket_types=[kind("Secret", price=Decimal(77), hidden_until=in_hours(5))])
    assert core(await event_row(office.database, None, EVENT)).price == "5.00"
    page = await published_events(office.database, FolderMedia(Path("/nowhere")), 10, None)
    assert (page.items[0].core_event_data.price, page.items[0].price_from) == ("5.00", "5.00")


async def test_while_all_is_hidden_the_price_is_what_the_organizer_says(office: BoxOffice) -> None:
    await office.open(ticket_types=[kind("Secret", price=Decimal(50), hidden_until=in_hours(5))])

    async def price_after(**change: Any) -> Decimal:
        await change_event(office.database, office.alice, EVENT, EventPatch(**change), None)
        return await office.value("SELECT price FROM events")

    assert await price_after(title="New") == Decimal("49.90")
    assert await price_after(currency="JPY") == Decimal(50), "yen have no decimals"
    assert await price_after(price=Decimal(30)) == Decimal(30)
    with pytest.raises(Invalid, match="price"):
        await price_after(price=Decimal("30.50"))


async def test_an_event_does_not_end_before_the_sale_of_a_type_begins(office: BoxOffice) -> None:
    opens = START + dt.timedelta(hours=30)
    await office.open(ticket_types=[kind("Day"), kind("Sunday", sale_opens_at=opens)])
    sunday = (await office.kinds())["Sunday"]
    sooner = change_event(office.database, office.alice, EVENT, EventPatch(end_time=opens), None)
    with pytest.raises(Invalid) as refusal:
        await sooner
    (bad,) = refusal.value.fields
    assert (bad.field, str(bad.message)) == ("end_time", "must be after the sale of “Sunday” begins")
    await office.value("UPDATE events SET end_time = $1", opens)
    await change_event(office.database, office.alice, EVENT, EventPatch(title="As it came from elsewhere"), None)
    await archive_ticket_type(office.database, office.alice, sunday, None)
    await change_event(office.database, office.alice, EVENT, EventPatch(end_time=START), None)


async def test_a_time_that_the_clocks_of_the_place_skip_is_none(office: BoxOffice) -> None:
    await office.open()
    skipped = dt.datetime(2031, 3, 30, 2, 30)
    with pytest.raises(Invalid) as refusal:
        await create_ticket_type(office.database, office.alice, EVENT, given(sale_opens_at=skipped), None)
    complaints = [(bad.field, str(bad.message)) for bad in refusal.value.fields]
    assert complaints == [("sale_opens_at", "does not exist there: clocks go forward past it that day")]
    values = {"currency": "EUR", "timezone": "Europe/Berlin"}
    types = [{"name": "Day", "price": "20", "sale_closes_at": skipped.isoformat()}]
    assert [bad.field for bad in check_event({**values, "ticket_types": types})] == ["ticket_types[0].sale_closes_at"]


async def test_two_types_of_one_event_cannot_be_mistaken_for_each_other(office: BoxOffice) -> None:
    await office.open(ticket_types=[kind("Day"), kind("Night")])
    kinds = await office.kinds()
    for refused in (
        create_ticket_type(office.database, office.alice, EVENT, given("DAY"), None),
        change_ticket_type(office.database, office.alice, kinds["Night"], given("day"), None),
    ):
        with pytest.raises(Invalid) as raised:
            await refused
        assert [bad.field for bad in raised.value.fields] == ["name"]
    await change_ticket_type(office.database, office.alice, kinds["Day"], given("day"), None)
    await office.value("UPDATE ticket_types SET name = 'Night'")
    await change_ticket_type(
        office.database, office.alice, kinds["Day"], given("Night", "45"), None
    )  # as it was before
    await archive_ticket_type(office.database, office.alice, kinds["Day"], None)
    await create_ticket_type(office.database, office.alice, EVENT, given("Day"), None)


async def test_without_a_type_one_that_is_left_is_bought(office: BoxOffice) -> None:
    await office.open(ticket_types=[kind("Early", places=1), kind("Late")])
    for who in await office.people("bob", "ben"):
        await office.bought(who)
    sold = "SELECT name FROM tickets t JOIN ticket_types k ON k.id = t.ticket_type_id ORDER BY t.id"
    assert [row["name"] for row in await office.rows(sold)] == ["Early", "Late"]


async def test_without_a_type_who_finds_nothing_hears_what_comes_next(office: BoxOffice) -> None:
    later = kind("Later", sale_opens_at=in_hours(1))
    unseen = kind("Unseen", hidden_until=in_hours(1))
    said = []
    for event_id, capacity, then in (
        (1, 9, later),
        (2, 9, unseen),
        (3, 1, later),
        (4, 1, unseen),
        (5, 1, kind("Late")),
    ):
        await office.open(event_id=event_id, capacity=capacity, ticket_types=[kind("Now", places=1), then])
        bob, ben = await office.people("bob", "ben")
        await office.bought(bob, event_id=event_id)
        said.append(await office.refused(ben, event_id=event_id))
    assert said == ["sale-not-open", "sale-not-open", "sold-out", "sold-out", "sold-out"]
    assert await office.refused(bob, event_id=1) == "already-bought", "who asks again hears that it was done"
    await office.open(event_id=8, ticket_types=[kind("One", places=1), kind("Two", places=1), later])
    await office.bought(bob, event_id=8)
    await office.bought(ben, event_id=8)
    assert await office.refused(bob, event_id=8) == "sale-not-open", "Two would have been for Bob as well"
    await office.open(event_id=6, capacity=1, ticket_types=[kind("Over"), later])
    await office.bought(bob, event_id=6)
    await office.value("UPDATE ticket_types SET sale_closes_at = now() WHERE event_id = 6 AND name = 'Over'")
    assert await office.refused(ben, event_id=6) == "sold-out"
    await office.value("UPDATE events SET status = 'draft' WHERE id = 6")
    assert await office.refused(office.alice, event_id=6) == "sale-not-open", "nothing of a draft is sold"


async def test_without_a_type_the_first_on_sale_is_bought(office: BoxOffice) -> None:
    early = kind("Early", sale_closes_at=in_hours(-1))
    await office.open(ticket_types=[early, kind("Later", sale_opens_at=in_hours(1)), kind("Now", price=Decimal(25))])
    bob, ben = await office.people("bob", "ben")
    bought = await office.bought(bob)
    (ticket,) = await office.rows("SELECT * FROM tickets")
    assert (ticket["ticket_type_id"], ticket["price"]) == ((await office.kinds())["Now"], Decimal(25))
    assert (bought.ticket_number, bought.tickets[0].code) == (ticket["id"], ticket["code"])
    kinds = await office.kinds()
    assert await office.refused(ben, kind=kinds["Early"]) == "sale-closed"
    assert await office.refused(ben, kind=kinds["Later"]) == "sale-not-open"
    assert await office.refused(ben, kind=999) == "not-found"
    await office.hours_pass(2)
    assert (await office.bought(ben, kind=kinds["Later"])).status == "sold"


async def test_a_hidden_type_is_not_there_before_its_date(office: BoxOffice) -> None:
    await office.open(ticket_types=[kind("Secret", hidden_until=in_hours(2)), kind("Day")])
    (bob,) = await office.people("bob")
    secret = (await office.kinds())["Secret"]
    async with office.database.connection() as connection:
        assert [one.name for one in await ticket_types_of(connection, EVENT)] == ["Day"]
        owners = await ticket_types_of(connection, EVENT, everything=True)
        assert [(one.name, one.state) for one in owners] == [("Secret", "hidden"), ("Day", "on_sale")]
    assert await office.refused(bob, kind=secret) == "not-found"
    await office.hours_pass(3)
    assert (await office.bought(bob, kind=secret)).status == "sold"


async def test_places_of_a_type_and_capacity_of_the_event_both_hold(office: BoxOffice) -> None:
    await office.open(capacity=3, ticket_types=[kind("Day", places=2, per_attendee_limit=3), kind("Night")])
    bob, ben, cat, dan = await office.people("bob", "ben", "cat", "dan")
    day, night = (await office.kinds()).values()
    assert await office.refused(bob, kind=day, quantity=3) == "not-enough-left"
    assert len((await office.bought(bob, kind=day, quantity=2)).tickets) == 2
    assert await office.refused(ben, kind=day) == "sold-out"
    await office.bought(cat, kind=night)
    assert await office.refused(dan, kind=night) == "sold-out"
    assert await office.places() == (3, 0)


async def test_a_quantity_is_bought_whole_and_within_the_limit_of_one_person(office: BoxOffice) -> None:
    await office.open(ticket_types=[kind("Group", per_attendee_limit=4)])
    (bob,) = await office.people("bob")
    assert await office.refused(bob, quantity=5) == "over-limit"
    bought = await office.bought(bob, quantity=3)
    rows = await office.rows("SELECT * FROM tickets ORDER BY id")
    assert [row["nth"] for row in rows] == [1, 2, 3]
    assert {row["purchase_id"] for row in rows} == {bought.ticket_number}
    assert await office.refused(bob, quantity=2) == "over-limit"
    await office.bought(bob)
    assert await office.refused(bob) == "already-bought"


async def test_who_names_no_type_is_given_no_dearer_one_for_want_of_the_first(office: BoxOffice) -> None:
    kinds = [kind("Standard"), kind("Patron box", price=Decimal(900), per_attendee_limit=4)]
    await office.open(ticket_types=kinds)
    (bob,) = await office.people("bob")
    assert await office.refused(bob, quantity=2) == "over-limit"
    await office.bought(bob)
    assert [await office.refused(bob, quantity=many) for many in (1, 2)] == ["already-bought"] * 2


async def test_one_person_at_many_tills_stays_within_the_limit(office: BoxOffice) -> None:
    await office.open(capacity=100, ticket_types=[kind("Group", per_attendee_limit=3)])
    (bob,) = await office.people("bob")
    answers = await asyncio.gather(*(office.buy(bob) for _ in range(8)))
    assert sum(isinstance(answer, Purchase) for answer in answers) == 3
    assert await office.places() == (3, 0)


async def test_the_database_refuses_a_second_ticket_and_too_many_of_a_type(office: BoxOffice) -> None:
    await office.open(ticket_types=[kind("Day", places=2)])
    (bob,) = await office.people("bob")
    await office.bought(bob)
    columns = "event_id, attendee_id, ticket_type_id, purchase_id, nth, status, price, currency"
    with pytest.raises(asyncpg.UniqueViolationError, match="one_live_ticket"):
        await office.value(f"INSERT INTO tickets (code, {columns}) SELECT 'X', {columns} FROM tickets")
    with pytest.raises(asyncpg.CheckViolationError, match="type_never_oversold"):
        await office.value("UPDATE ticket_types SET sold = 3")


async def test_an_organizer_adds_and_changes_types(office: BoxOffice) -> None:
    await office.open()
    key = idempotent("k", "create")
    made, _ = await create_ticket_type(office.database, office.alice, EVENT, given(places=5), key)
    again, replayed = await create_ticket_type(office.database, office.alice, EVENT, given(places=5), key)
    assert (again.ticket_type_id, again.position, replayed) == (made.ticket_type_id, 2, True)
    assert len(await office.kinds()) == 2
    changed = await change_ticket_type(
        office.database, office.alice, made.ticket_type_id, given("Late bird", "40", places=6), made.rev
    )
    assert (changed.name, changed.price, changed.places, changed.position) == ("Late bird", "40.00", 6, 2)
    with pytest.raises(Stale):
        await change_ticket_type(office.database, office.alice, made.ticket_type_id, given(), made.rev)
    assert (await office.facts()).count("TicketTypeChanged") == 2


async def test_what_an_organizer_cannot_do_to_types(office: BoxOffice) -> None:
    await office.open(ticket_types=[kind("Day", places=3)])
    bob, ben = await office.people("bob", "ben")
    (day,) = (await office.kinds()).values()
    await office.bought(bob)
    await office.bought(ben)
    with pytest.raises(Conflict, match="2 of these are taken"):
        await change_ticket_type(office.database, office.alice, day, given(places=1), None)
    with pytest.raises(Conflict, match="needs a ticket type"):
        await archive_ticket_type(office.database, office.alice, day, None)
    with pytest.raises(Invalid, match="price"):
        await create_ticket_type(office.database, office.alice, EVENT, given(price="1.005"), None)
    for stranger in (office.charlie, bob):
        with pytest.raises(NotFound):
            await create_ticket_type(office.database, stranger, EVENT, given(), None)
        with pytest.raises(NotFound):
            await change_ticket_type(office.database, stranger, day, given(), None)
        with pytest.raises(NotFound):
            await archive_ticket_type(office.database, stranger, day, None)


async def test_an_archived_type_is_sold_no_more_and_its_tickets_stay_good(office: BoxOffice) -> None:
    await office.open(ticket_types=[kind("Day"), kind("Night")])
    bob, ben = await office.people("bob", "ben")
    day = (await office.kinds())["Day"]
    await office.bought(bob, kind=day)
    await archive_ticket_type(office.database, office.alice, day, None)
    assert await office.refused(ben, kind=day) == "not-found"
    assert await office.value("SELECT status FROM tickets") == "sold"
    assert await office.places() == (1, 0)


async def test_an_archived_type_is_changed_no_more_and_archiving_again_tells_nothing(office: BoxOffice) -> None:
    await office.open(ticket_types=[kind("Day"), kind("Night")])
    day = (await office.kinds())["Day"]
    rev = await office.value("UPDATE ticket_types SET rev = nextval('rev_seq') WHERE id = $1 RETURNING rev", day)
    for _ in range(2):
        await archive_ticket_type(office.database, office.alice, day, rev)
    with pytest.raises(NotFound):
        await change_ticket_type(office.database, office.alice, day, given(), None)
    assert await office.facts() == ["TicketTypeChanged"]


def test_complaints_about_types_name_their_place() -> None:
    values: dict[str, Any] = {
        "currency": "EUR",
        "timezone": "UTC",
        "ticket_types": [{"name": "Day", "price": "20"}, {"name": "", "price": "1.005", "places": 0}],
    }
    assert [bad.field for bad in check_event(values)] == [
        f"ticket_types[1].{name}" for name in ("name", "places", "price")
    ]
    values["ticket_types"] = [{"name": "Day", "price": "1.005"}]
    assert [bad.field for bad in check_event(values)] == ["ticket_types[0].price"]
    values["ticket_types"] = [{"name": "Day", "price": "1"}] * 51
    assert [bad.field for bad in check_event(values)] == ["ticket_types"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"price": "-1"}, "price"),
        ({"places": 0}, "places"),
        ({"per_attendee_limit": 101}, "per_attendee_limit"),
        ({"sale_opens_at": "2031-01-02T00:00:00Z", "sale_closes_at": "2031-01-01T00:00:00Z"}, "sale_closes_at"),
        ({"hidden_until": "2031-01-01T00:00:00Z", "sale_closes_at": "2031-01-01T00:00:00Z"}, "sale_closes_at"),
    ],
)
def test_fields_of_a_type_that_are_refused(change: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read(TicketTypeIn, {"name": "Day", "price": "20", **change})
    assert [bad.field for bad in refusal.value.fields] == [field]


async def test_what_a_batch_looks_up_costs_the_same_after_tickets_have_come(office: BoxOffice) -> None:
    """On a connection that planned its look while there were none."""
    wishes = {EVENT: [Wish(who, None) for who in await office.people(*(f"person {n}" for n in range(64)))]}
    await office.open(capacity=1_000)

    async def seconds(connection: Connection) -> float:
        began = time.perf_counter()
        await look(connection, wishes)
        return time.perf_counter() - began

    async with office.database.connection() as connection:
        for _ in range(10):  # by then PostgreSQL has settled on a plan
            await seconds(connection)
        before = min([await seconds(connection) for _ in range(9)])
        await connection.execute(
            """INSERT INTO tickets (event_id, attendee_id, ticket_type_id, purchase_id, nth, code, status, price,
                                    currency)
               SELECT 1000 + n % 2000, 100000 + n, 1, 1, 1, 'FILLED' || n, 'sold', 1, 'EUR'
               FROM generate_series(1, 50000) AS n"""
        )
        after = min([await seconds(connection) for _ in range(9)])
    assert after < before + 0.02
