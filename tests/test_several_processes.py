"""Processes that know nothing of each other but one database: on one machine here, as on several elsewhere."""

import asyncio
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from tests.cast import PASSWORD, event_body
from tests.crowd import crowd
from tests.given import database_of
from tests.process import Server
from tests.waiting import eventually

EVENTS = 400
LONGEST_TAKEOVER_SECONDS = 60
PLENTY = {"RATE_LIMIT_SUBMIT": "100000/minute"}


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="es-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def servers(folder: Path) -> Iterator[list[Server]]:
    """Two that are ready; whoever changes their environment starts them again."""
    both = [Server(folder, **PLENTY), Server(folder, **PLENTY)]
    try:
        for server in both:
            server.start()
            server.wait_until_ready(120)
        yield both
    finally:
        for server in both:
            server.stop()
        both[0].kill_database()


async def submit(server: Server, session: str, number: int, answers: dict[int, int], client: httpx.AsyncClient) -> None:
    headers = {"Cookie": f"session={session}", "Idempotency-Key": f"night-{number}"}
    with suppress(httpx.TransportError):  # it was killed before it answered
        body = event_body(title=f"Night {number}")
        answer = await client.post(f"{server.url}/api/v1/event", json=body, headers=headers)
        assert answer.status_code == 202, answer.text
        answers[answer.json()["event_id"]] = number


@pytest.mark.timeout(300)
async def test_what_a_killed_process_accepted_is_done_by_the_other(servers: list[Server]) -> None:
    killed, other = servers
    connection = await asyncpg.connect(database_of(killed.folder / "data"))
    (organizer,) = await crowd(connection, "organizer", 1, role="organizer")
    answers: dict[int, int] = {}
    gate = asyncio.Semaphore(24)

    async with httpx.AsyncClient(timeout=30) as client:

        async def one(number: int) -> None:
            async with gate:
                await submit(servers[number % 2], organizer, number, answers, client)

        under_way = asyncio.gather(*(one(number) for number in range(EVENTS)))
        await eventually(lambda: len(answers) > EVENTS / 8, 60)
        await asyncio.to_thread(killed.kill)
        killed_at = time.monotonic()
        await under_way
        assert EVENTS / 2 < len(answers) < EVENTS, "it was not killed in the middle"

    async def all_there() -> bool:
        rows = await connection.fetch("SELECT id FROM events WHERE id = ANY($1)", list(answers))
        return len(rows) == len(answers)

    await eventually(all_there, killed_at + LONGEST_TAKEOVER_SECONDS - time.monotonic())
    assert httpx.get(f"{other.url}/health/ready", timeout=10).json()["status"] == "ok"
    await connection.close()


def sign_in(server: Server, email: str, password: str) -> httpx.Response:
    return httpx.post(f"{server.url}/api/v1/sign-in", json={"email": email, "password": password}, timeout=30)


async def test_a_session_is_good_and_a_limit_counts_on_both(servers: list[Server]) -> None:
    one, other = servers
    person = {"full_name": "Bob", "email": "bob@example.org", "password": PASSWORD}
    assert httpx.post(f"{one.url}/api/v1/attendee/sign-up", json=person, timeout=30).status_code == 201
    session = sign_in(one, person["email"], PASSWORD).cookies["session"]
    cookies = {"session": session}
    assert httpx.get(f"{other.url}/api/v1/tickets", cookies=cookies).status_code == 200
    assert httpx.post(f"{other.url}/api/v1/sign-out", cookies=cookies).status_code == 200
    assert httpx.get(f"{one.url}/api/v1/tickets", cookies=cookies).status_code == 401
    failed = [sign_in(servers[number % 2], person["email"], "wrong") for number in range(6)]
    assert [answer.status_code for answer in failed] == [401] * 5 + [429]


async def test_a_limit_per_user_holds_over_both(servers: list[Server]) -> None:
    for server in servers:
        server.stop()
        server.environment["RATE_LIMIT_READ"] = "40/hour"
        server.start()
        server.wait_until_ready()
    one, other = servers
    connection = await asyncpg.connect(one.database_url)
    (attendee,) = await crowd(connection, "attendee", 1)

    async def known(hits: int) -> bool:
        found = await connection.fetchval("SELECT sum(hits) FROM rate_limit_windows WHERE policy = 'read'")
        return bool(found == hits)

    async with httpx.AsyncClient(cookies={"session": attendee}, timeout=30) as client:

        async def listed_by(server: Server, times: int) -> list[int]:
            return [(await client.get(f"{server.url}/api/v1/tickets")).status_code for _ in range(times)]

        assert await listed_by(one, 30) == [200] * 30
        await eventually(lambda: known(30))
        assert await listed_by(other, 5) == [200] * 5, "the first ones are nobody else's business"
        await eventually(lambda: known(35))
        assert await listed_by(one, 1) == [200]
        await eventually(lambda: known(36))
        for server in servers:
            assert (await listed_by(server, 6))[-1] == 429
    await connection.close()


async def test_one_may_serve_and_another_consume(folder: Path) -> None:
    web, consumer = Server(folder, RUN_CONSUMERS="0"), Server(folder, SERVE_HTTP="0")
    try:
        web.start()
        web.wait_until_ready(120)
        connection = await asyncpg.connect(database_of(folder / "data"))
        (organizer,) = await crowd(connection, "organizer", 1, role="organizer")
        cookies = {"session": organizer}
        accepted = httpx.post(f"{web.url}/api/v1/event", json=event_body(), cookies=cookies, timeout=30)
        assert accepted.status_code == 202
        assert httpx.get(f"{web.url}/health/ready").json()["tasks"].keys() == {"limits"}
        assert await connection.fetchval("SELECT count(*) FROM submission_steps") == 0

        consumer.start()
        consumer.wait_until_ready(120)

        async def stored() -> Any:
            return await connection.fetchval("SELECT state = 'stored' FROM submission_steps WHERE store = 'postgres'")

        await eventually(stored, 60)
        assert httpx.get(consumer.url).status_code == 404
        assert "postgres" in " ".join(httpx.get(f"{consumer.url}/health/ready").json()["tasks"])
        await connection.close()
    finally:
        consumer.stop()
        web.stop()


async def test_before_it_stops_a_process_says_so_and_still_answers(folder: Path) -> None:
    server = Server(folder, DRAIN_SECONDS="3")
    server.start()
    try:
        server.wait_until_ready(120)
        server.signal_group(signal.SIGTERM)

        def draining() -> bool:
            ready = httpx.get(f"{server.url}/health/ready", timeout=10)
            return (ready.status_code, ready.json()["status"]) == (503, "draining")

        await eventually(draining)
        assert httpx.get(f"{server.url}/health/live", timeout=10).status_code == 200
        assert httpx.get(server.url, timeout=10).status_code == 200
        assert server.process is not None
        assert server.process.wait(20) == 0
    finally:
        server.stop()
