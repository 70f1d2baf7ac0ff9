"""Events as people read them: one event with everything around it, and lists of events."""

import asyncio
import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec

from app.domain.accounts import Caller
from app.domain.events import tags_in
from app.domain.lists import Page, page_of
from app.domain.media import MediaItem, media_of
from app.domain.money import money
from app.domain.offers import settle_for_readers
from app.domain.progress import fan_out
from app.domain.stock import FREE
from app.domain.ticket_types import RANK, TICKET_PRICE, TicketType, ticket_types_of
from app.engines.database import Connection, Database
from app.engines.documents import Documents
from app.engines.media import Media
from app.errors import NotFound
from app.pictures import WIDTHS, variant_key

PENDING_SECONDS = 1.0
LOOK_AGAIN_SECONDS = 0.02


class CoreEventData(msgspec.Struct, frozen=True, kw_only=True):
    event_id: int
    organizer_id: int
    title: str
    description: str
    location: str
    start_time: dt.datetime
    end_time: dt.datetime
    date: dt.date
    price: str
    currency: str
    timezone: str
    capacity: int
    status: str
    payment: str
    hold_hours: int
    offer_hours: int
    returns_until: dt.datetime | None
    organized_by: str | None
    tags: list[str]
    cancel_reason: str | None
    created_at: dt.datetime


class Availability(msgspec.Struct, frozen=True, kw_only=True):
    """`held` counts places that wait for a payment, or are offered to or kept for the waiting list."""

    capacity: int
    sold: int
    held: int
    left: int


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """An event in a list; `picture` and `thumbnail` are of its first picture.

    `price_from` is the lowest price that can be had now; while there is none, of what is still to come, else of all.
    """

    core_event_data: CoreEventData
    availability: Availability
    price_from: str
    picture: str | None
    thumbnail: str | None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """How many, by status."""

    total: int
    by_status: dict[str, int]


class EventPage(msgspec.Struct, frozen=True, kw_only=True):
    """`rev` is the revision to send as `If-Match`; the summaries are for the owner alone."""

    core_event_data: CoreEventData
    metadata: list[dict[str, Any]]
    media_files: list[MediaItem]
    availability: Availability
    fan_out: dict[str, str]
    rev: int
    on_sale: bool
    ticket_types: list[TicketType]
    tickets: Summary | None = None
    waitlist: Summary | None = None


async def event_page(
    database: Database, documents: Documents, media: Media, who: Caller | None, event_id: int
) -> EventPage:
    """Everything about an event.

    Raises:
        NotFound: unknown, a draft of somebody else, or of type `pending`: accepted, but not in Postgres yet.
    """
    row = await event_row(database, who, event_id)
    mine = who is not None and row["organizer_id"] == who.organizer_id
    async with database.connection() as connection:
        media_files = await media_of(connection, media, event_id)
        stores = await fan_out(connection, event_id)
        kinds = await ticket_types_of(connection, event_id, everything=mine)
        tickets = await summary(connection, "tickets", event_id) if mine else None
        waitlist = await summary(connection, "waiting_list", event_id) if mine else None
    found = await documents.find(event_id)
    return EventPage(
        core_event_data=core(row),
        metadata=[{"event_id": event_id, **(document.body or {})} for document in found],
        media_files=media_files,
        availability=availability(row),
        fan_out=stores,
        rev=row["rev"],
        on_sale=row["on_sale"],
        ticket_types=kinds,
        tickets=tickets,
        waitlist=waitlist,
    )


COMPANY = "coalesce(organized_by, (SELECT company_name FROM organizers o WHERE o.id = organizer_id)) AS company_name"
REASON = """CASE WHEN e.status = 'cancelled' THEN
                (SELECT reason FROM cancellations c WHERE c.event_id = e.id) END AS cancel_reason"""
EVENT = f"""
    SELECT *, due_at <= now() AS due, {FREE} AS left, {TICKET_PRICE},
           returns_until IS NOT NULL AND least(returns_until, end_time) > now() AS returnable,
           status = 'published' AND end_time > now() AND EXISTS (
                  SELECT 1 FROM ticket_types t
                  WHERE t.event_id = e.id AND NOT t.archived AND coalesce(t.hidden_until <= now(), true)
                    AND coalesce(t.sale_opens_at <= now(), true) AND coalesce(t.sale_closes_at > now(), true)
              ) AS on_sale,
           {COMPANY}, {REASON}
    FROM events e WHERE id = $1
"""


async def event_row(database: Database, who: Caller | None, event_id: int) -> Mapping[str, Any]:
    """The stored event if `who` may see it; the owner waits a moment for one that was just accepted.

    What the clock has decided since the last look is written first, so that nobody reads places that are held no more.
    """
    deadline = asyncio.get_running_loop().time() + PENDING_SECONDS
    while True:
        async with database.connection() as connection:
            row = await connection.fetchrow(EVENT, event_id)
            owner = None if row or who is None else await pending_owner(connection, event_id)
        if row is not None and row["due"]:
            await settle_for_readers(database, event_id)
            async with database.connection() as connection:
                row = await connection.fetchrow(EVENT, event_id)
        if row is not None:
            if row["status"] != "draft" or (who is not None and row["organizer_id"] == who.organizer_id):
                return row
            raise NotFound("There is no such event.")
        if who is None or owner is None or owner != who.organizer_id:
            raise NotFound("There is no such event.")
        if asyncio.get_running_loop().time() > deadline:
            raise NotFound("The event is accepted and will be here in a moment.", type="pending", retry_after=1)
        await asyncio.sleep(LOOK_AGAIN_SECONDS)


async def pending_owner(connection: Connection, event_id: int) -> int | None:
    return await connection.fetchval(
        "SELECT organizer_id FROM submissions WHERE event_id = $1 AND accepted_at IS NOT NULL LIMIT 1", event_id
    )


async def summary(connection: Connection, table: str, event_id: int) -> Summary:
    rows = await connection.fetch(
        f"SELECT status, count(*) AS many FROM {table} WHERE event_id = $1 GROUP BY status ORDER BY status",
        event_id,
    )
    by_status = {row["status"]: row["many"] for row in rows}
    return Summary(total=sum(by_status.values()), by_status=by_status)


def core(row: Mapping[str, Any]) -> CoreEventData:
    made = {
        "event_id": row["id"],
        "price": money(row["ticket_price"], row["currency"]),
        "organized_by": row["company_name"],
        "tags": tags_in(row["tags"]),
    }
    return CoreEventData(**{name: row[name] for name in CoreEventData.__struct_fields__ if name not in made}, **made)


def availability(row: Mapping[str, Any]) -> Availability:
    return Availability(capacity=row["capacity"], sold=row["sold"], held=row["held"], left=row["left"])


LISTED = f"""
    SELECT e.*, {FREE} AS left, {TICKET_PRICE}, {COMPANY}, {REASON},
           (SELECT s3_key FROM media m WHERE m.event_id = e.id AND NOT m.deleted
            ORDER BY position, id LIMIT 1) AS picture_key,
           coalesce((SELECT price FROM ticket_types t
                     WHERE t.event_id = e.id AND NOT t.archived AND coalesce(t.hidden_until <= now(), true)
                     ORDER BY {RANK}, price LIMIT 1), e.price) AS price_from
    FROM events e
"""


async def published_events(database: Database, media: Media, limit: int, before: int | None) -> Page[Listed]:
    """Published events, newest first."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"{LISTED} WHERE e.status = 'published' AND e.id < $1 ORDER BY e.id DESC LIMIT $2",
            before if before is not None else 2**63 - 1,
            limit + 1,
        )
    return listed_page(media, rows, limit)


async def events_of(database: Database, media: Media, who: Caller, limit: int, before: int | None) -> Page[Listed]:
    """The caller's own events, drafts included, newest first."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"{LISTED} WHERE e.organizer_id = $1 AND e.id < $2 ORDER BY e.id DESC LIMIT $3",
            who.organizer_id,
            before if before is not None else 2**63 - 1,
            limit + 1,
        )
    return listed_page(media, rows, limit)


def listed_page(media: Media, rows: list[Any], limit: int) -> Page[Listed]:
    found = [
        Listed(
            core_event_data=core(row),
            availability=availability(row),
            price_from=money(row["price_from"], row["currency"]),
            picture=media.url(row["picture_key"]) if row["picture_key"] else None,
            thumbnail=media.url(variant_key(row["picture_key"], WIDTHS[0])) if row["picture_key"] else None,
        )
        for row in rows
    ]
    return page_of(found, limit, lambda one: one.core_event_data.event_id)
