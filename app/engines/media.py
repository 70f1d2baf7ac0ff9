"""What the program needs of a media store: named byte strings, written whole or not at all."""

import datetime as dt
import re
from collections.abc import AsyncIterator
from typing import Protocol

INCOMING = "incoming/"
CHUNK = 64 * 1024
KEY = re.compile(r"[A-Za-z0-9._-]{1,200}(/[A-Za-z0-9._-]{1,200}){0,9}")


def is_key(text: str) -> bool:
    """Whether a store may be asked for it; nothing else ever reaches a file system or a bucket."""
    return KEY.fullmatch(text) is not None and not {".", ".."} & set(text.split("/"))


def require_key(text: str) -> str:
    """The key itself; raises `ValueError` for what is none."""
    if not is_key(text):
        raise ValueError(f"{text!r} is no media key")
    return text


class Media(Protocol):
    """Keys look like `events/12/34.webp`: ASCII letters, digits, `.`, `-`, `_`, and `/` between parts.

    A key has at most ten parts of 1 to 200 characters.
    """

    @property
    def origin(self) -> str | None:
        """Where browsers get pictures from, as `https://host`, if not from this application."""
        ...

    async def connect(self) -> None:
        """To be called once before anything else; the store may be away meanwhile."""
        ...

    async def close(self) -> None: ...

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> int:
        """Store durably and answer the size in bytes; readers see the old bytes or all of the new ones.

        Raises:
            Unavailable: the store cannot be written.
        """
        ...

    async def size(self, key: str) -> int | None:
        """Bytes, or None where there is no such key."""
        ...

    def open(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Bytes from `start` up to but without `end`, in chunks.

        Raises:
            NotFound: there is no such key.
            Unavailable: the store cannot be read.
        """
        ...

    async def copy(self, source: str, target: str) -> None:
        """As `put` of what `open` reads; raises `NotFound` where there is no source."""
        ...

    async def delete(self, key: str) -> None:
        """Gone afterwards, whether or not it was there."""
        ...

    def url(self, key: str) -> str:
        """Where a signed-in browser gets it: an absolute path or an absolute URL."""
        ...

    def keys_below(self, prefix: str, older_than: dt.timedelta) -> AsyncIterator[str]:
        """Those that begin with `prefix` and were stored at least that long ago."""
        ...

    async def sweep_incoming(self, older_than: dt.timedelta) -> int:
        """Delete uploads under `incoming/` that nobody collected, and count them; a bucket may do it by a rule."""
        ...

    async def ping(self) -> None:
        """Raises `Unavailable` when the store is away."""
        ...
