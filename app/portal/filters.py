"""How pages write money, moments and pictures."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import babel.dates
import babel.numbers

LOCALE = "en_GB"


def money(price: str, currency: str) -> str:
    return "Free" if Decimal(price) == 0 else babel.numbers.format_currency(Decimal(price), currency, locale=LOCALE)


def moment(at: dt.datetime, timezone: str) -> str:
    """`Sat 4 Jul 2031, 18:00` in the timezone of the event."""
    return babel.dates.format_datetime(at, "EEE d MMM y, HH:mm", tzinfo=ZoneInfo(timezone), locale=LOCALE)


def span(start: dt.datetime, end: dt.datetime, timezone: str) -> str:
    """From start to end; the date is said once where it is the same."""
    zone = ZoneInfo(timezone)
    if start == end:
        return moment(start, timezone)
    same_day = start.astimezone(zone).date() == end.astimezone(zone).date()
    last = babel.dates.format_time(end, "HH:mm", tzinfo=zone, locale=LOCALE) if same_day else moment(end, timezone)
    return f"{moment(start, timezone)} – {last}"


def number(value: int) -> str:
    return babel.numbers.format_decimal(value, locale=LOCALE)


def paragraphs(text: str) -> list[str]:
    return [part.strip() for part in text.replace("\r\n", "\n").split("\n\n") if part.strip()]


FILTERS: dict[str, Callable[..., Any]] = {
    "money": money,
    "moment": moment,
    "span": span,
    "number": number,
    "paragraphs": paragraphs,
}
