"""Asks every question of one server in one run, prints the figures and keeps them in `bench/last.json`."""

import asyncio
import json
import multiprocessing
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from bench import consumers, ingest, pages, purchases, requests, table_size
from bench.load import HERE, PEOPLE, PLENTY, Bench
from bench.noop import main as serve_noop
from tests.crowd import crowd
from tests.given import database_of
from tests.process import Server, free_port
from tests.waiting import eventually

QUESTIONS = (requests, purchases, table_size, ingest, consumers, pages)
"""Modules, each with a `measure` that answers in figures; with names as arguments only those, and
nothing is kept."""


async def ask(server: Server, noop_url: str, names: Sequence[str]) -> None:
    url = database_of(server.folder / "data")
    connection = await asyncpg.connect(url)
    (organizer,) = await crowd(connection, "organizer", 1, role="organizer")
    await crowd(connection, "attendee", PEOPLE)
    await eventually(lambda: answers(noop_url), 60)
    bench = Bench(server, noop_url, connection, url, organizer)
    figures: dict[str, Any] = {}
    for question in QUESTIONS:
        if names and question.__name__.removeprefix("bench.") not in names:
            continue
        found = await question.measure(bench)
        for name, figure in found.items():
            print(f"{name:28} {figure}", flush=True)
        figures |= found
        if not names:
            (HERE / "last.json").write_text(json.dumps(figures, indent=2) + "\n")
    await connection.close()


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 404
    except httpx.TransportError:
        return False


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
        asyncio.run(ask(server, f"http://127.0.0.1:{port}", sys.argv[1:]))
    finally:
        server.stop()
        yardstick.terminate()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
