"""A migrated database of its own on the server that is measured, so that its consumers see nothing of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.engines.database import migrate_async
from bench.load import Bench

NAME = "spare"


@asynccontextmanager
async def spare_database(bench: Bench) -> AsyncIterator[str]:
    await bench.connection.execute(f"CREATE DATABASE {NAME}")
    url = bench.database_url.replace("/eventstream?", f"/{NAME}?")
    await migrate_async(url)
    yield url
    await bench.connection.execute(f"DROP DATABASE {NAME} WITH (FORCE)")
