"""With 1,000 events and 200,000 tickets: pages per second of catalogue, event page and an organizer's attendees, and
of all pages the slowest.
"""

import json
import os
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from app.domain.lists import to_cursor
from bench.load import HERE, SECONDS, THREADS, WHOLE_MACHINE, Bench, stored_event
from bench.spare import another_server
from tests.crowd import crowd
from tests.every_page import more_of_each, one_of_each, pages

EVENTS, TICKETS, CONNECTIONS = 1_000, 200_000, 16
ON_A_PAGE = 50
LOOKS, MORE, BUSY_EVENT = 15, 100, 3
MOST_MILLISECONDS = 50  # of any page at the median: what is promised


async def measure(bench: Bench) -> dict[str, Any]:
    async with another_server(bench, "pages", **WHOLE_MACHINE) as own:
        await fill(own.connection)
        folder = own.server.folder
        await write_left(own.connection, folder)
        runs = {
            "catalogue": browse(own, folder, ["/"]),
            "event_page": browse(own, folder, [f"/events/{number}" for number in range(1, EVENTS + 1)]),
            "attendee_list": browse(own, folder, await attendee_pages(own.connection), rows=ON_A_PAGE),
        }
        slowest = await slowest_page(own)
    figures: dict[str, Any] = {}
    for name, run in runs.items():
        figures |= {f"{name}_per_s": run["per_s"], f"{name}_p50_ms": run["p50_ms"], f"{name}_p99_ms": run["p99_ms"]}
    return figures | slowest


async def slowest_page(bench: Bench) -> dict[str, Any]:
    """One reader who asks for one page after the other, with a lot to show on each; files are no pages."""
    await bench.connection.execute("SELECT setval('event_id_seq', $1)", EVENTS)
    await stored_event(bench)  # so that there is a submission
    user_id = await bench.connection.fetchval("SELECT user_id FROM organizers WHERE id = 1")
    named = await one_of_each(bench.connection, user_id, BUSY_EVENT)
    await more_of_each(bench.connection, user_id, BUSY_EVENT, MORE)
    medians = {}
    async with httpx.AsyncClient(base_url=bench.server.url, cookies={"session": bench.organizer}) as client:
        for address in [*pages(named), "/projects/1", "/projects/1/attendees", "/projects/1/attendees?q=reader-77"]:
            medians[address] = statistics.median([await milliseconds(client, address) for _ in range(LOOKS)])
    slowest = max(medians, key=medians.__getitem__)
    if medians[slowest] > MOST_MILLISECONDS:
        raise SystemExit(f"{slowest} takes {medians[slowest]:.1f} ms at the median, over {MOST_MILLISECONDS} ms.")
    return {"slowest_page": slowest, "slowest_page_p50_ms": round(medians[slowest], 2)}


async def milliseconds(client: httpx.AsyncClient, address: str) -> float:
    began = time.perf_counter()
    answer = await client.get(address)
    if answer.is_error:
        raise SystemExit(f"{address}: {answer.status_code} {answer.text[:300]}")
    return (time.perf_counter() - began) * 1000


async def fill(connection: asyncpg.Connection) -> None:
    """Straight into the database: what is measured is reading. Event 1 has a tenth of all tickets."""
    await crowd(connection, "reader", TICKETS)
    await connection.execute(
        """INSERT INTO events (id, organizer_id, rev, title, description, location, start_time, end_time, date, price,
                               currency, timezone, status, capacity, created_at)
           SELECT n, 1, n, 'Bench Night ' || n || '.', 'One long evening, **eleven** boats.', 'Lychen',
                  now() + n * interval '1 hour', now() + n * interval '2 hours', current_date, 24.50, 'EUR',
                  'Europe/Berlin', 'published', 100000, now() FROM generate_series(1, $1::integer) AS n""",
        EVENTS,
    )
    await connection.execute(
        """INSERT INTO ticket_types (event_id, rev, name, description, price, position, general)
           SELECT id, rev, 'General admission', '', price, 1, true FROM events"""
    )
    await connection.execute(
        """INSERT INTO tickets (event_id, ticket_type_id, purchase_id, nth, attendee_id, code, status, price, currency,
                                created_at)
           SELECT k.event_id, k.id, 0, 1, u.id, lpad(u.id::text, 12, 'A'), 'sold', k.price, 'EUR',
                  now() - u.id % 60 * interval '1 day'
           FROM (SELECT id, CASE WHEN id % 10 = 0 THEN 1 ELSE 1 + id % $1 END AS event_id FROM users) AS u
           JOIN ticket_types k USING (event_id) ORDER BY u.id LIMIT $2""",
        EVENTS,
        TICKETS,
        timeout=300,
    )
    for table, column in (("events", "id"), ("ticket_types", "event_id")):
        await connection.execute(
            f"UPDATE {table} SET sold = (SELECT count(*) FROM tickets t WHERE t.event_id = {table}.{column})"
        )
    await connection.execute("VACUUM ANALYZE", timeout=300)


async def write_left(connection: asyncpg.Connection, folder: Path) -> None:
    """What each page must say of its event now."""
    rows = await connection.fetch("SELECT id, capacity - sold - held AS places FROM events")
    (folder / "left").write_text("".join(f"{row['id']}\t{row['places']:,}\n" for row in rows))


async def attendee_pages(connection: asyncpg.Connection) -> list[str]:
    """Random places in the lists of random events, each with a whole page behind it."""
    rows = await connection.fetch(
        """SELECT event_id, id FROM (SELECT event_id, id, row_number() OVER (PARTITION BY event_id ORDER BY id) AS place
                                     FROM tickets) AS t
           WHERE place > $1 ORDER BY random() LIMIT 20000""",
        ON_A_PAGE,
    )
    return [f"/projects/{row['event_id']}/attendees?cursor={to_cursor(row['id'])}" for row in rows]


def browse(bench: Bench, folder: Path, pages: list[str], rows: int = 0) -> dict[str, Any]:
    (folder / "pages").write_text("\n".join(pages) + "\n")
    done = subprocess.run(
        ["wrk", f"-t{THREADS}", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--timeout", "10s", "--latency",
         "-s", str(HERE / "pages.lua"), bench.server.url],
        env={**os.environ, "SESSION": bench.organizer, "PAGES": str(folder / "pages"), "LEFT": str(folder / "left"),
             "ROWS": str(rows)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.split("RESULT ")[1])
    if found["other"]:
        raise SystemExit(f"{pages[0]}: {found['other']} pages were not as they should be\n{done.stdout}")
    return {**found, "per_s": round(found["good"] / found["seconds"], 1)}
