"""How many messages per second each store takes, and whether memory stays flat over 200,000."""

import time
from typing import Any

from app.domain.media import PictureFile, keep_upload
from app.engines.log import Record
from app.main import build_parts, tasks_of
from app.messages import TOPICS, ProjectSubmitted, Upload, encode
from app.parts import Parts
from app.supervision import Supervised
from bench.load import Bench
from bench.spare import spare_database
from tests.cast import picture, settings_for
from tests.flood import an_event, envelope, event_submitted, flood, metadata_submitted, resident_mib, some_metadata
from tests.waiting import eventually

MESSAGES, PICTURES = 20_000, 60
WARM_UP, LONG_RUN = 10_000, 200_000


async def measure(bench: Bench) -> dict[str, Any]:
    async with spare_database(bench) as url:
        parts = build_parts(settings_for(bench.server.folder / "consumers"), url)
        await parts.database.open()
        try:
            await parts.log.create_topics(TOPICS)
            figures = await per_store(parts)
        finally:
            parts.pictures.close()
            await parts.log.close()
            await parts.database.close()
    return figures | await memory(bench)


async def per_store(parts: Parts) -> dict[str, Any]:
    """Each group alone, on messages that wait for it."""
    to_postgres, to_mongo, to_s3, *_ = tasks_of(parts)
    await flood(parts.log, event_submitted, 1, MESSAGES)
    figures = {"consume_postgres_per_s": await drained_per_second(parts, to_postgres, MESSAGES)}
    await flood(parts.log, metadata_submitted, 1, MESSAGES)
    figures["consume_mongo_per_s"] = await drained_per_second(parts, to_mongo, MESSAGES)
    await parts.log.publish([await a_project(parts, number) for number in range(1, PICTURES + 1)])
    figures["consume_s3_pictures_per_s"] = await drained_per_second(parts, to_s3, PICTURES)
    return figures


async def drained_per_second(parts: Parts, task: Supervised, count: int) -> float:
    began = time.perf_counter()
    task.start()

    async def drained() -> bool:
        return not sum((await parts.log.lag(task.name, task.topics)).values())

    await eventually(drained, 300)
    seconds = time.perf_counter() - began
    await task.stop()
    return round(count / seconds, 1)


async def a_project(parts: Parts, number: int) -> Record:
    """With one picture of 1920 x 1080, uploaded."""
    path = parts.settings.data_dir / "picture.jpg"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(1920, 1080))
    upload = Upload(media_id=number, upload_key=await keep_upload(parts.media, PictureFile(path, b"")), position=0)
    return encode(
        ProjectSubmitted(**envelope(number), event=an_event(), metadata=some_metadata(number), uploads=[upload])
    )


async def memory(bench: Bench) -> dict[str, Any]:
    """Of the server's process, before and after a long run."""
    parts = build_parts(settings_for(bench.server.folder / "flood"), bench.database_url)
    await parts.database.open()
    assert bench.server.process is not None
    last = 10**9

    async def recorded() -> bool:
        return bool(await bench.connection.fetchval("SELECT max(id) FROM events") == last and not await lag())

    async def lag() -> int:
        return sum((await parts.log.lag("eventstream-postgres", TOPICS)).values())

    first, sizes = last + 1, []
    for count in (WARM_UP, LONG_RUN):
        await flood(parts.log, event_submitted, first, count)
        first += count
        last = first - 1
        await eventually(recorded, 600)
        sizes.append(resident_mib(bench.server.process.pid))
    await parts.log.close()
    await parts.database.close()
    return {"rss_mib": round(sizes[1], 1), "rss_growth_mib_over_200000": round(sizes[1] - sizes[0], 1)}
