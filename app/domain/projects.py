"""Projects: an event, its metadata and its pictures in one submission."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from app.domain.accounts import Caller, Name
from app.domain.events import EventIn, require_organizer
from app.domain.idempotency import Idempotent
from app.domain.media import draw_media_ids, keep_upload
from app.domain.metadata import Kind
from app.domain.picture_files import PictureFile, check_pictures
from app.domain.submissions import Draft, Numbers, Submissions, Submitted
from app.domain.ticket_types import ticket_types_data
from app.engines.database import Database
from app.engines.media import Media
from app.errors import AppError, FieldError, Unavailable
from app.messages import EventData, Message, MetadataData, ProjectSubmitted, Upload
from app.pictures import Pictures


class ProjectIn(EventIn, frozen=True, kw_only=True):
    """The one `description` and the `tags` serve event and metadata."""

    company_name: Name
    type: Kind

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> Iterable[FieldError]:
        return EventIn.check(values)


async def submit_project(
    database: Database,
    submissions: Submissions,
    media: Media,
    pictures: Pictures,
    who: Caller,
    given: ProjectIn,
    data: EventData,
    files: Sequence[PictureFile],
    idempotent: Idempotent | None,
) -> Submitted:
    """Pictures are decoded before anything is accepted, and wait under `incoming/` for the message.

    Raises:
        Invalid: files are no pictures we take.
        Unavailable: as `Submissions.submit`.
    """
    await check_pictures(pictures, files, "images")
    async with database.connection() as connection:
        media_ids = await draw_media_ids(connection, len(files))
    uploads = [
        Upload(media_id=media_id, upload_key=await keep_upload(media, file), position=place)
        for place, (media_id, file) in enumerate(zip(media_ids, files, strict=True))
    ]

    async def take_back() -> None:
        for upload in uploads:
            await media.delete(upload.upload_key)

    try:
        submitted = await submit_uploaded_project(submissions, who, given, data, uploads, idempotent)
    except Unavailable:  # it may have been accepted, and then its message looks for them
        raise
    except AppError:
        await take_back()
        raise
    if submitted.replayed:
        await take_back()
    return submitted


async def submit_uploaded_project(
    submissions: Submissions,
    who: Caller,
    given: ProjectIn,
    data: EventData,
    uploads: list[Upload],
    idempotent: Idempotent | None,
) -> Submitted:
    """With pictures that were checked and kept before; raises `Unavailable` as `Submissions.submit`."""
    organizer_id = require_organizer(who)

    def build(numbers: Numbers) -> tuple[Message, dict[str, Any]]:
        message = ProjectSubmitted(
            message_id=numbers.message_id,
            rev=numbers.rev,
            at=numbers.at,
            event_id=numbers.event_id,
            organizer_id=organizer_id,
            event=msgspec.structs.replace(data, organized_by=given.company_name),
            metadata=MetadataData(
                metadata_id=numbers.metadata_id,
                type=given.type,
                tags=given.tags,
                description=given.description,
                company_name=given.company_name,
                uploaded_by=who.user_id,
            ),
            uploads=uploads,
            ticket_types=ticket_types_data(given.ticket_types or (), data.timezone),
        )
        return message, {"metadata_id": numbers.metadata_id}

    return await submissions.submit(Draft(who, build, idempotent))
