"""What only a folder can get wrong: leftovers, full disks, folders that look like keys, and the order of syncing."""

import asyncio
import datetime as dt
import os
import resource
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.engines.folder_media import FolderMedia
from app.errors import Unavailable
from tests.waiting import eventually

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def media(tmp_path: Path) -> FolderMedia:
    return FolderMedia(tmp_path / "media")


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def read(media: FolderMedia, key: str) -> bytes:
    return b"".join([chunk async for chunk in media.open(key)])


def age(path: Path) -> None:
    os.utime(path, (time.time() - 7200, time.time() - 7200))


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """The nearest thing to a full disk that needs no privileges."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "media").write_text("a file where the folder should be")
    media = FolderMedia(tmp_path / "media")
    with pytest.raises(Unavailable):
        await media.put("k", chunks(b"x"))
    with pytest.raises(Unavailable):
        await media.ping()
    with pytest.raises(Unavailable):
        await media.size("k")
    with pytest.raises(Unavailable):
        await read(media, "k")


async def test_a_full_disk_is_unavailable_and_leaves_nothing_behind(media: FolderMedia) -> None:
    await media.put("k", chunks(b"old"))
    for size in (3_000_000, 100_001):
        with files_no_larger_than(100_000), pytest.raises(Unavailable):
            await media.put("k", chunks(b"x" * size))
        assert list(media.unfinished.iterdir()) == []
    assert await read(media, "k") == b"old"


async def test_ping_of_a_full_disk_is_unavailable(media: FolderMedia) -> None:
    with files_no_larger_than(0), pytest.raises(Unavailable):
        await media.ping()
    assert list(media.unfinished.iterdir()) == []


async def test_ping_leaves_nothing_behind(media: FolderMedia) -> None:
    await media.ping()
    assert [path for path in media.objects.parent.rglob("*") if path.is_file()] == []


async def test_a_sender_who_fails_is_not_taken_for_the_disk(media: FolderMedia) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 2_000_000
        raise ConnectionResetError("the sender went away")

    with pytest.raises(ConnectionResetError):
        await media.put("k", broken())
    assert list(media.unfinished.iterdir()) == []


async def test_a_writer_who_is_cancelled_leaves_nothing_behind(media: FolderMedia) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"x" * 2_000_000
        await asyncio.Event().wait()

    writer = asyncio.create_task(media.put("k", endless()))
    await eventually(lambda: media.unfinished.is_dir() and [p for p in media.unfinished.iterdir() if p.stat().st_size])
    writer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writer
    assert list(media.unfinished.iterdir()) == []
    assert await media.size("k") is None


async def test_readers_keep_the_old_bytes_while_new_ones_arrive(media: FolderMedia) -> None:
    await media.put("k", chunks(b"old"))

    async def seen_half_way() -> AsyncIterator[bytes]:
        yield b"x" * 2_000_000
        assert await read(media, "k") == b"old"
        yield b"y"

    assert await media.put("k", seen_half_way()) == 2_000_001
    assert await read(media, "k") == b"x" * 2_000_000 + b"y"


async def test_what_is_put_is_synced_before_it_has_its_name_and_so_are_its_folders(
    media: FolderMedia, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, bool]] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        synced.append((os.path.realpath(f"/dev/fd/{descriptor}"), (media.objects / "events/1/2.webp").exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    await media.put("events/1/2.webp", chunks(b"x"))
    root = Path(os.path.realpath(media.objects.parent))
    (first, named), *folders = synced
    assert Path(first).parent == root / ".unfinished"
    assert not named
    assert folders == [
        (str(root), False), (str(root / "objects"), False), (str(root / "objects/events"), False),
        (str(root / "objects/events/1"), True),
    ]  # fmt: skip


async def test_leftovers_of_crashed_writes_are_swept_and_never_keys(media: FolderMedia) -> None:
    await media.put("k", chunks(b"x"))
    leftover = media.unfinished / "tmpabc"
    leftover.write_bytes(b"half")
    assert await media.size("tmpabc") is None
    assert await media.size(".unfinished/tmpabc") is None
    assert await media.sweep_incoming(HOUR) == 0
    age(leftover)
    assert await media.sweep_incoming(HOUR) == 1
    assert not leftover.exists()


async def test_sweep_goes_by_age(media: FolderMedia) -> None:
    await media.put("incoming/old", chunks(b"x"))
    await media.put("incoming/new", chunks(b"x"))
    await media.put("events/1/1.webp", chunks(b"x"))
    for key in ("incoming/old", "events/1/1.webp"):
        age(media.objects / key)
    assert await media.sweep_incoming(HOUR) == 1
    assert await media.size("incoming/old") is None
    assert await media.size("incoming/new") == 1
    assert await media.size("events/1/1.webp") == 1


async def test_several_processes_may_sweep_at_once(media: FolderMedia) -> None:
    incoming = media.objects / "incoming"
    incoming.mkdir(parents=True)
    for number in range(500):
        (incoming / str(number)).touch()
        age(incoming / str(number))
    counts = await asyncio.gather(*[media.sweep_incoming(HOUR) for _ in range(4)])
    assert sum(counts) == 500
    assert list(incoming.iterdir()) == []


async def test_a_store_that_cannot_be_swept_is_unavailable(media: FolderMedia) -> None:
    incoming = media.objects / "incoming"
    incoming.mkdir(parents=True)
    (incoming / "round").symlink_to("round")
    with pytest.raises(Unavailable):
        await media.sweep_incoming(HOUR)


def test_addresses(media: FolderMedia) -> None:
    assert media.url("events/1/2.webp") == "/media/events/1/2.webp"
