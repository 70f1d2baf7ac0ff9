"""What only S3 can get wrong, as far as it shows without a server: silence, refusals, credentials, addresses."""

import asyncio
import datetime as dt
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from app.engines.s3_addresses import Bucket, Keys, signed_url
from app.engines.s3_media import S3Media
from app.errors import NotFound, Unavailable
from tests.answering import answering
from tests.process import free_port
from tests.silence import silent_server
from tests.waiting import eventually

KEYS = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
AWS = Bucket(name="festival", region="eu-central-1", keys=KEYS)
NOON = dt.datetime(2031, 7, 4, 12, 0, tzinfo=dt.UTC)
DAYS = dt.timedelta(days=30)


def error(code: str) -> str:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>"


@asynccontextmanager
async def media_at(endpoint: str, seconds: float = 0.5) -> AsyncIterator[S3Media]:
    media = S3Media(Bucket(name="festival", region="eu-central-1", endpoint=endpoint, keys=KEYS), seconds=seconds)
    await media.connect()
    yield media
    await media.close()


async def one_chunk() -> AsyncIterator[bytes]:
    yield b"x"


async def first(media: S3Media) -> bytes:
    return await anext(media.open("k"))


CALLS: dict[str, Callable[[S3Media], Awaitable[object]]] = {
    "put": lambda media: media.put("k", one_chunk()),
    "size": lambda media: media.size("k"),
    "open": first,
    "copy": lambda media: media.copy("k", "l"),
    "delete": lambda media: media.delete("k"),
    "sweep": lambda media: media.sweep_incoming(DAYS),
    "ping": lambda media: media.ping(),
}


@pytest.mark.parametrize("call", CALLS)
async def test_a_store_that_is_not_there_is_unavailable(call: str) -> None:
    async with media_at(f"http://127.0.0.1:{free_port()}") as media:
        with pytest.raises(Unavailable) as told:
            await CALLS[call](media)
    assert told.value.retry_after


@pytest.mark.parametrize("call", CALLS)
async def test_a_store_that_says_nothing_is_unavailable_within_its_deadline(call: str) -> None:
    async with silent_server() as port, media_at(f"http://127.0.0.1:{port}") as media:
        began = time.monotonic()
        with pytest.raises(Unavailable):
            await CALLS[call](media)
        assert time.monotonic() - began < 5


async def test_a_large_part_gets_more_time_than_a_small_one_and_yet_no_minute() -> None:
    """The store takes connections and reads nothing, so that most of a part is never sent."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        async with media_at(f"http://127.0.0.1:{deaf.getsockname()[1]}") as media:
            took = [await seconds_of_a_put(media, size) for size in (100_000, 1_000_000)]
    assert took[0] < 2
    assert 2 <= took[1] < 5


async def seconds_of_a_put(media: S3Media, size: int) -> float:
    async def chunks() -> AsyncIterator[bytes]:
        yield bytes(size)

    began = time.monotonic()
    with pytest.raises(Unavailable):
        await media.put("k", chunks())
    return time.monotonic() - began


@pytest.mark.parametrize("call", CALLS)
async def test_a_store_that_refuses_us_is_waited_for_and_says_why(call: str) -> None:
    """Rights that are missing are mended by people, and until then no message may be given up."""
    with answering(lambda method, path: (403, error("AccessDenied"))) as url:
        async with media_at(url, seconds=10) as media:
            with pytest.raises(Unavailable):
                await CALLS[call](media)


async def test_a_missing_bucket_is_no_missing_file() -> None:
    with answering(lambda method, path: (404, error("NoSuchBucket"))) as url:
        async with media_at(url, seconds=10) as media:
            with pytest.raises(Unavailable, match="NoSuchBucket"):
                await first(media)
            with pytest.raises(Unavailable, match="no bucket"):
                await media.ping()


async def test_a_store_that_is_busy_for_a_moment_is_asked_again() -> None:
    answers = iter([(503, error("SlowDown")), (404, error("NoSuchKey"))])
    with answering(lambda method, path: next(answers)) as url:
        async with media_at(url, seconds=10) as media:
            with pytest.raises(NotFound):
                await first(media)


async def test_a_bucket_that_takes_no_rules_is_swept_by_hand() -> None:
    deleted: list[str] = []
    old = "<Contents><Key>incoming/1</Key><LastModified>2020-01-01T00:00:00Z</LastModified></Contents>"
    new = "<Contents><Key>incoming/2</Key><LastModified>2120-01-01T00:00:00Z</LastModified></Contents>"

    def answer(method: str, path: str) -> tuple[int, str]:
        if "lifecycle" in path:
            return 403, error("AccessDenied")
        if method == "DELETE":
            deleted.append(path)
            return 204, ""
        if "uploads" in path:
            begun = "<Key>incoming/3</Key><UploadId>u</UploadId><Initiated>2020-01-01T00:00:00Z</Initiated>"
            return 200, f"<ListMultipartUploadsResult><Upload>{begun}</Upload></ListMultipartUploadsResult>"
        return 200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{old}{new}</ListBucketResult>"

    with answering(answer) as url:
        async with media_at(url, seconds=10) as media:
            assert await media.sweep_incoming(DAYS) == 2
    assert deleted == ["/festival/incoming/3?uploadId=u", "/festival/incoming/1"]


async def test_without_credentials_it_does_not_start(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", f"{tmp_path}/none")
    monkeypatch.setenv("AWS_CONFIG_FILE", f"{tmp_path}/none")
    with pytest.raises(Unavailable, match="AWS_ACCESS_KEY_ID"):
        await S3Media(Bucket(name="festival", region="eu-central-1")).connect()


def keys(key: str, minutes: int) -> str:
    ends = (dt.datetime.now(dt.UTC) + dt.timedelta(minutes=minutes)).isoformat()
    return f'{{"AccessKeyId": "{key}", "SecretAccessKey": "s", "Token": "t", "Expiration": "{ends}"}}'


@pytest.mark.parametrize("refusal", [None, (400, "no role now"), (200, "no JSON"), (200, keys("old", minutes=-1))])
async def test_keys_of_a_role_are_renewed_before_they_end_whatever_the_first_try_brings(
    monkeypatch: pytest.MonkeyPatch, refusal: tuple[int, str] | None
) -> None:
    issued = 0

    def answer(method: str, path: str) -> tuple[int, str]:
        nonlocal issued, refusal
        if issued == 2 and refusal:
            told, refusal = refusal, None
            return told
        issued += 1
        return 200, keys(f"key{issued}", minutes=300 if issued == 3 else 5)  # connecting asks twice

    monkeypatch.setattr("app.engines.s3_media.REFRESH_SECONDS", 0.05)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    with answering(answer) as url:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
        media = S3Media(Bucket(name="festival", region="eu-central-1"))
        await media.connect()
        await eventually(lambda: "key3" in media.url("k"))
        assert "X-Amz-Security-Token=t" in media.url("k")
        await media.close()
    assert refusal is None


def test_signed_addresses_stay_the_same_for_an_hour_and_hold_for_one_more() -> None:
    at_noon = signed_url(AWS, KEYS, "events/1/2.webp", NOON)
    assert signed_url(AWS, KEYS, "events/1/2.webp", NOON + dt.timedelta(minutes=59)) == at_noon
    later = signed_url(AWS, KEYS, "events/1/2.webp", NOON + dt.timedelta(minutes=60))
    assert later != at_noon
    told = parse_qs(urlsplit(at_noon).query)
    assert (told["X-Amz-Date"], told["X-Amz-Expires"]) == (["20310704T120000Z"], ["7200"])


def test_a_signature_is_the_one_that_botocore_makes_at_the_same_moment() -> None:
    ours = signed_url(AWS, Keys("a/b", "c", "tok/en+="), "events/1/2.webp", dt.datetime.now(dt.UTC))
    request = AWSRequest(method="GET", url=ours.split("?")[0])
    signer = S3SigV4QueryAuth(Credentials("a/b", "c", "tok/en+="), "s3", "eu-central-1", expires=7200)
    request.context["timestamp"] = parse_qs(urlsplit(ours).query)["X-Amz-Date"][0]
    signer._modify_request_before_signing(request)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    assert parse_qs(urlsplit(ours).query)["X-Amz-Signature"] == [signer.signature(text, request)]


@pytest.mark.parametrize(
    ("name", "region", "endpoint", "url"),
    [
        ("festival", "eu-central-1", None, "https://festival.s3.eu-central-1.amazonaws.com"),
        ("festival", "cn-north-1", None, "https://festival.s3.cn-north-1.amazonaws.com.cn"),
        ("my.festival", "eu-central-1", None, "https://s3.eu-central-1.amazonaws.com/my.festival"),
        ("festival", "us-east-1", "http://minio:9000", "http://minio:9000/festival"),
    ],
)
def test_addresses_of_buckets(name: str, region: str, endpoint: str | None, url: str) -> None:
    assert Bucket(name=name, region=region, endpoint=endpoint).url == url


def test_a_base_url_replaces_signed_addresses() -> None:
    media = S3Media(AWS, "https://cdn.example.org/media")
    assert media.url("events/1/2.webp") == "https://cdn.example.org/media/events/1/2.webp"
    assert media.origin == "https://cdn.example.org"


@pytest.mark.parametrize("key", ["drafts/1/2.webp", "organizers/1/2.webp", "incoming/1"])
def test_what_is_not_for_everybody_comes_from_us_and_not_from_there(key: str) -> None:
    assert S3Media(AWS, "https://cdn.example.org/media").url(key) == f"/media/{key}"


async def test_a_closed_store_holds_nothing_open() -> None:
    media = S3Media(AWS)
    await media.connect()
    await media.close()
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
