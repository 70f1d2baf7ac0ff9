"""Unsafe requests must come from our own pages: browsers say where a request comes from."""

import re
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from app.errors import Forbidden

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
LOCAL_PATH = re.compile(r"/(?![/\\])[\x21-\x7e]*")


def require_same_origin(method: str, headers: Mapping[str, str], public_url: str) -> None:
    """Raises `Forbidden` for a cross-site request; one with neither header comes from a program and passes."""
    if method in SAFE_METHODS:
        return
    site = headers.get("sec-fetch-site")
    if site is not None:
        allowed = site in {"same-origin", "none"}
    elif (origin := headers.get("origin")) is not None:
        allowed = (split(origin).netloc or None) in {headers.get("host", ""), urlsplit(public_url).netloc}
    else:
        allowed = True
    if not allowed:
        raise Forbidden("This request comes from another site.", type="cross-site")


def split(url: str) -> SplitResult:
    """Of what a stranger may have made up; nothing at all where it cannot be read."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def page_in(url: SplitResult) -> str:
    return f"{url.path}?{url.query}" if url.query else url.path


def local_path(text: str | None, otherwise: str = "/") -> str:
    """`text` if it names a page of ours and nothing else, so that no link leads from here to somewhere else."""
    return text if text and LOCAL_PATH.fullmatch(text) else otherwise
