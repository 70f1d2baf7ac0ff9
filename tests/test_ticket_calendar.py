"""Calendar files as RFC 5545 wants them."""

import datetime as dt
import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.domain.ticket_page import TicketPage
from app.ticket_calendar import ticket_ics


def ticket(**changes: Any) -> TicketPage:
    values: dict[str, Any] = {
        "ticket_number": 41, "code": "VN2FCD5HGFMR", "status": "sold", "price": "24.50", "currency": "EUR",
        "bought_at": dt.datetime(2031, 2, 1, 12, tzinfo=dt.UTC), "holder": "Bo Reed", "event_id": 12,
        "title": "Lanterns", "location": "Lychen", "start_time": dt.datetime(2031, 7, 4, 16, tzinfo=dt.UTC),
        "end_time": dt.datetime(2031, 7, 5, 0, tzinfo=dt.UTC), "timezone": "Europe/Berlin",
        "company_name": "Moss & Daughters", "qr_text": None, "ticket_type_id": 4, "ticket_type": "General admission",
        "purchase_id": 41, "held_until": None, "cancel_reason": None, "returnable": False, "returned": False,
        "returns_until": None, "used_at": None, "valid_for_event": 1,
    }  # fmt: skip
    return TicketPage(**{**values, **changes})


def entry(one: TicketPage) -> str:
    return ticket_ics(one, "https://tickets.example.org/tickets/41", "tickets.example.org")


def unfolded(text: str) -> dict[str, str]:
    lines = text.replace("\r\n ", "").split("\r\n")
    return dict(line.split(":", 1) for line in lines if ":" in line)


def test_the_event_begins_when_it_begins_at_its_place() -> None:
    fields = unfolded(entry(ticket()))
    assert fields["DTSTART;TZID=Europe/Berlin"] == "20310704T180000"
    assert fields["DTEND;TZID=Europe/Berlin"] == "20310705T020000"
    assert fields["DTSTAMP"] == "20310201T120000Z"
    assert fields["UID"] == "ticket-41@tickets.example.org"
    assert fields["URL"] == "https://tickets.example.org/tickets/41"


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("Europe/Berlin", "2031-07-04T16:00"), ("Europe/Berlin", "2031-10-26T00:30"), ("UTC", "2031-07-04T16:00"),
        ("America/New_York", "2031-01-04T16:00"), ("Africa/Nairobi", "2031-07-04T16:00"),
        ("Australia/Lord_Howe", "2031-07-04T16:00"), ("Asia/Kathmandu", "2150-07-04T16:00"),
        ("Europe/Dublin", "1905-07-04T16:00"),
    ],
)  # fmt: skip
def test_the_written_rules_of_the_zone_give_the_true_moment(zone: str, start: str) -> None:
    """A calendar that has never heard of the zone finds the offset in the last change before the event."""
    begins = dt.datetime.fromisoformat(start).replace(tzinfo=dt.UTC)
    text = entry(ticket(timezone=zone, start_time=begins, end_time=begins + dt.timedelta(hours=2)))
    local = dt.datetime.strptime(unfolded(text)[f"DTSTART;TZID={zone}"], "%Y%m%dT%H%M%S")
    onsets = re.findall(r"DTSTART:(\d{8}T\d{6})\r\nTZOFFSETFROM:\S+\r\nTZOFFSETTO:([+-])(\d\d)(\d\d)", text)
    before = [one for one in onsets if dt.datetime.strptime(one[0], "%Y%m%dT%H%M%S") <= local]
    _, sign, hours, minutes = max(before)
    found = dt.timedelta(hours=int(hours), minutes=int(minutes)) * (1 if sign == "+" else -1)
    true = begins.astimezone(ZoneInfo(zone)).utcoffset()
    assert true is not None
    assert abs(found - true) < dt.timedelta(minutes=1)


def test_an_event_without_a_length_has_no_end() -> None:
    moment = dt.datetime(2031, 7, 4, 16, tzinfo=dt.UTC)
    assert "DTEND" not in entry(ticket(start_time=moment, end_time=moment))


def test_signs_that_mean_something_are_escaped() -> None:
    fields = unfolded(entry(ticket(title="Rain; sun, \\o/\nand BEGIN:VEVENT")))
    assert fields["SUMMARY"] == "Rain\\; sun\\, \\\\o/\\nand BEGIN:VEVENT"
    assert entry(ticket(title="a\nBEGIN:VEVENT")).count("\r\nBEGIN:VEVENT") == 1


@pytest.mark.parametrize("title", ["W" * 200, "日本語の祭り" * 30, "🎪" * 200, "مهرجان " * 25])
def test_lines_are_folded_between_letters(title: str) -> None:
    text = entry(ticket(title=title))
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    assert unfolded(text)["SUMMARY"] == title
    assert text.endswith("END:VCALENDAR\r\n")


def test_a_cancelled_ticket_cancels_the_entry() -> None:
    states = {
        "sold": "CONFIRMED",
        "used": "CONFIRMED",
        "held": "TENTATIVE",
        "lapsed": "CANCELLED",
        "cancelled": "CANCELLED",
    }
    for status, meant in states.items():
        assert unfolded(entry(ticket(status=status)))["STATUS"] == meant
