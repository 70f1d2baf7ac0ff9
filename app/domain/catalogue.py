"""The catalogue: festivals to come, found by words, place, days and price."""

import datetime as dt
import unicodedata
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from app.domain.lists import Page, page_of
from app.domain.money import money
from app.domain.stock import FREE
from app.domain.ticket_types import RANK
from app.engines.database import Database
from app.engines.media import Media
from app.errors import FieldError
from app.phrases import Phrase
from app.pictures import WIDTHS, variant_key
from app.validation import Input

MOST_WORDS = 8

Words = Annotated[str, Meta(max_length=200, extra={"says": Phrase("must have at most 200 characters")})]


class Search(Input, frozen=True, kw_only=True):
    """`first` and `last` are days, both included; `price` is the most that a ticket may cost."""

    q: Words | None = None
    place: Words | None = None
    first: dt.date | None = msgspec.field(name="from", default=None)
    last: dt.date | None = msgspec.field(name="to", default=None)
    price: Decimal | None = None

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> Iterable[FieldError]:
        first, last = values.get("first"), values.get("last")
        if first and last and last < first:
            yield FieldError("to", "must not be before the first day")


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A festival in the catalogue, with a small picture and what a crop of it keeps in view, in percent of both sides.

    `left` is what can be had now. Its sale is `on_sale`, `sold_out`, `not_yet`, `later` or `closed`.
    """

    event_id: int
    title: str
    location: str
    start_time: dt.datetime
    end_time: dt.datetime
    timezone: str
    currency: str
    price_from: str
    several_prices: bool
    left: int
    capacity: int
    state: str
    opens_at: dt.datetime | None
    picture: str | None
    focal_x: int
    focal_y: int


CARDS = f"""
    SELECT e.id, e.title, e.location, e.start_time, e.end_time, e.timezone, e.currency, e.capacity,
           {FREE} AS left, coalesce(t.price_from, e.price) AS price_from,
           t.several_prices, t.opens_at, t.soonest, t.left_of_types,
           (SELECT bool_or(coalesce(h.sold + h.held < h.places, true)) FROM ticket_types h
            WHERE h.event_id = e.id AND NOT h.archived AND h.hidden_until > now()
                  AND h.hidden_until < least(h.sale_closes_at, e.end_time)) AS comes,
           (SELECT ROW(s3_key, focal_x, focal_y) FROM media m WHERE m.event_id = e.id AND NOT m.deleted
            ORDER BY position, id LIMIT 1) AS picture
    FROM events e CROSS JOIN LATERAL (
        SELECT min(price) FILTER (WHERE counts) AS price_from,
               coalesce(min(price) FILTER (WHERE counts) < max(price) FILTER (WHERE counts), false) AS several_prices,
               min(sale_opens_at) FILTER (WHERE rank = 1) AS opens_at,
               min(rank) AS soonest,
               sum(coalesce(places, e.capacity) - sold - held) FILTER (WHERE counts) AS left_of_types
        FROM (SELECT *, rank = min(rank) OVER () AS counts
              FROM (SELECT *, {RANK} AS rank
                    FROM ticket_types WHERE event_id = e.id AND NOT archived
                    AND coalesce(hidden_until <= now(), true)) AS r) AS c
    ) t
"""
"""Prices are of the types that can be had now; while there is none, of those that are still to go on sale, else of
those whose sale is not closed, else of all.
"""


async def catalogue(
    database: Database, media: Media, search: Search, timezone: str, limit: int, after: int | None
) -> Page[Card]:
    """Published and not over, first to end first; `after` is the id of the last one seen, days are in `timezone`."""
    given: list[Any] = []

    def sql(condition: str, value: Any) -> str:
        given.append(value)
        return condition.replace("?", f"${len(given)}")

    zone = ZoneInfo(timezone)
    conditions = ["e.status = 'published'", "e.end_time > now()"]
    if after is not None:
        conditions.append(sql("(e.end_time, e.id) > (SELECT end_time, id FROM events WHERE id = ?)", after))
    if search.first:
        conditions.append(sql("e.end_time >= ?", dt.datetime.combine(search.first, dt.time(), zone)))
    if search.last:
        end = dt.datetime.combine(search.last + dt.timedelta(days=1), dt.time(), zone)
        conditions.append(sql("e.start_time < ?", end))
    if search.price is not None:
        conditions.append(sql("coalesce(t.price_from, e.price) <= ?", search.price))
    # Materialized, so that words are looked up in their index and not made anew for each event on the way.
    found = []
    for name, text, words in (("by_words", ALL_WORDS, search.q), ("by_place", "location", search.place)):
        if words:
            match = sql(f"words({text}) @@ to_tsquery('pg_catalog.simple', ?)", prefixes(words))
            found.append(f"{name} AS MATERIALIZED (SELECT id FROM events WHERE status = 'published' AND {match})")
            conditions.append(f"e.id IN (SELECT id FROM {name})")
    start = f"WITH {', '.join(found)} " if found else ""
    where = " AND ".join(conditions)
    statement = f"{start}{CARDS} WHERE {where} ORDER BY e.end_time, e.id LIMIT {sql('?', limit + 1)}"
    async with database.connection() as connection:
        rows = await connection.fetch(statement, *given)
    return page_of([card(media, row) for row in rows], limit, lambda one: one.event_id)


ALL_WORDS = "title || ' ' || location || ' ' || description || ' ' || tags"


def prefixes(text: str) -> str:
    """What `to_tsquery` takes: all the words, each of which may be only begun, and without accents."""
    letters = "".join(one for one in unicodedata.normalize("NFKD", text) if not "\u0300" <= one <= "\u036f")
    words = [word.replace("\\", "").replace("'", "''") for word in letters.split()[:MOST_WORDS]]
    return " & ".join(f"'{word}':*" for word in words if word)


def card(media: Media, row: Mapping[str, Any]) -> Card:
    key, focal_x, focal_y = row["picture"] or (None, 50, 50)
    return Card(
        event_id=row["id"],
        title=row["title"],
        location=row["location"],
        start_time=row["start_time"],
        end_time=row["end_time"],
        timezone=row["timezone"],
        currency=row["currency"],
        price_from=money(row["price_from"], row["currency"]),
        several_prices=row["several_prices"],
        left=min(row["left"], row["left_of_types"] or 0),
        capacity=row["capacity"],
        state=state(row),
        opens_at=row["opens_at"],
        picture=media.url(variant_key(key, WIDTHS[0])) if key else None,
        focal_x=focal_x,
        focal_y=focal_y,
    )


def state(row: Mapping[str, Any]) -> str:
    """As `shop.state_of` has it."""
    if row["left"] and row["soonest"] == 0:
        return "on_sale"
    if row["left"] and row["opens_at"]:
        return "not_yet"
    if row["left"] and row["comes"]:
        return "later"
    return "sold_out" if row["comes"] is not None or row["soonest"] in (0, 1, 2) else "closed"
