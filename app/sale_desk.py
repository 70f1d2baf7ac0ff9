"""Group commit of purchases: those that wait for the same event share a transaction.

Correct with any number of processes, since the event's row is locked; the queue is only for speed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import asyncpg

from app.batching import Batcher
from app.domain.sale import Decided, Purchase, Wish, turn_away
from app.engines.database import Connection, Database
from app.errors import AppError, Unavailable

BATCH, QUEUE = 256, 10_000
AT_ONCE = 4
TRIES = 5
QUEUES_KEPT = 1_000
RIVALS = {"idempotency_keys_pkey", "one_live_ticket", "tickets_code_key"}

Sell = Callable[[Connection, int, Sequence[Wish]], Awaitable[Decided]]
Queue = Batcher[Wish, Purchase | AppError]


class SaleDesk:
    """One bounded queue per event. Batches of different events take turns, so a hot one does not starve the others.

    `sold_out` remembers where nothing was left: there a batch first looks without the lock whether that is still so.
    `sold` is called when something has been sold.
    """

    def __init__(self, database: Database, sell: Sell, sold: Callable[[], None] = lambda: None) -> None:
        self.database = database
        self.sell = sell
        self.sold = sold
        self.queues: dict[int, Queue] = {}
        self.sold_out: set[int] = set()
        self.turns = asyncio.Semaphore(AT_ONCE)

    async def buy(self, event_id: int, wish: Wish) -> Purchase | AppError:
        """The decision, once it is committed; raises `Unavailable` when too many wait for this event."""
        if event_id not in self.queues:
            self.forget_idle()
            self.queues[event_id] = Batcher(lambda wishes: self.serve(event_id, wishes), limit=BATCH, queue=QUEUE)
        return await self.queues[event_id].submit(wish)

    async def serve(self, event_id: int, wishes: list[Wish]) -> Sequence[Purchase | AppError]:
        """A batch that another process got in the way of is decided again, and then sees what that one did."""
        for _ in range(TRIES):
            async with self.turns:
                try:
                    return await self.decide(event_id, wishes)
                except asyncpg.UniqueViolationError as error:
                    if error.constraint_name not in RIVALS:
                        raise
                except Unavailable as error:
                    if not isinstance(error.__cause__, asyncpg.TransactionRollbackError):
                        raise
        raise Unavailable("Too many purchases at the same moment.", retry_after=1)

    async def decide(self, event_id: int, wishes: list[Wish]) -> Sequence[Purchase | AppError]:
        if event_id in self.sold_out:
            async with self.database.transaction() as connection:
                turned_away = await turn_away(connection, event_id, wishes)
            if turned_away is not None:
                return turned_away.answers
            self.sold_out.discard(event_id)
        async with self.database.transaction() as connection:
            decided = await self.sell(connection, event_id, wishes)
        if decided.sold_out:
            self.sold_out.add(event_id)
        self.sold()
        return decided.answers

    @property
    def busy(self) -> bool:
        return any(queue.busy for queue in self.queues.values())

    def forget_idle(self) -> None:
        if len(self.queues) >= QUEUES_KEPT:
            self.queues = {event_id: queue for event_id, queue in self.queues.items() if queue.busy}
            self.sold_out &= self.queues.keys()

    async def close(self) -> None:
        """Decide what waits, take nothing new."""
        await asyncio.gather(*(queue.close() for queue in self.queues.values()))
