"""What freed places decide: who of the waiting list is offered them, in its order, after what the clock has ended.

A group gets all its places or none. One that does not fit may be passed over three times, whether by later entries or
by the public; after that, places of every type it waits for are kept for it until those of one suffice.
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence

import asyncpg
import msgspec

from app.domain.endings import close_entries, expire_offers, lapse_holds, tell_closed
from app.domain.kept_places import give_up_kept, keep, let_go, take, tell_kept
from app.domain.stock import LONG_AGO, LogLine, Stock, TypeStock, lock_statement, lock_stock, save_stock
from app.domain.waiting_entries import (
    MAX_PASSES,
    NEVER,
    Entry,
    acceptable,
    by_type,
    fits,
    possible,
    waiting_entries,
    why_never,
    write_entries,
)
from app.engines.database import Connection, Database
from app.errors import Unavailable
from app.messages import WaitingListOffered
from app.phrases import Phrase

AT_ONCE = 2_000
"""Holds, offers or entries that begin or end in one transaction: some tenths of a second."""
MOST_PARTS = 20


class Unfit(msgspec.Struct, frozen=True):
    """A group that `left` places were not enough for."""

    entry: Entry
    kinds: list[TypeStock]
    left: int


class Behind(msgspec.Struct):
    """How many got an offer; groups that something was free for, but not enough, by the id of their entry; the last
    entry that something went to, by type; and what the groups read that this has been counted for, None where it was
    written with an earlier part.
    """

    offers: int = 0
    unfit: dict[int, Unfit] = {}
    went_to: dict[int, int] = {}
    counted: dict[int, LogLine | None] = {}


async def settle(connection: Connection, stock: Stock, public: Mapping[int, int] | None = None) -> None:
    """Write what the clock has decided and offer what is free.

    Freed places are offered before the transaction ends, so nobody ever sees them in between. Where very much has ended
    this writes a part of it, and the event stays due, as from the beginning of time: until all of it is written nothing
    is anybody's. `public` is that of the stock as it was before a change; of a part, as it was before the first one.
    """
    public, behind = stock.public if public is None else public, Behind()
    if stock.due_at == LONG_AGO:
        before = await connection.fetchval("SELECT public_before FROM events WHERE id = $1", stock.id)
        behind.counted = dict.fromkeys(before.pop("counted", ()))
        public = by_type(before)
    ended = [await lapse_holds(connection, stock, AT_ONCE), await expire_offers(connection, stock, AT_ONCE)]
    if stock.status != "cancelled":  # there `cancellations.py` sees to everybody
        ended.append(await close_entries(connection, stock, AT_ONCE))
    stock.owes = AT_ONCE in ended  # all of it is written before the list is walked: who is first gets what is free
    if stock.status != "cancelled" and not stock.over:
        await give_up_kept(connection, stock)
        stock.owes = stock.owes or not await offer_along_the_list(connection, stock, public, behind)
    stock.due_at = LONG_AGO if stock.owes else await next_due(connection, stock)
    if stock.owes:
        before = {str(number): places for number, places in public.items()} | {"counted": list(behind.counted)}
        await connection.execute("UPDATE events SET public_before = $2 WHERE id = $1", stock.id, before)
    stock.public = stock.left_for_everybody()
    await save_stock(connection, stock)


def list_first() -> Unavailable:
    """For who wants a place of an event while what has come free is still to be written, and offered to who waits."""
    return Unavailable(
        Phrase("Places have just come free, and who waits comes first. Please try again in a moment."), retry_after=1
    )


async def events_due(connection: Connection, most: int) -> list[int]:
    """In no order, so that many that cannot be settled do not hide the others."""
    rows = await connection.fetch(
        "SELECT id FROM events WHERE due_at <= clock_timestamp() ORDER BY random() LIMIT $1", most
    )
    return [row["id"] for row in rows]


async def settle_due(connection: Connection, event_id: int, how: str = "FOR UPDATE") -> bool:
    """Settle an event, if the clock says so; whether there is more to settle at once. `how` to come by its lock."""
    stock = await lock_stock(connection, event_id, how)
    if stock is None or not stock.due:
        return False
    await settle(connection, stock)
    return stock.due


async def settle_all(database: Database, event_id: int) -> None:
    """Settle an event in as many transactions as it takes, within reason; without its lock where nothing is due."""
    for _ in range(MOST_PARTS):
        async with database.connection() as connection:
            if not await connection.fetchval("SELECT due_at <= clock_timestamp() FROM events WHERE id = $1", event_id):
                return
        async with database.transaction() as connection:
            await settle_due(connection, event_id)


async def settle_for_readers(database: Database, event_id: int) -> None:
    """As `settle_due`, once for all who look at this moment; whoever holds the lock for long leaves it as it is."""

    async def work() -> None:
        try:
            async with database.transaction(lock_statement(event_id)) as connection:
                await settle_due(connection, event_id)
        except Unavailable as error:
            if not isinstance(error.__cause__, asyncpg.LockNotAvailableError):
                raise

    await database.turns.share(event_id, work)


async def offer_along_the_list(connection: Connection, stock: Stock, public: Mapping[int, int], behind: Behind) -> bool:
    """From its beginning again when a group gives back places that were kept for it, or gets those of later ones.

    Whether everybody who is to have an offer has it now.
    """
    while behind.offers < AT_ONCE:
        line = await walk(connection, stock, behind)
        if line is None:
            continue
        passed = pass_over(stock, behind, public)
        await write_entries(connection, stock, passed)
        line += [entry for entry in passed if entry.passed >= MAX_PASSES]
        if not await complete_groups(connection, stock, sorted(line, key=lambda entry: entry.id), behind):
            return True
    await write_entries(connection, stock, pass_over(stock, behind, stock.left_for_everybody()))
    return False


async def walk(connection: Connection, stock: Stock, behind: Behind) -> list[Entry] | None:
    """Offer what is free in the order of joining; who is in line for places to be kept, or None before the end."""
    touched: list[Entry] = []
    told: list[Entry] = []
    line: list[Entry] = []
    given_back: dict[int, int] = {}
    stopped = False
    left = stock.left_by_type()
    async for entry in waiting_entries(connection, stock):
        wanted, kinds = acceptable(stock, entry), possible(stock, entry)
        if kind := next((kind for kind in kinds if fits(stock, entry, kind)), None):
            given_back = {one: places for one, places in entry.kept.items() if one != kind.id}
            offer(stock, entry, kind, behind)
            touched.append(entry)
        elif all(hindrances := [why_never(stock, entry, kind) for kind in wanted]):
            if any(stock.on_sale(kind) and stock.left(kind) > 0 for kind in wanted):
                close(stock, entry, max(filter(None, hindrances), key=NEVER.index))
                touched.append(entry)
        elif kinds and entry.passed >= MAX_PASSES:
            line.append(entry)
            if keep(stock, entry, kinds):
                touched.append(entry)
        elif (most := max((left[kind.id] for kind in kinds), default=0)) > 0:
            behind.unfit[entry.id] = Unfit(entry, kinds, most)
        if entry.status == "waiting" and skip(stock, entry, [kind for kind in wanted if kind not in kinds]):
            told.append(entry)
        if touched and touched[-1] is entry:
            before, left = left, stock.left_by_type()
            gone = (number for number, many in left.items() if before[number] > max(0, many))
            behind.went_to |= {number: max(entry.id, behind.went_to.get(number, 0)) for number in gone}
        if stopped := bool(given_back) or behind.offers >= AT_ONCE:
            break
    stock.release(given_back)
    for entry in touched:
        behind.unfit.pop(entry.id, None)
    await write_entries(connection, stock, touched + told)
    return None if stopped else line


def skip(stock: Stock, entry: Entry, kinds: Sequence[TypeStock]) -> bool:
    """Say of types that are free why they are none for the entry, where that is not what it was told of them last."""
    was = entry.skipped
    for kind in kinds:
        why = why_never(stock, entry, kind) if stock.on_sale(kind) and stock.left(kind) > 0 else None
        if why and why != was.get(kind.id):
            entry.skipped = {**entry.skipped, kind.id: why}
            detail = {"ticket_type": kind.name, "quantity": entry.quantity, "reason": why}
            stock.lines.append(LogLine(entry.id, "skipped", detail))
    return entry.skipped is not was


def close(stock: Stock, entry: Entry, reason: str) -> None:
    entry.status = "closed"
    tell_closed(stock, entry.id, entry.attendee_id, reason, quantity=entry.quantity)


def offer(stock: Stock, entry: Entry, kind: TypeStock, behind: Behind) -> None:
    """Whoever was passed just now, and comes to it after all, was not."""
    behind.offers += 1
    if passed := behind.counted.get(entry.id):
        entry.passed -= 1
        stock.lines.remove(passed)
    stock.hold(kind, entry.quantity - entry.kept.get(kind.id, 0))
    entry.status, entry.kept, entry.offered_type_id = "offered", {}, kind.id
    entry.offer_until = min(stock.now + dt.timedelta(hours=stock.offer_hours), stock.sale_end(kind))
    stock.facts.append(
        WaitingListOffered(
            event_id=stock.id,
            waitlist_id=entry.id,
            attendee_id=entry.attendee_id,
            ticket_type_id=kind.id,
            quantity=entry.quantity,
            until=entry.offer_until,
        )
    )
    detail = {"quantity": entry.quantity, "ticket_type": kind.name, "until": entry.offer_until.isoformat()}
    stock.lines.append(LogLine(entry.id, "offered", detail))


async def complete_groups(connection: Connection, stock: Stock, line: Sequence[Entry], behind: Behind) -> bool:
    """Give the first in line what is kept for later ones, if that is enough, lest each holds for ever what others lack.

    Whether somebody has been offered theirs. `line` is for whom places are kept as they come, in order of joining.
    """
    before = {entry.id: entry.kept for entry in line}
    offered = False
    last = max((place for place, entry in enumerate(line) if entry.kept), default=0)  # nothing is kept for those behind
    for place, entry in enumerate(line[:last]):
        later = line[place + 1 : last + 1]
        theirs = sum((Counter(other.kept) for other in later), Counter[int]())
        together = msgspec.structs.replace(entry, kept=Counter(entry.kept) + theirs)
        if theirs and (kind := next((kind for kind in possible(stock, entry) if fits(stock, together, kind)), None)):
            take(stock, entry, kind, later)
            for number in entry.kept.keys() - {kind.id}:
                let_go(stock, entry, number, entry.quantity)
            offer(stock, entry, kind, behind)
            offered = True
    changed = [entry for entry in line if entry.status == "offered" or entry.kept != before[entry.id]]
    for entry in changed:
        if entry.status == "waiting":
            tell_kept(stock, entry, before[entry.id])
    await write_entries(connection, stock, changed)
    return offered


def pass_over(stock: Stock, behind: Behind, public: Mapping[int, int]) -> list[Entry]:
    """Count it once for each group that saw places go to somebody after it, or to the public, which had `public`."""
    passed = []
    for waiting in behind.unfit.values():
        entry = waiting.entry
        overtaken = any(behind.went_to.get(kind.id, 0) > entry.id for kind in waiting.kinds)
        more = any(stock.left(kind) > public.get(kind.id, 0) for kind in waiting.kinds)
        if entry.id not in behind.counted and (overtaken or more):
            entry.passed += 1
            detail = {"left": waiting.left, "quantity": entry.quantity, "times": entry.passed, "of": MAX_PASSES}
            stock.lines.append(line := LogLine(entry.id, "passed", detail))
            behind.counted[entry.id] = line
            passed.append(entry)
    return passed


async def next_due(connection: Connection, stock: Stock) -> dt.datetime | None:
    """When the clock decides the next thing about this event."""
    row = await connection.fetchrow(
        """SELECT (SELECT min(held_until) FROM tickets WHERE event_id = $1 AND status = 'held') AS hold,
                  (SELECT min(offer_until) FROM waiting_list WHERE event_id = $1 AND status = 'offered') AS offer,
                  EXISTS (SELECT 1 FROM waiting_list WHERE event_id = $1 AND status = 'waiting') AS waiting""",
        stock.id,
    )
    moments = [row["hold"], row["offer"], next_for_waiters(stock) if row["waiting"] else None]
    return min((moment for moment in moments if moment), default=None)


def next_for_waiters(stock: Stock) -> dt.datetime | None:
    """When those who wait may be offered something without anybody giving it back, or never will be."""
    kinds = [kind for kind in stock.types.values() if not kind.archived]
    moments = [moment for kind in kinds for moment in (kind.sale_opens_at, kind.hidden_until, stock.sale_end(kind))]
    return min((moment for moment in [*moments, stock.end_time] if moment and moment > stock.now), default=None)
