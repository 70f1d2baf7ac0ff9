"""Pictures: upload and delete."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, delete, patch, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body

from app.api.answers import PathId, accepted, problems
from app.api.body import WholeBody, form_with_pictures
from app.domain import media
from app.domain.accounts import Caller
from app.domain.events import Id
from app.domain.idempotency import idempotent, replay_headers
from app.domain.media import MediaItem
from app.domain.media_details import MediaPatch
from app.domain.media_details import change_media as change
from app.parts import Parts
from app.uploads import MAX_REQUEST, Files, spooled
from app.validation import Input


class MediaForm(Input, frozen=True, kw_only=True):
    media_file: Files
    event_id: Id | None = None


class MediaStored(msgspec.Struct, frozen=True):
    success: str
    media: list[MediaItem]


class MediaChanged(msgspec.Struct, frozen=True):
    success: str
    media: MediaItem


class MediaRemoved(msgspec.Struct, frozen=True):
    success: str
    media_id: int
    submission_id: str


@post(
    "/new-media", dto=WholeBody, return_dto=None, opt={"role": "organizer", "limit": "submit"},
    before_request=form_with_pictures("media_file"), request_max_body_size=MAX_REQUEST,
    summary="Upload pictures; their addresses work at once",
    responses=problems(400, 404, 413, 422),
)  # fmt: skip
async def new_media(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    data: Annotated[MediaForm, Body(media_type=RequestEncodingType.MULTI_PART)],
) -> Response[MediaStored]:
    async with spooled(data.media_file, "media_file") as files:
        key = idempotent(request.headers.get("idempotency-key"), str(data.event_id), *(f.sha256 for f in files))
        stored, replayed = await media.add_media(
            parts.database, parts.media, parts.pictures, who, data.event_id, files, key
        )
    return Response(MediaStored("Media uploaded", stored), status_code=201, headers=replay_headers(replayed))


@delete(
    "/media/{media_id:int}", status_code=202, opt={"role": "organizer", "limit": "submit"},
    summary="Delete a picture", responses=problems(404),
)  # fmt: skip
async def delete_media(
    parts: NamedDependency[Parts], who: NamedDependency[Caller], media_id: PathId
) -> Response[MediaRemoved]:
    submitted = await media.submit_media_removal(parts.database, parts.submissions, who, media_id)
    return accepted(submitted, MediaRemoved("Removal of media sent to kafka", media_id, submitted.submission_id))


@patch(
    "/media/{media_id:int}", dto=WholeBody, return_dto=None, opt={"role": "organizer", "limit": "submit"},
    summary="Describe a picture, say what a crop keeps in view, or move it", responses=problems(400, 404, 413, 422),
)  # fmt: skip
async def change_media(
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    media_id: PathId,
    data: Annotated[MediaPatch, Body()],
) -> MediaChanged:
    changed = await change(parts.database, parts.media, who, media_id, data)
    return MediaChanged(success="Media changed", media=changed)


routes = [new_media, change_media, delete_media]
