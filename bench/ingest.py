"""How many messages per second the log takes, alone and behind the API: the embedded log, and Kafka beside it."""

import asyncio
import json
import time
from typing import Any

from app.engines.log import Log
from app.main import build_parts
from app.messages import TOPICS, encode
from bench.load import CONNECTIONS, PLENTY, Bench, wrk
from bench.spare import another_server, spare_database
from tests.cast import event_body, settings_for
from tests.flood import event_submitted
from tests.servers.cache import ServersError, require
from tests.servers.kafka import Kafka

SECONDS = 5
MESSAGES = 2_000


async def measure(bench: Bench) -> dict[str, Any]:
    figures = {"log_postgres_publish_per_s": await publishes_per_second(bench, {})}
    try:
        kafka = Kafka(bench.server.folder / "engines")
        require(set(kafka.tools_needed()))
        await asyncio.to_thread(kafka.start)
    except ServersError as error:
        print(f"(nothing of Kafka: {error})")
        return figures
    try:
        figures["log_kafka_publish_per_s"] = await publishes_per_second(bench, kafka.settings())
        figures |= await behind_the_api(bench, kafka.settings())
    finally:
        kafka.stop()
    return figures


async def publishes_per_second(bench: Bench, environment: dict[str, str]) -> float:
    """As many senders as there are connections; each waits until its message is durable."""
    async with spare_database(bench) as url:
        parts = build_parts(settings_for(bench.server.folder / "ingest", **environment), url)
        await parts.database.open()
        await parts.log.create_topics(TOPICS)
        per_second = await senders(parts.log)
        await parts.log.close()
        await parts.database.close()
    return per_second


async def senders(log: Log) -> float:
    records = [encode(event_submitted(number)) for number in range(1, MESSAGES + 1)]
    began, sent = time.perf_counter(), 0

    async def send(place: int) -> None:
        nonlocal sent
        while time.perf_counter() < began + SECONDS:
            await log.publish([records[place % MESSAGES]])
            place += CONNECTIONS
            sent += 1

    await asyncio.gather(*(send(place) for place in range(CONNECTIONS)))
    return round(sent / (time.perf_counter() - began), 1)


async def behind_the_api(bench: Bench, environment: dict[str, str]) -> dict[str, Any]:
    """`POST /event` of a server whose log is Kafka; `event_post` is the same on the embedded log."""
    async with another_server(bench, "kafka", **environment, **PLENTY) as other:
        run = wrk(other.server.url, "POST", "/api/v1/event", json.dumps(event_body()), SESSION=other.organizer)
    return {f"event_post_kafka_{name}": run[name] for name in ("per_s", "p50_ms", "p99_ms")}
