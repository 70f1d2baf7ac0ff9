"""Group commit of purchases: those that wait for the same event are a batch, and batches share a transaction.

Correct with any number of processes, since the events' rows are locked; the queues are only for speed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeVar

import asyncpg
import structlog

from app.batching import Batcher
from app.domain.sale import Decided, Lock, Purchase, turn_away
from app.domain.stock import lock_statement
from app.domain.wishes import Wish
from app.engines.database import Connection, Database
from app.errors import AppError, Unavailable, first_line

T = TypeVar("T")

log = structlog.get_logger()

BATCH, QUEUE = 256, 10_000
EVENTS_TOGETHER, WISHES_TOGETHER = 64, 256
MOST_OF_THEM = 0.8
"""As many people want tickets of more events now, and of fewer then: waiting for all of the last ones is in vain."""
WAIT_SECONDS = 9.0
"""Shorter than `SHUTDOWN_SECONDS` is unless somebody sets it: a stop tells everybody who waits what was decided."""
ALONE_AT_ONCE = 4
TRIES = 5
QUEUES_KEPT = 1_000
IN_THE_WAY = (asyncpg.TransactionRollbackError, asyncpg.LockNotAvailableError)
RIVALS = {"idempotency_keys_pkey", "one_live_ticket", "tickets_code_key"}


class Sell(Protocol):
    async def __call__(
        self, connection: Connection, wishes: Mapping[int, Sequence[Wish]], lock: Lock = "wait"
    ) -> dict[int, Decided]: ...


Batch = tuple[int, list[Wish]]
"""An event, and who waits for it."""

Queue = Batcher[Wish, Purchase | AppError]


class SaleDesk:
    """One bounded queue per event; each gives one batch at a time, so a hot event does not starve the others.

    Batches of several events are decided together where nobody else has locked an event; a batch that is the only one,
    or did not get its lock, is decided alone. `sold_out` remembers where nothing was left: there a batch first looks
    without the lock whether that is still so. `sold` is called when something may have been sold.
    """

    def __init__(self, database: Database, sell: Sell, sold: Callable[[], None] = lambda: None) -> None:
        self.database = database
        self.sell = sell
        self.sold = sold
        self.queues: dict[int, Queue] = {}
        self.sold_out: set[int] = set()
        self.together: Batcher[Batch, Decided | None] = Batcher(
            self.decide_together, EVENTS_TOGETHER, QUEUE, share=MOST_OF_THEM
        )
        self.turns = asyncio.Semaphore(ALONE_AT_ONCE)
        self.closed = False

    async def buy(self, event_id: int, wish: Wish) -> Purchase | AppError:
        """The decision, once it is committed; raises `Unavailable` when too many wait for this event, or too long."""
        if event_id not in self.queues:
            if self.closed:
                raise Unavailable("The server is stopping.", retry_after=2)
            self.forget_idle()
            self.queues[event_id] = Batcher(lambda wishes: self.serve(event_id, wishes), limit=BATCH, queue=QUEUE)
        decision = self.queues[event_id].enqueue(wish)
        giving_up = asyncio.get_running_loop().call_later(WAIT_SECONDS, give_up, decision)
        try:
            return await decision
        finally:
            giving_up.cancel()

    async def serve(self, event_id: int, wishes: list[Wish]) -> Sequence[Purchase | AppError]:
        decided = (
            await self.turned_away(event_id, wishes)
            or await self.together.submit((event_id, wishes))
            or await self.decide_alone(event_id, wishes)
        )
        if decided.sold_out:
            self.sold_out.add(event_id)
        return decided.answers

    async def turned_away(self, event_id: int, wishes: list[Wish]) -> Decided | None:
        if event_id not in self.sold_out:
            return None
        decided = await self.attempt(lambda connection: turn_away(connection, event_id, wishes))
        if decided is None:
            self.sold_out.discard(event_id)
        return decided

    async def decide_together(self, batches: list[Batch]) -> list[Decided | None]:
        """None for each that has to be decided alone: a large one, for which the others would wait; and all of them
        where something is wrong with one, which alone will fail for those it concerns.
        """
        small = few_wishes(batches)
        decided: dict[int, Decided] | None = None
        committing = False

        async def decide(connection: Connection) -> dict[int, Decided]:
            nonlocal committing
            found = await self.sell(connection, small, "skip")
            committing = True
            return found

        if len(small) > 1 or self.turns.locked():  # one alone would wait for locks that are none of its business
            try:
                decided = await self.attempt(decide)
            except Exception as error:
                if committing:  # nobody knows whether it is done, and deciding again might sell twice
                    raise
                log.warning("events are decided one by one", error=first_line(error))
        return [decided.get(event_id) if decided else None for event_id, _ in batches]

    async def decide_alone(self, event_id: int, wishes: list[Wish]) -> Decided:
        """A batch that another process got in the way of is decided again, and then sees what that one did."""
        for _ in range(TRIES):
            async with self.turns:
                decided = await self.attempt(
                    lambda connection: self.sell(connection, {event_id: wishes}, "held"), lock_statement(event_id)
                )
                if decided:
                    return decided[event_id]
        raise Unavailable("Too many purchases at the same moment.", retry_after=1)

    async def attempt(self, decide: Callable[[Connection], Awaitable[T]], first: str = "") -> T | None:
        """What `decide` says in a transaction of its own; None when another process got in the way."""
        try:
            async with self.database.transaction(first) as connection:
                decided = await decide(connection)
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name not in RIVALS:
                raise
            return None
        except Unavailable as error:
            if not isinstance(error.__cause__, IN_THE_WAY):
                raise
            return None
        self.sold()
        return decided

    @property
    def busy(self) -> bool:
        return any(queue.busy for queue in self.queues.values())

    def forget_idle(self) -> None:
        if len(self.queues) >= QUEUES_KEPT:
            self.queues = {event_id: queue for event_id, queue in self.queues.items() if queue.busy}
            self.sold_out &= self.queues.keys()

    async def close(self) -> None:
        """Decide what waits, take nothing new."""
        self.closed = True
        await asyncio.gather(*(queue.close() for queue in self.queues.values()))
        await self.together.close()


def give_up(decision: asyncio.Future[Purchase | AppError]) -> None:
    if not decision.done():
        decision.set_exception(
            Unavailable("This takes too long; what was decided, the same key will tell.", retry_after=2)
        )


def few_wishes(batches: Sequence[Batch]) -> dict[int, list[Wish]]:
    """The smallest batches, up to `WISHES_TOGETHER`."""
    chosen: dict[int, list[Wish]] = {}
    left = WISHES_TOGETHER
    for event_id, wishes in sorted(batches, key=lambda batch: len(batch[1])):
        left -= len(wishes)
        if left < 0:
            break
        chosen[event_id] = wishes
    return chosen
