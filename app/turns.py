"""Who wants to change the same event waits in one line, and who looks at it for one who looks first, before taking a
connection that others could use.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from app.errors import Unavailable

MOST, WAIT_SECONDS = 10_000, 9.0


class Turns:
    """A line for each event, in order of arrival."""

    def __init__(self) -> None:
        self.lines: dict[int, asyncio.Lock] = {}
        self.waiting: Counter[int] = Counter()
        self.under_way: dict[int, asyncio.Task[None]] = {}

    @asynccontextmanager
    async def of(self, event_id: int) -> AsyncIterator[None]:
        """Raises `Unavailable` when too many wait for this event, or too long."""
        if self.waiting[event_id] >= MOST:
            raise too_many()
        line = self.lines.setdefault(event_id, asyncio.Lock())
        self.waiting[event_id] += 1
        try:
            try:
                await asyncio.wait_for(line.acquire(), WAIT_SECONDS)
            except TimeoutError as error:
                raise too_many() from error
            try:
                yield
            finally:
                line.release()
        finally:
            self.waiting[event_id] -= 1
            if not self.waiting[event_id]:
                del self.waiting[event_id], self.lines[event_id]

    async def share(self, event_id: int, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """`work`, done by one for all who ask while it is under way."""
        if event_id not in self.under_way:
            self.under_way[event_id] = asyncio.create_task(work())
            self.under_way[event_id].add_done_callback(lambda _: self.under_way.pop(event_id))
        await asyncio.shield(self.under_way[event_id])


def too_many() -> Unavailable:
    return Unavailable("Too many requests wait for the same thing.", retry_after=1)
