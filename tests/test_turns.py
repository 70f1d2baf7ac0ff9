"""One line for each event, with an end."""

import asyncio

import pytest

from app import turns
from app.errors import Unavailable
from app.turns import Turns


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
