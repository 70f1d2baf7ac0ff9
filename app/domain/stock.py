"""What an event has left to sell, read and written back under the lock of its row.

Whoever changes a ticket, an offer or a counter holds this lock, so that counters, facts and the waiting list agree.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from app.domain.accounts import Caller
from app.domain.facts import TELL, fact_columns
from app.engines.database import Connection
from app.errors import NotFound
from app.messages import Fact

LOCK_MS = 1_000
LONG_AGO = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class TypeStock(msgspec.Struct):
    id: int
    rev: int
    name: str
    price: Decimal
    places: int | None
    sold: int
    held: int
    sale_opens_at: dt.datetime | None
    sale_closes_at: dt.datetime | None
    hidden_until: dt.datetime | None
    per_attendee_limit: int
    general: bool
    archived: bool

    @property
    def begins_at(self) -> dt.datetime:
        """When it can be bought for the first time."""
        return max(self.sale_opens_at or LONG_AGO, self.hidden_until or LONG_AGO)


class LogLine(msgspec.Struct, frozen=True):
    """Why an entry of the waiting list was, or was not, offered something."""

    waitlist_id: int
    what: str
    detail: Mapping[str, object]


class Stock(msgspec.Struct):
    """`held` counts held tickets, open offers and places kept for a group; `types` are in the order of the event.

    `public` says, by the id of their type, how many places everybody could have before the clock decided what is due
    now, or when it was settled last. `owes`: so much has ended, or is to be offered, that it stays due for the rest.
    """

    id: int
    organizer_id: int
    status: str
    capacity: int
    sold: int
    held: int
    currency: str
    payment: str
    hold_hours: int
    offer_hours: int
    returns_until: dt.datetime | None
    end_time: dt.datetime
    due_at: dt.datetime | None
    now: dt.datetime
    types: dict[int, TypeStock] = {}
    facts: list[Fact] = []
    lines: list[LogLine] = []
    public: dict[int, int] = {}
    owes: bool = False

    @property
    def due(self) -> bool:
        """Whether the clock has decided something that is not written yet."""
        return self.due_at is not None and self.due_at <= self.now

    def left(self, kind: TypeStock) -> int:
        """Places that can be sold, by the event and by the type."""
        return min(self.left_of_event, self.left_of_type(kind))

    def left_by_type(self) -> dict[int, int]:
        return {kind.id: self.left(kind) for kind in self.types.values()}

    def left_for_everybody(self, before: dt.datetime | None = None) -> dict[int, int]:
        """As `left_by_type`, but nothing of a type that is not on sale, or was not yet before that moment."""
        return {
            kind.id: self.left(kind) if self.on_sale(kind) and not (before and kind.begins_at >= before) else 0
            for kind in self.types.values()
        }

    @property
    def left_of_event(self) -> int:
        return self.capacity - self.sold - self.held

    def left_of_type(self, kind: TypeStock) -> int:
        return (self.capacity if kind.places is None else kind.places) - kind.sold - kind.held

    def hold(self, kind: TypeStock, places: int) -> None:
        """Negative `places` are given back."""
        self.held += places
        kind.held += places

    def release(self, held: Mapping[int, int]) -> None:
        """Give places back, by the id of their type."""
        for kind, places in held.items():
            self.hold(self.types[kind], -places)

    def sell(self, kind: TypeStock, places: int) -> None:
        self.sold += places
        kind.sold += places

    def sale_end(self, kind: TypeStock) -> dt.datetime:
        return min(self.end_time, kind.sale_closes_at) if kind.sale_closes_at else self.end_time

    def visible(self, kind: TypeStock) -> bool:
        return not kind.archived and (kind.hidden_until is None or kind.hidden_until <= self.now)

    def opened(self, kind: TypeStock) -> bool:
        return kind.sale_opens_at is None or kind.sale_opens_at <= self.now

    def on_sale(self, kind: TypeStock) -> bool:
        within = self.opened(kind) and self.now < self.sale_end(kind)
        return self.status == "published" and self.visible(kind) and within

    @property
    def over(self) -> bool:
        """Whether nothing will ever be sold again, as things stand."""
        return self.status == "cancelled" or self.now >= max(
            (self.sale_end(kind) for kind in self.types.values() if not kind.archived), default=self.end_time
        )

    def wanted(self, ticket_type_id: int | None) -> TypeStock | None:
        """The type with this id; without one that of which something can be had soonest.

        None where that is not shown yet; one whose sale is over only where nothing will be sold any more.
        """
        if ticket_type_id is not None:
            kind = self.types.get(ticket_type_id)
            return kind if kind and self.visible(kind) else None
        on_sale = to_come = scarce = past = None
        for kind in filter(self.visible, self.types.values()):
            if self.now >= self.sale_end(kind):
                past = past or kind
            elif self.on_sale(kind):
                if self.left(kind) > 0:
                    return kind
                on_sale = on_sale or kind
            elif self.left(kind) > 0:
                to_come = to_come or kind
            else:
                scarce = scarce or kind
        if to_come or self.more_comes:
            return to_come
        return on_sale or scarce or (past if self.over else None)

    @property
    def more_comes(self) -> bool:
        """Whether there are places of something that is not shown yet."""
        unseen = (kind for kind in self.types.values() if not kind.archived and not self.visible(kind))
        return any(self.now < self.sale_end(kind) and self.left(kind) > 0 for kind in unseen)

    def tell(self, fact: Callable[..., Fact], ticket: Mapping[str, Any], **more: object) -> None:
        """A fact about a ticket that is there already."""
        about = {name: ticket[name] for name in ("ticket_type_id", "attendee_id")}
        self.facts.append(fact(event_id=self.id, ticket_id=ticket["id"], **about, **more))

    def due_by(self, moment: dt.datetime | None) -> None:
        """See to it that somebody looks again at `moment`."""
        if moment is not None and (self.due_at is None or moment < self.due_at):
            self.due_at = moment


async def lock_stock(connection: Connection, event_id: int, how: str = "FOR UPDATE") -> Stock | None:
    """The stock as it is once all earlier holders of the lock are done; None where there is no such event to lock.

    The lock comes first and in a statement of its own: the next one sees all that earlier holders did.
    """
    if not await lock_events(connection, [event_id], how):
        return None
    return stocks_in(await connection.fetchrow(f"SELECT {STOCKS.format(1)}", [event_id]))[event_id]


async def lock_events(connection: Connection, event_ids: Sequence[int], how: str = "FOR UPDATE") -> list[int]:
    """Which are locked now; with `FOR UPDATE SKIP LOCKED` those lack that somebody else holds."""
    rows = await connection.fetch(f"SELECT id FROM events WHERE id = ANY($1) ORDER BY id {how}", event_ids)
    return [row["id"] for row in rows]


def lock_statement(event_id: int) -> str:
    """What `lock_events` does, for `Database.transaction`; not for longer than `LOCK_MS`.

    Raises:
        asyncpg.LockNotAvailableError: somebody holds it for longer.
    """
    return f"SET LOCAL lock_timeout = {LOCK_MS}; SELECT FROM events WHERE id = {int(event_id)} FOR UPDATE"


FREE = """
    (CASE WHEN e.due_at <= now()
               AND EXISTS (SELECT FROM waiting_list w WHERE w.event_id = e.id AND w.status = 'waiting')
          THEN 0 ELSE greatest(0, e.capacity - e.sold - e.held) END)
"""
"""Places of an event `e` that everybody can have: none while what the clock decided may be for those who wait."""

STOCKS = """
    ARRAY(SELECT ROW(id, organizer_id, status, capacity, sold, held, currency, payment, hold_hours, offer_hours,
                     returns_until, end_time, due_at, clock_timestamp())
          FROM events WHERE id = ANY(${0}::bigint[])) AS events,
    ARRAY(SELECT ROW(event_id, id, rev, name, price, places, sold, held, sale_opens_at, sale_closes_at, hidden_until,
                     per_attendee_limit, general, archived)
          FROM ticket_types WHERE event_id = ANY(${0}::bigint[]) ORDER BY position, id) AS types
"""
"""Two columns for `stocks_in`; the first row values are in the order of the fields of `Stock` and `TypeStock`."""


def stocks_in(row: Mapping[str, Any]) -> dict[int, Stock]:
    stocks = {event[0]: Stock(*event) for event in row["events"]}
    for event_id, *kind in row["types"]:
        stocks[event_id].types[kind[0]] = TypeStock(*kind)
    for stock in stocks.values():
        stock.public = stock.left_for_everybody(before=stock.due_at if stock.due else None)
    return stocks


async def lock_own_stock(connection: Connection, who: Caller, event_id: int) -> Stock:
    stock = await lock_stock(connection, event_id)
    if stock is None or stock.organizer_id != who.organizer_id:
        raise NotFound("There is no such event.")
    return stock


async def lock_seen_stock(connection: Connection, who: Caller, event_id: int) -> Stock:
    """The stock of an event that `who` may see."""
    stock = await lock_stock(connection, event_id)
    if stock is None or not may_see(stock, who):
        raise NotFound("There is no such event.")
    return stock


def may_see(stock: Stock, who: Caller) -> bool:
    return stock.status != "draft" or stock.organizer_id == who.organizer_id


COUNT = """
    counted AS (
        UPDATE events SET sold = (${1}::integer[])[array_position(${0}, id)],
                          held = (${2}::integer[])[array_position(${0}, id)],
                          due_at = (${3}::timestamptz[])[array_position(${0}, id)]
        WHERE id = ANY(${0}::bigint[])
    ), typed AS (
        UPDATE ticket_types SET sold = (${5}::integer[])[array_position(${4}, id)],
                                held = (${6}::integer[])[array_position(${4}, id)]
        WHERE id = ANY(${4}::bigint[])
          AND (sold, held) <> ((${5}::integer[])[array_position(${4}, id)], (${6}::integer[])[array_position(${4}, id)])
    )
"""
"""Not joined with what is new: a join may be planned as a walk over the whole table, while that is small."""


def count_columns(stocks: Sequence[Stock]) -> tuple[list[Any], ...]:
    """What `COUNT` asks for."""
    kinds = [kind for stock in stocks for kind in stock.types.values()]
    return (
        [stock.id for stock in stocks],
        [stock.sold for stock in stocks],
        [stock.held for stock in stocks],
        [stock.due_at for stock in stocks],
        [kind.id for kind in kinds],
        [kind.sold for kind in kinds],
        [kind.held for kind in kinds],
    )


async def save_stock(connection: Connection, stock: Stock) -> None:
    """Counters, and what is to be told about them, in one statement."""
    await connection.execute(
        f"""WITH {COUNT.format(*range(1, 8))}, told AS ({TELL.format(8, 9, 10)})
           INSERT INTO waiting_list_log (event_id, waitlist_id, what, detail)
           SELECT $11, entry, what, detail
           FROM unnest($12::bigint[], $13::text[], $14::jsonb[]) WITH ORDINALITY AS l (entry, what, detail, place)
           ORDER BY place""",
        *count_columns([stock]),
        *fact_columns(stock.facts),
        stock.id,
        [line.waitlist_id for line in stock.lines],
        [line.what for line in stock.lines],
        [line.detail for line in stock.lines],
    )
    stock.facts.clear()
    stock.lines.clear()
