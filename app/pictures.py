"""Pictures: checked, cleaned and scaled, in one niced process that dies with its parent."""

import asyncio
import multiprocessing
import os
import signal
import struct
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from app.errors import FieldError, Invalid, Unavailable
from app.phrases import Phrase

MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 25_000_000
WIDTHS = (480, 960, 1920)
PREVIEW_WIDTH = 960
LONGEST_SIDE = 2400
FORMATS = ("JPEG", "PNG", "WEBP")
SECONDS = 30.0
QUALITY, EFFORT = 82, 2
UNREADABLE_EXIF = (SyntaxError, ValueError, struct.error)
UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, struct.error)
"""What Pillow raises for broken pictures, most of it by accident."""


class Size(msgspec.Struct, frozen=True):
    """In pixels, as people see it: after the rotation that EXIF asks for."""

    width: int
    height: int


class Rendered(msgspec.Struct, frozen=True):
    """Of the full picture in pixels, and how many `bytes` each file has, by its name without `.webp`."""

    width: int
    height: int
    bytes: dict[str, int]


class Refused(Exception):
    """What a picture lacks, in words for the person who chose it."""


def variant_key(s3_key: str, width: int) -> str:
    return f"{s3_key.removesuffix('.webp')}-{width}.webp"


def keys_of_picture(s3_key: str) -> tuple[str, ...]:
    """The full picture and all its widths."""
    return (s3_key, *(variant_key(s3_key, width) for width in WIDTHS))


def original_key(key: str) -> str:
    """The key of the full picture behind any of its widths."""
    stem, _, width = key.removesuffix(".webp").rpartition("-")
    return f"{stem}.webp" if stem and width.isdigit() and int(width) in WIDTHS else key


class Pictures:
    """At most one picture at a time is in the worker, which starts with the first one."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self.pool: ProcessPoolExecutor | None = None
        self.turn = asyncio.Lock()
        self.closed = False

    async def check(self, path: Path, field: str) -> Size:
        """Decode it whole; raises `Invalid` for what is no picture we take."""
        return Size(*await self.run(measure, field, str(path)))

    async def preview(self, path: Path, target: Path, field: str) -> Size:
        """`check`, and a small picture for people who are not done yet, written to `target`."""
        return Size(*await self.run(preview, field, str(path), str(target)))

    async def render(self, path: Path, target: Path) -> Rendered:
        """Write `full.webp` and one `<width>.webp` for each of `WIDTHS` into `target`, never enlarged."""
        return Rendered(*await self.run(render, "images", str(path), str(target)))

    async def run(self, work: Callable[..., Any], field: str, *arguments: str) -> Any:
        # The queue is here and not in the pool: waiting does not count, and ending the worker hits nobody else.
        async with self.turn:
            try:
                return await self.try_twice(work, *arguments)
            except Refused as error:
                raise Invalid([FieldError(field, error.args[0])]) from error
            except TimeoutError as error:
                self.end_worker()
                raise Invalid([FieldError(field, Phrase("takes too long to decode"))]) from error
            except OSError as error:
                raise Unavailable("Pictures cannot be kept at the moment.", retry_after=5) from error
            except asyncio.CancelledError:
                self.end_worker()  # it would go on with what nobody waits for, while the next one's time runs
                raise

    async def try_twice(self, work: Callable[..., Any], *arguments: str) -> Any:
        for _ in range(2):
            if self.closed:
                break
            self.pool = self.pool or new_pool()
            with suppress(BrokenProcessPool):  # somebody killed the worker: once more with a new one
                async with asyncio.timeout(self.seconds):
                    return await asyncio.get_running_loop().run_in_executor(self.pool, work, *arguments)
            self.end_worker()
        raise Unavailable("Pictures cannot be read at the moment.", retry_after=5)

    def close(self) -> None:
        """Ends the process, busy or not, for good."""
        self.closed = True
        self.end_worker()

    def end_worker(self) -> None:
        pool, self.pool = self.pool, None
        if pool is not None:
            processes = list((pool._processes or {}).values())
            pool.shutdown(wait=False)
            for process in processes:
                process.kill()


def new_pool() -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(max_workers=1, mp_context=context, initializer=settle_in)


def settle_in() -> None:
    """In the worker: yield to everybody, leave Ctrl-C to the parent, never outlive it, and keep out of the log."""
    os.nice(10)
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(0)


def decoded(path: str) -> Any:
    """As people see it, in plain RGB or RGBA; raises `Refused` for what is no picture we take."""
    from PIL import Image, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(path, formats=FORMATS)
        return in_srgb(upright(picture))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise Refused(Phrase("has more than 25 megapixels")) from error
    except UnidentifiedImageError as error:
        raise Refused(Phrase("is not a JPEG, PNG or WebP picture")) from error
    except UNREADABLE as error:
        if isinstance(error, OSError) and error.errno:
            raise  # it is the disk that is broken; what Pillow itself raises has no number
        raise Refused(Phrase("is broken and cannot be read")) from error


def upright(picture: Any) -> Any:
    """Turned as EXIF asks; `ImageOps.exif_transpose` also writes the EXIF anew and fails where that is damaged."""
    from PIL import Image

    turns = Image.Transpose
    by_orientation = {
        2: turns.FLIP_LEFT_RIGHT, 3: turns.ROTATE_180, 4: turns.FLIP_TOP_BOTTOM, 5: turns.TRANSPOSE,
        6: turns.ROTATE_270, 7: turns.TRANSVERSE, 8: turns.ROTATE_90,
    }  # fmt: skip
    try:
        turn = by_orientation.get(picture.getexif().get(0x0112))
    except UNREADABLE_EXIF:
        turn = None  # browsers show such a picture as it is, too
    return picture if turn is None else picture.transpose(turn)


def measure(path: str) -> tuple[int, int]:
    width, height = decoded(path).size
    return width, height


def preview(path: str, target: str) -> tuple[int, int]:
    from PIL import Image

    small = decoded(path)
    size = small.size
    small.thumbnail((PREVIEW_WIDTH, PREVIEW_WIDTH), Image.Resampling.BICUBIC)
    small.save(target, "WEBP", quality=QUALITY, method=0)
    return size


def render(path: str, target: str) -> tuple[int, int, dict[str, int]]:
    from PIL import Image

    full = decoded(path)
    full.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    sizes = {"full": write(full, target, "full")}
    for width in WIDTHS:
        scaled = full
        if width < full.width:
            scaled = full.resize((width, max(1, round(full.height * width / full.width))), Image.Resampling.LANCZOS)
        sizes[str(width)] = write(scaled, target, str(width))
    return full.width, full.height, sizes


def write(picture: Any, target: str, name: str) -> int:
    path = os.path.join(target, f"{name}.webp")
    picture.save(path, "WEBP", quality=QUALITY, method=EFFORT)
    return os.path.getsize(path)


def in_srgb(picture: Any) -> Any:
    """Plain RGB or RGBA in sRGB, with no metadata left."""
    from PIL import Image

    profile = picture.info.get("icc_profile")
    alpha = picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info
    if picture.mode.startswith("I;16") or picture.mode in {"I", "F"}:
        picture = picture.convert("I").point(lambda value: value / 257).convert("L")
        profile = None
    plain = picture.convert("RGBA" if alpha else "RGB")
    if profile:
        converted = through_profile(picture, profile)
        if alpha:
            converted.putalpha(plain.getchannel("A"))
        plain = converted
    bare = Image.new(plain.mode, plain.size)
    bare.paste(plain)
    return bare


def through_profile(picture: Any, profile: bytes) -> Any:
    """As RGB in sRGB, without alpha, which the colour engine does not know."""
    import io

    from PIL import ImageCms

    if picture.mode not in {"RGB", "L", "CMYK"}:
        picture = picture.convert("L" if picture.mode in {"LA", "1"} else "RGB")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return picture.convert("RGB")  # a profile nobody can read says nothing about the colours
