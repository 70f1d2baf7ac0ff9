"""The public page of a draft as far as it can be told: what is missing or wrong is left out."""

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from app.domain.draft_pictures import DraftPicture
from app.domain.money import CURRENCIES, price_complaint
from app.domain.zones import zone_or_none
from app.engines.media import Media
from app.portal.filters import past
from app.portal.pictures import ShownPicture, shown_draft_pictures
from app.validation import amount, several, timestamp


class PreviewType(msgspec.Struct, frozen=True):
    """`opens_at`, where the sale of it is still to begin; `over`, where it has ended."""

    name: str
    price: Decimal | None
    opens_at: dt.datetime | None
    over: bool


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    company: str
    location: str
    description: str
    tags: list[str]
    start: dt.datetime | None
    end: dt.datetime | None
    timezone: str
    currency: str
    types: list[PreviewType]
    hidden_types: int
    pictures: list[ShownPicture]


def preview_of(media: Media, typed: Mapping[str, Any], pictures: Sequence[DraftPicture]) -> Preview:
    zone = zone_or_none(typed.get("timezone", "")) or ZoneInfo("UTC")
    currency = typed.get("currency", "")
    start, end = moment(typed.get("start_time"), zone), moment(typed.get("end_time"), zone)
    kinds = typed.get("ticket_types", ())
    shown = [one for one in kinds if not to_come(one.get("hidden_until"), zone)]
    return Preview(
        title=typed.get("title", ""),
        company=typed.get("company_name", ""),
        location=typed.get("location", ""),
        description=typed.get("description", ""),
        tags=[tag.strip() for tag in several(typed.get("tags"))],
        start=start,
        end=end if start and end and end >= start else start,
        timezone=zone.key,
        currency=currency if currency in CURRENCIES else "EUR",
        types=[
            PreviewType(
                name=one.get("name", ""),
                price=price(one.get("price"), currency),
                opens_at=to_come(one.get("sale_opens_at"), zone),
                over=bool((closes := moment(one.get("sale_closes_at"), zone)) and past(closes)),
            )
            for one in shown
        ],
        hidden_types=len(kinds) - len(shown),
        pictures=shown_draft_pictures(media, pictures),
    )


def moment(text: str | None, zone: ZoneInfo) -> dt.datetime | None:
    try:
        return timestamp(text).replace(tzinfo=zone)
    except ValueError:
        return None


def to_come(text: str | None, zone: ZoneInfo) -> dt.datetime | None:
    at = moment(text, zone)
    return at if at and not past(at) else None


def price(text: str | None, currency: str) -> Decimal | None:
    """None for one that will be refused."""
    try:
        typed = amount(text)
    except ValueError:
        return None
    return None if price_complaint(typed, currency) else typed
