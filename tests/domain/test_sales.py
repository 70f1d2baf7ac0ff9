"""Sales by day follow the tickets, whatever happens to them."""

import datetime as dt
import itertools
from typing import Any

import pytest

from app.domain.events import record_events
from app.domain.sales import BARS, sales_of, spans
from app.engines.database import Connection, Database
from tests.domain.test_events import submitted
from tests.guests import sell_to


async def counted(connection: Connection) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await connection.fetch("SELECT day, sold, money FROM sales_days ORDER BY day")]


RECOUNT = """SELECT (created_at AT TIME ZONE 'UTC')::date AS day, count(*) AS sold, sum(price) AS money
             FROM tickets WHERE status IN ('sold', 'used') GROUP BY day ORDER BY day"""


async def test_every_change_of_a_ticket_is_counted_on_the_day_it_was_bought(database: Database) -> None:
    async with database.connection() as connection:
        await record_events(connection, [submitted(1, "Counted")])
        await sell_to(connection, 7, ["a", "b", "c"])
        await sell_to(connection, 7, ["d"], status="held")
        changes = [
            "UPDATE tickets SET created_at = created_at - interval '3 days' WHERE id % 2 = 0",
            "UPDATE tickets SET status = 'sold' WHERE status = 'held'",
            "UPDATE tickets SET status = 'used' WHERE id % 2 = 0",
            "UPDATE tickets SET status = 'cancelled' WHERE id = (SELECT min(id) FROM tickets)",
            "UPDATE tickets SET price = price * 2 WHERE id = (SELECT max(id) FROM tickets)",
        ]
        for change in changes:
            await connection.execute(change)
            now = [row for row in await counted(connection) if row[1]]
            assert now == [tuple(row) for row in await connection.fetch(RECOUNT)], change
        assert sum(row[1] for row in now) == 3


async def test_a_day_begins_at_midnight_where_the_event_is(database: Database) -> None:
    async with database.connection() as connection:
        await record_events(connection, [submitted(1, "Far away")])
        await connection.execute("UPDATE events SET timezone = 'Pacific/Auckland', end_time = '2035-01-01'")
        await sell_to(connection, 7, ["a"])
        await connection.execute("UPDATE tickets SET created_at = '2031-01-10 12:30+00'")
        event = await connection.fetchrow("SELECT * FROM events")
        sales = await sales_of(connection, event)
    assert (sales.sold, sales.money, sales.spans[0].first) == (1, {"EUR": "1.00"}, dt.date(2031, 1, 11))


async def test_an_event_that_moves_to_another_timezone_takes_the_days_of_its_sales_along(database: Database) -> None:
    async with database.connection() as connection:
        await record_events(connection, [submitted(1, "Far away")])
        await sell_to(connection, 7, ["a", "b", "c"])
        await sell_to(connection, 7, ["d"], status="held")
        await connection.execute("UPDATE tickets SET created_at = '2031-01-10 12:30+00'")
        await connection.execute("UPDATE events SET timezone = 'Pacific/Auckland'")
        assert await counted(connection) == [(dt.date(2031, 1, 11), 3, 3)]
        await connection.execute("UPDATE tickets SET status = 'cancelled' WHERE id = (SELECT min(id) FROM tickets)")
        assert await counted(connection) == [(dt.date(2031, 1, 11), 2, 2)]
        await connection.execute("UPDATE events SET status = 'cancelled', timezone = 'UTC'")
        await connection.execute("UPDATE tickets SET status = 'cancelled'")
        assert await counted(connection) == [(dt.date(2031, 1, 11), 2, 2)], "what is to be paid back stays"


@pytest.mark.parametrize(("days", "bars", "width"), [(1, 1, 1), (60, 60, 1), (61, 31, 2), (400, 58, 7)])
def test_long_sales_have_several_days_to_a_bar_and_no_gaps(days: int, bars: int, width: int) -> None:
    first = dt.date(2031, 1, 1)
    last = first + dt.timedelta(days=days - 1)
    rows = [{"day": day, "currency": "EUR", "sold": 1, "money": 2} for day in {first, last}]
    found = spans(sorted(rows, key=lambda row: row["day"]), last)  # type: ignore[arg-type, return-value]
    assert len(found) == bars <= BARS
    assert found[0].first == first
    assert found[-1].last == last
    assert sum(one.sold for one in found) == len(rows)
    for one, after in itertools.pairwise(found):
        assert after.first - one.last == dt.timedelta(days=1)
        assert (one.last - one.first).days == width - 1
