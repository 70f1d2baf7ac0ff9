"""One server at a time is away under load: nothing accepted is lost or doubled, and no process is started again."""

import asyncio
import itertools
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx
import pymongo
import pytest

from tests.cast import picture, project_fields
from tests.crowd import crowd
from tests.process import Server
from tests.servers.fleet import Fleet
from tests.servers.outage import stopped
from tests.waiting import eventually

AT_ONCE = 3
LONGEST_ANSWER_SECONDS = 15
PICTURE = picture(width=64, height=36)


@pytest.fixture
async def site() -> AsyncIterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    server = Server(folder, RATE_LIMIT_SUBMIT="100000/minute", RATE_LIMIT_READ="1000000/minute", LOG_PARTITIONS="4")
    server.start()
    await asyncio.to_thread(server.wait_until_ready, 120)
    yield server
    await asyncio.to_thread(server.stop)
    shutil.rmtree(folder, ignore_errors=True)


class Load:
    """Organizers who submit projects without a pause; who is refused comes again with the same key."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.numbers = itertools.count()
        self.accepted: dict[str, str] = {}
        self.refusals: list[httpx.Response] = []
        self.longest = 0.0
        self.enough = False

    async def run(self) -> None:
        await asyncio.gather(*(self.submit_for_ever() for _ in range(AT_ONCE)))

    async def submit_for_ever(self) -> None:
        while not self.enough:
            title = f"Night {next(self.numbers)}"
            fields = project_fields(title=title)
            while title not in self.accepted:
                await self.submit(title, fields)

    async def submit(self, title: str, fields: dict[str, str]) -> None:
        began = time.monotonic()
        answer = await self.client.post(
            "/api/v1/new-project",
            data=fields, files={"images": ("a.png", PICTURE)}, headers={"Idempotency-Key": title},
        )  # fmt: skip
        self.longest = max(self.longest, time.monotonic() - began)
        if answer.status_code == 202:
            self.accepted[title] = answer.headers["location"]
            return
        self.refusals.append(answer)
        assert answer.status_code == 503, answer.text
        await asyncio.sleep(min(float(answer.headers["retry-after"]), 0.5))


async def stored(client: httpx.AsyncClient, load: Load) -> bool:
    states = [(await client.get(where)).json()["state"] for where in load.accepted.values()]
    assert "failed" not in states
    return set(states) == {"stored"}


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("name", "seconds"), [("kafka", 30), ("mongodb", 8), ("s3", 8), ("postgres", 8)])
async def test_an_outage_under_load_loses_and_doubles_nothing(site: Server, name: str, seconds: float) -> None:
    connection = await asyncpg.connect(site.database_url)
    (organizer,) = await crowd(connection, "organizer", 1, role="organizer")
    await connection.close()
    cookies = {"session": organizer}
    async with httpx.AsyncClient(base_url=site.url, cookies=cookies, timeout=60) as client:
        load = Load(client)
        under_way = asyncio.create_task(load.run())
        await eventually(lambda: len(load.accepted) >= 10 or under_way.done(), 60)
        load.longest, began = 0.0, time.monotonic()
        async with stopped(getattr(Fleet(), name)):
            await eventually(lambda: time.monotonic() - began > seconds or under_way.done(), seconds + 60)
        before = len(load.accepted)
        await eventually(lambda: len(load.accepted) >= before + 10 or under_way.done(), 60)
        load.enough = True
        await under_way
        if name != "mongodb":  # which no request waits for
            assert load.refusals
        assert load.longest < LONGEST_ANSWER_SECONDS
        await eventually(lambda: stored(client, load), 120)
    assert site.process is not None
    assert site.process.poll() is None
    assert "task died" not in site.log()
    await check_once(site, sorted(load.accepted))


async def check_once(site: Server, titles: list[str]) -> None:
    connection = await asyncpg.connect(site.database_url)
    assert sorted(row["title"] for row in await connection.fetch("SELECT title FROM events")) == titles
    assert await connection.fetchval("SELECT count(*) FROM media") == len(titles)
    await connection.close()
    with pymongo.MongoClient[dict[str, object]](site.environment["MONGODB_URL"]) as documents:
        assert documents.get_default_database()["metadata"].count_documents({}) == len(titles)
