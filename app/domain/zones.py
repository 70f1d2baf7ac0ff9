"""Timezones of events."""

import datetime as dt
from zoneinfo import ZoneInfo


def zone_or_none(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, not a name at all, or the name of a folder
        return None


def in_zone(moment: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """In UTC; a moment without an offset is one in `zone`."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(dt.UTC)
