"""Timezones of events."""

import datetime as dt
from zoneinfo import ZoneInfo, available_timezones

ZONES = frozenset(available_timezones() - {"localtime", "Factory"})
"""Places have these; PostgreSQL knows them too, which counts sales by the day of the place."""


def zone_or_none(name: str) -> ZoneInfo | None:
    return ZoneInfo(name) if name in ZONES else None


def in_zone(moment: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """In UTC; a moment without an offset is one in `zone`."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(dt.UTC)
