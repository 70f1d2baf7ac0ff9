"""Pictures as their organizer arranges them: the same for a draft and for an event."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from litestar.datastructures import UploadFile
from litestar.params import PathParameter

from app.domain.draft_pictures import DraftPicture
from app.domain.media import MediaItem
from app.domain.media_details import MediaPatch
from app.domain.picture_files import PictureFile
from app.engines.media import Media
from app.errors import FieldError, Invalid
from app.language import gettext, ngettext
from app.uploads import spooled
from app.validation import read

MediaId = Annotated[int, PathParameter(ge=0, le=2**63 - 1)]


class ShownPicture(msgspec.Struct, frozen=True, kw_only=True):
    """`source` is the address of a small one; sizes are of the full picture in pixels."""

    media_id: int
    source: str
    alt: str
    focal_x: int
    focal_y: int
    width: int
    height: int


def shown_draft_pictures(media: Media, pictures: Sequence[DraftPicture]) -> list[ShownPicture]:
    return [shown(one, media.url(one.preview_key)) for one in pictures]


def shown_media(items: Sequence[MediaItem]) -> list[ShownPicture]:
    return [shown(one, one.widths["960"]) for one in items]


def shown(one: DraftPicture | MediaItem, source: str) -> ShownPicture:
    return ShownPicture(
        media_id=one.media_id,
        source=source,
        alt=one.alt,
        focal_x=one.focal_x,
        focal_y=one.focal_y,
        width=one.width,
        height=one.height,
    )


def told(pictures: Sequence[DraftPicture] | Sequence[MediaItem], media_id: int | None) -> str:
    """What a screen reader hears after a change: where the changed picture is, or how many there are."""
    places = [one.media_id for one in pictures]
    if media_id in places:
        return gettext("Saved: picture %(place)s of %(all)s.") % {
            "place": places.index(media_id) + 1,
            "all": len(places),
        }
    return ngettext("%(num)s picture now.", "%(num)s pictures now.", len(places)) % {"num": len(places)}


def patch_in(form: Mapping[str, Any], media_id: int) -> MediaPatch:
    """Raises `Invalid` with fields as they are called beside that picture; an empty description is one taken away."""
    try:
        patch = read(MediaPatch, form, form=True)
    except Invalid as refusal:
        raise Invalid([FieldError(f"{bad.field}-{media_id}", bad.message) for bad in refusal.fields]) from refusal
    return msgspec.structs.replace(patch, alt="") if form.get("alt") == "" else patch


def as_typed(pictures: Sequence[ShownPicture], media_id: int | None, form: Mapping[str, Any]) -> list[ShownPicture]:
    """With what was typed for one of them, which could not be kept."""
    alt = str(form.get("alt", ""))
    return [msgspec.structs.replace(one, alt=alt) if one.media_id == media_id else one for one in pictures]


async def keep_the_good(form: Mapping[str, Any], keep: Callable[[PictureFile], Awaitable[object]]) -> None:
    """The pictures of the form one by one: a choice of files cannot be shown again, so one that is bad spoils no other.

    Raises `Invalid` with what was bad.
    """
    bad: list[FieldError] = []
    async with spooled(uploads_in(form), "images") as files:
        for file in files:
            try:
                await keep(file)
            except Invalid as refusal:
                bad += refusal.fields
    if bad:
        raise Invalid(list(dict.fromkeys(bad)))


def uploads_in(form: Mapping[str, Any]) -> list[UploadFile]:
    given = form.get("images")
    return [one for one in (given if isinstance(given, list) else [given]) if isinstance(one, UploadFile)]
