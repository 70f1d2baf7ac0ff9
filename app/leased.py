"""Work that one process at a time should do, though nothing breaks when two do."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress

from app.engines import leases
from app.engines.database import Database
from app.errors import Unavailable
from app.supervision import Health

LEASE_SECONDS = 15.0
GATHER_SECONDS = 0.05


class Leased:
    """Repeats `step` while the lease `name` is ours: when woken, and every `every` seconds without having been told.

    `step` says whether there is more to do. The lease only saves work, so a step must be right at any time.
    """

    def __init__(self, name: str, database: Database, step: Callable[[], Awaitable[bool]], every: float) -> None:
        self.name = name
        self.database = database
        self.step = step
        self.every = every
        self.holder = uuid.uuid4().hex
        self.renew_at = 0.0
        self.bell = asyncio.Event()

    def wake(self) -> None:
        self.bell.set()

    async def run(self, health: Health) -> None:
        try:
            while True:
                self.bell.clear()
                try:
                    more = await self.step() if await self.is_ours() else False
                    health.state, health.error = "running", None
                except Unavailable as error:
                    health.state, health.error, more = "retrying", error.detail, False
                if not more:
                    with suppress(TimeoutError):  # then look without having been told
                        async with asyncio.timeout(self.every):
                            await self.bell.wait()
                            await asyncio.sleep(GATHER_SECONDS)  # what comes together is done together
        finally:
            await self.give_up()

    async def is_ours(self) -> bool:
        now = asyncio.get_running_loop().time()
        if now >= self.renew_at:
            async with self.database.connection() as connection:
                held = await leases.acquire(connection, [self.name], self.holder, LEASE_SECONDS)
            self.renew_at = now + LEASE_SECONDS / 3 if held else 0.0
            return bool(held)
        return True

    async def give_up(self) -> None:
        self.renew_at = 0.0
        with suppress(Unavailable):  # then it runs out by itself
            async with self.database.connection() as connection:
                await leases.release(connection, [self.name], self.holder)
