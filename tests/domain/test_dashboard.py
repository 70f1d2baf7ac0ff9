"""What the dashboard counts, lists and asks for."""

import datetime as dt

import msgspec

from app.domain.accounts import Caller
from app.domain.dashboard import Attention, dashboard
from app.domain.events import record_events
from app.domain.lists import from_cursor
from app.engines.database import Connection, Database
from tests.domain.test_events import submitted
from tests.guests import sell_to

ALICE = Caller(1, "organizer", 1, "Alice")
CHARLIE = Caller(2, "organizer", 2, "Charlie")


async def event(
    connection: Connection, event_id: int, ends_in_days: float = 30, capacity: int = 10, **more: str
) -> None:
    message = msgspec.structs.replace(submitted(event_id, f"Event {event_id}"), event_id=event_id)
    end = dt.datetime.now(dt.UTC) + dt.timedelta(days=ends_in_days)
    await record_events(connection, [message])
    await connection.execute(
        "UPDATE events SET start_time = $2, end_time = $2, capacity = $3, status = $4 WHERE id = $1",
        event_id, end, capacity, more.get("status", "published"),
    )  # fmt: skip


async def test_totals_and_last_sales_are_over_all_own_events(database: Database) -> None:
    async with database.connection() as connection:
        await event(connection, 11)
        await event(connection, 12, ends_in_days=-3)
        await event(connection, 13, status="draft")
        await event(connection, 14)
        await connection.execute("UPDATE events SET organizer_id = 2 WHERE id = 14")
        await sell_to(connection, 11, ["Ann", "Ben"])
        await sell_to(connection, 12, ["Cem"])
        await sell_to(connection, 12, ["Dee"], status="cancelled")
        await sell_to(connection, 14, ["Not hers"])
        await event(connection, 15, ends_in_days=-5)
        await sell_to(connection, 15, ["Eve"], status="cancelled")  # the last place that was sold there
        await sell_to(connection, 11, ["Fay"], status="used")
        await sell_to(connection, 11, ["Hal"], status="held")
    found = await dashboard(database, ALICE, 50, None)
    totals = found.totals
    assert (totals.events, totals.coming, totals.capacity, totals.sold) == (4, 1, 30, 4)
    assert totals.money == {"EUR": "4.00"}
    assert [one.full_name for one in found.last_sales] == ["Fay", "Cem", "Ben", "Ann"]
    assert [one.full_name for one in (await dashboard(database, CHARLIE, 50, None)).last_sales] == ["Not hers"]
    past, _ = (await dashboard(database, ALICE, 50, None, past=True)).events.items
    assert (past.title, past.sold, past.money) == ("Event 12", 1, {"EUR": "1.00"})


async def test_coming_events_are_soonest_first_and_past_ones_latest_first(database: Database) -> None:
    async with database.connection() as connection:
        for number, days in enumerate([3, 1, 2, -3, -1, -2]):
            await event(connection, 20 + number, ends_in_days=days)
    for past, expected in ((False, ["Event 21", "Event 22", "Event 20"]), (True, ["Event 24", "Event 25", "Event 23"])):
        seen: list[str] = []
        cursor = None
        while True:
            page = (await dashboard(database, ALICE, 2, from_cursor(cursor), past)).events
            seen += [one.title for one in page.items]
            cursor = page.next_cursor
            if not cursor:
                break
        assert seen == expected


async def test_what_needs_attention_is_said_and_nothing_else(database: Database) -> None:
    async with database.connection() as connection:
        await event(connection, 30, ends_in_days=60)  # all is well
        await event(connection, 31, ends_in_days=2)
        await event(connection, 32, capacity=2)
        await event(connection, 33, status="draft")
        await event(connection, 34)
        await event(connection, 35, ends_in_days=-1, status="draft")
        await sell_to(connection, 32, ["Ann", "Ben"])
        await sell_to(connection, 34, ["Cem"], status="held")
        await connection.execute(
            """INSERT INTO waiting_list (event_id, attendee_id, status, quantity)
               SELECT 32, id, 'waiting', 1 FROM users WHERE full_name = 'Cem'"""
        )
        await connection.execute(
            """INSERT INTO submissions (id, kind, user_id, organizer_id, event_id, rev, request_hash, message, answer)
               SELECT gen_random_uuid(), 'ProjectSubmitted', 1, 1, n, n, '', '', '{}' FROM unnest('{30,99}'::int[]) n"""
        )
        await connection.execute(
            """INSERT INTO submission_steps (message_id, store, state)
               SELECT id, 's3', 'failed' FROM submissions WHERE event_id = 99"""
        )
    found = (await dashboard(database, ALICE, 50, None)).attention
    assert [(one.kind, one.event_id, one.count) for one in found] == [
        ("failed", 99, None), ("held", 34, 1), ("waiting", 32, 1), ("ending", 31, 10), ("draft", 33, None),
    ]  # fmt: skip
    assert found[0].submission_id
    assert isinstance(found[0], Attention)
