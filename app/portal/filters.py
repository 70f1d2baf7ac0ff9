"""How pages write money, moments, numbers and pictures, in the forms of the reader's region."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import urljoin
from zoneinfo import ZoneInfo

import babel.dates
import babel.numbers
import babel.units
from babel import Locale
from markupsafe import Markup

from app.language import current_locale, gettext, translated
from app.markdown import to_html

POSTERS = 6
UNITS = ((86_400, "duration-day", 10**9), (3_600, "duration-hour", 24), (60, "duration-minute", 60))
"""In seconds, and how many of one are in the one before."""


class Focal(Protocol):
    focal_x: int
    focal_y: int


def money(price: str | Decimal, currency: str) -> str:
    amount = Decimal(price)
    return written_money(amount, currency, current_locale()) if amount else gettext("Free")


@lru_cache(maxsize=4096)
def written_money(amount: Decimal, currency: str, locale: Locale) -> str:
    return babel.numbers.format_currency(amount, currency, locale=locale)


@lru_cache(maxsize=4096)
def written_number(value: int | Decimal | float, locale: Locale) -> str:
    return babel.numbers.format_decimal(value, locale=locale)


@lru_cache(maxsize=4096)
def written_date(date: dt.date, locale: Locale) -> str:
    """The weekday, then the date as the region orders it: `Fri 4 Jul 2031` or `Fri Jul 4, 2031`."""
    return babel.dates.format_date(date, f"EEE {locale.date_formats['medium'].pattern}", locale=locale)


@lru_cache(maxsize=4096)
def written_clock(time: dt.time, locale: Locale) -> str:
    return babel.dates.format_time(time, "short", locale=locale)


def number(value: int | Decimal | float) -> str:
    return written_number(value, current_locale())


def percent(share: float) -> str:
    return babel.numbers.format_percent(share, locale=current_locale())


def day(date: dt.date | dt.datetime, timezone: str = "UTC") -> str:
    """A date as it stands, or the date of a moment in `timezone`."""
    if isinstance(date, dt.datetime):
        date = date.astimezone(ZoneInfo(timezone)).date()
    return written_date(date, current_locale())


def clock(at: dt.datetime, timezone: str) -> str:
    return written_clock(at.astimezone(ZoneInfo(timezone)).time(), current_locale())


def time_left(at: dt.datetime) -> str:
    """`1 day 3 hours`: two units at most, as a script counts on from there; a minute at least."""
    left = max(60, int((at - dt.datetime.now(dt.UTC)).total_seconds()))
    return in_words(counted(left)[:2])


def hours(many: int) -> str:
    """`7 days`, or `1 day 3 hours`."""
    return in_words([one for one in counted(many * 3_600) if one[0]])


def counted(seconds: int) -> list[tuple[int, str]]:
    return [(seconds // size % whole, unit) for size, unit, whole in UNITS if size <= seconds]


def in_words(counted: list[tuple[int, str]]) -> str:
    return " ".join(babel.units.format_unit(many, unit, locale=current_locale()) for many, unit in counted)


def moment(at: dt.datetime, timezone: str) -> str:
    """`Fri 4 Jul 2031, 18:00` in the timezone of the event."""
    return f"{day(at, timezone)}, {clock(at, timezone)}"


def written(text: str) -> str:
    """What a field for a date, or for date and time, sent as the reader writes it; anything else as it was typed."""
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        return text
    date = written_date(at.date(), current_locale())
    return f"{date}, {written_clock(at.time(), current_locale())}" if "T" in text else date


def span(start: dt.datetime, end: dt.datetime, timezone: str) -> str:
    """From start to end; the date is said once where it is the same."""
    if start == end:
        return moment(start, timezone)
    same_day = day(start, timezone) == day(end, timezone)
    last = clock(end, timezone) if same_day else moment(end, timezone)
    return f"{moment(start, timezone)} – {last}"


def zone(timezone: str) -> str:
    """`Berlin time`, for people who do not know `Europe/Berlin`."""
    return written_zone(timezone, current_locale())


@lru_cache(maxsize=1024)
def written_zone(timezone: str, locale: Locale) -> str:
    if timezone.startswith("Etc/") or "/" not in timezone:
        return timezone
    city = babel.dates.get_timezone_location(ZoneInfo(timezone), locale=locale, return_city=True)
    return gettext("%(city)s time") % {"city": city}


def past(at: dt.datetime) -> bool:
    return at < dt.datetime.now(dt.UTC)


def bdi(typed: object) -> Markup:
    """What somebody typed, kept apart from the sentence it stands in: it may run from right to left."""
    return Markup("<bdi>{}</bdi>").format(typed)


def focal(picture: Focal) -> str:
    """The classes that keep the focal point in view when a picture is cropped."""
    return f"fx-{round(picture.focal_x / 10)} fy-{round(picture.focal_y / 10)}"


def initials(name: str) -> str:
    letters = [first for word in name.split() if (first := next(filter(str.isalnum, word), ""))]
    return "".join(letters[:1] + letters[1:][-1:]).upper()


def poster(number: int) -> str:
    """The class of the drawing that stands in for a picture."""
    return f"poster poster-{number % POSTERS}"


def absolute(address: str, public_url: str) -> str:
    """Media may live elsewhere; ours have a path only."""
    return urljoin(f"{public_url}/", address)


FILTERS: dict[str, Callable[..., Any]] = {
    "money": money,
    "time_left": time_left,
    "hours": hours,
    "moment": moment,
    "written": written,
    "span": span,
    "day": day,
    "clock": clock,
    "zone": zone,
    "past": past,
    "number": number,
    "percent": percent,
    "translated": translated,
    "bdi": bdi,
    "focal": focal,
    "markdown": to_html,
    "initials": initials,
    "poster": poster,
    "absolute": absolute,
}
