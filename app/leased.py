"""Work in steps, each done by the one process that is at it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from app.engines.database import Database
from app.errors import Unavailable
from app.singletons import Singleton
from app.supervision import Health


class Leased:
    """Repeats `step` where the lease `name` is: when woken, and every `every` seconds without having been told.

    `step` says whether there is more to do; after each there are `rest()` seconds, so that what comes together is done
    together and what matters more goes first. The lease only saves work, so a step must be right at any time.
    """

    def __init__(
        self,
        name: str,
        database: Database,
        step: Callable[[], Awaitable[bool]],
        every: float,
        rest: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.name = name
        self.step = step
        self.every = every
        self.rest = rest
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
            await asyncio.sleep(self.rest())
            if not more:
                with suppress(TimeoutError):  # then look without having been told
                    async with asyncio.timeout(self.every):
                        await self.bell.wait()
