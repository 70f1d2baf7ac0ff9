"""Files of a request that should be pictures."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from app.errors import FieldError, Invalid
from app.pictures import Pictures


class PictureFile(msgspec.Struct, frozen=True):
    """A picture of a request, spooled to disk."""

    path: Path
    sha256: bytes
    name: str = ""


async def check_pictures(pictures: Pictures, files: Sequence[PictureFile], field: str) -> None:
    """Raises `Invalid` with every file that is no picture we take."""
    bad: list[FieldError] = []
    for file in files:
        try:
            await pictures.check(file.path, field)
        except Invalid as refusal:
            bad += complaints_about(file, refusal)
    if bad:
        raise Invalid(bad)


def complaints_about(file: PictureFile, refusal: Invalid) -> list[FieldError]:
    return [FieldError(bad.field, f"{file.name} {bad.message}".lstrip()) for bad in refusal.fields]
