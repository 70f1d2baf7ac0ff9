"""Files of a multipart request, spooled to disk so that pictures never sit in memory."""

import hashlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from litestar.datastructures import UploadFile
from msgspec import Meta

from app.domain.media import MAX_FILES
from app.domain.picture_files import PictureFile
from app.errors import FieldError, Invalid
from app.phrases import Phrase
from app.pictures import MAX_BYTES

READ_AT_ONCE = 1024 * 1024
MAX_REQUEST = MAX_FILES * MAX_BYTES + 2_000_000


Files = Annotated[list[UploadFile], Meta(extra={"says": Phrase("must be files")})]


@asynccontextmanager
async def spooled(uploads: Sequence[UploadFile], field: str, least: int = 1) -> AsyncIterator[list[PictureFile]]:
    """The files on disk while the block runs; raises `Invalid` when they are too few or too many."""
    chosen = [upload for upload in uploads if upload.filename or upload.file.seek(0, 2)]
    if len(chosen) < least:
        raise Invalid([FieldError(field, "is required: choose at least one picture")])
    if len(chosen) > MAX_FILES:
        raise Invalid([FieldError(field, Phrase("may be at most %(most)s pictures at once", most=MAX_FILES))])
    with tempfile.TemporaryDirectory(prefix="eventstream-") as folder:
        yield [await spool(upload, Path(folder) / str(place)) for place, upload in enumerate(chosen)]


async def spool(upload: UploadFile, path: Path) -> PictureFile:
    digest, size = hashlib.sha256(), 0
    await upload.seek(0)
    with path.open("wb") as file:
        while chunk := await upload.read(READ_AT_ONCE):
            size += len(chunk)
            if size > MAX_BYTES:
                break
            digest.update(chunk)
            file.write(chunk)
    return PictureFile(path, digest.digest(), upload.filename or "", too_large=size > MAX_BYTES)
