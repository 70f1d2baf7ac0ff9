"""How fast one event sells over HTTP, beside PostgreSQL's own speed on one hot row, in alternating pairs."""

import asyncio
import subprocess
from collections.abc import Callable, Iterable, Sequence
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
KINDS = {
    "buy_ticket_8": (8, 1),
    "buy_ticket_64": (64, 1),
    "buy_ticket_256": (256, 1),
    "buy_ticket_100_events": (64, 100),
}
"""Connections and events."""

YARDSTICK = """
    CREATE SCHEMA yardstick
    CREATE TABLE event (id bigint PRIMARY KEY, capacity bigint NOT NULL, sold bigint NOT NULL)
    CREATE TABLE ticket (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                         event_id bigint NOT NULL, attendee_id bigint NOT NULL);
    INSERT INTO yardstick.event VALUES (1, 1000000000, 0)
"""


async def measure(bench: Bench) -> dict[str, Any]:
    async with another_server(bench, "sale", **WHOLE_MACHINE) as own:
        await crowd(own.connection, "attendee", PEOPLE)
        await own.connection.execute(YARDSTICK)
        await own.connection.execute("VACUUM ANALYZE")
        hot_row: list[float] = []
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in KINDS}
        for _ in range(PAIRS):
            hot_row.append(await asyncio.to_thread(hot_row_per_s, own.database_url))
            for name, (connections, events) in KINDS.items():
                runs[name].append(await bought_by(own, connections, events))
    rates = {name: [run["per_s"] for run in found] for name, found in runs.items()}
    figures = {
        f"{name}_{figure}": round(median(run[figure] for run in found), 1)
        for name, found in runs.items()
        for figure in ("per_s", "p50_ms", "p99_ms", "facts_behind")
    }
    return figures | {
        "pgbench_hot_row_per_s": round(median(hot_row), 1),
        "buy_ticket_64_vs_pgbench_hot_row": ratio(rates["buy_ticket_64"], hot_row),
        "buy_ticket_64_vs_pgbench_hot_row_lowest": ratio(rates["buy_ticket_64"], hot_row, of_all=min),
        "buy_ticket_100_events_vs_pgbench_hot_row": ratio(rates["buy_ticket_100_events"], hot_row),
        "buy_ticket_256_vs_64": ratio(rates["buy_ticket_256"], rates["buy_ticket_64"]),
    }


def hot_row_per_s(database_url: str) -> float:
    done = subprocess.run(
        [binaries() / "pgbench", "-n", "-M", "prepared", "-c", str(HOT_ROW_CLIENTS), "-j", "2", "-T", str(SECONDS),
         "-f", HERE / "hot_row.sql", database_url],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(done.stdout.split("tps = ")[1].split()[0])


async def bought_by(bench: Bench, connections: int, events: int = 1) -> dict[str, Any]:
    """One run on events of its own, each request from another attendee; every success is a row."""
    event_ids = [await stored(bench, title=f"Hot {number}", capacity=1_000_000) for number in range(events)]
    run = await asyncio.to_thread(buy, bench.server.url, event_ids, connections)
    run["facts_behind"] = await facts_behind(bench)
    await count_tickets(bench, event_ids, run["good"], connections)
    await eventually(lambda: all_mirrored(bench), 120)  # the next run does not pay for this one
    return run


async def all_mirrored(bench: Bench) -> bool:
    return await facts_behind(bench) == 0


async def facts_behind(bench: Bench) -> int:
    """Those that the relay has still to mirror: while the desk sells it rests."""
    behind: int = await bench.connection.fetchval("SELECT (SELECT count(*) FROM facts) - published FROM fact_counter")
    return behind


def buy(url: str, event_ids: Sequence[int], connections: int) -> dict[str, Any]:
    paths = [f"/api/v1/attendee/buy-ticket/{event_id}" for event_id in event_ids]
    return wrk(url, "POST", " ".join(paths), "{}", connections=connections, seconds=SECONDS, CROWD="attendee")


def ratio(ones: Sequence[float], others: Sequence[float], of_all: Callable[[Iterable[float]], float] = median) -> float:
    """The median of the pairs' ratios, or whatever else of them."""
    return round(of_all(one / other for one, other in zip(ones, others, strict=True)), 2)
