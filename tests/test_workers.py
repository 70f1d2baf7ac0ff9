"""Several processes behind one port: started, replaced and ended by their parent."""

import asyncio
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest

from tests.crowd import crowd
from tests.given import GIVEN
from tests.process import Server, living
from tests.test_crash import WAITING_FOR_A_ROW, festival_of
from tests.waiting import eventually

TOGETHER = 2


@pytest.fixture(scope="module")
def only() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    server = Server(folder, WORKERS=str(TOGETHER), EVENTSTREAM_DEMO="1")
    yield server
    server.stop()
    server.kill_database()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def server(only: Server) -> Server:
    """The one of this module, started again where a test has ended it."""
    if only.process is None or only.process.poll() is not None:
        (only.folder / "server.log").unlink(missing_ok=True)
        only.start()
    only.wait_until_ready(120)
    return only


def workers(server: Server) -> list[psutil.Process]:
    assert server.process is not None
    children = psutil.Process(server.process.pid).children()
    return [child for child in children if living(child) and "spawn_main" in " ".join(child.cmdline())]


async def all_serve(server: Server) -> None:
    """The first one answers before the others have started."""
    await eventually(lambda: "EventStream is at" in server.log(), 60)


async def test_they_share_the_port_and_one_greeting_and_one_demo(server: Server) -> None:
    await all_serve(server)
    assert len(workers(server)) == TOGETHER
    await eventually(lambda: httpx.get(server.url).text.count("-480.webp") == 3, 60)
    assert server.log().count("EventStream is at") == 1
    assert "Traceback" not in server.log()


async def test_a_killed_one_is_started_again(server: Server) -> None:
    await all_serve(server)
    victim = workers(server)[0]
    victim.kill()

    def replaced() -> bool:
        return len(workers(server)) == TOGETHER and victim not in workers(server)

    await eventually(replaced, 30)
    await eventually(lambda: "worker died" in server.log(), 10)
    await eventually(lambda: httpx.get(f"{server.url}/health/ready", timeout=10).status_code == 200, 30)
    assert server.log().count("EventStream is at") == 1


@pytest.mark.parametrize("group", [True, False])
async def test_a_stop_leaves_nothing_within_two_seconds(server: Server, group: bool) -> None:
    await all_serve(server)
    assert server.process is not None
    if group:
        server.signal_group(signal.SIGINT)
    else:
        os.kill(server.process.pid, signal.SIGTERM)
    assert server.process.wait(20) == 0
    ended_at = time.monotonic()
    while left := server.leftovers():
        assert time.monotonic() - ended_at < 2, left
    assert "worker killed" not in server.log()


async def test_who_comes_while_they_stop_is_refused_and_not_kept_waiting(server: Server) -> None:
    await all_serve(server)
    connection = await asyncpg.connect(server.database_url)
    (organizer,) = await crowd(connection, "organizer", 1, role="organizer")
    (buyer,) = await crowd(connection, "attendee", 1)
    event_id = await festival_of(server, organizer)
    holder = await asyncpg.connect(server.database_url)
    await holder.execute("BEGIN")
    await holder.execute("SELECT 1 FROM events WHERE id = $1 FOR UPDATE", event_id)
    path = f"/api/v1/attendee/buy-ticket/{event_id}"
    async with httpx.AsyncClient(base_url=server.url, timeout=20) as client:
        waiting = asyncio.create_task(client.post(path, headers={"Cookie": f"session={buyer}"}))
        await eventually(lambda: connection.fetchval(WAITING_FOR_A_ROW))
        server.signal_group(signal.SIGTERM)
        await eventually(lambda: refuses(server), 3)
        await holder.close()
        assert (await waiting).status_code == 201
    await connection.close()
    assert server.process is not None
    assert await asyncio.to_thread(server.process.wait, 20) == 0


async def refuses(server: Server) -> bool:
    """Whether nobody, and not even the system, takes a connection any more."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


async def test_they_end_with_a_parent_that_was_killed(server: Server) -> None:
    await all_serve(server)
    assert server.process is not None
    server.process.kill()
    server.process.wait()
    killed_at, seconds = time.monotonic(), 10 if GIVEN else 2  # real engines take longer to be left
    while left := [words for words in server.leftovers() if "bin/postgres" not in words and "postgres:" not in words]:
        assert time.monotonic() - killed_at < seconds, left


def test_a_taken_port_is_named(server: Server) -> None:
    other = Server(server.folder, PORT=str(server.port))
    other.start()
    assert other.process is not None
    assert other.process.wait(60) == 2
    assert f"PORT={server.port}: Address already in use" in other.log()
