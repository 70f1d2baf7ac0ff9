"""Pictures as people really send them."""

import asyncio
import io
import os
import signal
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from PIL import Image, ImageCms, ImageOps

from app.errors import Invalid, Unavailable
from app.pictures import WIDTHS, Pictures, Size, original_key, variant_key
from tests.waiting import eventually


@pytest.fixture
async def pictures() -> AsyncIterator[Pictures]:
    pictures = Pictures()
    yield pictures
    pictures.close()
    await eventually(lambda: not children(os.getpid()), 60)


def saved(path: Path, picture: Image.Image, kind: str, **options: object) -> Path:
    picture.save(path, kind, **options)  # type: ignore[arg-type]
    return path


def small(folder: Path) -> Path:
    return saved(folder / "a.png", Image.new("RGB", (60, 40)), "PNG")


async def started(pictures: Pictures, path: Path) -> psutil.Process:
    """The worker, which has read a picture already."""
    await pictures.check(path, "images")
    (worker,) = children(os.getpid())
    return worker


def pixel(picture: Image.Image, x: int, y: int) -> tuple[int, ...]:
    found = picture.convert("RGBA").getpixel((x, y))
    assert isinstance(found, tuple)
    return tuple(int(value) for value in found)


def noise(folder: Path) -> Path:
    """Large enough to be at work on for a while."""
    return saved(folder / "noise.png", Image.effect_noise((2000, 2000), 80), "PNG", compress_level=1)


async def rendered(pictures: Pictures, path: Path, folder: Path) -> Image.Image:
    await pictures.render(path, folder)
    picture = Image.open(folder / "full.webp")
    picture.load()
    assert not {"exif", "xmp", "icc_profile"} & set(picture.info)
    return picture


async def test_three_widths_and_a_full_picture(pictures: Pictures, tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jpg", Image.new("RGB", (3000, 1500), "teal"), "JPEG")
    size = await pictures.render(path, tmp_path)
    assert (size.width, size.height) == (2400, 1200)
    assert size.bytes == {name: (tmp_path / f"{name}.webp").stat().st_size for name in ("full", "480", "960", "1920")}
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


def red_and_green_swapped() -> bytes:
    """A profile that says the first channel is green: only a real conversion swaps them."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"?XYZ", 1).replace(b"gXYZ", b"rXYZ", 1).replace(b"?XYZ", b"gXYZ", 1)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
async def test_colours_of_another_profile_are_converted(pictures: Pictures, tmp_path: Path, mode: str) -> None:
    original = Image.new("RGB", (60, 40), (200, 100, 50)).convert(mode)
    if mode == "RGBA":
        original.putalpha(128)
    path = saved(tmp_path / "a.png", original, "PNG", icc_profile=red_and_green_swapped())
    picture = await rendered(pictures, path, tmp_path)
    expected = (100, 200, 50, 128 if mode == "RGBA" else 255)
    assert all(abs(a - b) < 8 for a, b in zip(pixel(picture, 30, 20), expected, strict=True))


async def test_sixteen_bits_become_eight(pictures: Pictures, tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.new("I;16", (60, 40), 128 * 257), "PNG")
    assert abs(pixel(await rendered(pictures, path, tmp_path), 30, 20)[0] - 128) < 3


async def test_transparent_places_stay_transparent(pictures: Pictures, tmp_path: Path) -> None:
    original = Image.new("P", (60, 40), 0)
    original.putpalette([255, 0, 0, 0, 0, 255])
    original.paste(1, (30, 0, 60, 40))
    path = saved(tmp_path / "a.png", original, "PNG", transparency=0)
    picture = await rendered(pictures, path, tmp_path)
    assert (pixel(picture, 5, 20)[3], pixel(picture, 55, 20)[3]) == (0, 255)


async def test_of_moving_pictures_the_first_frame_is_taken(pictures: Pictures, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (60, 40), colour) for colour in ("red", "blue")]
    path = saved(tmp_path / "a.webp", frames[0], "WEBP", save_all=True, append_images=frames[1:])
    picture = await rendered(pictures, path, tmp_path)
    assert getattr(picture, "n_frames", 1) == 1
    assert pixel(picture, 30, 20)[0] > 200


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_every_orientation_comes_out_upright(pictures: Pictures, tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    original = Image.new("RGB", (80, 40), "blue")
    original.paste("red", (0, 0, 40, 20))
    path = saved(tmp_path / "a.png", original, "PNG", exif=exif.tobytes())
    expected = ImageOps.exif_transpose(Image.open(path))
    picture = await rendered(pictures, path, tmp_path)
    assert picture.size == expected.size
    places = [(x, y) for x in (10, picture.width - 10) for y in (10, picture.height - 10)]
    assert [pixel(picture, *at)[0] > 128 for at in places] == [pixel(expected, *at)[0] > 128 for at in places]


@pytest.mark.parametrize(
    "damaged",
    [
        b"Exif\0\0nonsense",
        b"Exif\0\0MM\0*",
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x0f\0\x05\0\0\0\x01\0\0\0\x1a\0\0\0\0" + bytes(7) + b"\x01",
    ],
    ids=["no header", "cut off", "wrong type"],
)
async def test_damaged_exif_does_no_harm(pictures: Pictures, tmp_path: Path, damaged: bytes) -> None:
    path = saved(tmp_path / "a.png", Image.new("RGB", (60, 40)), "PNG", exif=damaged)
    assert (await rendered(pictures, path, tmp_path)).size == (60, 40)


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


def png_of(
    width: int,
    height: int,
    pixels: bytes = b"\0" * 100,
    before: tuple[bytes, bytes] | None = None,
    after: tuple[bytes, bytes] | None = None,
    palette: bytes = b"",
) -> bytes:
    """Of grey pixels, or those of a palette; without enough `pixels` a header that promises more than there is."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    kind = b"\x03" if palette else b"\x00"
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08" + kind + b"\x00\x00\x00"
    chunks = (
        (b"IHDR", header),
        (b"PLTE", palette) if palette else None,
        before,
        (b"IDAT", zlib.compress(pixels)),
        after,
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks if one)


EXIF_IN_TEXT = (b"tEXt", b"Raw profile type exif\0a\nb\nc\nzzz")
LATE_PROFILE = (b"iCCP", b"abc\0")


async def test_exif_that_is_no_hexadecimal_does_no_harm(pictures: Pictures, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png_of(10, 10, bytes(11 * 10), before=EXIF_IN_TEXT))
    assert (await rendered(pictures, path, tmp_path)).size == (10, 10)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not a JPEG"),
        (gif(), "not a JPEG"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "not a JPEG"),
        (b"<!doctype html><p>hello", "not a JPEG"),
        (jpeg()[:2000], "broken"),
        (png_of(100, 100), "broken"),
        (png_of(10, 10, bytes(11 * 10), after=LATE_PROFILE), "broken"),
        (png_of(2, 2, b"\0\0\1" * 2, before=(b"tRNS", bytes(257)), palette=bytes(6)), "broken"),
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
    path = small(tmp_path)
    worker = await started(pictures, path)
    worker.kill()
    assert (await pictures.check(path, "images")).width == 60


async def test_a_worker_that_is_killed_again_and_again_is_unavailable(pictures: Pictures, tmp_path: Path) -> None:
    path = noise(tmp_path)
    asked = asyncio.create_task(pictures.render(path, tmp_path))

    def kill_it() -> bool:
        for worker in children(os.getpid()):
            worker.kill()
        return asked.done()

    await eventually(kill_it)
    with pytest.raises(Unavailable):
        await asked
    assert (await pictures.check(path, "images")).width == 2000


async def test_ctrl_c_is_for_the_parent(pictures: Pictures, tmp_path: Path) -> None:
    path = small(tmp_path)
    worker = await started(pictures, path)
    worker.send_signal(signal.SIGINT)
    await pictures.check(path, "images")
    assert children(os.getpid()) == [worker]


async def test_a_picture_that_takes_too_long_is_given_up(pictures: Pictures, tmp_path: Path) -> None:
    path = small(tmp_path)
    worker = await started(pictures, path)
    worker.suspend()
    pictures.seconds = 0.1
    with pytest.raises(Invalid) as refusal:
        await pictures.check(path, "images")
    assert "too long" in refusal.value.fields[0].message
    await eventually(lambda: not alive(worker))
    pictures.seconds = 30
    assert (await pictures.check(path, "images")).width == 60


async def test_those_who_wait_are_not_given_up_with_the_one_that_takes_too_long(
    pictures: Pictures, tmp_path: Path
) -> None:
    path = small(tmp_path)
    worker = await started(pictures, path)
    worker.suspend()
    pictures.seconds = 3
    answers = await asyncio.gather(*[pictures.check(path, "images") for _ in range(4)], return_exceptions=True)
    assert [type(answer) for answer in answers] == [Invalid, Size, Size, Size]


async def test_what_nobody_waits_for_any_more_holds_up_nobody(pictures: Pictures, tmp_path: Path) -> None:
    path = small(tmp_path)
    worker = await started(pictures, path)
    worker.suspend()
    left = asyncio.create_task(pictures.check(path, "images"))
    await eventually(pictures.turn.locked)
    left.cancel()
    assert (await asyncio.wait_for(pictures.check(path, "images"), 20)).width == 60


async def test_no_worker_before_the_first_picture(pictures: Pictures) -> None:
    assert children(os.getpid()) == []


async def test_closing_ends_a_busy_worker_at_once_and_for_good(pictures: Pictures, tmp_path: Path) -> None:
    path = noise(tmp_path)
    worker = await started(pictures, path)
    worker.suspend()
    asked = asyncio.create_task(pictures.render(path, tmp_path))
    await eventually(pictures.turn.locked)
    pictures.close()
    await eventually(lambda: not alive(worker), seconds=0.5)
    with pytest.raises(Unavailable):
        await asked
    with pytest.raises(Unavailable):
        await pictures.check(path, "images")
    assert children(os.getpid()) == []


async def test_trouble_with_the_disk_is_not_the_fault_of_the_picture(pictures: Pictures, tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        await pictures.check(tmp_path / "gone.jpg", "images")
    with pytest.raises(Unavailable):
        await pictures.render(small(tmp_path), tmp_path / "nowhere")


def test_the_web_process_does_not_load_pillow() -> None:
    script = "import sys, app.pictures; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


async def test_the_worker_dies_with_its_parent_even_by_kill_9(tmp_path: Path) -> None:
    path = small(tmp_path)
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
    return bool(command(process))


def children(pid: int) -> list[psutil.Process]:
    return [one for one in psutil.Process(pid).children() if "spawn_main" in command(one)]


def command(process: psutil.Process) -> str:
    """Nothing of one that has ended, or ends while we look."""
    try:
        return " ".join(process.cmdline())  # of a zombie there is none
    except psutil.Error:
        return ""


def test_keys_of_the_widths() -> None:
    assert variant_key("events/1/2.webp", 480) == "events/1/2-480.webp"
    assert original_key("events/1/2-480.webp") == "events/1/2.webp"
    assert original_key("events/1/2.webp") == "events/1/2.webp"
    assert original_key("events/1/2-481.webp") == "events/1/2-481.webp"
