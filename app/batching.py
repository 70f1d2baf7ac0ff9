"""Group commit: calls that wait at the same time become one."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from app.errors import Unavailable

T = TypeVar("T")
R = TypeVar("R")

PATIENCE = 0.01
WHOLE_CROWD = 50


class Batcher(Generic[T, R]):
    """While one batch is under way the next one gathers.

    A crowd comes back as a crowd: the next batch waits for as many as the last one had, or for a `share` of them where
    that varies, but no more than `patience` seconds, and for fewer than `WHOLE_CROWD` as much less. One alone waits for
    nobody.

    The worker lives as long as somebody waits, so there is no task that could die unseen.
    """

    def __init__(
        self,
        apply: Callable[[list[T]], Awaitable[Sequence[R]]],
        limit: int,
        queue: int,
        patience: float = PATIENCE,
        share: float = 1,
    ) -> None:
        self.apply = apply
        self.limit = limit
        self.queue = queue
        self.patience = patience
        self.share = share
        self.crowd = 1
        self.gathered: asyncio.Future[None] | None = None
        self.waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self.worker: asyncio.Task[None] | None = None
        self.closed = False

    async def submit(self, item: T) -> R:
        """The result for `item`, or the error of its batch; raises `Unavailable` when too many wait."""
        return await self.enqueue(item)

    def enqueue(self, item: T) -> asyncio.Future[R]:
        """As `submit`; who settles the future first takes the item out of its batch, unless that is under way."""
        if self.closed:
            raise Unavailable("The server is stopping.", retry_after=2)
        if len(self.waiting) >= self.queue:
            raise Unavailable("Too many requests wait for the same thing.", retry_after=1)
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self.waiting.append((item, future))
        if self.worker is None or self.worker.done():
            self.worker = asyncio.create_task(self.work())
        if self.gathered is not None and self.is_crowd:
            self.go_on()
        return future

    async def work(self) -> None:
        try:
            while self.waiting:
                await self.gather()
                batch = [self.waiting.popleft() for _ in range(min(self.limit, len(self.waiting)))]
                batch = [(item, future) for item, future in batch if not future.done()]
                self.crowd = len(batch) or 1
                if batch:
                    await self.work_on(batch)
        finally:
            while self.waiting:  # only when cancelled: nobody else would ever answer them
                _, future = self.waiting.popleft()
                if not future.done():
                    future.set_exception(Unavailable("The server is stopping.", retry_after=2))

    async def gather(self) -> None:
        if self.is_crowd or self.closed:
            return
        loop = asyncio.get_running_loop()
        self.gathered = loop.create_future()
        at_last = loop.call_later(self.patience * min(1, self.crowd / WHOLE_CROWD), self.go_on)
        try:
            await self.gathered
        finally:
            at_last.cancel()
            self.gathered = None

    @property
    def is_crowd(self) -> bool:
        return len(self.waiting) >= self.crowd * self.share

    def go_on(self) -> None:
        if self.gathered is not None and not self.gathered.done():
            self.gathered.set_result(None)

    async def work_on(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results = await self.apply([item for item, _ in batch])
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)
        except BaseException as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(error if isinstance(error, Exception) else Unavailable("The server stopped."))
            if not isinstance(error, Exception):
                raise

    @property
    def busy(self) -> bool:
        return self.worker is not None and not self.worker.done()

    async def close(self) -> None:
        """Finish what waits, take nothing new."""
        self.closed = True
        self.go_on()
        if self.worker is not None and self.busy:
            await self.worker
