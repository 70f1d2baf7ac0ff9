"""Media in a folder: the embedded twin of S3."""

import asyncio
import datetime as dt
import os
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from app.engines.media import CHUNK, INCOMING, is_key
from app.errors import NotFound, Unavailable

UNFINISHED = ".unfinished"
WRITE_AT_ONCE = 1024 * 1024


class FolderMedia:
    """`objects/` holds what was stored, `.unfinished/` what is being written: the same file system, never a key."""

    def __init__(self, folder: Path) -> None:
        self.objects = folder / "objects"
        self.unfinished = folder / UNFINISHED

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> int:
        path = self.path(key)
        try:
            file = await asyncio.to_thread(self.begin)
            try:
                pending = bytearray()
                async for chunk in chunks:
                    pending += chunk
                    if len(pending) >= WRITE_AT_ONCE:
                        await asyncio.to_thread(file.write, bytes(pending))
                        pending.clear()
                return await asyncio.to_thread(finish, file, bytes(pending), path)
            except BaseException:
                file.close()
                with suppress(FileNotFoundError):  # it was renamed already
                    os.unlink(file.name)
                raise
        except OSError as error:
            raise away(error) from error

    def begin(self) -> BinaryIO:
        self.unfinished.mkdir(parents=True, exist_ok=True)
        return tempfile.NamedTemporaryFile(dir=self.unfinished, delete=False)  # type: ignore[return-value]

    async def size(self, key: str) -> int | None:
        path = self.path(key)
        try:
            return (await asyncio.to_thread(path.stat)).st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise away(error) from error

    async def open(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        path = self.path(key)
        try:
            with await asyncio.to_thread(path.open, "rb") as file:
                file.seek(start)
                left = end - start if end is not None else None
                while left is None or left > 0:
                    wanted = WRITE_AT_ONCE if left is None else min(WRITE_AT_ONCE, left)
                    read = await asyncio.to_thread(file.read, wanted)
                    if not read:
                        return
                    left = None if left is None else left - len(read)
                    for place in range(0, len(read), CHUNK):
                        yield read[place : place + CHUNK]
        except FileNotFoundError as error:
            raise NotFound(f"There is no {key}.") from error
        except OSError as error:
            raise away(error) from error

    async def copy(self, source: str, target: str) -> None:
        await self.put(target, self.open(source))

    async def delete(self, key: str) -> None:
        path = self.path(key)
        try:
            with suppress(FileNotFoundError):  # gone is what was wanted
                await asyncio.to_thread(path.unlink)
        except OSError as error:
            raise away(error) from error

    def url(self, key: str) -> str:
        return f"/media/{key}"

    async def sweep_incoming(self, older_than: dt.timedelta) -> int:
        return await asyncio.to_thread(self.sweep, time.time() - older_than.total_seconds())

    def sweep(self, before: float) -> int:
        count = 0
        for folder in (self.path(INCOMING.rstrip("/")), self.unfinished):
            for path in folder.rglob("*") if folder.is_dir() else ():
                if path.is_file() and path.stat().st_mtime < before:
                    path.unlink(missing_ok=True)
                    count += 1
        return count

    async def ping(self) -> None:
        try:
            await asyncio.to_thread(self.probe)
        except OSError as error:
            raise away(error) from error

    def probe(self) -> None:
        self.objects.mkdir(parents=True, exist_ok=True)
        with self.begin() as file:
            os.unlink(file.name)

    def path(self, key: str) -> Path:
        """Raises `ValueError` for what is no key, so that nothing outside the folder is ever touched."""
        if not is_key(key):
            raise ValueError(f"{key!r} is no media key")
        return self.objects / key


def finish(file: BinaryIO, rest: bytes, path: Path) -> int:
    """Durable before it is visible: the bytes, then the name."""
    file.write(rest)
    size = file.tell()
    file.flush()
    os.fsync(file.fileno())
    file.close()
    path.parent.mkdir(parents=True, exist_ok=True)
    os.replace(file.name, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return size


def away(error: OSError) -> Unavailable:
    return Unavailable(f"The media store does not work: {error.strerror}.", retry_after=5)
