"""What errors of Kafka's client mean, and how to let go of a client all the same."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from aiokafka.errors import KafkaError

from app.errors import Unavailable
from app.phrases import Phrase


@contextmanager
def unavailable_when_away() -> Iterator[None]:
    """Turns what repeating may mend into `Unavailable`, and leaves every other error as it is."""
    try:
        yield
    except (OSError, TimeoutError) as error:
        raise Unavailable("Kafka does not answer.", retry_after=2) from error
    except KafkaError as error:
        if not error.retriable:
            raise
        raise Unavailable(
            Phrase("Kafka does not answer: %(error)s.", error=type(error).__name__), retry_after=2
        ) from error


async def bounded(closing: Coroutine[Any, Any, None], seconds: float) -> None:
    """Runs a client's way to close in a task of its own: with the broker away some hang, and some are cancelled."""
    task = asyncio.create_task(closing)
    for _ in range(2):
        await asyncio.wait([task], timeout=seconds)
        if task.done():
            break
        task.cancel()
    if task.done() and not task.cancelled() and (error := task.exception()) and not isinstance(error, KafkaError):
        raise error
