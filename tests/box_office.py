"""Events and people straight in the database, and a clock that can be turned: for the rules of selling."""

import datetime as dt
from decimal import Decimal
from typing import Any

import asyncpg

from app.domain.accounts import Caller
from app.domain.events import record_events
from app.domain.idempotency import idempotent
from app.domain.offers import settle_due
from app.domain.reconcile import drifts
from app.domain.sale import Purchase, sell
from app.domain.waiting_list import join_waiting_list
from app.domain.waiting_list_page import Entry, entries_of
from app.domain.wishes import Wish
from app.engines.database import Database
from app.errors import AppError
from app.messages import EventData, EventSubmitted, TicketTypeData

START = dt.datetime(2031, 7, 4, 18, tzinfo=dt.UTC)
END = START + dt.timedelta(days=2)
EVENT, OTHER = 7, 8


class BoxOffice:
    """One event of Alice's, on sale unless told otherwise, and as many attendees as there are names."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.alice = Caller(0, "organizer", 1, "Alice")
        self.charlie = Caller(0, "organizer", 2, "Charlie")

    async def open(
        self, *, ticket_types: list[TicketTypeData] | None = None, event_id: int = EVENT, **event: Any
    ) -> int:
        self.alice, self.charlie = await self.person("alice", 1), await self.person("charlie", 2)
        values: dict[str, Any] = {
            "title": "Lantern Fields", "description": "d", "location": "l", "start_time": START, "end_time": END,
            "date": START.date(), "price": Decimal("49.90"), "currency": "EUR", "timezone": "Europe/Berlin",
            "capacity": 10, "status": "published",
        }  # fmt: skip
        message = EventSubmitted(
            message_id=f"m{event_id}", rev=1, at=dt.datetime.now(dt.UTC), event_id=event_id, organizer_id=1,
            event=EventData(**{**values, **event}), ticket_types=ticket_types or [],
        )  # fmt: skip
        async with self.database.transaction() as connection:
            await record_events(connection, [message])
        return event_id

    async def person(self, name: str, organizer_id: int | None = None) -> Caller:
        async with self.database.connection() as connection:
            user_id = await connection.fetchval(
                """INSERT INTO users (email, full_name, password_hash, role) VALUES ($1 || '@example.org', $1, 'x', $2)
                   ON CONFLICT (lower(email)) DO UPDATE SET full_name = excluded.full_name RETURNING id""",
                name,
                "organizer" if organizer_id else "attendee",
            )
        return Caller(user_id, "organizer" if organizer_id else "attendee", organizer_id, name)

    async def people(self, *names: str) -> list[Caller]:
        return [await self.person(name) for name in names]

    async def buy(
        self, who: Caller, quantity: int = 1, kind: int | None = None, key: str | None = None, event_id: int = EVENT
    ) -> Purchase | AppError:
        async with self.database.transaction() as connection:
            wish = Wish(who, idempotent(key, "buy"), kind, quantity)
            return (await sell(connection, {event_id: [wish]}))[event_id].answers[0]

    async def bought(self, who: Caller, **wanted: Any) -> Purchase:
        answer = await self.buy(who, **wanted)
        assert isinstance(answer, Purchase), answer
        return answer

    async def refused(self, who: Caller, **wanted: Any) -> str:
        answer = await self.buy(who, **wanted)
        assert isinstance(answer, AppError), answer
        return answer.type

    async def joins(self, who: Caller, quantity: int = 1, kinds: tuple[int, ...] = ()) -> int:
        return (await join_waiting_list(self.database, who, EVENT, None, quantity, kinds)).waitlist_id

    async def settles(self) -> None:
        async with self.database.transaction() as connection:
            await settle_due(connection, EVENT)

    async def entry(self, who: Caller) -> Entry:
        return (await entries_of(self.database, who))[0]

    async def standing(self, *people: Caller) -> list[str]:
        return [(await self.entry(who)).status for who in people]

    async def kinds(self) -> dict[str, int]:
        rows = await self.rows("SELECT name, id FROM ticket_types ORDER BY position, id")
        return {row["name"]: row["id"] for row in rows}

    async def rows(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        async with self.database.connection() as connection:
            return await connection.fetch(query, *arguments)

    async def value(self, query: str, *arguments: Any) -> Any:
        async with self.database.connection() as connection:
            return await connection.fetchval(query, *arguments)

    async def facts(self) -> list[str]:
        return [row["type"] for row in await self.rows("SELECT type FROM facts ORDER BY id")]

    async def places(self) -> tuple[int, int]:
        """Sold and held, once nothing drifts."""
        assert await drifts(self.database) == []
        (row,) = await self.rows("SELECT sold, held FROM events WHERE id = $1", EVENT)
        return row["sold"], row["held"]

    async def hours_pass(self, hours: float) -> None:
        """Turns every clock there is: all moments that are compared with now move into the past."""
        moments = {
            "events": ("start_time", "end_time", "returns_until", "due_at"),
            "ticket_types": ("sale_opens_at", "sale_closes_at", "hidden_until"),
            "tickets": ("held_until",),
            "waiting_list": ("offer_until",),
        }
        async with self.database.transaction() as connection:
            for table, columns in moments.items():
                changes = ", ".join(f"{column} = {column} - $1::interval" for column in columns)
                await connection.execute(f"UPDATE {table} SET {changes}", dt.timedelta(hours=hours))


def in_hours(hours: float) -> dt.datetime:
    return dt.datetime.now(dt.UTC) + dt.timedelta(hours=hours)


def kind(name: str, **changes: Any) -> TicketTypeData:
    values: dict[str, Any] = {
        "name": name, "description": "", "price": Decimal(20), "places": None, "sale_opens_at": None,
        "sale_closes_at": None, "hidden_until": None, "per_attendee_limit": 1,
    }  # fmt: skip
    return TicketTypeData(**{**values, **changes})
