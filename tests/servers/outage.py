"""A server is away while the block runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.servers.server import RealServer


@asynccontextmanager
async def stopped(server: RealServer) -> AsyncIterator[None]:
    """Nobody listens any more."""
    await asyncio.to_thread(server.stop)
    try:
        yield
    finally:
        await asyncio.to_thread(server.start)


@asynccontextmanager
async def paused(server: RealServer) -> AsyncIterator[None]:
    """It takes connections and says nothing; a cluster that took it for dead then has to notice that it is not."""
    server.pause()
    try:
        yield
    finally:
        server.resume()
        await asyncio.to_thread(server.wait_until_it_answers)
