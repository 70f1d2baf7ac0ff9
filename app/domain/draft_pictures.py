"""Pictures of a draft: uploaded at once, arranged at leisure, carried by the submission."""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from app.domain.accounts import Caller
from app.domain.drafts import open_draft
from app.domain.media import MAX_FILES, chunks_of, draw_media_ids
from app.domain.picture_files import PictureFile, about, for_each
from app.engines.database import Connection, Database
from app.engines.media import Media
from app.errors import FieldError, Invalid
from app.messages import Upload
from app.phrases import Phrase
from app.pictures import Pictures, Size

FOLDER = "drafts/"
PREVIEW = re.compile(rf"{FOLDER}(\d{{1,18}})/(\d{{1,18}})\.webp")


class DraftPicture(msgspec.Struct, frozen=True, kw_only=True):
    """`media_id` is what it will be known as; sizes in pixels, the focal point in percent."""

    media_id: int
    draft_id: int
    name: str
    alt: str
    focal_x: int
    focal_y: int
    position: int
    width: int
    height: int

    @property
    def preview_key(self) -> str:
        return draft_picture_keys(self.draft_id, self.media_id)[1]


def draft_picture_keys(draft_id: int, media_id: int) -> tuple[str, str]:
    """Of the picture as it was sent, and of its preview.

    Not under `incoming/`: what waits there is swept after a month, and a draft may wait longer.
    """
    stem = f"{FOLDER}{draft_id}/{media_id}"
    return stem, f"{stem}.webp"


async def pictures_of_draft(connection: Connection, draft_id: int) -> list[DraftPicture]:
    rows = await connection.fetch(
        """SELECT id AS media_id, draft_id, name, alt, focal_x, focal_y, position, width, height FROM draft_pictures
           WHERE draft_id = $1 AND ready ORDER BY position, id""",
        draft_id,
    )
    return [DraftPicture(**row) for row in rows]


async def may_see_preview(database: Database, who: Caller | None, key: str) -> bool:
    """Previews are for the owner of the draft alone, and what was sent for nobody."""
    found = PREVIEW.fullmatch(key)
    if who is None or found is None:
        return False
    async with database.connection() as connection:
        owner = await connection.fetchval(
            "SELECT organizer_id FROM draft_pictures WHERE draft_id = $1 AND id = $2 AND ready",
            *map(int, found.groups()),
        )
    return owner is not None and owner == who.organizer_id


async def add_draft_pictures(
    database: Database, media: Media, pictures: Pictures, who: Caller, draft_id: int, files: Sequence[PictureFile]
) -> None:
    """Check and keep them, after those that are there.

    Raises:
        NotFound, Conflict: as `open_draft`.
        Invalid: a file is no picture we take, or there are too many; then none is kept.
    """
    async with database.transaction() as connection:
        await open_draft(connection, who, draft_id)
    with tempfile.TemporaryDirectory(prefix="eventstream-") as folder:

        def preview_of(file: PictureFile) -> Path:
            return Path(folder) / f"{file.path.name}.webp"

        sizes = await for_each(files, "images", lambda one: pictures.preview(one.path, preview_of(one), "images"))
        async with database.transaction() as connection:
            await open_draft(connection, who, draft_id)
            ids = await insert_rows(connection, who, draft_id, files, sizes)
        for media_id, file in zip(ids, files, strict=True):
            for key, path in zip(draft_picture_keys(draft_id, media_id), (file.path, preview_of(file)), strict=True):
                await media.put(key, chunks_of(path))
    async with database.connection() as connection:
        await connection.execute("UPDATE draft_pictures SET ready = true, changed_at = now() WHERE id = ANY($1)", ids)


async def insert_rows(
    connection: Connection, who: Caller, draft_id: int, files: Sequence[PictureFile], sizes: Sequence[Size]
) -> list[int]:
    """Rows come first, so that bytes which are stored and then lost to a crash have a name to be swept by."""
    many, last = await connection.fetchrow(
        "SELECT count(*), coalesce(max(position), -1) FROM draft_pictures WHERE draft_id = $1", draft_id
    )
    if too_many := files[max(MAX_FILES - many, 0) :]:
        complaint = Phrase("is one too many: at most %(most)s pictures can be sent with a draft", most=MAX_FILES)
        raise Invalid([FieldError("images", about(file, complaint)) for file in too_many])
    ids = await draw_media_ids(connection, len(files))
    await connection.executemany(
        """INSERT INTO draft_pictures (id, draft_id, organizer_id, name, position, width, height)
           VALUES ($1, $2, $3, $4, $5, $6, $7)""",
        [
            (media_id, draft_id, who.organizer_id, printable(file.name), last + place, size.width, size.height)
            for place, (media_id, file, size) in enumerate(zip(ids, files, sizes, strict=True), 1)
        ],
    )
    return ids


def printable(name: str) -> str:
    return "".join(letter for letter in name[:200] if letter.isprintable())


def uploads_of(pictures: Sequence[DraftPicture]) -> list[Upload]:
    return [
        Upload(
            media_id=one.media_id,
            upload_key=draft_picture_keys(one.draft_id, one.media_id)[0],
            position=place,
            alt=one.alt,
            focal_x=one.focal_x,
            focal_y=one.focal_y,
        )
        for place, one in enumerate(pictures)
    ]
