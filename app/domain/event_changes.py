"""Changing an event: decided at once, under the lock of its row."""

import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from app.domain.accounts import Caller, Name
from app.domain.decisions import up_to_date
from app.domain.ends_waiting import refuse_ends
from app.domain.events import (
    Capacity,
    Hours,
    Payment,
    Short,
    Status,
    Tags,
    Text,
    Title,
    check_event,
    stored_data,
)
from app.domain.facts import write_fact
from app.domain.money import price_complaint, rounded
from app.domain.offers import settle, settle_all
from app.domain.stock import Stock, lock_own_stock
from app.domain.ticket_types import TICKET_PRICE, follow_prices
from app.domain.waiting_entries import waiting_count
from app.domain.zones import in_zone
from app.engines.database import Database
from app.errors import Conflict, FieldError, Invalid, Stale
from app.messages import EventChanged, EventData
from app.phrases import Phrase
from app.validation import Input


class EventPatch(Input, frozen=True, kw_only=True):
    """Only the fields to change; None changes nothing, but clears `returns_until` and `organized_by`."""

    title: Title | None = None
    description: Text | None = None
    location: Title | None = None
    start_time: dt.datetime | None = None
    end_time: dt.datetime | None = None
    price: Decimal | None = None
    capacity: Capacity | None = None
    date: dt.date | None = None
    currency: Short | None = None
    timezone: Short | None = None
    status: Status | None = None
    payment: Payment | None = None
    hold_hours: Hours | None = None
    offer_hours: Hours | None = None
    returns_until: dt.datetime | msgspec.UnsetType | None = msgspec.UNSET
    organized_by: Name | msgspec.UnsetType | None = msgspec.UNSET
    tags: Tags | None = None


class PatchOfStored(EventPatch, frozen=True, kw_only=True):
    """For reading with the stored event as defaults."""

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> Iterable[FieldError]:
        yield from check_event(values)


async def change_event(
    database: Database,
    who: Caller,
    event_id: int,
    patch: EventPatch,
    if_match: int | None,
    *,
    ends_waiting: bool = False,
) -> int:
    """Decide a change under the row lock; the new revision. Places that it frees go to the waiting list first.

    Only with `ends_waiting` may it end, for good, what somebody waits for or is offered.

    Raises:
        NotFound: unknown, or another organizer's.
        Stale: `if_match` is not the revision that is stored.
        Invalid: in another currency no ticket type could have its price, or one would begin to be sold after the end;
            a price where each ticket type has its own.
        Conflict: fewer places than are sold and held, back to a draft or another currency with tickets sold, back to
            a draft while people wait, or cancelled; of type `ends-waiting` where that was not allowed.
        Unavailable: what has ended is still being written.
    """
    await settle_all(database, event_id)  # what has ended counts for nothing when places are compared
    async with database.transaction() as connection:
        before = await up_to_date(connection, await lock_own_stock(connection, who, event_id))
        row = await connection.fetchrow(f"SELECT *, {TICKET_PRICE} FROM events e WHERE id = $1", event_id)
        if if_match is not None and if_match != row["rev"]:
            raise Stale("The event was changed elsewhere after you last saw it.", headers={"ETag": f'"{row["rev"]}"'})
        if patch.currency not in (None, before.currency):
            refuse_currency(before, patch.currency)
        data = changed(row, with_price_of_a_ticket(before, row, patch))
        refuse_change(before, data)
        if data.status == "draft" and await waiting_count(connection, event_id):
            raise Conflict("People wait for it: it cannot become a draft again.", type="people-waiting")
        rev: int = await connection.fetchval("SELECT nextval('rev_seq')")
        # Who announces it under the name of the company goes on doing so when that is renamed.
        organized_by = await connection.fetchval(
            """UPDATE events SET rev = $2, title = $3, description = $4, location = $5, start_time = $6, end_time = $7,
                                 date = $8, price = $9, currency = $10, timezone = $11, capacity = $12, status = $13,
                                 payment = $14, hold_hours = $15, offer_hours = $16, returns_until = $17,
                                 tags = array_to_string($19::text[], E'\\n'),
                                 organized_by = nullif($18, (SELECT company_name FROM organizers o
                                                             WHERE o.id = organizer_id))
               WHERE id = $1 RETURNING organized_by""",
            event_id, rev, *msgspec.structs.astuple(data),
        )  # fmt: skip
        await follow_prices(connection, [event_id])
        await write_fact(
            connection,
            EventChanged(
                event_id=event_id,
                rev=rev,
                organizer_id=before.organizer_id,
                by=who.user_id,
                event=msgspec.structs.replace(data, organized_by=organized_by),
            ),
        )
        stock = await lock_own_stock(connection, who, event_id)
        if not ends_waiting:
            await refuse_ends(connection, before, stock)
        await settle(connection, stock, before.public)
    return rev


def refuse_change(stock: Stock, data: EventData) -> None:
    taken = stock.sold + stock.held
    if stock.status == "cancelled":
        raise Conflict("This event is cancelled.", type="event-cancelled")
    if data.capacity < taken:
        raise Conflict(
            Phrase("%(taken)s places are taken; the capacity cannot be less.", taken=taken), type="capacity-taken"
        )
    if data.status == "draft" and taken > 0:
        raise Conflict("There are tickets for it: it cannot become a draft again.", type="tickets-sold")
    refuse_end(stock, data)


def refuse_end(stock: Stock, data: EventData) -> None:
    """Raises `Invalid` for an end by which the sale of some type has not begun; who moves it earlier is to say so."""
    if data.end_time < stock.end_time:
        for kind in stock.types.values():
            if not kind.archived and kind.begins_at >= data.end_time:
                what = Phrase("must be after the sale of “%(name)s” begins", name=kind.name)
                raise Invalid([FieldError("end_time", what)])


def with_price_of_a_ticket(stock: Stock, row: Mapping[str, Any], patch: EventPatch) -> EventPatch:
    """Where each type has its own price, that of the event is one of those, whatever was read and is sent back.

    While all types are hidden nobody pays it, and it is what the organizer says. Raises `Invalid` for a price that no
    ticket has.
    """
    if any(kind.general for kind in stock.types.values()):
        return patch
    visible = {kind.price for kind in filter(stock.visible, stock.types.values())}
    if visible and patch.price not in {None, row["price"], *visible}:
        raise Invalid([FieldError("price", "is that of its ticket types, and is changed there")])
    if visible or patch.price is None:
        price = rounded(row["ticket_price"], patch.currency or row["currency"])
        return msgspec.structs.replace(patch, price=price)
    return patch


def refuse_currency(stock: Stock, currency: str) -> None:
    """Raises `Conflict` once there are tickets, and `Invalid` for one in which a type cannot have the price it has."""
    if stock.status != "cancelled" and stock.sold + stock.held > 0:
        raise Conflict("There are tickets for it: its currency stays.", type="tickets-sold")
    kinds = [kind for kind in stock.types.values() if not kind.archived]
    if len(kinds) == 1 and kinds[0].general:
        return  # it follows the price of the event, which is judged with it
    for kind in kinds:
        if complaint := price_complaint(kind.price, currency):
            what = Phrase("the price of “%(name)s” %(complaint)s", name=kind.name, complaint=complaint)
            raise Invalid([FieldError("currency", what)])


def changed(row: Mapping[str, Any], patch: EventPatch) -> EventData:
    """The stored event with the patch applied, judged as a whole."""
    sent = msgspec.structs.asdict(patch)
    given = {name: value for name, value in sent.items() if value not in (None, msgspec.UNSET)}
    given |= {name: None for name in ("returns_until", "organized_by") if sent[name] is None}
    values = stored_data(row) | given
    if bad := list(check_event(values)):
        raise Invalid(bad)
    zone = ZoneInfo(values["timezone"])
    for name in ("start_time", "end_time", "returns_until"):
        values[name] = in_zone(values[name], zone) if values[name] else None
    return EventData(**values)
