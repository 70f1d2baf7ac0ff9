"""Waiting for a condition instead of sleeping for a guess."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any


async def eventually(condition: Callable[[], Any], seconds: float = 10) -> Any:
    """The first truthy answer of `condition`; fails the test when there was none in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {condition!r}, last answer {answer!r}")
        await asyncio.get_running_loop().run_in_executor(None, time.sleep, 0.02)
