"""What a purchase costs with a thousand and with a million tickets in the table, in alternating pairs."""

from contextlib import AsyncExitStack
from typing import Any

import asyncpg

from bench.load import PEOPLE, WHOLE_MACHINE, Bench, stored_event
from bench.purchases import PAIRS, bought_by, ratio
from bench.spare import another_server
from tests.crowd import crowd

FEW_TICKETS, MANY_TICKETS = 1_000, 1_000_000


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
        long_ago = [await stored_event(one, title="Long ago", capacity=MANY_TICKETS) for one in (few, many)]
        await fill(many.connection, long_ago[1], MANY_TICKETS)
        rates: tuple[list[float], list[float]] = ([], [])
        for _ in range(PAIRS):
            await few.connection.execute("DELETE FROM tickets")
            await fill(few.connection, long_ago[0], FEW_TICKETS)
            for one, found in zip((many, few), rates, strict=True):
                found.append((await bought_by(one, 64))["per_s"])
    return {"buy_ticket_1M_vs_1k_tickets": ratio(*rates[::-1])}


async def fill(connection: asyncpg.Connection, event_id: int, tickets: int) -> None:
    """Tickets of everybody for an event that nobody buys for now."""
    await connection.execute(
        """INSERT INTO tickets (event_id, ticket_type_id, purchase_id, attendee_id, nth, code, status, price, currency)
           SELECT t.event_id, t.id, n, u.id, 1 + n / $2, 'FILLED' || n, 'sold', 1, 'EUR'
           FROM generate_series(0, $1::integer - 1) AS n
           JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM users) AS u ON u.place = n % $2::integer
           CROSS JOIN (SELECT id, event_id FROM ticket_types WHERE event_id = $3) AS t""",
        tickets, PEOPLE, event_id, timeout=600,
    )  # fmt: skip
