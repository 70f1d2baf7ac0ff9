"""Requests per second of a no-op, of submitting, reading and buying, in one run; into `bench/last.json`."""

import asyncio
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from bench.noop import main as serve_noop
from tests.cast import event_body
from tests.crowd import crowd, database_of
from tests.process import Server, free_port
from tests.waiting import eventually

HERE = Path(__file__).parent
SECONDS, CONNECTIONS, THREADS = 10, 64, 2
PEOPLE = 200_000
PLENTY = {f"RATE_LIMIT_{name}": "100000000/minute" for name in ("SUBMIT", "BUY", "READ")}


def wrk(url: str, method: str, path: str, body: str = "", **extra: str) -> dict[str, Any]:
    """One run of the load generator; only answers in the 200s count."""
    names = {"CROWD": "", "SESSION": "none", "RUN": path, "SHARE": str(PEOPLE // THREADS), **extra}
    done = subprocess.run(
        ["wrk", f"-t{THREADS}", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--timeout", "10s", "--latency",
         "-s", str(HERE / "requests.lua"), url],
        env={**os.environ, "METHOD": method, "PATH_TO": path, "BODY": body, **names},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.split("RESULT ")[1])
    found["per_s"] = round(found["good"] / found["seconds"], 1)
    if found["other"]:
        raise SystemExit(f"{method} {path}: {found['other']} answers were neither success nor 409\n{done.stdout}")
    return found


async def measure(server: Server, noop_url: str) -> dict[str, Any]:
    connection = await asyncpg.connect(database_of(server.folder / "data"))
    (organizer,) = await crowd(connection, "organizer", 1, role="organizer")
    await crowd(connection, "attendee", PEOPLE)
    await connection.execute("VACUUM ANALYZE")
    event_id = await hot_event(server, organizer)
    body = json.dumps(event_body())
    runs = {
        "noop_post": wrk(noop_url, "POST", "/noop", body),
        "event_get": wrk(server.url, "GET", f"/api/v1/event/{event_id}", SESSION=organizer),
        "buy_ticket": wrk(server.url, "POST", f"/api/v1/attendee/buy-ticket/{event_id}", "{}", CROWD="attendee"),
        "event_post": wrk(server.url, "POST", "/api/v1/event", body, SESSION=organizer),
    }
    figures = await check(connection, event_id, runs)
    await connection.close()
    return figures


async def hot_event(server: Server, organizer: str) -> int:
    async with httpx.AsyncClient(base_url=server.url, cookies={"session": organizer}, timeout=30) as client:
        body = event_body(title="Hot", capacity=1_000_000)
        answer = await client.post("/api/v1/event", json=body, headers={"Prefer": "wait=20"})
    found: int = answer.json()["core_event_data"]["event_id"]
    return found


async def check(connection: asyncpg.Connection, event_id: int, runs: dict[str, Any]) -> dict[str, Any]:
    """Nothing counts that is not in the database; answers cut off by the end of a run may have landed unseen."""
    tickets = await connection.fetchval("SELECT count(*) FROM tickets WHERE event_id = $1", event_id)
    people = await connection.fetchval("SELECT count(DISTINCT attendee_id) FROM tickets WHERE event_id = $1", event_id)
    sold = await connection.fetchval("SELECT sold FROM events WHERE id = $1", event_id)
    if not (tickets == people == sold and 0 <= tickets - runs["buy_ticket"]["good"] <= CONNECTIONS):
        raise SystemExit(f"{tickets} tickets, {people} people, {sold} sold, {runs['buy_ticket']['good']} successes")

    async def all_recorded() -> bool:
        submitted = await connection.fetchval("SELECT count(*) FROM submissions WHERE accepted_at IS NOT NULL")
        return bool(await connection.fetchval("SELECT count(*) FROM events") >= submitted)

    await eventually(all_recorded, 120)
    figures: dict[str, Any] = {}
    for name, run in runs.items():
        figures |= {f"{name}_per_s": run["per_s"], f"{name}_p50_ms": run["p50_ms"], f"{name}_p99_ms": run["p99_ms"]}
    for name in ("event_post", "event_get", "buy_ticket"):
        figures[f"{name}_vs_noop_post"] = round(figures[f"{name}_per_s"] / figures["noop_post_per_s"], 3)
    figures |= {"tickets_counted": tickets, "connections": CONNECTIONS, "cores": os.cpu_count()}
    figures["fsync"] = await connection.fetchval("SHOW fsync")
    figures["synchronous_commit"] = await connection.fetchval("SHOW synchronous_commit")
    return figures


def main() -> None:
    if not shutil.which("wrk"):
        sys.exit("make bench needs wrk (Debian: apt-get install wrk).")
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    port = free_port()
    yardstick = multiprocessing.get_context("spawn").Process(target=serve_noop, args=(port,), daemon=True)
    server = Server(folder, **PLENTY)
    yardstick.start()
    server.start()
    try:
        server.wait_until_ready()
        figures = asyncio.run(measure(server, f"http://127.0.0.1:{port}"))
    finally:
        server.stop()
        yardstick.terminate()
        shutil.rmtree(folder, ignore_errors=True)
    (HERE / "last.json").write_text(json.dumps(figures, indent=2) + "\n")
    for name, figure in figures.items():
        print(f"{name:28} {figure}")


if __name__ == "__main__":
    main()
