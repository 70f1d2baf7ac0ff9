"""Files of a request that should be pictures."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from app.errors import FieldError, Invalid
from app.phrases import Phrase
from app.pictures import Pictures

T = TypeVar("T")


class PictureFile(msgspec.Struct, frozen=True):
    """A picture of a request, spooled to disk up to `MAX_BYTES`."""

    path: Path
    sha256: bytes
    name: str = ""
    too_large: bool = False


async def check_pictures(pictures: Pictures, files: Sequence[PictureFile], field: str) -> None:
    """Raises `Invalid` as `for_each`."""
    await for_each(files, field, lambda file: pictures.check(file.path, field))


async def for_each(files: Sequence[PictureFile], field: str, work: Callable[[PictureFile], Awaitable[T]]) -> list[T]:
    """What `work` makes of each; raises `Invalid` with every file that is no picture we take."""
    made: list[T] = []
    bad: list[FieldError] = []
    for file in files:
        if file.too_large:
            bad.append(FieldError(field, about(file, Phrase("is larger than 10 MiB"))))
            continue
        try:
            made.append(await work(file))
        except Invalid as refusal:
            bad += [FieldError(one.field, about(file, one.message)) for one in refusal.fields]
    if bad:
        raise Invalid(bad)
    return made


def about(file: PictureFile, complaint: str) -> str:
    return Phrase("%(file)s %(complaint)s", file=file.name, complaint=complaint) if file.name else complaint
