"""Media in an S3 bucket, through aioboto3."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, suppress
from typing import Any, TypeVar

import aioboto3
import aiohttp
import structlog
from aiobotocore.config import AioConfig
from botocore.exceptions import BotoCoreError, ClientError

from app.engines.media import CHUNK, INCOMING, require_key
from app.engines.s3_addresses import Bucket, Keys, origin_of, signed_url
from app.errors import NotFound, Unavailable
from app.phrases import Phrase

PART = 5 * 1024 * 1024
SLOWEST = 500_000  # bytes per second; a store that takes in less counts as away, for somebody waits for the answer
REFRESH_SECONDS = 60.0
NO_SUCH_THING = frozenset({"404", "NoSuchKey", "NoSuchUpload"})
RULE = "eventstream-incoming"
CACHE = "private, max-age=31536000, immutable"

T = TypeVar("T")

log = structlog.get_logger()

SHOWN = "events/"
"""What a CDN needs to read; the rest is the business of few, who get it from us."""


class S3Media:
    """One client per process, from `connect` to `close`; the bucket may and should be private."""

    def __init__(self, bucket: Bucket, base_url: str | None = None, seconds: float = 8.0) -> None:
        self.bucket = bucket
        self.base_url = base_url
        self.seconds = seconds
        self.origin = origin_of(base_url or bucket.url)
        self.exits = AsyncExitStack()
        self.client: Any = None
        self.credentials: Any = None
        self.keys: Keys | None = None

    async def connect(self) -> None:
        given = self.bucket.keys
        session = aioboto3.Session(
            aws_access_key_id=given.id if given else None,
            aws_secret_access_key=given.secret if given else None,
            aws_session_token=given.token if given else None,
            region_name=self.bucket.region,
        )
        self.credentials = await session.get_credentials()
        if self.credentials is None:
            raise Unavailable("There are no credentials for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")
        await self.refresh_keys()
        self.client = await self.exits.enter_async_context(
            session.client("s3", endpoint_url=self.bucket.endpoint, config=client_config(self.bucket, self.seconds))
        )
        if not given:  # those of a role end after hours, and signing must not wait for new ones
            refreshing = asyncio.create_task(self.keep_keys_fresh(), name="keys of S3")
            self.exits.callback(refreshing.cancel)

    async def refresh_keys(self) -> None:
        frozen = await self.credentials.get_frozen_credentials()
        self.keys = Keys(frozen.access_key, frozen.secret_key, frozen.token)

    async def keep_keys_fresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            try:
                await self.refresh_keys()
            except Exception as error:  # roles are asked for in many ways; after none may the keys just run out
                log.warning("no new keys for S3 yet", error=f"{type(error).__name__}: {error}")

    async def close(self) -> None:
        await self.exits.aclose()

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> int:
        where = self.at(key)
        parts = parts_of(chunks)
        part, last = await anext(parts)
        if last:
            await self.call(self.client.put_object(**where, **described(key), Body=part), len(part))
            return len(part)
        created = await self.call(self.client.create_multipart_upload(**where, **described(key)))
        upload = {**where, "UploadId": created["UploadId"]}
        try:
            return await self.put_parts(upload, part, parts)
        except BaseException:
            with suppress(Unavailable, NotFound):  # what is left of it goes with the rule or the sweep
                await self.call(self.client.abort_multipart_upload(**upload))
            raise

    async def put_parts(self, upload: dict[str, Any], part: bytes, rest: AsyncIterator[tuple[bytes, bool]]) -> int:
        size, last = 0, False
        done: list[dict[str, Any]] = []
        while True:
            number = len(done) + 1
            stored = await self.call(self.client.upload_part(**upload, PartNumber=number, Body=part), len(part))
            done.append({"PartNumber": number, "ETag": stored["ETag"]})
            size += len(part)
            if last:
                break
            part, last = await anext(rest)
        await self.call(self.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": done}), size)
        return size

    async def size(self, key: str) -> int | None:
        try:
            answer = await self.call(self.client.head_object(**self.at(key)))
        except NotFound:
            return None
        size: int = answer["ContentLength"]
        return size

    async def open(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        where = self.at(key)
        if start or end is not None:
            where["Range"] = f"bytes={start}-{'' if end is None else max(start, end - 1)}"
        try:
            answer = await self.call(self.client.get_object(**where))
        except Unavailable as error:
            if code_of(error.__cause__) == "InvalidRange":
                return  # the object is there and shorter than `start`
            raise
        body = answer["Body"]
        async with body:
            while (end is None or start < end) and (chunk := await self.call(body.read(CHUNK))):
                yield chunk

    async def copy(self, source: str, target: str) -> None:
        await self.call(
            self.client.copy_object(
                **self.at(target), CopySource=self.at(source), MetadataDirective="REPLACE", **described(target)
            )
        )

    async def delete(self, key: str) -> None:
        with suppress(NotFound):  # AWS itself never says so
            await self.call(self.client.delete_object(**self.at(key)))

    def url(self, key: str) -> str:
        if self.base_url:
            return f"{self.base_url if key.startswith(SHOWN) else '/media'}/{require_key(key)}"
        assert self.keys is not None
        return signed_url(self.bucket, self.keys, require_key(key), dt.datetime.now(dt.UTC))

    async def keys_below(self, prefix: str, older_than: dt.timedelta) -> AsyncIterator[str]:
        before = dt.datetime.now(dt.UTC) - older_than
        after: dict[str, Any] = {}
        while True:
            page = await self.call(self.client.list_objects_v2(Bucket=self.bucket.name, Prefix=prefix, **after))
            for found in page.get("Contents", []):
                if found["LastModified"] <= before:
                    yield found["Key"]
            if not page.get("IsTruncated"):
                return
            after = {"ContinuationToken": page["NextContinuationToken"]}

    async def sweep_incoming(self, older_than: dt.timedelta) -> int:
        """By a rule of the bucket, which counts in days; by hand where it takes none."""
        if older_than.days and await self.expires_by_rule(older_than.days):
            return 0
        count = await self.sweep_unfinished(older_than)
        async for key in self.keys_below(INCOMING, older_than):
            await self.delete(key)
            count += 1
        return count

    async def sweep_unfinished(self, older_than: dt.timedelta) -> int:
        """Large uploads whose writer died half-way: no objects yet, but their parts take room."""
        before = dt.datetime.now(dt.UTC) - older_than
        listed = await self.call(self.client.list_multipart_uploads(Bucket=self.bucket.name, Prefix=INCOMING))
        old = [one for one in listed.get("Uploads", []) if one["Initiated"] <= before]
        for one in old:
            with suppress(NotFound):  # finished or swept meanwhile
                await self.call(
                    self.client.abort_multipart_upload(
                        Bucket=self.bucket.name, Key=one["Key"], UploadId=one["UploadId"]
                    )
                )
        return len(old)

    async def expires_by_rule(self, days: int) -> bool:
        """Whether the bucket deletes old uploads by itself; asks it to, beside the rules it has."""
        ours = {
            "ID": RULE,
            "Status": "Enabled",
            "Filter": {"Prefix": INCOMING},
            "Expiration": {"Days": days},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": days},
        }
        try:
            rules = await self.rules()
            if not any(is_same_rule(rule, ours) for rule in rules):
                others = [rule for rule in rules if rule.get("ID") != RULE]
                await self.call(
                    self.client.put_bucket_lifecycle_configuration(
                        Bucket=self.bucket.name, LifecycleConfiguration={"Rules": [*others, ours]}
                    )
                )
        except Unavailable as error:
            if code_of(error.__cause__) is None:
                raise
            log.info("the bucket takes no rule, so its incoming/ is swept", error=error.detail)
            return False
        return True

    async def rules(self) -> list[dict[str, Any]]:
        try:
            answer = await self.call(self.client.get_bucket_lifecycle_configuration(Bucket=self.bucket.name))
        except Unavailable as error:
            if code_of(error.__cause__) == "NoSuchLifecycleConfiguration":
                return []
            raise
        rules: list[dict[str, Any]] = answer.get("Rules", [])
        return rules

    async def ping(self) -> None:
        try:
            await self.call(self.client.head_bucket(Bucket=self.bucket.name))
        except NotFound as error:
            raise Unavailable(Phrase("There is no bucket %(name)s.", name=self.bucket.name), retry_after=5) from error

    def at(self, key: str) -> dict[str, Any]:
        return {"Bucket": self.bucket.name, "Key": require_key(key)}

    async def call(self, request: Awaitable[T], bytes_sent: int = 0) -> T:
        """The answer before a deadline that grows with what is sent.

        Raises:
            NotFound: the key is not there.
            Unavailable: all other trouble.
        """
        try:
            async with asyncio.timeout(self.seconds + bytes_sent / SLOWEST):
                return await request
        except ClientError as error:
            if code_of(error) in NO_SUCH_THING:
                raise NotFound("There is no such file.") from error
            raise Unavailable(
                Phrase("The media store refuses: %(reason)s.", reason=code_of(error)), retry_after=5
            ) from error
        except (BotoCoreError, aiohttp.ClientError, OSError) as error:
            raise Unavailable("The media store does not answer.", retry_after=2) from error


def client_config(bucket: Bucket, seconds: float) -> AioConfig:
    return AioConfig(
        signature_version="s3v4",
        s3={
            "addressing_style": "path" if bucket.endpoint else "auto",
            "payload_signing_enabled": False,  # with TLS only; hashing whole parts would stop the loop
        },
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        connect_timeout=min(seconds, 2),
        read_timeout=seconds / 2,
        retries={"mode": "standard", "total_max_attempts": 2},
        max_pool_connections=50,
    )


def described(key: str) -> dict[str, str]:
    """What a browser hears that gets the object from the bucket."""
    return {
        "ContentType": "image/webp" if key.endswith(".webp") else "application/octet-stream",
        "CacheControl": CACHE,
    }


async def parts_of(chunks: AsyncIterator[bytes]) -> AsyncIterator[tuple[bytes, bool]]:
    """Parts of `PART` bytes and what is left, each with whether it is the last."""
    pending = bytearray()
    async for chunk in chunks:
        pending += chunk
        while len(pending) > PART:
            part = bytes(memoryview(pending)[:PART])
            del pending[:PART]
            yield part, False
    yield bytes(pending), True


def code_of(error: BaseException | None) -> str | None:
    """The code S3 answered with, if it was S3 that answered."""
    return error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None


def is_same_rule(rule: dict[str, Any], ours: dict[str, Any]) -> bool:
    """But for what becomes of unfinished uploads, which some servers take and do not tell again."""
    return all(rule.get(name) == ours[name] for name in ("ID", "Status", "Filter", "Expiration"))
