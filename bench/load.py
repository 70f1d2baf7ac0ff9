"""What the questions share: the load generator, the server they ask, and people in front of it."""

import itertools
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from tests.cast import event_body
from tests.process import Server

HERE = Path(__file__).parent
SECONDS, CONNECTIONS, THREADS = 10, 64, 2
PEOPLE = 200_000
RUNS = itertools.count()
PLENTY = {f"RATE_LIMIT_{name}": "100000000/minute" for name in ("SUBMIT", "BUY", "READ")}
WHOLE_MACHINE = {**PLENTY, "WORKERS": str(os.cpu_count())}


@dataclass
class Bench:
    """A running server with a crowd in its database; `organizer` is a session."""

    server: Server
    noop_url: str
    connection: asyncpg.Connection
    database_url: str
    organizer: str


def wrk(
    url: str, method: str, path: str, body: str = "", connections: int = CONNECTIONS, seconds: int = SECONDS,
    **extra: str,
) -> dict[str, Any]:  # fmt: skip
    """One run of the load generator; only answers in the 200s count. `path` may be several, used in turn."""
    names = {"CROWD": "", "SESSION": "none", "RUN": f"run-{next(RUNS)}", "SHARE": str(PEOPLE // THREADS), **extra}
    done = subprocess.run(
        ["wrk", f"-t{THREADS}", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "--latency",
         "-s", str(HERE / "requests.lua"), url],
        env={**os.environ, "METHOD": method, "PATH_TO": path, "BODY": body, **names},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.split("RESULT ")[1])
    found["per_s"] = round(found["good"] / found["seconds"], 1)
    if found["other"]:
        raise SystemExit(f"{method} {path}: {found['other']} answers were neither success nor 409\n{done.stdout}")
    return found


async def stored_event(bench: Bench, **changes: Any) -> int:
    """The id of an event that every store has."""
    async with httpx.AsyncClient(base_url=bench.server.url, cookies={"session": bench.organizer}, timeout=30) as client:
        answer = await client.post("/api/v1/event", json=event_body(**changes), headers={"Prefer": "wait=20"})
    found: int = answer.json()["core_event_data"]["event_id"]
    return found
