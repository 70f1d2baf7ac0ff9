"""A server that has consumed much is no larger than one that has consumed some."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from app.main import build_parts
from app.settings import Settings
from tests.flood import event_submitted, flood, resident_mib
from tests.given import database_of
from tests.process import Server
from tests.waiting import eventually

WARM_UP, MESSAGES = 5_000, 20_000
MOST_MIB = 50


@pytest.fixture
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    server = Server(folder)
    server.start()
    server.wait_until_ready(120)
    yield server
    server.stop()
    server.kill_database()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.timeout(400)
async def test_memory_stays_flat_over_twenty_thousand_messages(server: Server) -> None:
    url = database_of(server.folder / "data")
    parts = build_parts(Settings.from_env(server.environment), url)
    await parts.database.open()
    connection = await asyncpg.connect(url)
    assert server.process is not None

    async def recorded(count: int) -> bool:
        return bool(await connection.fetchval("SELECT count(*) FROM events") == count)

    await flood(parts.log, event_submitted, 1, WARM_UP)
    await eventually(lambda: recorded(WARM_UP), 150)
    before = resident_mib(server.process.pid)
    await flood(parts.log, event_submitted, 1 + WARM_UP, MESSAGES)
    await eventually(lambda: recorded(WARM_UP + MESSAGES), 150)
    assert resident_mib(server.process.pid) - before < MOST_MIB
    await connection.close()
    await parts.log.close()
    await parts.documents.close()
    await parts.database.close()
