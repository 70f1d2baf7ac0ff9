"""Long-running tasks that are started again when they die, and say so."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import msgspec
import structlog

from app.errors import first_line

log = structlog.get_logger()

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
STEADY_SECONDS = 60.0


class Stopped(Exception):
    """Raised by a task that must not be started again before somebody has looked at it."""


class Health(msgspec.Struct, kw_only=True):
    """`state`: starting, running, standby (another process does it), retrying, restarting or stopped."""

    state: str = "starting"
    restarts: int = 0
    error: str | None = None


class Supervised:
    """Runs `work` for ever. Any end of it that `stop` did not ask for is a crash, cancellation included."""

    def __init__(self, name: str, work: Callable[[Health], Awaitable[None]], topics: tuple[str, ...] = ()) -> None:
        self.name = name
        self.work = work
        self.topics = topics
        self.health = Health()
        self.stopping = False
        self.task: asyncio.Task[None] | None = None
        self.keeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.keeper = asyncio.create_task(self.keep(), name=f"keeper of {self.name}")

    async def stop(self) -> None:
        self.stopping = True
        for task in (self.task, self.keeper):
            if task is not None:
                task.cancel()
        await asyncio.gather(*(task for task in (self.task, self.keeper) if task), return_exceptions=True)

    async def keep(self) -> None:
        pause = FIRST_PAUSE
        while not self.stopping:
            began = asyncio.get_running_loop().time()
            self.task = asyncio.create_task(self.attempt(), name=self.name)
            await asyncio.wait([self.task])
            error = asyncio.CancelledError("cancelled") if self.task.cancelled() else self.task.exception()
            if self.stopping:
                return
            self.health.error = first_line(error) if error else "it ended by itself"
            if isinstance(error, Stopped):
                self.health.state = "stopped"
                log.error("task stopped", task=self.name, error=self.health.error)
                return
            self.health.state = "restarting"
            self.health.restarts += 1
            log.error("task died", task=self.name, error=self.health.error, restarts=self.health.restarts)
            pause = FIRST_PAUSE if asyncio.get_running_loop().time() - began > STEADY_SECONDS else pause
            await asyncio.sleep(pause * random.uniform(0.75, 1.25))
            pause = min(pause * 2, LONGEST_PAUSE)

    async def attempt(self) -> None:
        await self.work(self.health)
