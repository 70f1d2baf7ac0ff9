"""Checks of the media store: a folder, or a bucket that must be private and yet hand out signed addresses."""

import datetime as dt
import email.utils
import ssl
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import botocore.session

from app.doctor.machine import LOCAL_NAMES
from app.doctor.verdicts import Verdict, note, ok, wrong
from app.engines.database import APPLICATION
from app.engines.media import INCOMING
from app.engines.s3_media import SHOWN
from app.errors import Unavailable
from app.parts import Parts

PROBE = b"eventstream doctor"
SKEW_SECONDS = 60.0
# What is below the last two is on pages too, but only while it is published.
FOLDERS = (INCOMING, "drafts/", "organizers/", "events/")
MEND_PRIVACY = "Block public access of the bucket."


async def reach(parts: Parts) -> Verdict:
    """Of a folder this also writes."""
    await parts.media.connect()
    await parts.media.ping()
    return ok(f"bucket {parts.settings.bucket.name}" if parts.settings.bucket else "a folder that can be written")


async def machines(parts: Parts) -> Verdict:
    async with parts.database.connection() as connection:
        rows = await connection.fetch(
            """SELECT DISTINCT split_part(application_name, ' ', 3) AS name FROM pg_stat_activity
               WHERE datname = current_database() AND starts_with(application_name, $1) ORDER BY name""",
            f"{APPLICATION} ",
        )
    names = [row["name"] for row in rows]
    if len(names) > 1:
        told = f"each of {', '.join(names)} keeps pictures in a folder of its own"
        return wrong(told, "Set AWS_S3_BUCKET_NAME on all of them.")
    return ok("one machine, one folder")


async def rights(parts: Parts) -> Verdict:
    async with probe(parts) as key:
        read = b"".join([chunk async for chunk in parts.media.open(key)])
    return ok("may write, read and delete") if read == PROBE else wrong("reads not what was written", "See its logs.")


async def privacy(parts: Parts) -> Verdict:
    """Asked as anybody on the internet would."""
    assert parts.settings.bucket
    url = parts.settings.bucket.url
    readable = list[str]()
    for folder in FOLDERS:
        async with probe(parts, folder) as key:
            status, _ = await get(f"{url}/{key}")
        if status == 200:
            readable.append(folder)
    if readable:
        return wrong(f"anybody can read what is below {', '.join(readable)}", MEND_PRIVACY)
    status, _ = await get(f"{url}?list-type=2&max-keys=1")
    if status == 200:
        return wrong("anybody can list what is in it", MEND_PRIVACY)
    return ok("private")


async def signed_addresses(parts: Parts) -> Verdict:
    """Pages send browsers there, so it must work from outside too; we can try from here."""
    base_url = parts.settings.media_base_url
    if base_url == f"{parts.settings.public_url}/media":
        return ok("not needed: we send pictures ourselves")
    async with probe(parts, SHOWN if base_url else INCOMING) as key:
        status, headers = await get(parts.media.url(key))
    if status != 200:
        told = f"they are answered with {status}"
        if base_url:
            return wrong(told, "MEDIA_BASE_URL must serve what is below events/ in the bucket.")
        return wrong(told, "See AWS_REGION, AWS_ENDPOINT_URL_S3, the keys, and the clocks.")
    apart = abs((email.utils.parsedate_to_datetime(headers["Date"]) - dt.datetime.now(dt.UTC)).total_seconds())
    if apart > SKEW_SECONDS:
        return wrong(f"its clock and ours are {apart:.0f} s apart", "Run a time service: S3 refuses beyond 15 minutes.")
    return ok("work from here")


async def expiry(parts: Parts) -> Verdict:
    media: Any = parts.media
    try:
        rules = await media.rules()
    except Unavailable as error:
        return note(f"its rules cannot be read ({error.detail})", "Forgotten uploads are swept by us instead.")
    if any(rule.get("Filter", {}).get("Prefix") == INCOMING and rule["Status"] == "Enabled" for rule in rules):
        return ok("forgotten uploads expire by a rule")
    return note("no rule for forgotten uploads yet", "The first sweep adds it, or sweeps itself.")


async def encryption(parts: Parts) -> Verdict:
    assert parts.settings.bucket
    place = urlsplit(parts.settings.bucket.url)
    if place.scheme == "https":
        return ok("TLS")
    if place.hostname in LOCAL_NAMES:
        return ok("not needed on this machine")
    return wrong(f"{place.hostname} is spoken to in the clear", "AWS_ENDPOINT_URL_S3 should begin with https://.")


@asynccontextmanager
async def probe(parts: Parts, folder: str = INCOMING) -> AsyncIterator[str]:
    """A small object, if it can be where forgotten ones expire."""
    key = f"{folder}doctor-{uuid.uuid4().hex}"

    async def chunks() -> AsyncIterator[bytes]:
        yield PROBE

    await parts.media.put(key, chunks())
    try:
        yield key
    finally:
        await parts.media.delete(key)


async def get(url: str) -> tuple[int, Any]:
    """Trusting whom the client of the bucket trusts."""
    trusted = ssl.create_default_context(cafile=botocore.session.Session().get_config_variable("ca_bundle"))
    try:
        async with aiohttp.ClientSession() as session, session.get(url, ssl=trusted) as answer:
            return answer.status, answer.headers
    except (aiohttp.ClientError, OSError) as error:
        raise Unavailable(f"{urlsplit(url).hostname} does not answer.") from error


FOLDER = {"reach": reach, "machines": machines}
BUCKET = {
    "reach": reach,
    "rights": rights,
    "privacy": privacy,
    "addresses": signed_addresses,
    "expiry": expiry,
    "encryption": encryption,
}
