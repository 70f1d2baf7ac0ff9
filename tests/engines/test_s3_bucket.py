"""What a real bucket does with what we ask of it: privacy, signed addresses, rules, unfinished uploads."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.engines.media import INCOMING
from app.engines.s3_media import PART, S3Media
from tests.engines.media_twins import own_bucket

DAYS = dt.timedelta(days=30)


@pytest.fixture
async def media() -> AsyncIterator[S3Media]:
    async with own_bucket() as bucket:
        media = S3Media(bucket)
        await media.connect()
        yield media
        await media.close()


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def uploads(media: S3Media, key: str) -> list[Any]:
    listed = await media.client.list_multipart_uploads(Bucket=media.bucket.name, Prefix=key)
    found: list[Any] = listed.get("Uploads", [])
    return found


async def test_the_signed_address_works_for_a_browser_and_the_bare_one_does_not(media: S3Media) -> None:
    await media.put("events/1/2.webp", chunks(b"picture"))
    url = media.url("events/1/2.webp")
    async with httpx.AsyncClient() as browser:
        shown = await browser.get(url)
        assert (shown.status_code, shown.content) == (200, b"picture")
        assert shown.headers["content-type"] == "image/webp"
        assert shown.headers["cache-control"] == "private, max-age=31536000, immutable"
        part = await browser.get(url, headers={"Range": "bytes=1-3"})
        assert (part.status_code, part.content) == (206, b"ict")
        assert (await browser.get(url.split("?")[0])).status_code == 403
        assert (await browser.get(url.replace("/2.webp", "/3.webp"))).status_code == 403
    assert url.startswith(f"{media.origin}/")


async def test_large_files_have_the_same_headers(media: S3Media) -> None:
    await media.put("events/1/2.webp", chunks(b"x" * PART, b"y"))
    async with httpx.AsyncClient() as browser:
        shown = await browser.get(media.url("events/1/2.webp"))
    assert (shown.headers["content-type"], len(shown.content)) == ("image/webp", PART + 1)


async def test_a_copy_is_described_by_its_own_name(media: S3Media) -> None:
    await media.put("incoming/1", chunks(b"x"))
    await media.copy("incoming/1", "events/1/2.webp")
    async with httpx.AsyncClient() as browser:
        assert (await browser.get(media.url("events/1/2.webp"))).headers["content-type"] == "image/webp"


async def test_a_large_upload_that_fails_leaves_no_parts_behind(media: S3Media) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * (2 * PART)
        assert len(await uploads(media, "incoming/1")) == 1
        raise ConnectionResetError("the sender went away")

    with pytest.raises(ConnectionResetError):
        await media.put("incoming/1", broken())
    assert await uploads(media, "incoming/1") == []


async def test_the_bucket_is_told_to_forget_uploads_and_keeps_its_other_rules(media: S3Media) -> None:
    other = {"ID": "logs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 7}}
    await media.client.put_bucket_lifecycle_configuration(
        Bucket=media.bucket.name, LifecycleConfiguration={"Rules": [other]}
    )
    await media.put("incoming/1", chunks(b"x"))
    for _ in range(2):
        assert await media.sweep_incoming(DAYS) == 0
    told = {rule["ID"]: (rule["Filter"]["Prefix"], rule["Expiration"]["Days"]) for rule in await media.rules()}
    assert told == {"logs": ("logs/", 7), "eventstream-incoming": (INCOMING, 30)}


async def test_the_rule_follows_the_time_that_is_asked_for(media: S3Media) -> None:
    await media.sweep_incoming(dt.timedelta(days=7))
    await media.sweep_incoming(DAYS)
    (rule,) = await media.rules()
    assert rule["Expiration"]["Days"] == 30
