"""Pictures of events: checked, re-encoded in three widths, found by the event they belong to."""

import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import uuid_utils

from app.domain.accounts import Caller
from app.domain.idempotency import Idempotent, lost_the_race, remember, remembered
from app.domain.picture_files import PictureFile, check_pictures
from app.domain.submissions import Draft, Numbers, Submissions, Submitted, require_own_event
from app.domain.unrecorded_media import expect_media, media_arrived
from app.engines.database import Connection, Database
from app.engines.media import INCOMING, Media
from app.errors import NotFound
from app.messages import MediaDeleted, Message, ProjectSubmitted
from app.pictures import WIDTHS, Pictures, keys_of_picture, variant_key

CONTENT_TYPE = "image/webp"
MAX_FILES = 20
READ_AT_ONCE = 1024 * 1024


class MediaItem(msgspec.Struct, frozen=True, kw_only=True):
    """A stored picture: sizes in bytes and pixels are the full one's, `widths` has the address of each smaller one.

    The focal point is in percent, for cropping.
    """

    media_id: int
    s3_key: str
    url: str
    widths: dict[str, str]
    content_type: str
    bytes: int
    width: int
    height: int
    alt: str
    focal_x: int
    focal_y: int


class MediaRow(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    event_id: int | None
    organizer_id: int
    rev: int
    s3_key: str
    bytes: int
    width: int
    height: int
    position: int
    alt: str = ""
    focal_x: int = 50
    focal_y: int = 50


async def add_media(
    database: Database,
    media: Media,
    pictures: Pictures,
    who: Caller,
    event_id: int | None,
    files: Sequence[PictureFile],
    idempotent: Idempotent | None,
    field: str = "media_file",
) -> tuple[list[MediaItem], bool]:
    """Store pictures at once, and whether this repeats an earlier request with the same key.

    Raises:
        NotFound: the event is not the caller's.
        Invalid: files are no pictures we take.
    """
    organizer_id = await require_own_event(database, who, event_id) if event_id else who.organizer_id
    assert organizer_id is not None
    async with database.connection() as connection:
        if outcome := await remembered(connection, who.user_id, idempotent):
            return remembered_items(media, outcome), True
        ids = await draw_media_ids(connection, len(files))
        folder = f"events/{event_id}" if event_id else f"organizers/{organizer_id}"
        keys = {media_id: f"{folder}/{media_id}.webp" for media_id in ids}
        await expect_media(connection, keys)
    await check_pictures(pictures, files, field)
    renditions = [
        await store_rendition(media, pictures, file.path, key) for key, file in zip(keys.values(), files, strict=True)
    ]
    try:
        async with database.transaction() as connection:
            rows = await rows_for(connection, event_id, organizer_id, dict(zip(ids, renditions, strict=True)))
            await record_media_rows(connection, rows)
            await media_arrived(connection, keys)
            await remember(connection, who.user_id, idempotent, {"media": msgspec.to_builtins(rows)})
    except asyncpg.UniqueViolationError as error:
        if not lost_the_race(error):
            raise
        for sizes in renditions:
            await delete_picture(media, sizes["s3_key"])
        async with database.connection() as connection:
            outcome = await remembered(connection, who.user_id, idempotent)
        return remembered_items(media, outcome or {"media": []}), True
    return [item(media, row) for row in rows], False


async def rows_for(
    connection: Connection, event_id: int | None, organizer_id: int, renditions: Mapping[int, Mapping[str, Any]]
) -> list[MediaRow]:
    """By their ids, behind the pictures that are there."""
    rev, first = await connection.fetchrow(
        """SELECT nextval('rev_seq'), (SELECT coalesce(max(position) + 1, 0) FROM media
                                       WHERE event_id = $1 AND NOT deleted)""",
        event_id,
    )
    return [
        MediaRow(id=media_id, event_id=event_id, organizer_id=organizer_id, rev=rev, position=place, **sizes)
        for place, (media_id, sizes) in enumerate(renditions.items(), first)
    ]


def remembered_items(media: Media, outcome: dict[str, Any]) -> list[MediaItem]:
    return [item(media, msgspec.convert(row, MediaRow)) for row in outcome["media"]]


async def draw_media_ids(connection: Connection, count: int) -> list[int]:
    rows = await connection.fetch("SELECT nextval('media_id_seq') AS id FROM generate_series(1, $1::integer)", count)
    return [row["id"] for row in rows]


async def store_rendition(media: Media, pictures: Pictures, path: Path, s3_key: str) -> dict[str, Any]:
    """All widths of a picture under `s3_key`, the full one last, since its being there says that all are."""
    with tempfile.TemporaryDirectory(prefix="eventstream-") as folder:
        rendered = await pictures.render(path, Path(folder))
        for width in WIDTHS:
            await media.put(variant_key(s3_key, width), chunks_of(Path(folder) / f"{width}.webp"))
        size = await media.put(s3_key, chunks_of(Path(folder) / "full.webp"))
    return {"s3_key": s3_key, "bytes": size, "width": rendered.width, "height": rendered.height}


async def chunks_of(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(READ_AT_ONCE):
            yield chunk


async def keep_upload(media: Media, file: PictureFile) -> str:
    """Put a picture under `incoming/`, where its message finds it; the key."""
    key = new_upload_key()
    await media.put(key, chunks_of(file.path))
    return key


def new_upload_key() -> str:
    return f"{INCOMING}{uuid_utils.uuid7().hex}"


async def submit_media_removal(database: Database, submissions: Submissions, who: Caller, media_id: int) -> Submitted:
    """Raises `NotFound` for what is unknown, deleted or another organizer's."""
    async with database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT event_id, organizer_id, s3_key FROM media WHERE id = $1 AND NOT deleted", media_id
        )
    if row is None or row["organizer_id"] != who.organizer_id:
        raise NotFound("There is no such picture.")

    def build(numbers: Numbers) -> tuple[Message, dict[str, Any]]:
        message = MediaDeleted(
            message_id=numbers.message_id,
            rev=numbers.rev,
            at=numbers.at,
            event_id=row["event_id"] or 0,
            organizer_id=row["organizer_id"],
            media_id=media_id,
            s3_key=row["s3_key"],
        )
        return message, {"media_id": media_id}

    return await submissions.submit(Draft(who, build, None))


async def store_pictures(
    database: Database, media: Media, pictures: Pictures, message: ProjectSubmitted
) -> list[MediaRow]:
    """Turn the uploads of a message into pictures, unless a newer revision is recorded already."""
    async with database.connection() as connection:
        known = await connection.fetch(
            "SELECT id FROM media WHERE id = ANY($1) AND rev >= $2", [u.media_id for u in message.uploads], message.rev
        )
    done = {row["id"] for row in known}
    rows = []
    for upload in message.uploads:
        if upload.media_id in done:
            continue
        s3_key = f"events/{message.event_id}/{upload.media_id}.webp"
        with tempfile.NamedTemporaryFile(prefix="eventstream-") as file:
            async for chunk in media.open(upload.upload_key):
                file.write(chunk)
            file.flush()
            sizes = await store_rendition(media, pictures, Path(file.name), s3_key)
        rows.append(
            MediaRow(
                id=upload.media_id,
                event_id=message.event_id,
                organizer_id=message.organizer_id,
                rev=message.rev,
                position=upload.position,
                alt=upload.alt,
                focal_x=upload.focal_x,
                focal_y=upload.focal_y,
                **sizes,
            )
        )
    return rows


async def record_media_rows(connection: Connection, rows: Sequence[MediaRow]) -> None:
    await connection.executemany(
        """INSERT INTO media (id, event_id, organizer_id, rev, s3_key, content_type, bytes, width, height, position,
                              alt, focal_x, focal_y)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
           ON CONFLICT (id) DO UPDATE SET rev = excluded.rev, bytes = excluded.bytes, width = excluded.width,
               height = excluded.height, position = excluded.position, deleted = false
           WHERE media.rev < excluded.rev""",
        [
            (row.id, row.event_id, row.organizer_id, row.rev, row.s3_key, CONTENT_TYPE, row.bytes, row.width,
             row.height, row.position, row.alt, row.focal_x, row.focal_y)
            for row in rows
        ],
    )  # fmt: skip


async def drop_uploads(media: Media, message: ProjectSubmitted) -> None:
    """What was collected is no longer needed under `incoming/`."""
    for upload in message.uploads:
        await media.delete(upload.upload_key)


async def record_media_removal(connection: Connection, messages: Sequence[MediaDeleted]) -> None:
    """A tombstone, so that no older message brings the picture back."""
    await connection.executemany(
        """INSERT INTO media (id, event_id, organizer_id, rev, s3_key, content_type, bytes, width, height, deleted)
           VALUES ($1, $2, $3, $4, $5, $6, 0, 0, 0, true)
           ON CONFLICT (id) DO UPDATE SET rev = excluded.rev, deleted = true WHERE media.rev < excluded.rev""",
        [(m.media_id, m.event_id or None, m.organizer_id, m.rev, m.s3_key, CONTENT_TYPE) for m in messages],
    )


async def delete_picture(media: Media, s3_key: str) -> None:
    for key in keys_of_picture(s3_key):
        await media.delete(key)


async def media_of(connection: Connection, media: Media, event_id: int) -> list[MediaItem]:
    rows = await connection.fetch(
        """SELECT id, event_id, organizer_id, rev, s3_key, bytes, width, height, position, alt, focal_x, focal_y
           FROM media WHERE event_id = $1 AND NOT deleted ORDER BY position, id""",
        event_id,
    )
    return [item(media, MediaRow(**row)) for row in rows]


async def may_see(database: Database, who: Caller | None, s3_key: str) -> bool:
    """Pictures of events that are or were on sale are for everybody, all others for their owner."""
    async with database.connection() as connection:
        row = await connection.fetchrow(
            """SELECT m.organizer_id, e.status FROM media m LEFT JOIN events e ON e.id = m.event_id
               WHERE m.s3_key = $1 AND NOT m.deleted""",
            s3_key,
        )
    if row is None:
        return False
    return row["status"] in ("published", "cancelled") or (who is not None and row["organizer_id"] == who.organizer_id)


def item(media: Media, row: MediaRow) -> MediaItem:
    return MediaItem(
        media_id=row.id,
        s3_key=row.s3_key,
        url=media.url(row.s3_key),
        widths={str(width): media.url(variant_key(row.s3_key, width)) for width in WIDTHS},
        content_type=CONTENT_TYPE,
        bytes=row.bytes,
        width=row.width,
        height=row.height,
        alt=row.alt,
        focal_x=row.focal_x,
        focal_y=row.focal_y,
    )
