"""Media in a folder: the embedded twin of S3."""

import asyncio
import datetime as dt
import os
import stat
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar

from app.engines.media import CHUNK, INCOMING, require_key
from app.errors import NotFound, Unavailable
from app.phrases import Phrase

UNFINISHED = ".unfinished"
AT_ONCE = 1024 * 1024

P = ParamSpec("P")
T = TypeVar("T")


class FolderMedia:
    """`objects/` holds what was stored, `.unfinished/` what is being written: the same file system, never a key."""

    origin = None

    def __init__(self, folder: Path) -> None:
        self.objects = folder / "objects"
        self.unfinished = folder / UNFINISHED

    async def connect(self) -> None:
        """A folder is made when something is put into it."""

    async def close(self) -> None:
        """Nothing is held open."""

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> int:
        path = self.path(key)
        file = await off_loop(self.begin)
        try:
            pending = bytearray()
            async for chunk in chunks:
                pending += chunk
                if len(pending) >= AT_ONCE:
                    await off_loop(file.write, bytes(pending))
                    pending.clear()
            return await off_loop(finish, file, bytes(pending), path)
        except BaseException:
            discard(file)
            raise

    def begin(self) -> BinaryIO:
        self.unfinished.mkdir(parents=True, exist_ok=True)
        return tempfile.NamedTemporaryFile(dir=self.unfinished, delete=False)  # type: ignore[return-value]

    async def size(self, key: str) -> int | None:
        return await off_loop(size_of, self.path(key))

    async def open(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        path = self.path(key)
        try:
            file = await asyncio.to_thread(path.open, "rb")
        except (FileNotFoundError, IsADirectoryError) as error:
            raise NotFound(f"There is no {key}.") from error
        except OSError as error:
            raise away(error) from error
        with file:
            file.seek(start)
            left = max(0, end - start) if end is not None else None
            while left is None or left > 0:
                read = await off_loop(file.read, AT_ONCE if left is None else min(AT_ONCE, left))
                if not read:
                    return
                left = None if left is None else left - len(read)
                for place in range(0, len(read), CHUNK):
                    yield read[place : place + CHUNK]

    async def copy(self, source: str, target: str) -> None:
        await self.put(target, self.open(source))

    async def delete(self, key: str) -> None:
        await off_loop(remove, self.path(key))

    def url(self, key: str) -> str:
        return f"/media/{require_key(key)}"

    async def keys_below(self, prefix: str, older_than: dt.timedelta) -> AsyncIterator[str]:
        for key in await off_loop(self.found_below, prefix, time.time() - older_than.total_seconds()):
            yield key

    def found_below(self, prefix: str, before: float) -> list[str]:
        folder = self.objects / prefix.rpartition("/")[0]
        found = [path for path in folder.rglob("*") if is_file_from_before(path, before)] if folder.is_dir() else []
        keys = [path.relative_to(self.objects).as_posix() for path in found]
        return [key for key in keys if key.startswith(prefix)]

    async def sweep_incoming(self, older_than: dt.timedelta) -> int:
        return await off_loop(self.sweep, time.time() - older_than.total_seconds())

    def sweep(self, before: float) -> int:
        count = 0
        for folder in (self.path(INCOMING.rstrip("/")), self.unfinished):
            for path in folder.rglob("*") if folder.is_dir() else ():
                with suppress(FileNotFoundError):  # collected meanwhile, or swept by another process
                    if is_file_from_before(path, before):
                        path.unlink()
                        count += 1
        return count

    async def ping(self) -> None:
        await off_loop(self.probe)

    def probe(self) -> None:
        self.objects.mkdir(parents=True, exist_ok=True)
        file = self.begin()
        try:
            file.write(b"ping")
            file.flush()
        finally:
            discard(file)

    def path(self, key: str) -> Path:
        """Raises `ValueError` for what is no key, so that nothing outside the folder is ever touched."""
        return self.objects / require_key(key)


async def off_loop(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """In a thread, with the disk's troubles as `Unavailable`; a sender's own `OSError` stays what it is."""
    try:
        return await asyncio.to_thread(work, *arguments, **named)
    except OSError as error:
        raise away(error) from error


def finish(file: BinaryIO, rest: bytes, path: Path) -> int:
    """Durable before it is visible: the bytes, then the name."""
    file.write(rest)
    size = file.tell()
    file.flush()
    os.fsync(file.fileno())
    file.close()
    make_folder(path.parent)
    os.replace(file.name, path)
    fsync_folder(path.parent)
    return size


def discard(file: BinaryIO) -> None:
    with suppress(OSError):  # closing flushes, and on a full disk that fails once more
        file.close()
    with suppress(FileNotFoundError):  # it was renamed already
        os.unlink(file.name)


def make_folder(folder: Path) -> None:
    """With its parents, each durable: a file that was synced is lost when its folder's name is."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        fsync_folder(folder.parent)


def fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_file_from_before(path: Path, moment: float) -> bool:
    try:
        status = path.stat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_mtime < moment


def size_of(path: Path) -> int | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def remove(path: Path) -> None:
    with suppress(FileNotFoundError, IsADirectoryError):  # no such key, which is what was wanted
        path.unlink()


def away(error: OSError) -> Unavailable:
    return Unavailable(Phrase("The media store does not work: %(reason)s.", reason=error.strerror), retry_after=5)
