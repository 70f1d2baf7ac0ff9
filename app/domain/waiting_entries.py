"""Those who wait, as `offers.py` walks along them and writes them back."""

import datetime as dt
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec

from app.domain.stock import Stock, TypeStock
from app.engines.database import Connection

ENTRIES_AT_ONCE = 200
ENTRIES = """
    SELECT id, attendee_id, quantity, ticket_type_ids, status, passed, kept, skipped, offered_type_id,
           (SELECT jsonb_object_agg(ticket_type_id, many) FROM (
                SELECT ticket_type_id, count(*) AS many FROM tickets t
                WHERE t.event_id = $1 AND t.attendee_id = w.attendee_id
                  AND t.status IN ('held', 'sold', 'used') GROUP BY ticket_type_id) AS live) AS owned
    FROM waiting_list w WHERE event_id = $1
"""
WAITING = f"{ENTRIES} AND status = 'waiting'"
MAX_PASSES = 3
IN_LINE = f"passed >= {MAX_PASSES}"
FOR_SOME = f"(cardinality(ticket_type_ids) = 0 OR ticket_type_ids && $4::bigint[] OR {IN_LINE})"
NEVER = ("over-limit", "already-bought", "too-few-places")
"""Why a group can never have a type; of several types, the later reason says more."""


class Entry(msgspec.Struct, kw_only=True):
    """A waiting one, as it will be written back. `kept` and `owned` count places by the id of their type; `skipped` has
    the reason that was told last why a type that was free is none for it.
    """

    id: int
    attendee_id: int
    quantity: int
    ticket_type_ids: list[int]
    status: str
    passed: int
    kept: dict[int, int]
    skipped: dict[int, str]
    offered_type_id: int | None = None
    offer_until: dt.datetime | None = None
    owned: dict[int, int]


async def waiting_entries(connection: Connection, stock: Stock) -> AsyncIterator[Entry]:
    """Those for whom something is free or may be kept, in order of joining, with their live tickets of each type.

    What is free may grow less on the way, never more.
    """
    after = 0
    kinds = [kind for kind in stock.types.values() if stock.on_sale(kind)]
    while True:
        free = [kind.id for kind in kinds if stock.left(kind) > 0]
        which = FOR_SOME if free else IN_LINE
        arguments = (stock.id, after, ENTRIES_AT_ONCE, *([free] if free else []))
        rows = await connection.fetch(f"{WAITING} AND id > $2 AND {which} ORDER BY id LIMIT $3", *arguments)
        for row in rows:
            yield entry_of(row)
        if len(rows) < ENTRIES_AT_ONCE:
            return
        after = rows[-1]["id"]


async def keeping_entries(connection: Connection, stock: Stock) -> list[Entry]:
    """Those for whom places are kept, in order of joining."""
    rows = await connection.fetch(f"{WAITING} AND kept <> '{{}}' ORDER BY id", stock.id)
    return [entry_of(row) for row in rows]


async def open_entries(connection: Connection, stock: Stock) -> list[Entry]:
    """Those who wait or have an offer."""
    rows = await connection.fetch(f"{ENTRIES} AND status IN ('waiting', 'offered')", stock.id)
    return [entry_of(row) for row in rows]


def entry_of(row: Mapping[str, Any]) -> Entry:
    return Entry(**{**row, **{name: by_type(row[name] or {}) for name in ("kept", "skipped", "owned")}})


def by_type(values: Mapping[str, Any]) -> dict[int, Any]:
    """From JSON, where keys are texts."""
    return {int(kind): value for kind, value in values.items()}


def held_for(entry: Mapping[str, Any]) -> dict[int, int]:
    """Places held for a row of the waiting list, offered or kept, by the id of their type."""
    if entry["status"] == "offered":
        return {entry["offered_type_id"]: entry["quantity"]}
    return by_type(entry["kept"])


def acceptable(stock: Stock, entry: Entry) -> list[TypeStock]:
    """Types that will do and are sold, or will be, in the order of the wish."""
    kinds = [stock.types[one] for one in entry.ticket_type_ids or stock.types]
    return [kind for kind in kinds if not kind.archived and stock.now < stock.sale_end(kind)]


def why_never(stock: Stock, entry: Entry, kind: TypeStock) -> str | None:
    """Why the group can never have places of this type, as things stand; None where it can."""
    if entry.quantity > kind.per_attendee_limit:
        return "over-limit"
    if entry.owned.get(kind.id, 0) + entry.quantity > kind.per_attendee_limit:
        return "already-bought"
    return "too-few-places" if entry.quantity > places_of(stock, kind) else None


def places_of(stock: Stock, kind: TypeStock) -> int:
    """All that there are, sold or not."""
    return stock.capacity if kind.places is None else min(kind.places, stock.capacity)


def possible(stock: Stock, entry: Entry) -> list[TypeStock]:
    """Types on sale that the group can have, in the order of its wish."""
    kinds = filter(stock.on_sale, acceptable(stock, entry))
    return [kind for kind in kinds if why_never(stock, entry, kind) is None]


def fits(stock: Stock, entry: Entry, kind: TypeStock) -> bool:
    """Whether there are enough with what is kept for the group: of the event whatever its type, of the type itself."""
    of_event = stock.left_of_event + sum(entry.kept.values())
    return min(of_event, stock.left_of_type(kind) + entry.kept.get(kind.id, 0)) >= entry.quantity


async def write_entries(connection: Connection, stock: Stock, entries: Sequence[Entry]) -> None:
    if entries:
        await connection.execute(
            """UPDATE waiting_list w SET status = n.status, passed = n.passed, kept = n.kept, skipped = n.skipped,
                      offered_type_id = n.kind, offer_until = n.until,
                      ended_at = CASE WHEN n.status = 'closed' THEN $8::timestamptz END
               FROM unnest($1::bigint[], $2::text[], $3::integer[], $4::jsonb[], $5::jsonb[], $6::bigint[],
                           $7::timestamptz[])
                    AS n (id, status, passed, kept, skipped, kind, until) WHERE w.id = n.id""",
            [entry.id for entry in entries],
            [entry.status for entry in entries],
            [entry.passed for entry in entries],
            [entry.kept for entry in entries],
            [entry.skipped for entry in entries],
            [entry.offered_type_id for entry in entries],
            [entry.offer_until for entry in entries],
            stock.now,
        )


async def waiting_count(connection: Connection, event_id: int) -> int:
    """Entries of the waiting list that wait or have an offer."""
    counted: int = await connection.fetchval(
        "SELECT count(*) FROM waiting_list WHERE event_id = $1 AND status IN ('waiting', 'offered')", event_id
    )
    return counted


async def position(connection: Connection, event_id: int, waitlist_id: int) -> int:
    counted: int = await connection.fetchval(
        "SELECT count(*) FROM waiting_list WHERE event_id = $1 AND status = 'waiting' AND id <= $2",
        event_id,
        waitlist_id,
    )
    return max(counted, 1)
