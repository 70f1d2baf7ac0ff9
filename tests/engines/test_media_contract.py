"""What every media store must do."""

import datetime as dt
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.engines.media import Media
from app.errors import NotFound
from tests.engines.media_twins import TWINS


@pytest.fixture(params=TWINS)
async def media(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Media]:
    async with TWINS[request.param](tmp_path) as media:
        yield media


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def read(media: Media, key: str, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in media.open(key, start, end)])


async def test_what_was_put_is_read(media: Media) -> None:
    assert await media.put("events/1/2.webp", chunks(b"ab", b"", b"cd")) == 4
    assert await media.size("events/1/2.webp") == 4
    assert await read(media, "events/1/2.webp") == b"abcd"


async def test_large_files_come_back_whole_and_in_chunks(media: Media) -> None:
    block = os.urandom(700_000)
    await media.put("big", chunks(*[block] * 5))
    assert await read(media, "big") == block * 5
    assert max([len(chunk) async for chunk in media.open("big")]) <= 1024 * 1024


MEBIBYTE = 1024 * 1024


@pytest.mark.parametrize("size", [5 * MEBIBYTE, 5 * MEBIBYTE + 1, 10 * MEBIBYTE, 10 * MEBIBYTE + 1, 17 * MEBIBYTE])
async def test_sizes_around_those_of_parts(media: Media, size: int) -> None:
    whole = os.urandom(size)
    pieces = [whole[place : place + 999_999] for place in range(0, size, 999_999)]
    assert await media.put("big", chunks(*pieces)) == size
    assert await media.size("big") == size
    assert await read(media, "big") == whole


async def test_one_chunk_may_be_larger_than_any_part(media: Media) -> None:
    whole = os.urandom(12 * MEBIBYTE)
    assert await media.put("big", chunks(whole)) == len(whole)
    assert await read(media, "big", 4 * MEBIBYTE, 6 * MEBIBYTE) == whole[4 * MEBIBYTE : 6 * MEBIBYTE]


@pytest.mark.parametrize(("start", "end"), [(10, None), (10, 12), (99, None), (5, 3)])
async def test_ranges_without_a_byte_are_empty(media: Media, start: int, end: int | None) -> None:
    await media.put("digits", chunks(b"0123456789"))
    assert await read(media, "digits", start, end) == b""


async def test_any_range_of_an_empty_file_is_empty(media: Media) -> None:
    await media.put("empty", chunks())
    assert await read(media, "empty", 0, 5) == b""


async def test_an_empty_range_of_what_is_not_there(media: Media) -> None:
    with pytest.raises(NotFound):
        await read(media, "nothing", 4, 4)


@pytest.mark.parametrize(("start", "end", "found"), [(0, 3, b"012"), (3, None, b"3456789"), (9, 99, b"9"), (4, 4, b"")])
async def test_ranges(media: Media, start: int, end: int | None, found: bytes) -> None:
    await media.put("digits", chunks(b"0123456789"))
    assert await read(media, "digits", start, end) == found


async def test_putting_again_replaces(media: Media) -> None:
    await media.put("k", chunks(b"old and longer"))
    await media.put("k", chunks(b"new"))
    assert await read(media, "k") == b"new"


async def test_what_fails_half_way_leaves_what_was_there(media: Media) -> None:
    await media.put("k", chunks(b"old"))

    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 2_000_000
        raise ConnectionResetError("the sender went away")

    with pytest.raises(ConnectionResetError):
        await media.put("k", broken())
    assert await read(media, "k") == b"old"


async def test_what_is_not_there(media: Media) -> None:
    assert await media.size("nothing") is None
    with pytest.raises(NotFound):
        await read(media, "nothing")
    with pytest.raises(NotFound):
        await media.copy("nothing", "target")
    assert await media.size("target") is None


async def test_a_missing_key_is_known_before_the_first_chunk(media: Media) -> None:
    with pytest.raises(NotFound):
        await anext(media.open("nothing"))


async def test_the_part_before_a_slash_is_no_key(media: Media) -> None:
    await media.put("events/1/2.webp", chunks(b"x"))
    assert await media.size("events/1") is None
    with pytest.raises(NotFound):
        await read(media, "events/1")
    await media.delete("events/1")
    assert await media.size("events/1/2.webp") == 1


async def test_an_empty_file_is_there(media: Media) -> None:
    assert await media.put("empty", chunks()) == 0
    assert await media.size("empty") == 0
    assert await read(media, "empty") == b""


async def test_copy_and_delete(media: Media) -> None:
    await media.put("a/b", chunks(b"x"))
    await media.copy("a/b", "c/d")
    await media.delete("a/b")
    await media.delete("a/b")
    assert await media.size("a/b") is None
    assert await read(media, "c/d") == b"x"


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", "a b", "ä", "a\x00", "a\n", "a" * 201, "a/" * 10 + "a"]
)
async def test_keys_that_are_no_keys(media: Media, key: str) -> None:
    with pytest.raises(ValueError, match="no media key"):
        await media.put(key, chunks(b"x"))
    with pytest.raises(ValueError, match="no media key"):
        await media.size(key)
    with pytest.raises(ValueError, match="no media key"):
        await read(media, key)
    with pytest.raises(ValueError, match="no media key"):
        await media.delete(key)
    with pytest.raises(ValueError, match="no media key"):
        media.url(key)


async def test_sweep_takes_old_uploads_and_nothing_else(media: Media) -> None:
    await media.put("incoming/old", chunks(b"x"))
    await media.put("events/1/1.webp", chunks(b"x"))
    assert await media.sweep_incoming(dt.timedelta(hours=1)) == 0
    assert await media.sweep_incoming(dt.timedelta(0)) == 1
    assert await media.size("incoming/old") is None
    assert await media.size("events/1/1.webp") == 1


async def test_keys_below_a_prefix(media: Media) -> None:
    for key in ("events/1/1.webp", "events/1/1-480.webp", "events/12/3.webp", "incoming/x", "events.txt"):
        await media.put(key, chunks(b"x"))

    async def below(prefix: str, older_than: dt.timedelta = dt.timedelta(0)) -> set[str]:
        return {key async for key in media.keys_below(prefix, older_than)}

    assert await below("events/1/") == {"events/1/1.webp", "events/1/1-480.webp"}
    assert await below("events/1") == {"events/1/1.webp", "events/1/1-480.webp", "events/12/3.webp"}
    assert await below("events/9/") == set()
    assert await below("events/", dt.timedelta(hours=1)) == set()


async def test_sweeping_with_nothing_there(media: Media) -> None:
    assert await media.sweep_incoming(dt.timedelta(days=30)) == 0


async def test_ping_of_a_store_that_is_there(media: Media) -> None:
    await media.ping()
