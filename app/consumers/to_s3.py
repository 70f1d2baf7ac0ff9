"""Pictures out of `incoming/`."""

from collections.abc import Sequence

from app.consumers.groups import Effect, Group
from app.domain.media import MediaRow, delete_picture, drop_uploads, record_media_rows, store_pictures
from app.engines.database import Database
from app.engines.media import Media
from app.messages import MediaDeleted, ProjectSubmitted
from app.pictures import Pictures


def to_s3(database: Database, media: Media, pictures: Pictures) -> Group:
    async def store(messages: Sequence[ProjectSubmitted]) -> Sequence[MediaRow]:
        return [row for message in messages for row in await store_pictures(database, media, pictures, message)]

    async def drop(messages: Sequence[ProjectSubmitted]) -> None:
        for message in messages:
            await drop_uploads(media, message)

    async def delete(messages: Sequence[MediaDeleted]) -> Sequence[MediaRow]:
        for message in messages:
            await delete_picture(media, message.s3_key)
        return ()

    return Group(
        "eventstream-s3",
        "s3",
        {
            ProjectSubmitted: Effect(store=store, record=record_media_rows, after=drop),
            MediaDeleted: Effect(store=delete),
        },
        batch=10,
    )
