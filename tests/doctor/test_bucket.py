"""What the doctor says of a bucket, on a real server."""

import datetime as dt
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.doctor import media
from app.engines.media import INCOMING
from app.engines.s3_media import S3Media
from app.main import build_parts
from app.parts import Parts
from tests.cast import settings_for
from tests.engines.media_twins import own_bucket


@pytest.fixture
async def parts(database_url: str, tmp_path: Path) -> AsyncIterator[Parts]:
    async with own_bucket() as bucket:
        assert bucket.keys
        environment = {
            "AWS_S3_BUCKET_NAME": bucket.name,
            "AWS_ENDPOINT_URL_S3": bucket.endpoint or "",
            "AWS_REGION": bucket.region,
            "AWS_ACCESS_KEY_ID": bucket.keys.id,
            "AWS_SECRET_ACCESS_KEY": bucket.keys.secret,
        }
        parts = build_parts(settings_for(tmp_path, **environment), database_url)
        await parts.media.connect()
        yield parts
        assert not [key async for key in parts.media.keys_below(INCOMING, dt.timedelta(0))], "a probe was left behind"
        await parts.media.close()


async def test_a_private_bucket_is_fine(parts: Parts) -> None:
    told = {name: await check(parts) for name, check in media.BUCKET.items()}
    assert {name: verdict.text for name, verdict in told.items() if verdict.state == "wrong"} == {}
    assert told["privacy"].text == "private"
    assert told["expiry"].state == "note"


async def test_a_bucket_that_anybody_can_read_is_wrong(parts: Parts) -> None:
    assert parts.settings.bucket
    name = parts.settings.bucket.name
    everybody: dict[str, Any] = {
        "Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": ["s3:GetObject"],
        "Resource": [f"arn:aws:s3:::{name}/*"],
    }  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everybody]})
    assert isinstance(parts.media, S3Media)
    await parts.media.client.put_bucket_policy(Bucket=name, Policy=policy)
    verdict = await media.privacy(parts)
    assert (verdict.state, verdict.text) == ("wrong", "anybody can read it, drafts included")


async def test_a_rule_for_forgotten_uploads_is_seen(parts: Parts) -> None:
    assert isinstance(parts.media, S3Media)
    assert await parts.media.expires_by_rule(30)
    assert (await media.expiry(parts)).state == "ok"
