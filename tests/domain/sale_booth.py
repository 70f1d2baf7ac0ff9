"""The real sale as the model's twin: the same operations, the same answers, the same ledger, from the database."""

import asyncio
import itertools
from collections import Counter, deque
from decimal import Decimal
from typing import Any

from app.domain.accounts import Caller
from app.domain.cancellations import cancel_event, cancel_some
from app.domain.cancelling import cancel_ticket
from app.domain.door import undo_use, use_ticket
from app.domain.event_changes import EventPatch, change_event
from app.domain.facts import number_facts
from app.domain.holds import confirm_tickets, release_tickets
from app.domain.idempotency import Idempotent, idempotent
from app.domain.offer_answers import accept_offer, decline_offer
from app.domain.offers import settle_all
from app.domain.sale import sell
from app.domain.ticket_type_changes import archive_ticket_type, change_ticket_type, create_ticket_type
from app.domain.ticket_types import TicketTypeIn
from app.domain.tickets import buy_ticket
from app.domain.waiting_entries import held_for
from app.domain.waiting_list import join_waiting_list, leave_waiting_list
from app.engines.database import Database
from app.errors import AppError
from app.sale_desk import SaleDesk
from tests.box_office import EVENT, BoxOffice, in_hours, kind
from tests.domain.sale_model import MAX_PASSES, Answer, Entry, Kind, Sale, Ticket

STEP = 2
"""So many tickets, or entries, a cancelled event cancels at once."""

WINDOWS = {"open": (None, None), "not-yet": (24, None), "closed": (-48, -24)}

Call = tuple[str, tuple[int, str] | None, tuple[Any, ...]]
"""What is asked for, the person and Idempotency-Key if there is one, and the rest."""


KINDS = """
    SELECT id, sold, held, price, places, per_attendee_limit, archived,
           CASE WHEN sale_closes_at <= now() THEN 'closed' WHEN sale_opens_at > now() THEN 'not-yet' ELSE 'open' END
    FROM ticket_types ORDER BY position, id
"""


NUMBERS = itertools.count()
"""Types of an event differ in their names."""


class Booth:
    """The real sale: two desks as in two processes, and one pool of connections."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.office = BoxOffice(database)
        self.people: list[Caller] = []

    async def open(self, capacity: int, payment: str, returnable: bool, limit: int, places: int | None) -> list[int]:
        """An event with two types; their ids."""
        async with self.database.connection() as connection:
            await connection.execute(
                """DELETE FROM waiting_list_log; DELETE FROM waiting_list; DELETE FROM tickets; DELETE FROM facts;
                   DELETE FROM sales_days;
                   DELETE FROM cancellations; DELETE FROM idempotency_keys; DELETE FROM ticket_types;
                   DELETE FROM events; UPDATE fact_counter SET numbered = 0, published = 0"""
            )
        self.people = self.people or await self.office.people("bob", "ben", "cat", "dan", "eve", "fay", "gus", "hal")
        self.desks = deque(SaleDesk(self.database, sell) for _ in range(2))
        kinds = [kind("Day", per_attendee_limit=limit, places=places), kind("Free", price=Decimal(0))]
        returns_until = in_hours(24) if returnable else None
        await self.office.open(capacity=capacity, payment=payment, returns_until=returns_until, ticket_types=kinds)
        return list((await self.office.kinds()).values())

    async def close(self) -> None:
        await asyncio.gather(*(desk.close() for desk in self.desks))

    async def answer(self, call: Call) -> Answer:
        what, key, args = call
        by_key = idempotent(key[1], what, *map(str, args)) if key else None
        try:
            return await getattr(self, what)(by_key, *args)
        except AppError as error:
            return error.type, []

    async def buy(self, key: Idempotent | None, person: int, wanted: int | None, quantity: int) -> Answer:
        self.desks.rotate()  # so that a key that comes again comes to the other process
        purchase = await buy_ticket(self.desks[0], self.people[person], EVENT, key, wanted, quantity)
        return purchase.status, [one.ticket_number for one in purchase.tickets]

    async def join(self, key: Idempotent | None, person: int, quantity: int, wanted: tuple[int, ...]) -> Answer:
        place = await join_waiting_list(self.database, self.people[person], EVENT, key, quantity, wanted)
        return "joined", [place.waitlist_id, place.position]

    async def accept(self, key: Idempotent | None, number: int) -> Answer:
        purchase = await accept_offer(self.database, await self.owner("waiting_list", number), number, key)
        return purchase.status, [one.ticket_number for one in purchase.tickets]

    async def decline(self, _: None, number: int) -> Answer:
        await decline_offer(self.database, await self.owner("waiting_list", number), number)
        return "declined", []

    async def leave(self, _: None, number: int) -> Answer:
        await leave_waiting_list(self.database, await self.owner("waiting_list", number), number)
        return "left", []

    async def cancel(self, _: None, number: int, by_organizer: bool) -> Answer:
        who = self.office.alice if by_organizer else await self.owner("tickets", number)
        return (await cancel_ticket(self.database, who, number, "x" if by_organizer else None)).status, []

    async def confirm(self, _: None, number: int) -> Answer:
        await confirm_tickets(self.database, self.office.alice, EVENT, [number])
        return "sold", []

    async def release(self, _: None, number: int) -> Answer:
        await release_tickets(self.database, self.office.alice, EVENT, [number], "never paid")
        return "cancelled", []

    async def use(self, _: None, number: int) -> Answer:
        return (await use_ticket(self.database, self.office.alice, number)).status, []

    async def undo(self, _: None, number: int) -> Answer:
        return (await undo_use(self.database, self.office.alice, number)).status, []

    async def change_event(self, _: None, event_id: int, capacity: int, payment: str) -> Answer:
        patch = EventPatch(capacity=capacity, payment=payment)  # type: ignore[arg-type]
        await change_event(self.database, self.office.alice, event_id, patch, None, ends_waiting=True)
        return "changed", []

    async def create_kind(self, _: None, *given: Any) -> Answer:
        made, _ = await create_ticket_type(self.database, self.office.alice, EVENT, type_in(*given), None)
        return "changed", [made.ticket_type_id]

    async def change_kind(self, _: None, number: int, *given: Any) -> Answer:
        await change_ticket_type(self.database, self.office.alice, number, type_in(*given), None, ends_waiting=True)
        return "changed", []

    async def archive_kind(self, _: None, number: int) -> Answer:
        await archive_ticket_type(self.database, self.office.alice, number, None, ends_waiting=True)
        return "archived", []

    async def cancel_event(self, _: None, event_id: int) -> Answer:
        await cancel_event(self.database, self.office.alice, event_id, "storm")
        return "cancelled", []

    async def cancel_some(self, _: None, step: int) -> Answer:
        async with self.database.transaction() as connection:
            return ("more" if await cancel_some(connection, EVENT, step) else "done"), []

    async def owner(self, table: str, number: int) -> Caller:
        user_id = await self.office.value(f"SELECT attendee_id FROM {table} WHERE id = $1", number)
        return next(person for person in self.people if person.user_id == user_id)

    async def relay(self) -> None:
        async with self.database.transaction() as connection:
            await number_facts(connection, 3)

    async def expire(self, tickets: list[int], entries: list[int]) -> None:
        """As if their deadlines had been a moment ago."""
        past = "clock_timestamp() - interval '1 second'"
        async with self.database.transaction() as connection:
            await connection.execute(f"UPDATE events SET due_at = {past}")
            await connection.execute(f"UPDATE tickets SET held_until = {past} WHERE id = ANY($1)", tickets)
            await connection.execute(f"UPDATE waiting_list SET offer_until = {past} WHERE id = ANY($1)", entries)

    async def clock_passes(self, ticket_type_id: int, sale: str) -> None:
        """As if the sale had opened, or closed, a moment ago."""
        column = {"open": "sale_opens_at", "closed": "sale_closes_at"}[sale]
        past = await self.office.value("SELECT clock_timestamp() - interval '1 millisecond'")
        await self.office.value(f"UPDATE ticket_types SET {column} = $2 WHERE id = $1", ticket_type_id, past)
        await self.office.value("UPDATE events SET due_at = least(due_at, $1)", past)

    async def settle_due(self) -> None:
        await settle_all(self.database, EVENT)

    async def pass_often(self, entry: int) -> None:
        await self.office.value("UPDATE waiting_list SET passed = $2 WHERE id = $1", entry, MAX_PASSES)

    async def ledger(self) -> dict[str, Any]:
        (event,) = await self.office.rows("SELECT capacity, sold, held, status, payment FROM events")
        places = {who.user_id: place for place, who in enumerate(self.people)}
        tickets = await self.office.rows("SELECT * FROM tickets ORDER BY id")
        entries = await self.office.rows("SELECT * FROM waiting_list ORDER BY id")
        facts = await self.office.rows("SELECT type, payload FROM facts")
        return {
            "event": tuple(event),
            "kinds": [tuple(row) for row in await self.office.rows(KINDS)],
            "tickets": {
                row["id"]: (places[row["attendee_id"]], row["ticket_type_id"], row["price"], row["status"])
                for row in tickets
            },
            "takings": await self.office.value("SELECT coalesce(sum(money), 0) FROM sales_days"),
            "entries": [
                (
                    row["id"],
                    places[row["attendee_id"]],
                    row["quantity"],
                    tuple(row["ticket_type_ids"]),
                    row["status"],
                    row["passed"],
                )
                for row in entries
            ],
            "held for": {row["id"]: held_for(row) for row in entries if row["kept"] or row["status"] == "offered"},
            "facts": Counter((row["type"], subject(row["payload"])) for row in facts),
        }


def type_in(price: int, places: int | None, limit: int, sale: str) -> TicketTypeIn:
    opens, closes = (in_hours(hours) if hours else None for hours in WINDOWS[sale])
    return TicketTypeIn(
        name=f"Type {next(NUMBERS)}", price=Decimal(price), places=places, per_attendee_limit=limit,
        sale_opens_at=opens, sale_closes_at=closes,
    )  # fmt: skip


def subject(payload: dict[str, Any]) -> int:
    """What a fact is about."""
    names = ("ticket_id", "waitlist_id", "ticket_type_id", "event_id")
    return next(payload[name] for name in names if name in payload)


def ledger(sale: Sale) -> dict[str, Any]:
    tickets, entries = sale.tickets.values(), sale.entries.values()
    return {
        "event": (sale.capacity, sale.sold(), sale.held(), sale.status, sale.payment),
        "kinds": [
            (one.id, sale.sold(one), sale.held(one), one.price, one.places, one.limit, one.archived, one.sale)
            for one in sale.kinds.values()
        ],
        "tickets": {one.number: (one.person, one.kind.id, one.price, one.status) for one in tickets},
        "takings": sum(one.price for one in tickets if one.status in {"sold", "used"}) + sale.owed,
        "entries": [(one.number, one.person, one.quantity, one.wanted, one.status, one.passed) for one in entries],
        "held for": {one.number: Counter(kind.id for kind in one.held) for one in entries if one.held},
        "facts": sale.facts,
    }


def sale_in(real: dict[str, Any], returnable: bool) -> Sale:
    """The model of what a ledger says."""
    capacity, _, _, status, payment = real["event"]
    kinds = {
        number: Kind(number, price, places, limit, sale, archived)
        for number, _, _, price, places, limit, archived, sale in real["kinds"]
    }
    tickets = {
        number: Ticket(number, person, kinds[kind], price, status)
        for number, (person, kind, price, status) in real["tickets"].items()
    }
    entries = {entry[0]: Entry(*entry) for entry in real["entries"]}
    for number, held in real["held for"].items():
        places = [kinds[kind] for kind in Counter(held).elements()]
        if entries[number].status == "offered":
            entries[number].kind = places[0]
        else:
            entries[number].kept = places
    return Sale(capacity, payment, returnable, kinds, status, tickets, entries, facts=real["facts"])
