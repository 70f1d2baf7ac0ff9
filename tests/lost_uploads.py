"""Pictures that are gone when their message is handled: a failure of the message, whatever the media store is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from app.engines.media import Media
from tests.cast import Stage


@asynccontextmanager
async def uploads_lost(stage: Stage, submission_id: str) -> AsyncIterator[None]:
    """The uploads of a submission are away while the block runs."""
    async with stage.parts.database.connection() as connection:
        message = await connection.fetchval("SELECT message FROM submissions WHERE id::text = $1", submission_id)
    media: Media = stage.parts.media
    kept: dict[str, bytes] = {}
    for upload in msgspec.json.decode(message)["uploads"]:
        key = upload["upload_key"]
        kept[key] = b"".join([chunk async for chunk in media.open(key)])
        await media.delete(key)
    yield
    for key, content in kept.items():
        await media.put(key, in_one_piece(content))


async def in_one_piece(content: bytes) -> AsyncIterator[bytes]:
    yield content
