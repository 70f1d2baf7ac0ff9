"""A festival sells out: ten thousand people for four thousand places, two processes, one of them killed half-way."""

import asyncio
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from tests.crowd import crowd
from tests.process import Server
from tests.test_crash import PLENTY, check_counters, festival_of
from tests.waiting import eventually

PEOPLE, PLACES = 10_000, 4_000
AT_ONCE = 128
TRIES = 50


@pytest.fixture
def servers() -> Iterator[tuple[Server, Server]]:
    """Two processes on one data folder, each of which would outlive the other."""
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    both = Server(folder, **PLENTY), Server(folder, **PLENTY)
    for server in both:
        server.start()
        server.wait_until_ready()
    yield both
    for server in both:
        server.stop()
    both[0].kill_database()
    shutil.rmtree(folder, ignore_errors=True)


class Rush:
    """Everybody wants one ticket and asks until there is an answer, at whichever process still lives."""

    def __init__(self, servers: tuple[Server, Server], event_id: int, sessions: list[str]) -> None:
        self.urls = [server.url for server in servers]
        self.path = f"/api/v1/attendee/buy-ticket/{event_id}"
        self.sessions = sessions
        self.answers: list[tuple[int, httpx.Response]] = []

    async def run(self) -> None:
        """In any order; one in five asks twice at the same moment, one in ten also with a key of its own."""
        wanted = [(person, "first") for person in range(PEOPLE)]
        wanted += [(person, "second") for person in range(0, PEOPLE, 10)]
        random.shuffle(wanted)
        queue = chain.from_iterable([one] * (2 if one[0] % 5 == 0 and one[1] == "first" else 1) for one in wanted)

        async def ask() -> None:
            # One client for all would look through its connections at every request: that took most of the time.
            async with httpx.AsyncClient(timeout=30, verify=False) as client:
                for person, key in queue:
                    self.answers.append((person, await self.until_answered(client, person, key)))

        await asyncio.gather(*(ask() for _ in range(AT_ONCE)))

    async def until_answered(self, client: httpx.AsyncClient, person: int, key: str) -> httpx.Response:
        headers = {"Cookie": f"session={self.sessions[person]}", "Idempotency-Key": key}
        for _ in range(TRIES):
            url = random.choice(self.urls)
            try:
                answer = await client.post(url + self.path, headers=headers)
            except httpx.ConnectError:  # nobody is there any more
                self.urls = [one for one in self.urls if one != url] or self.urls
                continue
            except httpx.TransportError:
                continue
            if answer.status_code != 503:
                return answer
        raise AssertionError(f"no answer for {person} in {TRIES} tries")

    def tickets(self) -> dict[int, dict[str, Any]]:
        """What was answered, by ticket number; each number to one person only, and always with the same words."""
        found: dict[int, dict[str, Any]] = {}
        for person, answer in self.answers:
            if answer.status_code == 201:
                said = {**answer.json(), "person": person}
                assert found.setdefault(said["ticket_number"], said) == said
        return found


@pytest.mark.timeout(400)
async def test_ten_thousand_people_for_four_thousand_places_with_a_process_killed_half_way(
    servers: tuple[Server, Server],
) -> None:
    connection = await asyncpg.connect(servers[0].database_url)
    (organizer,) = await crowd(connection, "organizer", 1, role="organizer")
    people = await crowd(connection, "attendee", PEOPLE)
    event_id = await festival_of(servers[0], organizer)
    await connection.execute("UPDATE events SET capacity = $2 WHERE id = $1", event_id, PLACES)

    rush = Rush(servers, event_id, people)
    under_way = asyncio.create_task(rush.run())
    await eventually(lambda: len(rush.answers) > PLACES / 2 or under_way.done(), 200)
    await asyncio.to_thread(servers[1].kill)
    await under_way

    assert Counter(answer.status_code for _, answer in rush.answers).keys() == {201, 409}
    types = {answer.json()["type"].rpartition(":")[2] for _, answer in rush.answers if answer.status_code == 409}
    assert types == {"sold-out", "already-bought"}
    told = rush.tickets()
    rows = await connection.fetch(
        "SELECT t.id, t.code, t.status, u.full_name FROM tickets t JOIN users u ON u.id = t.attendee_id"
    )
    stored = {row["id"]: (row["code"], row["status"], row["full_name"]) for row in rows}
    assert len(stored) == PLACES
    assert len({name for _, _, name in stored.values()}) == PLACES, "somebody has two"
    assert stored == {number: (said["code"], said["status"], people[said["person"]]) for number, said in told.items()}
    await connection.close()
    await check_counters(servers[0], events=1, tickets=PLACES)
