"""The end of drafts and of their pictures: removed by their owner, or swept once they have arrived."""

import datetime as dt
from collections.abc import Sequence

from app.domain.accounts import Caller
from app.domain.draft_pictures import draft_picture_keys
from app.domain.drafts import open_draft
from app.engines.database import Database
from app.engines.media import Media
from app.errors import NotFound
from app.messages import ProjectSubmitted

UNFINISHED = dt.timedelta(hours=1)
ARRIVED = dt.timedelta(days=1)


async def remove_draft(database: Database, media: Media, who: Caller, draft_id: int) -> None:
    """With its pictures; raises `NotFound`, and `Conflict` when it was sent."""
    async with database.transaction() as connection:
        await open_draft(connection, who, draft_id)
        await connection.execute("DELETE FROM drafts WHERE id = $1", draft_id)
        await connection.execute("UPDATE draft_pictures SET ready = false WHERE draft_id = $1", draft_id)
        ids = await connection.fetch("SELECT id FROM draft_pictures WHERE draft_id = $1", draft_id)
    await forget_pictures(database, media, [(draft_id, row["id"]) for row in ids])


async def remove_draft_picture(database: Database, media: Media, who: Caller, draft_id: int, media_id: int) -> None:
    """Raises `NotFound` for what is not there, `Conflict` when the draft was sent."""
    async with database.transaction() as connection:
        await open_draft(connection, who, draft_id)
        found = await connection.fetchval(
            "UPDATE draft_pictures SET ready = false WHERE id = $1 AND draft_id = $2 AND ready RETURNING id",
            media_id,
            draft_id,
        )
    if found is None:
        raise NotFound("There is no such picture.")
    await forget_pictures(database, media, [(draft_id, media_id)])


async def sweep_drafts(database: Database, media: Media) -> None:
    """Pictures that were removed, never finished or stored meanwhile; and drafts that arrived a day ago."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            """SELECT draft_id, id FROM draft_pictures WHERE NOT ready AND changed_at < now() - $1::interval
               UNION ALL
               SELECT p.draft_id, p.id FROM draft_pictures p JOIN drafts d ON d.id = p.draft_id
               JOIN submission_steps s ON s.message_id = d.submission_id AND s.store = 's3' AND s.state = 'stored'""",
            UNFINISHED,
        )
    await forget_pictures(database, media, [(row["draft_id"], row["id"]) for row in rows])
    async with database.connection() as connection:
        await connection.execute(
            """DELETE FROM drafts d WHERE updated_at < now() - $1::interval AND submission_id IS NOT NULL AND $2 =
                   (SELECT count(*) FROM submission_steps WHERE message_id = d.submission_id AND state = 'stored')""",
            ARRIVED,
            len(ProjectSubmitted.stores),
        )


async def forget_pictures(database: Database, media: Media, pictures: Sequence[tuple[int, int]]) -> None:
    """First the bytes, then the row that names them, so that a crash in between leaves nothing behind for good."""
    for draft_id, picture_id in pictures:
        for key in draft_picture_keys(draft_id, picture_id):
            await media.delete(key)
    async with database.connection() as connection:
        await connection.execute("DELETE FROM draft_pictures WHERE id = ANY($1)", [one for _, one in pictures])
