"""Calls that wait together become one; what goes wrong reaches exactly those it concerns."""

import asyncio

import pytest

from app.batching import Batcher
from app.errors import Unavailable
from tests.waiting import eventually


class Gate:
    """Doubles numbers, one batch at a time, each only after `open()`; remembers the batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.passes = asyncio.Semaphore(0)

    def open(self, times: int = 1) -> None:
        for _ in range(times):
            self.passes.release()

    async def apply(self, items: list[int]) -> list[int]:
        self.batches.append(items)
        await self.passes.acquire()
        if 13 in items:
            raise ValueError("13")
        return [item * 2 for item in items]


async def submit_first(batcher: Batcher[int, int], gate: Gate, *items: int) -> list[asyncio.Task[int]]:
    """The first of `items` is under way when this returns, the rest wait."""
    tasks = [asyncio.create_task(batcher.submit(item)) for item in items[:1]]
    await eventually(lambda: gate.batches)
    tasks += [asyncio.create_task(batcher.submit(item)) for item in items[1:]]
    await eventually(lambda: len(batcher.waiting) == len(items) - 1)
    return tasks


async def test_calls_that_wait_together_are_one_and_get_their_own_results() -> None:
    gate = Gate()
    tasks = await submit_first(Batcher(gate.apply, limit=10, queue=10), gate, 1, 2, 3, 4)
    gate.open(2)
    assert await asyncio.gather(*tasks) == [2, 4, 6, 8]
    assert gate.batches == [[1], [2, 3, 4]]


async def test_a_batch_is_never_larger_than_the_limit() -> None:
    gate = Gate()
    tasks = await submit_first(Batcher(gate.apply, limit=2, queue=10), gate, 1, 2, 3, 4)
    gate.open(3)
    await asyncio.gather(*tasks)
    assert gate.batches == [[1], [2, 3], [4]]


async def test_a_full_queue_refuses_at_once() -> None:
    gate = Gate()
    batcher = Batcher(gate.apply, limit=10, queue=2)
    tasks = await submit_first(batcher, gate, 1, 2, 3)
    with pytest.raises(Unavailable) as refused:
        await batcher.submit(4)
    assert refused.value.retry_after
    gate.open(2)
    assert await asyncio.gather(*tasks) == [2, 4, 6]


async def test_a_failing_batch_fails_its_own_calls_and_no_others() -> None:
    gate = Gate()
    tasks = await submit_first(Batcher(gate.apply, limit=2, queue=10), gate, 1, 13, 2, 3)
    gate.open(3)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [result if isinstance(result, int) else str(result) for result in results] == [2, "13", "13", 6]


async def test_the_wrong_number_of_results_is_an_error_for_all_without_one() -> None:
    async def forgetful(items: list[int]) -> list[int]:
        return items[:-1]

    batcher: Batcher[int, int] = Batcher(forgetful, limit=10, queue=10)
    with pytest.raises(ValueError, match="shorter"):
        await batcher.submit(1)


async def test_a_cancelled_call_does_not_disturb_its_batch() -> None:
    gate = Gate()
    first, waiting, under_way, other = await submit_first(Batcher(gate.apply, limit=10, queue=10), gate, 1, 2, 3, 4)
    waiting.cancel()
    gate.open()
    await eventually(lambda: len(gate.batches) == 2)
    under_way.cancel()
    gate.open()
    assert (await first, await other) == (2, 8)
    assert gate.batches == [[1], [3, 4]]


async def test_it_works_again_after_the_queue_was_empty() -> None:
    gate = Gate()
    batcher = Batcher(gate.apply, limit=10, queue=10)
    gate.open(2)
    assert [await batcher.submit(1), await batcher.submit(2)] == [2, 4]


async def test_close_finishes_what_waits_and_then_refuses() -> None:
    gate = Gate()
    batcher = Batcher(gate.apply, limit=10, queue=10)
    tasks = await submit_first(batcher, gate, 1, 2)
    closing = asyncio.create_task(batcher.close())
    await eventually(lambda: batcher.closed)
    with pytest.raises(Unavailable):
        await batcher.submit(3)
    gate.open(2)
    await closing
    assert [task.result() for task in tasks] == [2, 4]


async def test_a_close_that_takes_too_long_leaves_nobody_waiting() -> None:
    gate = Gate()
    batcher = Batcher(gate.apply, limit=1, queue=10)
    tasks = await submit_first(batcher, gate, 1, 2, 3)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(batcher.close(), 0.05)
    results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 2)
    assert all(isinstance(result, Unavailable) for result in results)
    await batcher.close()


async def come_as_a_crowd(batcher: Batcher[int, int], gate: Gate) -> None:
    """The last batch had two; the gate is open for two more."""
    tasks = await submit_first(batcher, gate, 1, 2, 3)
    gate.open(4)
    await asyncio.gather(*tasks)


async def test_a_crowd_that_comes_back_is_waited_for() -> None:
    gate = Gate()
    batcher = Batcher(gate.apply, limit=10, queue=10, patience=60)
    await come_as_a_crowd(batcher, gate)
    again = [asyncio.create_task(batcher.submit(4))]
    await eventually(lambda: batcher.gathered is not None)
    again.append(asyncio.create_task(batcher.submit(5)))
    assert await asyncio.gather(*again) == [8, 10]
    assert gate.batches == [[1], [2, 3], [4, 5]]


async def test_most_of_a_crowd_are_enough_where_its_size_varies() -> None:
    gate = Gate()
    batcher = Batcher(gate.apply, limit=10, queue=10, patience=60, share=0.5)
    await come_as_a_crowd(batcher, gate)
    async with asyncio.timeout(1):  # all of them would be waited for more than twice as long
        assert await batcher.submit(4) == 8, "one of two"


async def test_one_who_comes_alone_after_a_crowd_waits_for_nobody_for_long() -> None:
    gate = Gate()
    batcher = Batcher(gate.apply, limit=10, queue=10, patience=0.01)
    await come_as_a_crowd(batcher, gate)
    assert await batcher.submit(4) == 8
    assert batcher.crowd == 1
    assert await batcher.submit(5) == 10


async def test_a_few_are_waited_for_a_little() -> None:
    gate = Gate()
    batcher = Batcher(gate.apply, limit=10, queue=10, patience=2.0)
    await come_as_a_crowd(batcher, gate)
    began = asyncio.get_running_loop().time()
    assert await batcher.submit(4) == 8
    assert 0.05 < asyncio.get_running_loop().time() - began < 1.0, "two of fifty: a twenty-fifth of it"


async def test_closing_waits_for_nobody_who_may_come_back() -> None:
    gate = Gate()
    batcher = Batcher(gate.apply, limit=10, queue=10, patience=60)
    await come_as_a_crowd(batcher, gate)
    last = asyncio.create_task(batcher.submit(4))
    await eventually(lambda: batcher.gathered is not None)
    await batcher.close()
    assert last.result() == 8
