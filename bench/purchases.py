"""How fast one event sells over HTTP, beside PostgreSQL's own speed on one hot row, in alternating pairs."""

import asyncio
import subprocess
from collections.abc import Sequence
from statistics import median
from typing import Any

from app.engines.embedded_postgres import binaries
from bench.load import HERE, PEOPLE, WHOLE_MACHINE, Bench, wrk
from bench.load import stored_event as stored
from bench.requests import count_tickets
from bench.spare import another_server
from tests.crowd import crowd
from tests.waiting import eventually

PAIRS, SECONDS = 5, 5
HOT_ROW_CLIENTS = 16
MANY_EVENTS = 100


async def measure(bench: Bench) -> dict[str, Any]:
    async with another_server(bench, "sale", **WHOLE_MACHINE) as own:
        await crowd(own.connection, "attendee", PEOPLE)
        await own.connection.execute("VACUUM ANALYZE")
        return await beside_the_hot_row(own) | await by_connections(own)


async def beside_the_hot_row(bench: Bench) -> dict[str, Any]:
    await bench.connection.execute(
        """CREATE SCHEMA yardstick
           CREATE TABLE event (id bigint PRIMARY KEY, capacity bigint NOT NULL, sold bigint NOT NULL)
           CREATE TABLE ticket (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                                event_id bigint NOT NULL, attendee_id bigint NOT NULL)"""
    )
    await bench.connection.execute("INSERT INTO yardstick.event VALUES (1, 1000000000, 0)")
    hot_row, bought = [], []
    for _ in range(PAIRS):
        hot_row.append(await asyncio.to_thread(hot_row_per_s, bench.database_url))
        bought.append((await bought_by(bench, 64))["per_s"])
    await bench.connection.execute("DROP SCHEMA yardstick CASCADE")
    return {
        "pgbench_hot_row_per_s": round(median(hot_row), 1),
        "buy_ticket_64_per_s": round(median(bought), 1),
        "buy_ticket_64_vs_pgbench_hot_row": ratio(bought, hot_row),
    }


def hot_row_per_s(database_url: str) -> float:
    done = subprocess.run(
        [binaries() / "pgbench", "-n", "-M", "prepared", "-c", str(HOT_ROW_CLIENTS), "-j", "2", "-T", str(SECONDS),
         "-f", HERE / "hot_row.sql", database_url],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(done.stdout.split("tps = ")[1].split()[0])


async def by_connections(bench: Bench) -> dict[str, Any]:
    runs = {f"buy_ticket_{connections}": await bought_by(bench, connections) for connections in (8, 64, 256)}
    runs["buy_ticket_100_events"] = await bought_by(bench, 64, events=MANY_EVENTS)
    figures = {f"{name}_{figure}": run[figure] for name, run in runs.items() for figure in ("p50_ms", "p99_ms")}
    figures |= {f"{name}_per_s": run["per_s"] for name, run in runs.items() if name != "buy_ticket_64"}
    return figures | {
        "buy_ticket_256_vs_64": round(runs["buy_ticket_256"]["per_s"] / runs["buy_ticket_64"]["per_s"], 2)
    }


async def bought_by(bench: Bench, connections: int, events: int = 1) -> dict[str, Any]:
    """One run on events of its own, each request from another attendee; every success is a row."""
    event_ids = [await stored(bench, title=f"Hot {number}", capacity=1_000_000) for number in range(events)]
    run = await asyncio.to_thread(buy, bench.server.url, event_ids, connections)
    await count_tickets(bench, event_ids, run["good"], connections)
    await eventually(lambda: all_mirrored(bench), 120)  # the next run does not pay for this one
    return run


async def all_mirrored(bench: Bench) -> bool:
    """Whether the relay has caught up."""
    found: bool = await bench.connection.fetchval("SELECT published = (SELECT count(*) FROM facts) FROM fact_counter")
    return found


def buy(url: str, event_ids: Sequence[int], connections: int) -> dict[str, Any]:
    paths = [f"/api/v1/attendee/buy-ticket/{event_id}" for event_id in event_ids]
    return wrk(url, "POST", " ".join(paths), "{}", connections=connections, seconds=SECONDS, CROWD="attendee")


def ratio(ones: Sequence[float], others: Sequence[float]) -> float:
    """The median of the pairs' ratios."""
    return round(median(one / other for one, other in zip(ones, others, strict=True)), 2)
