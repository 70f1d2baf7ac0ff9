"""The media stores that must pass the contract, by name; S3's where `AWS_S3_BUCKET_NAME` says there is one."""

import os
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import msgspec

from app.engines.folder_media import FolderMedia
from app.engines.media import Media
from app.engines.s3_addresses import Bucket
from app.engines.s3_media import S3Media
from app.settings import Settings


@asynccontextmanager
async def folder(tmp_path: Path) -> AsyncIterator[Media]:
    media = FolderMedia(tmp_path / "media")
    await media.connect()
    yield media
    await media.close()


@asynccontextmanager
async def s3(tmp_path: Path) -> AsyncIterator[Media]:
    async with own_bucket() as bucket:
        media = S3Media(bucket)
        await media.connect()
        yield media
        await media.close()


@asynccontextmanager
async def own_bucket() -> AsyncIterator[Bucket]:
    """A new bucket on the server of the settings, gone afterwards."""
    configured = Settings.from_env().bucket
    assert configured is not None
    bucket = msgspec.structs.replace(configured, name=f"test-{uuid.uuid4().hex}")
    media = S3Media(bucket)
    await media.connect()
    await media.client.create_bucket(Bucket=bucket.name)
    try:
        yield bucket
    finally:
        pages = media.client.get_paginator("list_objects_v2").paginate(Bucket=bucket.name)
        for key in [found["Key"] async for page in pages for found in page.get("Contents", [])]:
            await media.delete(key)
        await media.client.delete_bucket(Bucket=bucket.name)
        await media.close()


TWINS: Mapping[str, Callable[[Path], AbstractAsyncContextManager[Media]]] = {
    "folder": folder,
    **({"s3": s3} if os.environ.get("AWS_S3_BUCKET_NAME") else {}),
}
