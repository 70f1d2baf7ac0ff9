"""Ticket types of an event as they are sent, carried by messages and stored; `ticket_type_changes.py` changes them."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from app.domain.money import money, price_complaint
from app.domain.stock import FREE
from app.domain.zones import SKIPPED, in_zone, is_skipped, zone_or_none
from app.engines.database import Connection, Database
from app.errors import FieldError, Invalid
from app.messages import EventSubmitted, ProjectSubmitted, TicketTypeData
from app.phrases import Phrase
from app.validation import Input, read

GENERAL = "General admission"
MOST_TYPES, MOST_EVER = 50, 500

Name = Annotated[str, Meta(min_length=1, max_length=100, extra={"says": Phrase("must have 1 to 100 characters")})]
Description = Annotated[str, Meta(max_length=2_000, extra={"says": Phrase("must have at most 2,000 characters")})]
Places = Annotated[int, Meta(ge=1, le=1_000_000, extra={"says": Phrase("must be a whole number from 1 to 1,000,000")})]
Limit = Annotated[int, Meta(ge=1, le=100, extra={"says": Phrase("must be a whole number from 1 to 100")})]
Position = Annotated[int, Meta(ge=1, le=10_000, extra={"says": Phrase("must be a whole number from 1 to 10,000")})]


class TicketTypeIn(Input, frozen=True, kw_only=True):
    """Times without an offset are in the timezone of the event. Without `places` only the event's capacity counts."""

    name: Name
    price: Decimal
    description: Description = ""
    places: Places | None = None
    sale_opens_at: dt.datetime | None = None
    sale_closes_at: dt.datetime | None = None
    hidden_until: dt.datetime | None = None
    per_attendee_limit: Limit = 1
    position: Position | None = None

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> Iterable[FieldError]:
        yield from empty_sale(*map(values.get, ("sale_opens_at", "sale_closes_at", "hidden_until")))
        currency = values.get("currency_of_event", "")  # unknown here when a type comes alone: then its event is asked
        if "price" in values and (complaint := price_complaint(values["price"], currency)):
            yield FieldError("price", complaint)


def empty_sale(
    opens: dt.datetime | None, closes: dt.datetime | None, shown: dt.datetime | None
) -> Iterable[FieldError]:
    """Complaints about a sale that ends before it begins, or before anybody sees it."""
    if not_before(closes, opens):
        yield FieldError("sale_closes_at", "must be after the sale opens")
    elif not_before(closes, shown):
        yield FieldError("sale_closes_at", "must be after the tickets are shown")


def not_before(closes: dt.datetime | None, begins: dt.datetime | None) -> bool:
    """Moments with and without an offset are not compared: that waits until the timezone is known."""
    return bool(closes and begins and (begins.tzinfo is None) == (closes.tzinfo is None) and closes <= begins)


TAKEN = Phrase("is the name of another ticket of this event")


def check_ticket_types(
    given: Sequence[Mapping[str, Any]], currency: str, timezone: str, end: dt.datetime | None
) -> Iterable[FieldError]:
    """Complaints about the types that come with an event, each under the place of its type; `end` where it is known."""
    if len(given) > MOST_TYPES:
        yield FieldError("ticket_types", Phrase("must be at most %(most)s", most=MOST_TYPES))
        return
    names: set[str] = set()
    for place, one in enumerate(given):
        name = str(one.get("name") or "").strip().casefold()
        if name and name in names:
            yield FieldError(f"ticket_types[{place}].name", TAKEN)
        names.add(name)
        try:
            kind = read(TicketTypeIn, one, defaults={"currency_of_event": currency})
            data = ticket_type_data(kind, timezone) if zone_or_none(timezone) else None
            if data and end:
                require_sale_before(end, data)
        except Invalid as refusal:
            for bad in refusal.fields:
                yield FieldError(f"ticket_types[{place}].{bad.field}", bad.message)


def require_sale_before(end: dt.datetime, data: TicketTypeData) -> None:
    """Raises `Invalid` for a type that could never be sold, since the event ends first."""
    begins = {"sale_opens_at": data.sale_opens_at, "hidden_until": data.hidden_until}
    if late := [name for name, moment in begins.items() if moment and moment >= end]:
        raise Invalid([FieldError(name, "must be before the event ends") for name in late])


def ticket_types_data(given: Sequence[Mapping[str, Any]], timezone: str) -> list[TicketTypeData]:
    """What a message carries; `given` has been checked."""
    return [ticket_type_data(read(TicketTypeIn, one), timezone) for one in given]


def ticket_type_data(given: TicketTypeIn, timezone: str) -> TicketTypeData:
    """Raises `Invalid` for times that do not exist in that timezone, and for a sale that ends before it begins."""
    zone = ZoneInfo(timezone)
    moments = {name: getattr(given, name) for name in ("sale_opens_at", "sale_closes_at", "hidden_until")}
    if skipped := [name for name, moment in moments.items() if moment and is_skipped(moment, zone)]:
        raise Invalid([FieldError(name, SKIPPED) for name in skipped])
    opens, closes, shown = (in_zone(moment, zone) if moment else None for moment in moments.values())
    if complaints := list(empty_sale(opens, closes, shown)):
        raise Invalid(complaints)
    return TicketTypeData(
        name=given.name,
        description=given.description,
        price=given.price,
        places=given.places,
        sale_opens_at=opens,
        sale_closes_at=closes,
        hidden_until=shown,
        per_attendee_limit=given.per_attendee_limit,
    )


async def record_ticket_types(connection: Connection, messages: Sequence[EventSubmitted | ProjectSubmitted]) -> None:
    """The types of events that have none yet. The rows of the events are locked, so nobody else adds them meanwhile."""
    rows = [
        (message.event_id, message.rev, place, not message.ticket_types, *msgspec.structs.astuple(kind))
        for message in messages
        for place, kind in enumerate(message.ticket_types or [general_admission(message.event.price)], 1)
    ]
    await connection.execute(
        """INSERT INTO ticket_types (event_id, rev, position, general, name, description, price, places, sale_opens_at,
                                     sale_closes_at, hidden_until, per_attendee_limit)
           SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::boolean[], $5::text[], $6::text[],
                                $7::numeric[], $8::integer[], $9::timestamptz[], $10::timestamptz[],
                                $11::timestamptz[], $12::integer[]) AS new (event_id)
           WHERE NOT EXISTS (SELECT 1 FROM ticket_types known WHERE known.event_id = new.event_id)""",
        *zip(*rows, strict=True),
    )
    await follow_prices(connection, [message.event_id for message in messages if not message.ticket_types])


def general_admission(price: Decimal) -> TicketTypeData:
    return TicketTypeData(
        name=GENERAL,
        description="",
        price=price,
        places=None,
        sale_opens_at=None,
        sale_closes_at=None,
        hidden_until=None,
        per_attendee_limit=1,
    )


async def follow_prices(connection: Connection, event_ids: Sequence[int]) -> None:
    """General admission costs what the event costs, until it has a price of its own or another type beside it."""
    await connection.execute(
        """UPDATE ticket_types t SET price = e.price, rev = e.rev FROM events e
           WHERE e.id = ANY($1) AND t.event_id = e.id AND t.general AND t.price <> e.price""",
        event_ids,
    )


async def price_is_followed(database: Database, event_id: int) -> bool:
    """Whether the price of the event is that of a ticket."""
    async with database.connection() as connection:
        found = await connection.fetchval("SELECT true FROM ticket_types WHERE event_id = $1 AND general", event_id)
    return found is not None


class TicketType(msgspec.Struct, frozen=True, kw_only=True):
    """`left` is what the public can buy; `state`: on_sale, sold_out, not_yet, closed, hidden or archived."""

    ticket_type_id: int
    event_id: int
    rev: int
    name: str
    description: str
    price: str
    currency: str
    places: int | None
    sold: int
    held: int
    left: int
    sale_opens_at: dt.datetime | None
    sale_closes_at: dt.datetime | None
    hidden_until: dt.datetime | None
    per_attendee_limit: int
    position: int
    archived: bool
    state: str


TICKET_TYPES = f"""
    SELECT t.*, e.currency,
           greatest(0, least({FREE}, coalesce(t.places, e.capacity) - t.sold - t.held)) AS left,
           CASE WHEN t.archived THEN 'archived'
                WHEN t.hidden_until > now() THEN 'hidden'
                WHEN e.status = 'cancelled' OR least(e.end_time, t.sale_closes_at) <= now() THEN 'closed'
                WHEN t.sale_opens_at > now() THEN 'not_yet'
                WHEN least({FREE}, coalesce(t.places, e.capacity) - t.sold - t.held) <= 0 THEN 'sold_out'
                ELSE 'on_sale' END AS state
    FROM ticket_types t JOIN events e ON e.id = t.event_id
"""


RANK = """
    CASE WHEN sale_closes_at <= now() THEN 3 WHEN sold + held >= places THEN 2
         WHEN sale_opens_at > now() THEN 1 ELSE 0 END
"""
"""How soon tickets of a type can be had: now, when their sale opens, only where places come free, or not any more."""
TICKET_PRICE = f"""
    coalesce((SELECT price FROM ticket_types k
              WHERE k.event_id = e.id AND NOT k.archived AND coalesce(k.hidden_until <= now(), true)
              ORDER BY {RANK}, position, id LIMIT 1), price) AS ticket_price"""
"""Of the type that is bought where none is named; the event's own says nothing once types have theirs."""


async def ticket_types_of(connection: Connection, event_id: int, everything: bool = False) -> list[TicketType]:
    """In the order of the event; hidden and archived ones only with `everything`."""
    rows = await connection.fetch(f"{TICKET_TYPES} WHERE t.event_id = $1 ORDER BY t.position, t.id", event_id)
    return [ticket_type(row) for row in rows if everything or row["state"] not in {"hidden", "archived"}]


def ticket_type(row: Mapping[str, Any]) -> TicketType:
    values = {name: row[name] for name in TicketType.__struct_fields__ if name not in {"ticket_type_id", "price"}}
    return TicketType(ticket_type_id=row["id"], price=money(row["price"], row["currency"]), **values)
