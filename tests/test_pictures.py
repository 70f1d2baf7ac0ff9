"""Pictures as people really send them."""

import io
import os
import signal
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image, ImageCms

from app.errors import Invalid, Unavailable
from app.pictures import WIDTHS, Pictures, original_key, variant_key
from tests.waiting import eventually


@pytest.fixture
def pictures() -> Iterator[Pictures]:
    pictures = Pictures()
    yield pictures
    pictures.close()


def saved(path: Path, picture: Image.Image, kind: str, **options: object) -> Path:
    picture.save(path, kind, **options)  # type: ignore[arg-type]
    return path


async def rendered(pictures: Pictures, path: Path, folder: Path) -> Image.Image:
    await pictures.render(path, folder)
    picture = Image.open(folder / "full.webp")
    picture.load()
    return picture


async def test_three_widths_and_a_full_picture(pictures: Pictures, tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jpg", Image.new("RGB", (3000, 1500), "teal"), "JPEG")
    size = await pictures.render(path, tmp_path)
    assert (size.width, size.height) == (2400, 1200)
    for width in WIDTHS:
        assert Image.open(tmp_path / f"{width}.webp").size == (width, width // 2)


async def test_small_pictures_are_not_enlarged(pictures: Pictures, tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.new("RGB", (100, 50)), "PNG")
    await pictures.render(path, tmp_path)
    assert {Image.open(tmp_path / f"{name}.webp").size for name in ("full", *WIDTHS)} == {(100, 50)}


async def test_rotation_is_applied_and_metadata_is_gone(pictures: Pictures, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[2] = (52.0, 30.0, 0.0)
    path = saved(tmp_path / "a.jpg", Image.new("RGB", (400, 200), "red"), "JPEG", exif=exif.tobytes())
    assert Image.open(path).getexif().get_ifd(0x8825)
    size = await pictures.check(path, "images")
    assert (size.width, size.height) == (200, 400)
    picture = await rendered(pictures, path, tmp_path)
    assert picture.size == (200, 400)
    assert not picture.getexif()
    assert not {"exif", "xmp", "icc_profile"} & set(picture.info)


@pytest.mark.parametrize(
    ("mode", "kind", "result"),
    [
        ("RGB", "WEBP", "RGB"), ("RGBA", "PNG", "RGBA"), ("L", "JPEG", "RGB"), ("CMYK", "JPEG", "RGB"),
        ("P", "PNG", "RGB"), ("LA", "PNG", "RGBA"), ("I;16", "PNG", "RGB"), ("1", "PNG", "RGB"),
    ],
)  # fmt: skip
async def test_modes(pictures: Pictures, tmp_path: Path, mode: str, kind: str, result: str) -> None:
    path = saved(tmp_path / "a", Image.new(mode, (60, 40)), kind)
    picture = await rendered(pictures, path, tmp_path)
    assert (picture.mode, picture.size) == (result, (60, 40))


async def test_colours_of_another_profile_are_converted(pictures: Pictures, tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = saved(tmp_path / "a.png", Image.new("RGB", (60, 40), (200, 100, 50)), "PNG", icc_profile=profile)
    picture = await rendered(pictures, path, tmp_path)
    assert all(abs(a - b) < 6 for a, b in zip(picture.getpixel((30, 20)), (200, 100, 50), strict=True))  # type: ignore[arg-type]


async def test_an_unreadable_profile_does_no_harm(pictures: Pictures, tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.new("RGB", (60, 40), "red"), "PNG", icc_profile=b"nonsense")
    assert (await rendered(pictures, path, tmp_path)).size == (60, 40)


def gif() -> bytes:
    out = io.BytesIO()
    Image.new("P", (10, 10)).save(out, "GIF")
    return out.getvalue()


def jpeg() -> bytes:
    out = io.BytesIO()
    Image.effect_noise((300, 300), 50).save(out, "JPEG")
    return out.getvalue()


def png_of(width: int, height: int) -> bytes:
    """A header that promises many pixels over hardly any bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x00\x00\x00\x00"
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not a JPEG"),
        (gif(), "not a JPEG"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "not a JPEG"),
        (b"<!doctype html><p>hello", "not a JPEG"),
        (jpeg()[:2000], "broken"),
        (png_of(100, 100), "broken"),
        (png_of(5100, 5000), "25 megapixels"),
        (png_of(60_000, 60_000), "25 megapixels"),
    ],
)
async def test_what_is_refused(pictures: Pictures, tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "poster.jpg"
    path.write_bytes(content)
    with pytest.raises(Invalid) as refusal:
        await pictures.check(path, "images")
    (bad,) = refusal.value.fields
    assert bad.field == "images"
    assert complaint in bad.message


async def test_a_killed_worker_is_replaced(pictures: Pictures, tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.new("RGB", (60, 40)), "PNG")
    await pictures.check(path, "images")
    (worker,) = children(os.getpid())
    worker.kill()
    assert (await pictures.check(path, "images")).width == 60


async def test_what_takes_too_long_is_given_up(tmp_path: Path) -> None:
    pictures = Pictures(seconds=0.01)
    path = saved(tmp_path / "a.png", Image.new("RGB", (2000, 2000)), "PNG")
    with pytest.raises((Invalid, Unavailable)):
        await pictures.check(path, "images")
    await eventually(lambda: not children(os.getpid()))


async def test_the_worker_dies_with_its_parent_even_by_kill_9(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.new("RGB", (60, 40)), "PNG")
    script = tmp_path / "parent.py"
    script.write_text(
        "import asyncio, pathlib, signal\n"
        "from app.pictures import Pictures\n"
        "async def main():\n"
        f"    await pictures.check(pathlib.Path({str(path)!r}), 'x')\n"
        "    print('ready', flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "if __name__ == '__main__':\n"
        "    pictures = Pictures()\n"
        "    asyncio.run(main())\n"
    )
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "ready\n"
    family = psutil.Process(parent.pid).children(recursive=True)
    workers = [one for one in family if "spawn_main" in " ".join(one.cmdline())]
    assert workers
    assert workers[0].nice() >= 10
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    await eventually(lambda: not any(alive(one) for one in workers))


def alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def children(pid: int) -> list[psutil.Process]:
    found = psutil.Process(pid).children()
    return [one for one in found if alive(one) and "spawn_main" in " ".join(one.cmdline())]


def test_keys_of_the_widths() -> None:
    assert variant_key("events/1/2.webp", 480) == "events/1/2-480.webp"
    assert original_key("events/1/2-480.webp") == "events/1/2.webp"
    assert original_key("events/1/2.webp") == "events/1/2.webp"
    assert original_key("events/1/2-481.webp") == "events/1/2-481.webp"
