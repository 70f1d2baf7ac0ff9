"""Lists by pages: an opaque cursor, a cost that does not grow with the page number."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import msgspec

from app.errors import FieldError, Invalid

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T], frozen=True):
    items: list[T]
    next_cursor: str | None


def page_of(found: Sequence[T], limit: int, place: Callable[[T], int]) -> Page[T]:
    """`found` holds up to `limit` + 1 items; `place` gives what the next page begins after."""
    items = list(found[:limit])
    return Page(items, to_cursor(place(items[-1])) if len(found) > limit else None)


def to_cursor(place: int) -> str:
    return base64.urlsafe_b64encode(str(place).encode()).decode().rstrip("=")


def from_cursor(cursor: str | None) -> int | None:
    """The place, or None for the first page; raises `Invalid` for text that is no cursor of ours."""
    if not cursor:
        return None
    try:
        place = int(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error) as error:
        raise Invalid([FieldError("cursor", "is not one that a list gave")]) from error
    if not 0 < place < 2**63:
        raise Invalid([FieldError("cursor", "is not one that a list gave")])
    return place
