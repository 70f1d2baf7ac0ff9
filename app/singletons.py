"""Work that one process at a time does for all of them."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable

from app.engines import leases
from app.engines.database import Database
from app.errors import Unavailable
from app.supervision import Health

LEASE_SECONDS = 15.0
LOOKS = 15
"""How often, while a lease would last, those on standby look whether it is free."""

Work = Callable[[Health], Awaitable[None]]


class Singleton:
    """Its `run` is for a `Supervised` task: works while we hold the lease, and waits for it on standby.

    A lease saves work and no more: one that was lost unnoticed may still overlap for a moment, so `work` must be
    right beside another of its kind.
    """

    def __init__(self, database: Database, name: str, work: Work, lease_seconds: float = LEASE_SECONDS) -> None:
        self.database = database
        self.name = f"singleton/{name}"
        self.work = work
        self.lease_seconds = lease_seconds
        self.holder = uuid.uuid4().hex
        self.ours_until = 0.0

    async def run(self, health: Health) -> None:
        working: asyncio.Task[None] | None = None
        try:
            while True:
                await self.renew(health)
                if working is None and self.ours:
                    working = asyncio.create_task(self.attempt(health), name=self.name)
                elif working is not None and not self.ours:
                    await end(working)
                    working = None
                if working is None:
                    await asyncio.sleep(self.lease_seconds / LOOKS)
                elif (await asyncio.wait([working], timeout=self.pause))[0]:
                    return working.result()
        finally:
            if working is not None:
                await end(working)
                await self.release()

    async def attempt(self, health: Health) -> None:
        health.state, health.error = "running", None
        await self.work(health)

    @property
    def ours(self) -> bool:
        return time.monotonic() < self.ours_until

    @property
    def pause(self) -> float:
        """Until the lease is renewed, or has run out because it could not be."""
        return max(0.0, min(self.lease_seconds / 3, self.ours_until - time.monotonic()))

    async def renew(self, health: Health) -> None:
        """Counted from before we asked, so that we never think it ours for longer than the database does."""
        asked_at = time.monotonic()
        try:
            async with self.database.connection() as connection:
                held = await leases.acquire(connection, [self.name], self.holder, self.lease_seconds)
        except Unavailable as error:
            if not self.ours:
                health.state, health.error = "retrying", error.detail
            return
        self.ours_until = asked_at + self.lease_seconds if held else 0.0
        if not held:
            health.state, health.error = "standby", None

    async def release(self) -> None:
        try:
            async with self.database.connection() as connection:
                await leases.release(connection, [self.name], self.holder)
        except Unavailable:
            return  # it runs out by itself


async def end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
