"""How many messages per second the log takes, one after the other per sender: the embedded log, and Kafka beside it."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from app.engines.log import Log
from app.main import build_parts
from app.messages import TOPICS, encode
from bench.load import CONNECTIONS, Bench
from bench.spare import spare_database
from tests.cast import settings_for
from tests.flood import event_submitted

SECONDS = 5


async def measure(bench: Bench) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    async for name, log in logs(bench):
        await log.create_topics(TOPICS)
        figures[f"log_{name}_publish_per_s"] = await publishes_per_second(log)
        await log.close()
    return figures


async def logs(bench: Bench) -> AsyncIterator[tuple[str, Log]]:
    async with spare_database(bench) as url:
        parts = build_parts(settings_for(bench.server.folder / "ingest"), url)
        await parts.database.open()
        yield "postgres", parts.log
        await parts.database.close()


async def publishes_per_second(log: Log) -> float:
    """As many senders as there are connections; each waits until its message is durable."""
    records = [encode(event_submitted(number)) for number in range(1, 2001)]
    ends_at, sent = time.perf_counter() + SECONDS, 0

    async def send(sender: int) -> None:
        nonlocal sent
        number = sender
        while time.perf_counter() < ends_at:
            await log.publish([records[number % len(records)]])
            number += CONNECTIONS
            sent += 1

    began = time.perf_counter()
    await asyncio.gather(*(send(sender) for sender in range(CONNECTIONS)))
    return round(sent / (time.perf_counter() - began), 1)
