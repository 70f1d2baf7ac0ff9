"""Places kept for groups that were passed over often enough, until they suffice for one."""

from collections.abc import Mapping, Sequence

from app.domain.stock import LogLine, Stock, TypeStock
from app.domain.waiting_entries import Entry, keeping_entries, possible, write_entries
from app.engines.database import Connection


def keep(stock: Stock, entry: Entry, kinds: Sequence[TypeStock]) -> bool:
    """Keep what is free, of each type, for a group that was passed over often enough; whether anything was."""
    before = entry.kept
    for kind in kinds:
        kept = entry.kept.get(kind.id, 0)
        if (places := min(stock.left(kind), entry.quantity - kept)) > 0:
            stock.hold(kind, places)
            entry.kept = {**entry.kept, kind.id: kept + places}
    tell_kept(stock, entry, before)
    return entry.kept != before


def let_go(stock: Stock, entry: Entry, ticket_type_id: int, most: int) -> int:
    """Keep so many fewer, if there are as many; how many they are."""
    kept = entry.kept.get(ticket_type_id, 0)
    if (places := min(most, kept)) <= 0:
        return 0
    stock.release({ticket_type_id: places})
    entry.kept = {one: many for one, many in {**entry.kept, ticket_type_id: kept - places}.items() if many}
    return places


def take(stock: Stock, entry: Entry, kind: TypeStock, later: Sequence[Entry]) -> None:
    """No more than the group lacks, of the type and then of the event, from the last in line first."""
    lacking = entry.quantity - entry.kept.get(kind.id, 0) - stock.left_of_type(kind)
    for other in reversed(later):
        lacking -= let_go(stock, other, kind.id, lacking)
    lacking = entry.quantity - sum(entry.kept.values()) - stock.left_of_event
    for other in reversed(later):
        for number in sorted(other.kept):
            lacking -= let_go(stock, other, number, lacking)


async def give_up_kept(connection: Connection, stock: Stock) -> None:
    """Places are not kept of a type that is not on sale any more, or that the group can never have so many of."""
    changed = []
    for entry in await keeping_entries(connection, stock):
        still = {kind.id for kind in possible(stock, entry)}
        if gone := entry.kept.keys() - still:
            before = entry.kept
            for number in gone:
                let_go(stock, entry, number, entry.quantity)
            tell_kept(stock, entry, before)
            changed.append(entry)
    await write_entries(connection, stock, changed)


def tell_kept(stock: Stock, entry: Entry, before: Mapping[int, int]) -> None:
    for number in {**before, **entry.kept}:
        was, kept = before.get(number, 0), entry.kept.get(number, 0)
        if was != kept:
            detail = {"kept": kept, "quantity": entry.quantity, "ticket_type": stock.types[number].name}
            stock.lines.append(LogLine(entry.id, "kept" if kept > was else "released", detail))
