"""`kill -9` in the middle of everything: what was acknowledged is there afterwards, once."""

import asyncio
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from tests.cast import event_body
from tests.crowd import crowd
from tests.given import database_of
from tests.process import Server
from tests.waiting import eventually

EVENTS, PURCHASES, AT_ONCE = 500, 200, 48
WAITING_FOR_A_ROW = """
    SELECT count(*) > 0 FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%FOR UPDATE%'
"""
PLENTY = {"RATE_LIMIT_SUBMIT": "100000/minute", "RATE_LIMIT_BUY": "100000/minute"}


@pytest.fixture
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    server = Server(folder, **PLENTY)
    server.start()
    server.wait_until_ready()
    yield server
    server.stop()
    server.kill_database()
    shutil.rmtree(folder, ignore_errors=True)


class Load:
    """Requests with their keys, and what was answered to each."""

    def __init__(self, server: Server, organizer: str, attendees: list[str], festival: int) -> None:
        self.server = server
        self.answers: dict[str, dict[str, Any]] = {}
        self.wanted: dict[str, tuple[str, str, dict[str, Any]]] = {}
        for number in range(EVENTS):
            body = event_body(title=f"Night {number}")
            self.wanted[f"event-{number}"] = (organizer, "/api/v1/event", body)
        for number, attendee in enumerate(attendees):
            self.wanted[f"buy-{number}"] = (attendee, f"/api/v1/attendee/buy-ticket/{festival}", {})

    async def send(self, key: str, client: httpx.AsyncClient) -> None:
        session, path, body = self.wanted[key]
        headers = {"Cookie": f"session={session}", "Idempotency-Key": key}
        try:
            answer = await client.post(self.server.url + path, json=body, headers=headers)
        except httpx.TransportError:
            return
        if answer.status_code in {201, 202}:
            self.answers[key] = answer.json()

    async def send_all(self) -> None:
        """Everything that was not answered yet, in any order."""
        missing = [key for key in self.wanted if key not in self.answers]
        random.shuffle(missing)
        gate = asyncio.Semaphore(AT_ONCE)
        async with httpx.AsyncClient(timeout=10, limits=httpx.Limits(max_connections=AT_ONCE)) as client:

            async def one(key: str) -> None:
                async with gate:
                    await self.send(key, client)

            await asyncio.gather(*(one(key) for key in missing))


async def titles(connection: asyncpg.Connection) -> dict[int, str]:
    rows = await connection.fetch("SELECT id, title FROM events WHERE title LIKE 'Night %'")
    return {row["id"]: row["title"] for row in rows}


async def check_acknowledged(connection: asyncpg.Connection, load: Load) -> None:
    """Every acknowledged event arrives, and every acknowledged ticket is there, under the ids that were answered."""
    promised = {
        answer["event_id"]: load.wanted[key][2]["title"] for key, answer in load.answers.items() if "event_id" in answer
    }

    async def all_there() -> bool:
        found = await titles(connection)
        return all(found.get(event_id) == title for event_id, title in promised.items())

    await eventually(all_there, 60)
    codes = {answer["code"] for answer in load.answers.values() if "code" in answer}
    rows = await connection.fetch("SELECT code FROM tickets WHERE code = ANY($1)", list(codes))
    assert {row["code"] for row in rows} == codes


async def festival_of(server: Server, organizer: str) -> int:
    """On sale, once those who consume have come to terms with one who was killed."""
    async with httpx.AsyncClient(base_url=server.url, cookies={"session": organizer}, timeout=40) as client:
        answer = await client.post("/api/v1/event", json=event_body(title="Festival", capacity=1000))
        assert answer.status_code == 202, answer.text
        event_id: int = answer.json()["event_id"]

        async def found() -> bool:
            return (await client.get(f"/api/v1/event/{event_id}")).status_code == 200

        await eventually(found, 120)
    return event_id


@pytest.mark.parametrize("moment", range(5))
@pytest.mark.timeout(300)
async def test_nothing_acknowledged_is_lost_or_doubled(server: Server, moment: int) -> None:
    database = database_of(server.folder / "data")
    connection = await asyncpg.connect(database)
    (organizer,) = await crowd(connection, "organizer", 1, role="organizer")
    attendees = await crowd(connection, "attendee", PURCHASES)
    await connection.close()
    load = Load(server, organizer, attendees, await festival_of(server, organizer))

    under_way = asyncio.create_task(load.send_all())
    some = random.randint(1 + moment * 120, 120 + moment * 120)
    await eventually(lambda: len(load.answers) >= some or under_way.done(), 60)
    await asyncio.to_thread(server.kill)
    if moment % 2:
        await asyncio.to_thread(server.kill_database)
    await under_way
    assert 0 < len(load.answers) < EVENTS + PURCHASES, "the server was not killed in the middle"

    await asyncio.to_thread(server.start)
    await asyncio.to_thread(server.wait_until_ready)
    connection = await asyncpg.connect(database)
    await check_acknowledged(connection, load)

    await load.send_all()
    assert len(load.answers) == EVENTS + PURCHASES
    await check_acknowledged(connection, load)
    assert sorted((await titles(connection)).values()) == sorted(f"Night {number}" for number in range(EVENTS))
    assert await connection.fetchval("SELECT count(*) FROM tickets") == PURCHASES
    assert await connection.fetchval("SELECT sold FROM events WHERE title = 'Festival'") == PURCHASES
    await connection.close()
    await check_counters(server, EVENTS + 1, PURCHASES)


async def test_a_stop_decides_every_purchase_that_waits(server: Server) -> None:
    connection = await asyncpg.connect(database_of(server.folder / "data"))
    (organizer,) = await crowd(connection, "organizer", 1, role="organizer")
    attendees = await crowd(connection, "attendee", AT_ONCE)
    event_id = await festival_of(server, organizer)
    holder = await asyncpg.connect(database_of(server.folder / "data"))
    await holder.execute("BEGIN")
    await holder.execute("SELECT 1 FROM events WHERE id = $1 FOR UPDATE", event_id)
    async with httpx.AsyncClient(base_url=server.url, timeout=20) as client:
        path = f"/api/v1/attendee/buy-ticket/{event_id}"
        waiting = [asyncio.create_task(client.post(path, headers={"Cookie": f"session={one}"})) for one in attendees]
        await eventually(lambda: connection.fetchval(WAITING_FOR_A_ROW))
        server.signal_group(signal.SIGTERM)
        given_up, _ = await asyncio.wait(waiting, timeout=3)  # three times as long as one try to lock the event
        assert given_up == set()
        await connection.close()
        await holder.close()
        answers = await asyncio.gather(*waiting)
    assert [answer.status_code for answer in answers] == [201] * AT_ONCE
    assert server.process is not None
    assert await asyncio.to_thread(server.process.wait, 10) == 0

    await asyncio.to_thread(server.start)
    await asyncio.to_thread(server.wait_until_ready)
    connection = await asyncpg.connect(database_of(server.folder / "data"))
    codes = {row["code"] for row in await connection.fetch("SELECT code FROM tickets")}
    assert codes == {answer.json()["code"] for answer in answers}
    await connection.close()


def reconcile(server: Server) -> tuple[int, str]:
    command = [str(Path(sys.executable).parent / "eventstream"), "reconcile"]
    done = subprocess.run(command, env=server.environment, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout


async def check_counters(server: Server, events: int, tickets: int) -> None:
    told = await asyncio.to_thread(reconcile, server)
    assert told == (0, f"0 wrong counters (events: {events}, tickets: {tickets})\n")


async def test_reconcile_tells_wrong_counters(server: Server) -> None:
    connection = await asyncpg.connect(database_of(server.folder / "data"))
    (organizer,) = await crowd(connection, "organizer", 1, role="organizer")
    event_id = await festival_of(server, organizer)
    await connection.execute("UPDATE events SET sold = 3 WHERE id = $1", event_id)
    await connection.execute(
        """INSERT INTO tickets (event_id, ticket_type_id, attendee_id, nth, code, status, price, currency, purchase_id)
           SELECT $1, -7, 1, 1, 'STRAY', 'cancelled', 0, 'EUR', 1""",
        event_id,
    )
    await connection.execute("UPDATE fact_counter SET numbered = 1")
    await connection.close()
    status, told = await asyncio.to_thread(reconcile, server)
    assert status == 1
    assert f"event {event_id}: the counters say 3 sold and 0 held, the tickets 0 and 0" in told
    assert told.endswith(
        ": its type or its attendee does not exist\n"
        "1 wrong counters, 1 stray tickets, 1 missing facts (events: 1, tickets: 1)\n"
    )


async def test_three_hundred_attendees_at_once_for_a_hundred_places(server: Server) -> None:
    connection = await asyncpg.connect(database_of(server.folder / "data"))
    (organizer,) = await crowd(connection, "organizer", 1, role="organizer")
    attendees = await crowd(connection, "attendee", 300)
    event_id = await festival_of(server, organizer)
    await connection.execute("UPDATE events SET capacity = 100 WHERE id = $1", event_id)
    async with httpx.AsyncClient(base_url=server.url, timeout=60, limits=httpx.Limits(max_connections=300)) as client:
        answers = await asyncio.gather(
            *(
                client.post(f"/api/v1/attendee/buy-ticket/{event_id}", headers={"Cookie": f"session={attendee}"})
                for attendee in attendees
            )
        )
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(201), statuses.count(409)) == (100, 200)
    assert await connection.fetchval("SELECT count(DISTINCT attendee_id) FROM tickets") == 100
    assert await connection.fetchval("SELECT sold FROM events WHERE id = $1", event_id) == 100
    await connection.close()
