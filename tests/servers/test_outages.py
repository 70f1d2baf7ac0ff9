"""One server at a time is away under load: nothing accepted is lost or doubled, and no process is started again."""

import asyncio
import itertools
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pymongo
import pytest

from tests.cast import picture, project_fields
from tests.crowd import crowd
from tests.process import Server
from tests.servers.fleet import Fleet
from tests.servers.outage import stopped
from tests.test_crash import PLENTY, check_counters, festival_of
from tests.waiting import eventually

OUTAGE_SECONDS = 30
LONGEST_ANSWER_SECONDS = 15
ATTENDEES = 30_000
PICTURE = picture(width=64, height=36)
KINDS = ("submit", "buy", "read")


@pytest.fixture
async def site() -> AsyncIterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    server = Server(folder, **PLENTY, RATE_LIMIT_READ="1000000/minute", LOG_PARTITIONS="4")
    server.start()
    await asyncio.to_thread(server.wait_until_ready, 120)
    yield server
    await asyncio.to_thread(server.stop)
    shutil.rmtree(folder, ignore_errors=True)


class Load:
    """Without a pause projects are submitted, and a festival is bought by one attendee after the other, and read."""

    def __init__(self, client: httpx.AsyncClient, organizer: str, attendees: list[str], festival: int) -> None:
        self.client = client
        self.organizer = organizer
        self.attendees = iter(attendees)
        self.festival = festival
        self.numbers = itertools.count()
        self.projects: dict[str, str] = {}
        self.tickets: dict[str, dict[str, Any]] = {}
        self.accepted = Counter[str]()
        self.refused = Counter[str]()
        self.longest = 0.0
        self.over = False

    def start(self, group: asyncio.TaskGroup) -> None:
        for work in (self.submit, self.submit, self.submit, self.buy, self.buy, self.read):
            group.create_task(work())

    async def submit(self) -> None:
        while not self.over:
            title = f"Night {next(self.numbers)}"
            answer = await self.until_accepted(
                "submit", "POST", "/api/v1/new-project", self.organizer, title,
                data=project_fields(title=title), files={"images": ("a.jpg", PICTURE)},
            )  # fmt: skip
            self.projects[title] = answer.headers["location"]

    async def buy(self) -> None:
        while not self.over:
            attendee = next(self.attendees)
            path = f"/api/v1/attendee/buy-ticket/{self.festival}"
            answer = await self.until_accepted("buy", "POST", path, attendee, f"key of {attendee}")
            self.tickets[attendee] = answer.json()

    async def read(self) -> None:
        while not self.over:
            await self.until_accepted("read", "GET", f"/api/v1/event/{self.festival}", self.organizer)

    async def until_accepted(
        self, kind: str, method: str, path: str, session: str, key: str = "", **sent: Any
    ) -> httpx.Response:
        """Who is refused comes again when told to, with the same key."""
        headers = {"Cookie": f"session={session}", **({"Idempotency-Key": key} if key else {})}
        while True:
            began = time.monotonic()
            answer = await self.client.request(method, path, headers=headers, **sent)
            self.longest = max(self.longest, time.monotonic() - began)
            if answer.is_success:
                self.accepted[kind] += 1
                return answer
            assert answer.status_code == 503, answer.text
            self.refused[kind] += 1
            await asyncio.sleep(float(answer.headers["retry-after"]))

    async def goes_on(self) -> None:
        """Ten more of each kind are accepted."""
        before = self.accepted.copy()
        await eventually(lambda: all(self.accepted[kind] >= before[kind] + 10 for kind in KINDS), 120)

    async def all_stored(self) -> None:
        """What was accepted arrives in all stores."""
        headers = {"Cookie": f"session={self.organizer}"}

        async def settled(where: str) -> Any:
            state = (await self.client.get(where, headers=headers)).json()["state"]
            assert state != "failed"
            return state == "stored"

        for where in self.projects.values():
            await eventually(lambda where=where: settled(where), 120)


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("name", "refused"),
    [("kafka", {"submit"}), ("mongodb", {"read"}), ("s3", {"submit"}), ("postgres", {"submit", "buy", "read"})],
)
async def test_an_outage_under_load_loses_and_doubles_nothing(site: Server, name: str, refused: set[str]) -> None:
    connection = await asyncpg.connect(site.database_url)
    (organizer,) = await crowd(connection, "organizer", 1, role="organizer")
    attendees = await crowd(connection, "attendee", ATTENDEES)
    festival = await festival_of(site, organizer)
    await connection.execute("UPDATE events SET capacity = $1", ATTENDEES)
    await connection.close()
    async with httpx.AsyncClient(base_url=site.url, timeout=60) as client:
        load = Load(client, organizer, attendees, festival)
        async with asyncio.TaskGroup() as group:
            load.start(group)
            await load.goes_on()
            load.longest = 0.0
            async with stopped(getattr(Fleet(), name)):
                await asyncio.sleep(OUTAGE_SECONDS)
            await load.goes_on()
            load.over = True
        assert load.refused.keys() == refused
        assert load.longest < LONGEST_ANSWER_SECONDS
        await load.all_stored()
    assert site.process is not None
    assert site.process.poll() is None
    assert "task died" not in site.log()
    await check_projects(site, load)
    await check_tickets(site, load)


async def check_projects(site: Server, load: Load) -> None:
    """Each is there once, in every store."""
    connection = await asyncpg.connect(site.database_url)
    found = await connection.fetch("SELECT title FROM events WHERE id <> $1", load.festival)
    assert sorted(row["title"] for row in found) == sorted(load.projects)
    assert await connection.fetchval("SELECT count(*) FROM media") == len(load.projects)
    await connection.close()
    with pymongo.MongoClient[dict[str, object]](site.environment["MONGODB_URL"]) as documents:
        assert documents.get_default_database()["metadata"].count_documents({}) == len(load.projects)


async def check_tickets(site: Server, load: Load) -> None:
    """Who was told of a ticket has this one and no other, and all counters agree."""
    connection = await asyncpg.connect(site.database_url)
    found = await connection.fetch(
        "SELECT u.full_name, t.id, t.code FROM tickets t JOIN users u ON u.id = t.attendee_id"
    )
    told = ((attendee, ticket["ticket_number"], ticket["code"]) for attendee, ticket in load.tickets.items())
    assert sorted(map(tuple, found)) == sorted(told)
    assert await connection.fetchval("SELECT sold FROM events WHERE id = $1", load.festival) == len(found)
    await connection.close()
    await check_counters(site, events=len(load.projects) + 1, tickets=len(found))
