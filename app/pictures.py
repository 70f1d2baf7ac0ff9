"""Pictures: checked, cleaned and scaled, in one niced process that dies with its parent."""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from app.errors import FieldError, Invalid, Unavailable

MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 25_000_000
WIDTHS = (480, 960, 1920)
LONGEST_SIDE = 2400
FORMATS = ("JPEG", "PNG", "WEBP")
SECONDS = 30.0
QUALITY, EFFORT = 82, 2


class Size(msgspec.Struct, frozen=True):
    """In pixels, as people see it: after the rotation that EXIF asks for."""

    width: int
    height: int


class Rendered(msgspec.Struct, frozen=True):
    """Of the full picture, in pixels."""

    width: int
    height: int


class Refused(Exception):
    """What a picture lacks, in words for the person who chose it."""


def variant_key(s3_key: str, width: int) -> str:
    return f"{s3_key.removesuffix('.webp')}-{width}.webp"


def original_key(key: str) -> str:
    """The key of the full picture behind any of its widths."""
    stem, _, width = key.removesuffix(".webp").rpartition("-")
    return f"{stem}.webp" if stem and width.isdigit() and int(width) in WIDTHS else key


class Pictures:
    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self.pool: ProcessPoolExecutor | None = None

    async def check(self, path: Path, field: str) -> Size:
        """Decode it whole; raises `Invalid` for what is no picture we take."""
        return Size(*await self.run(measure, field, str(path)))

    async def render(self, path: Path, target: Path) -> Rendered:
        """Write `full.webp` and one `<width>.webp` for each of `WIDTHS` into `target`, never enlarged."""
        return Rendered(*await self.run(render, "images", str(path), str(target)))

    async def run(self, work: Callable[..., Any], field: str, *arguments: str) -> Any:
        for attempt in (1, 2):
            pool = self.pool = self.pool or new_pool()
            try:
                async with asyncio.timeout(self.seconds):
                    return await asyncio.get_running_loop().run_in_executor(pool, work, *arguments)
            except Refused as error:
                raise Invalid([FieldError(field, str(error))]) from error
            except TimeoutError as error:
                self.close()
                raise Invalid([FieldError(field, "takes too long to decode")]) from error
            except BrokenProcessPool as error:
                if self.pool is pool:
                    self.close()
                if attempt == 2:
                    raise Unavailable("Pictures cannot be read at the moment.", retry_after=5) from error
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Ends the process, busy or not."""
        pool, self.pool = self.pool, None
        if pool is not None:
            processes = list((pool._processes or {}).values())
            pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                with suppress(ProcessLookupError):  # it ended by itself
                    process.kill()


def new_pool() -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(max_workers=1, mp_context=context, initializer=settle_in)


def settle_in() -> None:
    """In the worker: yield to everybody, leave Ctrl-C to the parent, and never outlive it."""
    os.nice(10)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(0)


def decoded(path: str) -> Any:
    import warnings

    from PIL import Image, ImageOps, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(path, formats=FORMATS)
        picture.load()
        return ImageOps.exif_transpose(picture)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise Refused("has more than 25 megapixels") from error
    except UnidentifiedImageError as error:
        raise Refused("is not a JPEG, PNG or WebP picture") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise Refused("is broken and cannot be read") from error


def measure(path: str) -> tuple[int, int]:
    width, height = decoded(path).size
    return width, height


def render(path: str, target: str) -> tuple[int, int]:
    from PIL import Image

    full = in_srgb(decoded(path))
    full.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    full.save(os.path.join(target, "full.webp"), "WEBP", quality=QUALITY, method=EFFORT)
    for width in WIDTHS:
        scaled = full.copy()
        if width < full.width:
            scaled = full.resize((width, max(1, round(full.height * width / full.width))), Image.Resampling.LANCZOS)
        scaled.save(os.path.join(target, f"{width}.webp"), "WEBP", quality=QUALITY, method=EFFORT)
    return full.width, full.height


def in_srgb(picture: Any) -> Any:
    """Plain RGB or RGBA in sRGB, with no metadata left."""
    import io

    from PIL import Image, ImageCms

    profile = picture.info.get("icc_profile")
    alpha = picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info
    if picture.mode.startswith("I;16") or picture.mode in {"I", "F"}:
        picture = picture.convert("I").point(lambda value: value / 257).convert("L")
        profile = None
    if profile and not alpha:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            picture = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            picture = picture.convert("RGB")  # a profile nobody can read says nothing about the colours
    plain = Image.new("RGBA" if alpha else "RGB", picture.size)
    plain.paste(picture.convert(plain.mode))
    return plain
