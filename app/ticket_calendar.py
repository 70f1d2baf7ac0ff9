"""The event of a ticket as a calendar file (RFC 5545)."""

import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from app.domain.ticket_page import TicketPage

LINE_BYTES = 75
YEAR = dt.timedelta(days=366)
STATES = {"sold": "CONFIRMED", "used": "CONFIRMED", "held": "TENTATIVE"}


def ticket_ics(ticket: TicketPage, address: str, host: str) -> str:
    """`address` is that of the ticket's page; `host` makes its id unlike any other in the world."""
    zone = ZoneInfo(ticket.timezone)
    start, end = ticket.start_time.astimezone(zone), ticket.end_time.astimezone(zone)
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//EventStream//Tickets//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        *timezone_lines(zone, start, end),
        "BEGIN:VEVENT",
        f"UID:ticket-{ticket.ticket_number}@{host}",
        f"DTSTAMP:{ticket.bought_at.astimezone(dt.UTC):%Y%m%dT%H%M%SZ}",
        f"DTSTART;TZID={ticket.timezone}:{start:%Y%m%dT%H%M%S}",
    ]
    if end > start:  # one that ends as it begins has no end, says the RFC
        lines.append(f"DTEND;TZID={ticket.timezone}:{end:%Y%m%dT%H%M%S}")
    lines += [
        f"SUMMARY:{escaped(ticket.title)}",
        f"LOCATION:{escaped(ticket.location)}",
        f"DESCRIPTION:{escaped(f'{ticket.holder}, no. {ticket.ticket_number}, {ticket.code}')}",
        f"URL:{address}",
        f"STATUS:{STATES.get(ticket.status, 'CANCELLED')}",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(f"{folded(line)}\r\n" for line in lines)


def timezone_lines(zone: ZoneInfo, start: dt.datetime, end: dt.datetime) -> Iterator[str]:
    """The rules of the zone around the event, written out: calendars need not know its name."""
    yield "BEGIN:VTIMEZONE"
    yield f"TZID:{zone.key}"
    changes = list(changes_of(zone, start - YEAR, end + YEAR)) or [start - YEAR]
    for change in changes:
        before, after = (change - dt.timedelta(seconds=1)).astimezone(zone), change.astimezone(zone)
        kind = "DAYLIGHT" if after.dst() else "STANDARD"
        onset = change.astimezone(dt.timezone(before.utcoffset() or dt.timedelta()))
        yield f"BEGIN:{kind}"
        yield f"DTSTART:{onset:%Y%m%dT%H%M%S}"
        yield f"TZOFFSETFROM:{offset(before)}"
        yield f"TZOFFSETTO:{offset(after)}"
        yield f"TZNAME:{after.tzname()}"
        yield f"END:{kind}"
    yield "END:VTIMEZONE"


def changes_of(zone: ZoneInfo, first: dt.datetime, last: dt.datetime) -> Iterator[dt.datetime]:
    """The moments in UTC at which clocks in `zone` are changed."""
    day, second = dt.timedelta(days=1), dt.timedelta(seconds=1)
    moment = first.astimezone(dt.UTC).replace(microsecond=0)
    while moment < last:
        low, high = moment, moment + day
        if low.astimezone(zone).utcoffset() != high.astimezone(zone).utcoffset():
            while high - low > second:
                middle = (low + (high - low) / 2).replace(microsecond=0)
                same = middle.astimezone(zone).utcoffset() == moment.astimezone(zone).utcoffset()
                low, high = (middle, high) if same else (low, middle)
            yield high
        moment += day


def offset(moment: dt.datetime) -> str:
    minutes = round((moment.utcoffset() or dt.timedelta()).total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"


def escaped(text: str) -> str:
    for plain, safe in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\r\n", "\\n"), ("\n", "\\n")):
        text = text.replace(plain, safe)
    return text


def folded(line: str) -> str:
    """At most 75 bytes a line, never cut inside a letter; what follows a cut begins with a space."""
    parts, size = [""], 0
    for letter in line:
        width = len(letter.encode())
        if size + width > LINE_BYTES:
            parts.append("")
            size = 1
        parts[-1] += letter
        size += width
    return "\r\n ".join(parts)
