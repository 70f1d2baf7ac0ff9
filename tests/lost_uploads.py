"""Pictures that are gone when their message is handled: a failure of the message, whatever the media store is."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import msgspec

from app.engines.media import Media
from app.main import media_of
from app.settings import Settings
from tests.cast import Stage
from tests.process import Server


@asynccontextmanager
async def uploads_lost(stage: Stage, submission_id: str) -> AsyncIterator[None]:
    """The uploads of a submission are away while the block runs."""
    async with stage.parts.database.connection() as connection:
        message = await connection.fetchval("SELECT message FROM submissions WHERE id::text = $1", submission_id)
    kept = await taken(stage.parts.media, [upload["upload_key"] for upload in msgspec.json.decode(message)["uploads"]])
    yield
    await put_back(stage.parts.media, kept)


@contextmanager
def keys_lost(server: Server, keys: Sequence[str]) -> Iterator[None]:
    """They are away from the media store of a server while the block runs; for tests that know no event loop."""

    async def with_media(kept: dict[str, bytes] | None) -> dict[str, bytes]:
        media = media_of(Settings.from_env(server.environment))
        await media.connect()
        try:
            return await taken(media, keys) if kept is None else await put_back(media, kept)
        finally:
            await media.close()

    kept = in_a_loop(with_media(None))
    yield
    in_a_loop(with_media(kept))


def in_a_loop(work: Coroutine[Any, Any, dict[str, bytes]]) -> dict[str, bytes]:
    with ThreadPoolExecutor(1) as elsewhere:  # the browser's driver has a loop of its own in this thread
        return elsewhere.submit(asyncio.run, work).result()


async def taken(media: Media, keys: Sequence[str]) -> dict[str, bytes]:
    kept = {}
    for key in keys:
        kept[key] = b"".join([chunk async for chunk in media.open(key)])
        await media.delete(key)
    return kept


async def put_back(media: Media, kept: dict[str, bytes]) -> dict[str, bytes]:
    for key, content in kept.items():
        await media.put(key, in_one_piece(content))
    return kept


async def in_one_piece(content: bytes) -> AsyncIterator[bytes]:
    yield content
