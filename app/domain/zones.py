"""Timezones of events."""

import datetime as dt
from zoneinfo import ZoneInfo, available_timezones

from app.phrases import Phrase

ZONES = frozenset(available_timezones() - {"localtime", "Factory"})
"""Places have these; PostgreSQL knows them too, which counts sales by the day of the place."""

SKIPPED = Phrase("does not exist there: clocks go forward past it that day")


def zone_or_none(name: str) -> ZoneInfo | None:
    return ZoneInfo(name) if name in ZONES else None


def in_zone(moment: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """In UTC; a moment without an offset is one in `zone`."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(dt.UTC)


def is_skipped(moment: dt.datetime, zone: ZoneInfo) -> bool:
    """Whether the clocks of the zone go forward past a moment that is read off them."""
    return moment.tzinfo is None and in_zone(moment, zone).astimezone(zone).replace(tzinfo=None) != moment
