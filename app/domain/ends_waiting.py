"""Changes by an organizer end nobody's waiting by a slip."""

from app.domain.stock import Stock
from app.domain.waiting_entries import Entry, acceptable, open_entries, places_of, why_never
from app.engines.database import Connection
from app.errors import Conflict
from app.phrases import Phrase


async def refuse_ends(connection: Connection, before: Stock, stock: Stock) -> None:
    """Raises `Conflict` for a change after which people could not have any more what they wait for or are offered."""
    was, now = terms(before), terms(stock)
    if all(more >= less for number in was for more, less in zip(now[number], was[number], strict=True)):
        return
    entries = await open_entries(connection, stock)
    if n := sum(can_have(before, entry) and not can_have(stock, entry) for entry in entries):
        what = Phrase("This would end, for good, what people wait for or are offered. People concerned: %(n)s.", n=n)
        raise Conflict(what, type="ends-waiting")


def terms(stock: Stock) -> dict[int, tuple[int, int, bool]]:
    """What decides who can have a type at all."""
    return {
        kind.id: (
            kind.per_attendee_limit,
            places_of(stock, kind),
            not kind.archived and stock.now < stock.sale_end(kind),
        )
        for kind in stock.types.values()
    }


def can_have(stock: Stock, entry: Entry) -> bool:
    """Whether it may still come to the entry, or what it is offered may be taken."""
    kinds = [kind for kind in acceptable(stock, entry) if entry.offered_type_id in (None, kind.id)]
    return any(why_never(stock, entry, kind) is None for kind in kinds)
