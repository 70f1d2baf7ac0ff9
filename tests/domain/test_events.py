"""Rules between the fields of an event, and revisions that overtake one another."""

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from app.domain.events import check_event, record_events
from app.engines.database import Database
from app.messages import EventData, EventSubmitted

NOON = dt.datetime(2031, 7, 4, 12)
DEFAULTS: dict[str, Any] = {"currency": "EUR", "timezone": "UTC"}


@pytest.mark.parametrize(
    ("values", "bad"),
    [
        ({}, set()),
        ({"price": Decimal("9999999.99")}, set()),
        ({"price": Decimal("10000000")}, {"price"}),
        ({"price": Decimal("1.005")}, {"price"}),
        ({"price": Decimal("1.005"), "currency": "KWD"}, set()),
        ({"price": Decimal("0.5"), "currency": "JPY"}, {"price"}),
        ({"currency": "XYZ", "price": Decimal("1.005")}, {"currency"}),
        ({"timezone": "Mars/Olympus", "start_time": NOON, "end_time": NOON}, {"timezone"}),
        ({"start_time": NOON, "end_time": NOON}, set()),
        ({"start_time": NOON, "end_time": NOON - dt.timedelta(seconds=1)}, {"end_time"}),
        ({"start_time": NOON, "end_time": NOON.replace(hour=11, tzinfo=dt.UTC), "timezone": "Asia/Tokyo"}, set()),
        ({"start_time": NOON, "end_time": NOON.replace(hour=11, tzinfo=dt.UTC)}, {"end_time"}),
    ],
)
def test_rules_between_fields(values: dict[str, Any], bad: set[str]) -> None:
    assert {complaint.field for complaint in check_event({**DEFAULTS, **values})} == bad


def submitted(rev: int, title: str) -> EventSubmitted:
    start = dt.datetime(2031, 7, 4, tzinfo=dt.UTC)
    event = EventData(
        title=title, description="d", location="l", start_time=start, end_time=start, date=start.date(),
        price=Decimal(1), currency="EUR", timezone="UTC", capacity=10, status="published",
    )  # fmt: skip
    return EventSubmitted(message_id=f"m{rev}", rev=rev, at=start, event_id=7, organizer_id=1, event=event)


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1), (3, 3, 1)])
async def test_the_highest_revision_wins_in_any_order_and_any_batch(database: Database, order: tuple[int, ...]) -> None:
    async with database.connection() as connection:
        for rev in order:
            await record_events(connection, [submitted(rev, f"rev {rev}")])
        assert await connection.fetchval("SELECT title FROM events WHERE id = 7") == "rev 3"
        await record_events(connection, [submitted(rev + 3, f"rev {rev + 3}") for rev in order])
        assert await connection.fetchval("SELECT title FROM events WHERE id = 7") == "rev 6"


async def test_general_admission_follows_the_price_of_each_event_of_a_batch(database: Database) -> None:
    def priced(event_id: int, rev: int, price: int) -> EventSubmitted:
        message = submitted(rev, "Dearer")
        event = msgspec.structs.replace(message.event, price=Decimal(price))
        return msgspec.structs.replace(message, event_id=event_id, event=event)

    async with database.connection() as connection:
        for rev in (1, 2):
            await record_events(connection, [priced(event_id, rev, rev * event_id) for event_id in (7, 8, 9)])
        rows = await connection.fetch("SELECT event_id, price FROM ticket_types ORDER BY event_id")
    assert [tuple(row) for row in rows] == [(7, 14), (8, 16), (9, 18)]
