"""One line for each event, with an end, and one look for all who look."""

import asyncio

import pytest

from app import turns
from app.errors import Unavailable
from app.turns import Turns
from tests.waiting import eventually


@pytest.mark.parametrize(("limit", "value"), [("MOST", 1), ("WAIT_SECONDS", 0.01)])
async def test_a_line_that_is_too_long_or_too_slow_turns_away_and_others_go_on(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: float
) -> None:
    monkeypatch.setattr(turns, limit, value)
    line = Turns()
    async with line.of(1):
        with pytest.raises(Unavailable) as refused:
            async with line.of(1):
                pass
        assert refused.value.retry_after == 1
        async with line.of(2):
            pass
    async with line.of(1):
        pass
    assert not line.lines
    assert not line.waiting


async def test_who_gives_up_leaves_the_line() -> None:
    line = Turns()

    async def wait() -> None:
        async with line.of(1):
            pass

    async with line.of(1):
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert line.waiting == {1: 1}
    assert not line.lines


async def test_who_asks_while_the_work_is_under_way_waits_for_it_and_who_asks_later_has_it_done_again() -> None:
    line, go, began = Turns(), asyncio.Event(), []

    async def work() -> None:
        began.append(1)
        await go.wait()

    async def elsewhere() -> None:
        began.append(2)

    asking = [asyncio.create_task(line.share(1, work)) for _ in range(3)]
    await eventually(lambda: began)
    asking.append(asyncio.create_task(line.share(1, work)))
    await line.share(2, elsewhere)
    assert (began, any(one.done() for one in asking)) == ([1, 2], False)
    go.set()
    await asyncio.gather(*asking)
    assert began == [1, 2]
    await line.share(1, work)
    assert began == [1, 2, 1]
    assert not line.under_way


async def test_shared_work_that_fails_fails_for_all_who_asked_and_for_nobody_later() -> None:
    line, errors = Turns(), [Unavailable("The database is away.")]

    async def work() -> None:
        if errors:
            raise errors.pop()

    failed = await asyncio.gather(*(line.share(1, work) for _ in range(3)), return_exceptions=True)
    assert [str(error) for error in failed] == ["The database is away."] * 3
    await line.share(1, work)


async def test_who_gives_up_does_not_end_the_work_for_the_others() -> None:
    line, go, done = Turns(), asyncio.Event(), []

    async def work() -> None:
        await go.wait()
        done.append(1)

    first, *others = [asyncio.create_task(line.share(1, work)) for _ in range(3)]
    await eventually(lambda: line.under_way)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    go.set()
    await asyncio.gather(*others)
    assert done == [1]
