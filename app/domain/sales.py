"""How an event sells: tickets and money by day.

The database keeps `sales_days` in step with the tickets, until the event is cancelled: then they stay, to be paid back.
"""

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from app.domain.money import money
from app.engines.database import Connection

BARS = 60

Amounts = dict[str, str]
"""Money by currency, since the currency of an event may have changed while it sold."""


class SalesSpan(msgspec.Struct, frozen=True, kw_only=True):
    """Tickets bought from the day `first` to the day `last` that were not returned since."""

    first: dt.date
    last: dt.date
    sold: int
    money: Amounts


class SalesOfType(msgspec.Struct, frozen=True, kw_only=True):
    ticket_type_id: int
    sold: int
    money: Amounts


class Sales(msgspec.Struct, frozen=True, kw_only=True):
    """`spans` are days without a gap; where a sale is long, several days each."""

    sold: int
    money: Amounts
    spans: list[SalesSpan]
    by_type: list[SalesOfType]


async def sales_of(connection: Connection, event: Mapping[str, Any]) -> Sales:
    """From the first sale until today, or until the event was over; days are those of the event's timezone."""
    rows = await connection.fetch(
        """SELECT day, ticket_type_id, currency, sold, money FROM sales_days
           WHERE event_id = $1 AND sold <> 0 ORDER BY day, ticket_type_id""",
        event["id"],
    )
    zone = ZoneInfo(event["timezone"])
    today = min(dt.datetime.now(zone), event["end_time"].astimezone(zone)).date()
    return Sales(
        sold=sum(row["sold"] for row in rows),
        money=amounts(rows),
        spans=spans(rows, max(today, rows[-1]["day"])) if rows else [],
        by_type=[
            SalesOfType(ticket_type_id=kind, sold=sum(row["sold"] for row in found), money=amounts(found))
            for kind, found in grouped(rows).items()
        ],
    )


def grouped(rows: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row["ticket_type_id"], []).append(row)
    return found


def spans(rows: list[Any], last: dt.date) -> list[SalesSpan]:
    first = rows[0]["day"]
    width = math.ceil(((last - first).days + 1) / BARS)
    buckets: dict[int, list[Any]] = {}
    for row in rows:
        buckets.setdefault((row["day"] - first).days // width, []).append(row)
    found = []
    for place in range((last - first).days // width + 1):
        begins = first + dt.timedelta(days=place * width)
        bucket = buckets.get(place, [])
        found.append(
            SalesSpan(
                first=begins,
                last=min(begins + dt.timedelta(days=width - 1), last),
                sold=sum(row["sold"] for row in bucket),
                money=amounts(bucket),
            )
        )
    return found


def amounts(rows: Iterable[Mapping[str, Any]]) -> Amounts:
    """The sum of `money` for each `currency`, those with nothing left out."""
    sums: dict[str, Decimal] = {}
    for row in rows:
        sums[row["currency"]] = sums.get(row["currency"], Decimal(0)) + row["money"]
    return {currency: money(amount, currency) for currency, amount in sorted(sums.items()) if amount}
