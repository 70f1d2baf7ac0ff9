"""A migrated database of its own on the server that is measured, so that its consumers see nothing of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from app.engines.database import migrate_async
from bench.load import Bench
from tests.crowd import crowd
from tests.process import Server


@asynccontextmanager
async def spare_database(bench: Bench, name: str = "spare") -> AsyncIterator[str]:
    await bench.connection.execute(f"CREATE DATABASE {name}")
    url = bench.database_url.replace("/eventstream?", f"/{name}?")
    await migrate_async(url)
    yield url
    await bench.connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def another_server(bench: Bench, name: str, **environment: str) -> AsyncIterator[Bench]:
    """A server on such a database, with an organizer."""
    folder = bench.server.folder / name
    folder.mkdir()
    async with spare_database(bench, name) as url:
        connection = await asyncpg.connect(url)
        (organizer,) = await crowd(connection, "organizer", 1, role="organizer")
        server = Server(folder, POSTGRESQL_DB_URL=url, **environment)
        server.start()
        try:
            await asyncio.to_thread(server.wait_until_ready)
            yield Bench(server, bench.noop_url, connection, url, organizer)
        finally:
            server.stop()
            await connection.close()
