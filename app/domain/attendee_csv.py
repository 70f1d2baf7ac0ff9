"""Attendees as CSV that spreadsheets open rightly: UTF-8 with its mark, and no cell that is taken for a formula."""

import csv
import datetime as dt
import io
from collections.abc import AsyncIterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from app.domain.attendees import Attendee

BYTE_ORDER_MARK = "\ufeff"
COLUMNS = (*Attendee.__struct_fields__, "paid")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


async def csv_of(batches: AsyncIterator[list[Attendee]], timezone: str) -> AsyncIterator[bytes]:
    """One piece for each batch; moments are in the timezone of the event."""
    zone = ZoneInfo(timezone)
    yield (BYTE_ORDER_MARK + lines([COLUMNS])).encode()
    async for batch in batches:
        yield lines([[cell(getattr(one, name), zone) for name in COLUMNS] for one in batch]).encode()


def lines(rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def cell(value: Any, zone: ZoneInfo) -> str:
    if isinstance(value, dt.datetime):
        return value.astimezone(zone).isoformat(timespec="seconds")
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
