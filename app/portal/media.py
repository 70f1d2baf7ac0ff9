"""The bytes of pictures, with ranges and long caching; who may see an event may see its pictures."""

import re
from collections.abc import AsyncIterator
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from app.domain.accounts import Caller
from app.domain.draft_pictures import FOLDER as DRAFTS
from app.domain.draft_pictures import may_see_preview
from app.domain.media import CONTENT_TYPE, may_see
from app.engines.media import INCOMING, is_key
from app.errors import AppError, NotFound
from app.parts import Parts
from app.phrases import Phrase
from app.pictures import original_key

CACHE = "private, max-age=31536000, immutable"


class RangeNotSatisfiable(AppError):
    status = 416
    default_type = "range"
    title = Phrase("There is no such range")


@get("/media/{key:path}", opt={"public": True}, include_in_schema=False)
async def picture(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    visitor: NamedDependency[Caller | None],
    key: FromPath[str],
) -> Response[Any]:
    key = key.lstrip("/")
    if not is_key(key) or not await visible(parts, visitor, key):
        raise NotFound("There is no such picture.")
    size = await parts.media.size(key)
    if size is None:
        raise NotFound("There is no such picture.")
    start, end = byte_range(wanted_range(request), size)
    return stream(parts.media.open(key, start, end), start, end, size)


def wanted_range(request: Request[Any, Any, Any]) -> str | None:
    """None under a condition: a picture never changes, so it has no tag that could be compared."""
    return None if "if-range" in request.headers else request.headers.get("range")


async def visible(parts: Parts, visitor: Caller | None, key: str) -> bool:
    if key.startswith(INCOMING):
        return False
    if key.startswith(DRAFTS):
        return await may_see_preview(parts.database, visitor, key)
    return await may_see(parts.database, visitor, original_key(key))


def stream(chunks: AsyncIterator[bytes], start: int, end: int, size: int) -> Stream:
    headers = {"Accept-Ranges": "bytes", "Cache-Control": CACHE, "Content-Length": str(end - start)}
    partial = (start, end) != (0, size)
    if partial:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return Stream(chunks, media_type=CONTENT_TYPE, headers=headers, status_code=206 if partial else 200)


def byte_range(header: str | None, size: int) -> tuple[int, int]:
    """First byte and the one after the last. A header we do not understand means all, as RFC 9110 has it."""
    found = re.fullmatch(r"(?i:bytes)=([0-9]{0,100})-([0-9]{0,100})", (header or "").strip())
    if not found or found.groups() == ("", ""):
        return 0, size
    first, last = found.groups()
    if first == "":
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1 if last else size, size)
    if start >= end:
        raise RangeNotSatisfiable("The picture is shorter than that.", headers={"Content-Range": f"bytes */{size}"})
    return start, end


routes = [picture]
