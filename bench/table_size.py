"""What a purchase costs with a thousand and with a million tickets in the table, in alternating pairs."""

from contextlib import AsyncExitStack
from typing import Any

import asyncpg

from bench.load import PEOPLE, WHOLE_MACHINE, Bench, stored_event
from bench.purchases import PAIRS, bought_by, ratio
from bench.spare import another_server
from tests.crowd import crowd

FEW_TICKETS, MANY_TICKETS = 1_000, 1_000_000
EVENTS = 1_009
"""Over which they are spread; prime, so that nobody gets two of one event."""


async def measure(bench: Bench) -> dict[str, Any]:
    """Two servers whose connections were opened on empty tables; then one has few tickets and the other many.

    Nothing is analysed in between: what those connections planned at first is what they go on with.
    """
    async with AsyncExitStack() as exits:
        few, many = [
            await exits.enter_async_context(another_server(bench, name, **WHOLE_MACHINE)) for name in ("few", "many")
        ]
        for one in (few, many):
            await crowd(one.connection, "attendee", PEOPLE)
            await bought_by(one, 64)
        for one in (few, many):
            await many_events(one.connection, await stored_event(one, title="Long ago", capacity=MANY_TICKETS))
        await fill(many.connection, MANY_TICKETS)
        rates: tuple[list[float], list[float]] = ([], [])
        for _ in range(PAIRS):
            await few.connection.execute("DELETE FROM tickets")
            await fill(few.connection, FEW_TICKETS)
            for one, found in zip((many, few), rates, strict=True):
                found.append((await bought_by(one, 64))["per_s"])
    return {"buy_ticket_1M_vs_1k_tickets": ratio(*rates[::-1])}


async def many_events(connection: asyncpg.Connection, event_id: int) -> None:
    """Copies of an event and its ticket type, which nobody buys for now."""
    for table in ("events", "ticket_types"):
        await connection.execute(
            f"""INSERT INTO {table} OVERRIDING SYSTEM VALUE
                SELECT (jsonb_populate_record(one, jsonb_build_object('id', -n, 'event_id', -n))).*
                FROM {table} AS one, generate_series(1, $2::integer) AS n
                WHERE {"id" if table == "events" else "event_id"} = $1""",
            event_id, EVENTS,
        )  # fmt: skip


async def fill(connection: asyncpg.Connection, tickets: int) -> None:
    """Tickets of everybody for those events."""
    await connection.execute(
        """INSERT INTO tickets (event_id, ticket_type_id, purchase_id, attendee_id, nth, code, status, price, currency)
           SELECT t.event_id, t.id, n, u.id, 1, 'FILLED' || n, 'sold', 1, 'EUR'
           FROM generate_series(0, $1::integer - 1) AS n
           JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM users) AS u ON u.place = n % $2::integer
           JOIN ticket_types AS t ON t.id = -1 - (n + n / $2::integer) % $3::integer""",
        tickets, PEOPLE, EVENTS, timeout=600,
    )  # fmt: skip
