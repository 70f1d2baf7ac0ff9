"""What people say about a picture: its description, the point a crop keeps in view, and its place among the others."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from app.domain.accounts import Caller
from app.domain.drafts import open_draft
from app.domain.media import MAX_FILES, MediaItem, MediaRow, item
from app.engines.database import Connection, Database
from app.engines.media import Media
from app.errors import NotFound
from app.phrases import Phrase
from app.validation import Input

Alt = Annotated[str, Meta(max_length=500, extra={"says": Phrase("must have at most 500 characters")})]
Percent = Annotated[int, Meta(ge=0, le=100, extra={"says": Phrase("must be a whole number from 0 to 100")})]
Position = Annotated[
    int, Meta(ge=0, lt=10 * MAX_FILES, extra={"says": Phrase("must be a place in the order, counted from 0")})
]
Table = Literal["media", "draft_pictures"]


class MediaPatch(Input, frozen=True, kw_only=True):
    """Only the fields to change; pictures behind `position` move on."""

    alt: Alt | None = None
    focal_x: Percent | None = None
    focal_y: Percent | None = None
    position: Position | None = None


async def change_media(database: Database, media: Media, who: Caller, media_id: int, patch: MediaPatch) -> MediaItem:
    """Decided at once, in PostgreSQL, which alone holds these; raises `NotFound` for what is not the caller's."""
    async with database.transaction() as connection:
        row = await connection.fetchrow(
            "SELECT event_id FROM media WHERE id = $1 AND organizer_id = $2 AND NOT deleted", media_id, who.organizer_id
        )
        if row is None:
            raise NotFound("There is no such picture.")
        siblings = await connection.fetch(
            "SELECT id FROM media WHERE event_id = $1 AND NOT deleted ORDER BY position, id FOR UPDATE", row["event_id"]
        )
        await apply(connection, "media", [one["id"] for one in siblings], media_id, patch)
        changed = await connection.fetchrow(
            f"SELECT {', '.join(MediaRow.__struct_fields__)} FROM media WHERE id = $1", media_id
        )
    return item(media, MediaRow(**changed))


async def change_draft_picture(
    database: Database, who: Caller, draft_id: int, media_id: int, patch: MediaPatch
) -> None:
    """Raises `NotFound` for what is not there, `Conflict` when the draft was sent."""
    async with database.transaction() as connection:
        await open_draft(connection, who, draft_id)
        siblings = await connection.fetch(
            "SELECT id FROM draft_pictures WHERE draft_id = $1 AND ready ORDER BY position, id", draft_id
        )
        ids = [one["id"] for one in siblings]
        if media_id not in ids:
            raise NotFound("There is no such picture.")
        await apply(connection, "draft_pictures", ids, media_id, patch)


async def apply(
    connection: Connection, table: Table, siblings: Sequence[int], media_id: int, patch: MediaPatch
) -> None:
    await connection.execute(
        f"""UPDATE {table} SET alt = coalesce($2, alt), focal_x = coalesce($3, focal_x),
                               focal_y = coalesce($4, focal_y) WHERE id = $1""",
        media_id,
        patch.alt,
        patch.focal_x,
        patch.focal_y,
    )
    if patch.position is not None:
        order = [one for one in siblings if one != media_id]
        order.insert(patch.position, media_id)
        await connection.execute(
            f"""UPDATE {table} SET position = place FROM unnest($1::bigint[]) WITH ORDINALITY AS wanted (id, place)
                WHERE {table}.id = wanted.id""",
            order,
        )
