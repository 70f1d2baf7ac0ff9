"""Work in steps, each done by the one process that is at it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from app.engines.database import Database
from app.errors import Unavailable
from app.singletons import Singleton
from app.supervision import Health

GATHER_SECONDS = 0.05


class Leased:
    """Repeats `step` where the lease `name` is: when woken, and every `every` seconds without having been told.

    `step` says whether there is more to do. The lease only saves work, so a step must be right at any time.
    """

    def __init__(self, name: str, database: Database, step: Callable[[], Awaitable[bool]], every: float) -> None:
        self.name = name
        self.step = step
        self.every = every
        self.bell = asyncio.Event()
        self.run = Singleton(database, name, self.repeat).run

    def wake(self) -> None:
        self.bell.set()

    async def repeat(self, health: Health) -> None:
        while True:
            self.bell.clear()
            try:
                more = await self.step()
                health.state, health.error = "running", None
            except Unavailable as error:
                health.state, health.error, more = "retrying", error.detail, False
            if not more:
                with suppress(TimeoutError):  # then look without having been told
                    async with asyncio.timeout(self.every):
                        await self.bell.wait()
                        await asyncio.sleep(GATHER_SECONDS)  # what comes together is done together
