"""How many requests per second: a no-op, submitting, reading and buying, in one run."""

import json
import os
from collections.abc import Sequence
from typing import Any

from bench.load import CONNECTIONS, Bench, stored_event, wrk
from tests.cast import event_body
from tests.waiting import eventually


async def measure(bench: Bench) -> dict[str, Any]:
    await bench.connection.execute("VACUUM ANALYZE")
    event_id = await stored_event(bench, title="Hot", capacity=1_000_000)
    url, body = bench.server.url, json.dumps(event_body())
    runs = {
        "noop_post": wrk(bench.noop_url, "POST", "/noop", body),
        "event_get": wrk(url, "GET", f"/api/v1/event/{event_id}", SESSION=bench.organizer),
        "buy_ticket": wrk(url, "POST", f"/api/v1/attendee/buy-ticket/{event_id}", "{}", CROWD="attendee"),
        "event_post": wrk(url, "POST", "/api/v1/event", body, SESSION=bench.organizer),
    }
    tickets = await count_tickets(bench, [event_id], runs["buy_ticket"]["good"], CONNECTIONS)
    await wait_until_recorded(bench)
    figures: dict[str, Any] = {}
    for name, run in runs.items():
        figures |= {f"{name}_per_s": run["per_s"], f"{name}_p50_ms": run["p50_ms"], f"{name}_p99_ms": run["p99_ms"]}
    for name in ("event_post", "event_get", "buy_ticket"):
        figures[f"{name}_vs_noop_post"] = round(figures[f"{name}_per_s"] / figures["noop_post_per_s"], 3)
    figures |= {"tickets_counted": tickets, "connections": CONNECTIONS, "cores": os.cpu_count()}
    for name in ("fsync", "synchronous_commit"):
        figures[name] = await bench.connection.fetchval(f"SHOW {name}")
    return figures


async def count_tickets(bench: Bench, event_ids: Sequence[int], successes: int, connections: int) -> int:
    """Nothing counts that is not in the database; answers cut off by the end of a run may have landed unseen."""
    row = await bench.connection.fetchrow(
        """SELECT count(*) AS tickets, count(DISTINCT (event_id, attendee_id)) AS people,
                  (SELECT sum(sold) FROM events WHERE id = ANY($1)) AS sold
           FROM tickets WHERE event_id = ANY($1)""",
        event_ids,
    )
    if not (row["tickets"] == row["people"] == row["sold"] and 0 <= row["tickets"] - successes <= connections):
        raise SystemExit(f"{dict(row)}, but {successes} successes")
    tickets: int = row["tickets"]
    return tickets


async def wait_until_recorded(bench: Bench) -> None:
    async def all_recorded() -> bool:
        fetch = bench.connection.fetchval
        submitted = await fetch("SELECT count(*) FROM submissions WHERE accepted_at IS NOT NULL")
        return bool(await fetch("SELECT count(*) FROM events") >= submitted)

    await eventually(all_recorded, 120)
