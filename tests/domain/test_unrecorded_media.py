"""Uploads that end half-way: nothing of them stays, and nothing of others goes."""

import asyncio
import datetime as dt
from pathlib import Path

import httpx
import pytest

from app.domain.accounts import Caller
from app.domain.media import add_media
from app.domain.picture_files import PictureFile
from app.domain.unrecorded_media import sweep_unrecorded_media
from tests.cast import Stage, picture
from tests.waiting import eventually

NOW = dt.timedelta(0)


async def keys(stage: Stage) -> set[str]:
    return {key async for key in stage.parts.media.keys_below("organizers/", NOW)}


async def expected(stage: Stage) -> int:
    async with stage.parts.database.connection() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM unrecorded_media"))


async def test_what_a_broken_upload_left_is_swept(stage: Stage, alice: httpx.AsyncClient, tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(picture())
    parts = stage.parts
    who = Caller(user_id=alice.user_id, role="organizer", organizer_id=alice.organizer_id, full_name="Alice")  # type: ignore[attr-defined]
    upload = asyncio.create_task(
        add_media(parts.database, parts.media, parts.pictures, who, None, [PictureFile(path, b"")] * 20, None)
    )
    await eventually(lambda: keys(stage), 60)
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    assert await keys(stage)
    assert await sweep_unrecorded_media(parts.database, parts.media) == 0  # it may be under way elsewhere
    assert await sweep_unrecorded_media(parts.database, parts.media, NOW) == 20
    assert await keys(stage) == set()
    assert await expected(stage) == 0


async def test_what_was_recorded_stays(stage: Stage, alice: httpx.AsyncClient) -> None:
    answer = await alice.post("/api/v1/new-media", files={"media_file": ("a.jpg", picture())})
    (one,) = answer.json()["media"]
    before = await keys(stage)
    assert len(before) == 4
    assert await expected(stage) == 0
    async with stage.parts.database.connection() as connection:  # its writer may have heard nothing of the commit
        await connection.execute("INSERT INTO unrecorded_media VALUES ($1, $2)", one["media_id"], one["s3_key"])
    assert await sweep_unrecorded_media(stage.parts.database, stage.parts.media, NOW) == 1
    assert await keys(stage) == before
    assert await expected(stage) == 0
