"""What the doctor says of a bucket, on a real server."""

import dataclasses
import datetime as dt
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from app.doctor import media
from app.doctor.verdicts import judged
from app.engines.s3_media import S3Media
from app.main import build_parts
from app.parts import Parts
from tests.answering import answering
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
        assert not [key async for key in parts.media.keys_below("", dt.timedelta(0))], "a probe was left behind"
        await parts.media.close()


async def test_a_private_bucket_is_fine(parts: Parts) -> None:
    told = {name: await check(parts) for name, check in media.BUCKET.items()}
    assert {name: verdict.text for name, verdict in told.items() if verdict.state == "wrong"} == {}
    assert told["privacy"].text == "private"
    assert told["expiry"].state == "note"


def by_anybody(action: str, resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": [action], "Resource": [resource]}


@pytest.mark.parametrize(
    ("action", "below", "words"),
    [
        ("s3:GetObject", "/*", "anybody can read what is below incoming/, drafts/, organizers/, events/"),
        ("s3:GetObject", "/drafts/*", "anybody can read what is below drafts/"),
        ("s3:GetObject", "/events/*", "anybody can read what is below events/"),
        ("s3:ListBucket", "", "anybody can list what is in it"),
    ],
)
async def test_a_bucket_that_is_open_to_anybody_is_wrong(parts: Parts, action: str, below: str, words: str) -> None:
    assert parts.settings.bucket
    name = parts.settings.bucket.name
    policy = {"Version": "2012-10-17", "Statement": [by_anybody(action, f"arn:aws:s3:::{name}{below}")]}
    assert isinstance(parts.media, S3Media)
    await parts.media.client.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    verdict = await media.privacy(parts)
    assert (verdict.state, verdict.text) == ("wrong", words)


async def test_a_wrong_secret_is_told_as_such(parts: Parts, tmp_path: Path) -> None:
    assert parts.settings.bucket
    assert parts.settings.bucket.keys
    wrong = replace(parts.settings.bucket, keys=replace(parts.settings.bucket.keys, secret="wrong"))
    settings = dataclasses.replace(parts.settings, bucket=wrong)
    refused = build_parts(settings, "postgresql:///nowhere")
    verdict = await judged("media", media.reach(refused))
    await refused.media.close()
    assert (verdict.state, "403" in verdict.text) == ("wrong", True)
    assert "AWS_SECRET_ACCESS_KEY" in verdict.mend


async def test_a_bucket_that_does_not_exist_is_to_be_made(parts: Parts) -> None:
    assert parts.settings.bucket
    elsewhere = dataclasses.replace(parts.settings, bucket=replace(parts.settings.bucket, name="not-there"))
    missing = build_parts(elsewhere, "postgresql:///nowhere")
    verdict = await judged("media", media.reach(missing))
    await missing.media.close()
    assert (verdict.state, verdict.mend) == ("wrong", "Create it, or mend AWS_S3_BUCKET_NAME."), verdict


@pytest.mark.parametrize(
    ("prefix", "state", "words"), [("/events/", "ok", "work from here"), ("/drafts/", "wrong", "answered with 404")]
)
async def test_a_cdn_is_asked_for_what_everybody_may_see(parts: Parts, prefix: str, state: str, words: str) -> None:
    def serve(method: str, path: str) -> tuple[int, str]:
        return (200, "picture") if path.startswith(prefix) else (404, "none")

    with answering(serve) as address:
        assert isinstance(parts.media, S3Media)
        parts.media.base_url = address
        parts.settings = dataclasses.replace(parts.settings, media_base_url=address)
        verdict = await media.signed_addresses(parts)
    assert (verdict.state, words in verdict.text) == (state, True), verdict


async def test_pictures_that_we_send_ourselves_need_no_address(parts: Parts) -> None:
    """What a probe is called, no page shows: we would refuse it."""
    assert isinstance(parts.media, S3Media)
    parts.media.base_url = f"{parts.settings.public_url}/media"
    parts.settings = dataclasses.replace(parts.settings, media_base_url=parts.media.base_url)
    assert (await media.signed_addresses(parts)).state == "ok"


async def test_a_rule_for_forgotten_uploads_is_seen(parts: Parts) -> None:
    assert isinstance(parts.media, S3Media)
    assert await parts.media.expires_by_rule(30)
    assert (await media.expiry(parts)).state == "ok"
