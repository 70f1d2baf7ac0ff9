"""A request of 200 MiB in 20 files passes through the server without staying in its memory."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.domain.media import MAX_FILES
from app.pictures import MAX_BYTES
from tests.cast import PASSWORD, picture, project_fields
from tests.flood import resident_mib
from tests.given import EMBEDDED, GIVEN
from tests.process import Server
from tests.waiting import eventually

MOST_MIB = 50
STORES: dict[str, dict[str, str]] = {"folder": EMBEDDED, **({"s3": {}} if "AWS_S3_BUCKET_NAME" in GIVEN else {})}


@pytest.fixture(params=STORES)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    server = Server(folder, RATE_LIMIT_SUBMIT="1000/minute", **STORES[request.param])
    server.start()
    server.wait_until_ready(120)
    yield server
    server.stop()
    server.kill_database()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A picture as large as one may be; what follows its last pixel is read by nobody."""
    small = picture()
    path = tmp_path / "large.jpg"
    path.write_bytes(small + os.urandom(MAX_BYTES - len(small)))
    return path


class Watch:
    """The most memory that was seen while the block ran."""

    def __init__(self, server: Server) -> None:
        assert server.process is not None
        self.pid = server.process.pid
        self.most = self.before = resident_mib(self.pid)

    async def __aenter__(self) -> "Watch":
        self.looking = asyncio.create_task(self.look())
        return self

    async def __aexit__(self, *error: object) -> None:
        self.looking.cancel()

    async def look(self) -> None:
        while True:
            self.most = max(self.most, resident_mib(self.pid))
            await asyncio.sleep(0.01)


async def stored(client: httpx.AsyncClient, sent: httpx.Response) -> bool:
    return bool((await client.get(sent.headers["location"])).json()["state"] == "stored")


def files(field: str, paths: list[Path]) -> Any:
    return [(field, (path.name, path.open("rb"))) for path in paths]


@pytest.mark.timeout(400)
async def test_two_hundred_mebibytes_in_twenty_files_leave_memory_as_it_was(server: Server, large: Path) -> None:
    async with httpx.AsyncClient(base_url=server.url, timeout=200) as alice:
        person = {"full_name": "Alice", "email": "alice@example.org", "password": PASSWORD}
        await alice.post("/api/v1/sign-up", json={**person, "company_name": "Alice e.V."})
        await alice.post("/api/v1/sign-in", json={"email": person["email"], "password": PASSWORD})
        warm_up = await alice.post("/api/v1/new-project", data=project_fields(), files=files("images", [large]))
        await eventually(lambda: stored(alice, warm_up), 60)

        async with Watch(server) as memory:
            sent = await alice.post(
                "/api/v1/new-project", data=project_fields(), files=files("images", [large] * MAX_FILES)
            )
            assert sent.status_code == 202, sent.text
            await eventually(lambda: stored(alice, sent), 120)
            added = await alice.post("/api/v1/new-media", files=files("media_file", [large] * MAX_FILES))
            assert added.status_code == 201, added.text
        assert memory.most - memory.before < MOST_MIB
