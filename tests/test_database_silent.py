"""A database that takes connections and says nothing: everybody hears so in time, and all goes on afterwards."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import httpx
import psutil
import pytest

from tests.cast import PASSWORD, event_body
from tests.process import Server
from tests.silence import silent_server
from tests.waiting import eventually

IN_TIME = 10.0


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    server = Server(tmp_path, POSTGRESQL_DB_URL="")
    server.start()
    server.wait_until_ready()
    yield server
    server.stop()


def family_of(server: Server) -> list[psutil.Process]:
    postmaster = server.postmaster()
    assert postmaster is not None
    return [postmaster, *postmaster.children(recursive=True)]


async def timed(answer: Awaitable[httpx.Response]) -> tuple[httpx.Response, float]:
    began = time.monotonic()
    response = await answer
    return response, time.monotonic() - began


async def test_everybody_is_answered_in_time_and_the_sale_goes_on_afterwards(server: Server) -> None:
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as alice:
        person = {"full_name": "Alice", "email": "a@example.org", "password": PASSWORD}
        await alice.post("/api/v1/sign-up", json={**person, "company_name": "Alice e.V."})
        del person["full_name"]
        assert (await alice.post("/api/v1/sign-in", json=person)).status_code == 200
        stored = await alice.post("/api/v1/event", json=event_body(), headers={"Prefer": "wait=10"})
        buy = f"/api/v1/attendee/buy-ticket/{stored.json()['core_event_data']['event_id']}"
        again = {"Idempotency-Key": "ticket-1"}

        frozen = family_of(server)
        for one in frozen:
            one.suspend()
        try:
            answers = await asyncio.gather(
                timed(alice.get("/")),
                timed(alice.post("/api/v1/sign-in", json=person)),
                timed(alice.post(buy, headers=again)),
                timed(alice.post("/api/v1/event", json=event_body())),
                timed(alice.get("/health/ready")),
            )
        finally:
            for one in frozen:
                one.resume()
        assert [answer.status_code for answer, _ in answers] == [503] * 5
        assert all(int(answer.headers["retry-after"]) >= 1 for answer, _ in answers[:4])
        assert max(seconds for _, seconds in answers) < IN_TIME, answers
        assert answers[-1][1] < 5

        async def bought() -> bool:
            return (await alice.post(buy, headers=again)).status_code == 201

        await eventually(bought, 60)
        assert len((await alice.get("/api/v1/tickets")).json()["items"]) == 1


@pytest.mark.parametrize("command", ["serve", "migrate"])
async def test_a_command_does_not_wait_for_a_silent_database(tmp_path: Path, command: str) -> None:
    async with silent_server() as port:
        server = Server(tmp_path, POSTGRESQL_DB_URL=f"postgresql://postgres@127.0.0.1:{port}/x")
        server.start(str(Path(sys.executable).parent / "eventstream"), command)
        assert server.process is not None
        status = await asyncio.to_thread(server.process.wait, 40)
    assert status == 2
    assert server.log() == "eventstream: The database does not answer: TimeoutError\n"
