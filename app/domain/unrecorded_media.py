"""Pictures between their first byte and their row: whoever dies in between leaves files that only this table names."""

import datetime as dt
from collections.abc import Mapping

from app.engines.database import Connection, Database
from app.engines.media import Media
from app.pictures import keys_of_picture

GIVEN_UP_AFTER = dt.timedelta(hours=6)
AT_ONCE = 100


async def expect_media(connection: Connection, keys: Mapping[int, str]) -> None:
    """To be committed before the first byte is stored; `keys` by media id."""
    await connection.execute(
        "INSERT INTO unrecorded_media (media_id, s3_key) SELECT * FROM unnest($1::bigint[], $2::text[])",
        list(keys),
        list(keys.values()),
    )


async def media_arrived(connection: Connection, keys: Mapping[int, str]) -> None:
    """In the transaction that writes their rows."""
    await connection.execute("DELETE FROM unrecorded_media WHERE media_id = ANY($1)", list(keys))


async def sweep_unrecorded_media(database: Database, media: Media, older_than: dt.timedelta = GIVEN_UP_AFTER) -> int:
    """Delete the files of uploads that failed half-way, and count them; a row that came meanwhile keeps its own."""
    async with database.connection() as connection:
        found = await connection.fetch(
            """SELECT media_id, s3_key, EXISTS (SELECT FROM media m WHERE m.id = media_id AND NOT m.deleted) AS recorded
               FROM unrecorded_media WHERE created_at < now() - $1::interval ORDER BY created_at LIMIT $2""",
            older_than,
            AT_ONCE,
        )
    for row in found:
        if not row["recorded"]:
            for key in keys_of_picture(row["s3_key"]):
                await media.delete(key)
        async with database.connection() as connection:
            await connection.execute("DELETE FROM unrecorded_media WHERE media_id = $1", row["media_id"])
    return len(found)
