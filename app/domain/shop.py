"""The page that sells an event: everything a buyer sees of it, and the few figures that change while one looks."""

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from app.domain.accounts import Caller
from app.domain.event_page import Availability, CoreEventData, availability, core, event_row
from app.domain.media import MediaItem, media_of
from app.domain.ticket_types import TicketType, ticket_types_of
from app.domain.waiting_list_page import Standing, cut_short, place_now, standing
from app.engines.database import Database
from app.engines.media import Media

STATES = ("on_sale", "sold_out", "not_yet", "hidden")
"""Of ticket types that one can wait for."""


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """What is left. `state`: on_sale, not_yet, sold_out, later, closed or cancelled.

    `not_yet` where something is still to go on sale, by `opens_at`; `later` where all that can be had some time is in
    `hidden`, of which buyers know nothing.
    `mine` is what the visitor has of the waiting list: waiting, offered with the number of the entry, or nothing.
    """

    event_id: int
    availability: Availability
    ticket_types: list[TicketType]
    hidden: list[TicketType]
    state: str
    timezone: str
    mine: str = ""

    @property
    def opens_at(self) -> dt.datetime | None:
        to_open = (kind for kind in self.ticket_types if kind.state == "not_yet" and kind.left)
        return min((kind.sale_opens_at for kind in to_open if kind.sale_opens_at), default=None)

    @property
    def left(self) -> int:
        """What can be had now: ticket types can have fewer places together than the event."""
        of_types = sum(kind.left for kind in self.ticket_types if kind.state == "on_sale")
        return min(self.availability.left, of_types)

    @property
    def cheapest(self) -> TicketType:
        on_sale = (kind for kind in self.ticket_types if kind.state == "on_sale")
        return min(on_sale, key=lambda kind: Decimal(kind.price))

    @property
    def several_prices(self) -> bool:
        return len({Decimal(kind.price) for kind in self.ticket_types if kind.state == "on_sale"}) > 1

    @property
    def offer(self) -> str:
        """Changes with what can be chosen: the state of a type, when its sale opens, its price, or how many one person
        can still have.

        So it does when the visitor begins or ceases to wait, or is offered something.
        """
        kinds = (
            f"{kind.ticket_type_id}.{kind.state}.{min(kind.left, kind.per_attendee_limit)}.{kind.price}"
            for kind in self.ticket_types
        )
        opens = (kind.sale_opens_at for kind in self.ticket_types if kind.state == "not_yet")
        moments = "_".join(str(int(at.timestamp())) for at in opens if at)
        return "-".join([self.state, *kinds, moments, self.mine])

    @property
    def seen(self) -> str:
        """Changes when anything here does."""
        left = (str(kind.left) for kind in self.ticket_types)
        return "~".join([self.offer, str(self.availability.left), *left])

    def mine_since(self, seen: str) -> bool:
        """Whether the visitor has come to wait, is offered something, or waits no more."""
        return bool(seen) and self.mine != mine_in(seen)

    def news_since(self, seen: str) -> list[TicketType]:
        """The types that are in another state than they were."""
        states = {number: state for number, state, *_ in kinds_in(seen)}
        return [kind for kind in self.ticket_types if states.get(str(kind.ticket_type_id), kind.state) != kind.state]

    def repriced_since(self, seen: str) -> list[TicketType]:
        """The types on sale that had another price."""
        prices = {number: price for number, _, _, price in kinds_in(seen)}
        on_sale = (kind for kind in self.ticket_types if kind.state == "on_sale")
        return [kind for kind in on_sale if prices.get(str(kind.ticket_type_id), kind.price) != kind.price]


class Shop(msgspec.Struct, frozen=True, kw_only=True):
    """`own` is for the organizer of the event; `mine` is what the visitor has of it already.

    `returnable`: a ticket that is bought now can be given back.
    """

    event: CoreEventData
    pictures: list[MediaItem]
    places: Places
    mine: Standing
    own: bool
    returnable: bool

    def pay_by(self, kind: TicketType) -> dt.datetime | None:
        """When the sale of a type ends, where who buys it now has less time to pay than the organizer gives."""
        if self.event.payment == "instant" or kind.state != "on_sale" or not Decimal(kind.price):
            return None
        closes = min(self.event.end_time, kind.sale_closes_at or self.event.end_time)
        return cut_short(closes, self.event.hold_hours)

    def has(self, kind: TicketType) -> int:
        return sum(ticket.ticket_type_id == kind.ticket_type_id for ticket in self.mine.tickets)

    def offered(self, kind: TicketType) -> int:
        offer = self.mine.entry.offer if self.mine.entry else None
        return offer.quantity if offer and offer.ticket_type_id == kind.ticket_type_id else 0

    def may_have(self, kind: TicketType) -> int:
        """How many more of a type the visitor can buy now, beside what is offered to them."""
        if kind.state != "on_sale":
            return 0
        return max(0, min(kind.per_attendee_limit - self.has(kind) - self.offered(kind), kind.left))

    @property
    def first(self) -> int:
        """Chosen unless somebody chooses: the first type that the visitor can have; while one is on sale."""
        on_sale = [kind for kind in self.places.ticket_types if kind.state == "on_sale"]
        return next(filter(self.may_have, on_sale), on_sale[0]).ticket_type_id

    def chosen(self, typed: object, refused: bool) -> int | None:
        """The type that somebody chose, while they can have it; no other one in place of what was refused."""
        can_have = (kind.ticket_type_id for kind in filter(self.may_have, self.places.ticket_types))
        return next((number for number in can_have if str(number) == typed), None if typed and refused else self.first)

    @property
    def at_a_press(self) -> list[TicketType]:
        """Types that one can only wait for, beside others that are sold."""
        return [kind for kind in self.to_wait_for if not self.may_have(kind)]

    @property
    def most(self) -> int:
        """The largest quantity that any type still has for the visitor."""
        return max(map(self.may_have, self.places.ticket_types), default=0)

    @property
    def offer_first(self) -> bool:
        """Whether the visitor can buy nothing beside what is offered to them."""
        return self.most == 0 and any(map(self.offered, self.places.ticket_types))

    def picked(self, typed: object) -> list[TicketType]:
        """The type that somebody chose, or all."""
        kinds = self.places.ticket_types
        return [kind for kind in kinds if str(kind.ticket_type_id) == typed] or kinds

    def limit(self, typed: object) -> int:
        """How many of the chosen type one person can have, or of any type."""
        return max((kind.per_attendee_limit for kind in self.picked(typed)), default=1)

    def has_some(self, typed: object) -> bool:
        return any(map(self.has, self.picked(typed)))

    def most_to_want(self, typed: object) -> int:
        """The largest quantity of the chosen type, or of any, that waiting can help to."""
        return max(map(self.may_wait_for, self.picked(typed) if typed else self.can_wait), default=0)

    def may_wait_for(self, kind: TicketType) -> int:
        """The largest quantity of a type that waiting can help to; 0 where as many can be bought, or never had."""
        capacity = self.places.availability.capacity
        most = min(kind.per_attendee_limit, capacity, kind.places or capacity) - self.has(kind)
        return most if kind.state in STATES and most > self.may_have(kind) else 0

    @property
    def to_wait_for(self) -> list[TicketType]:
        """Nobody waits twice."""
        return [] if self.mine.entry else [kind for kind in self.places.ticket_types if self.may_wait_for(kind)]

    @property
    def can_wait(self) -> list[TicketType]:
        """Also for what is hidden, by waiting for whatever comes, where nothing can be had before."""
        open_to_all = self.places.state in ("later", "sold_out") and not self.mine.entry
        unseen = self.places.hidden if open_to_all else []
        return [*self.to_wait_for, *filter(self.may_wait_for, unseen)]

    @property
    def least_to_wait_for(self) -> int:
        """Fewer than that can be bought."""
        return 1 + min(map(self.may_have, self.can_wait))

    @property
    def most_to_wait_for(self) -> int:
        return max(map(self.may_wait_for, self.can_wait))


async def shop(database: Database, media: Media, who: Caller | None, event_id: int) -> Shop:
    """Raises `NotFound` as `event_row` does. The number of queries does not depend on the event."""
    row = await event_row(database, who, event_id)
    async with database.connection() as connection:
        kinds = await ticket_types_of(connection, event_id, everything=True)
        pictures = await media_of(connection, media, event_id)
        mine = await standing(connection, who, event_id)
    return Shop(
        event=core(row),
        pictures=pictures,
        places=places(row, kinds, mine.place),
        mine=mine,
        own=who is not None and who.organizer_id == row["organizer_id"],
        returnable=row["returnable"],
    )


async def places_now(database: Database, who: Caller | None, event_id: int, seen: str = "") -> Places:
    """`seen` is what the page had of it: the waiting list is asked only for those who were on it."""
    row = await event_row(database, who, event_id)
    async with database.connection() as connection:
        kinds = await ticket_types_of(connection, event_id, everything=True)
        mine = await place_now(connection, who, event_id) if who and mine_in(seen) else ""
    return places(row, kinds, mine)


def kinds_in(seen: str) -> list[list[str]]:
    """Number, state, how many one person can still have, and price."""
    kinds = [kind.split(".", 3) for kind in seen.partition("~")[0].split("-")]
    return [kind for kind in kinds if len(kind) == 4]


def mine_in(seen: str) -> str:
    last = seen.partition("~")[0].rpartition("-")[2]
    return last if last.startswith(("waiting", "offered")) else ""


def places(row: Mapping[str, Any], kinds: Sequence[TicketType], mine: str) -> Places:
    shown = [kind for kind in kinds if kind.state not in {"hidden", "archived"}]
    hidden = [kind for kind in kinds if is_to_come(row, kind)]
    return Places(
        event_id=row["id"],
        availability=availability(row),
        ticket_types=shown,
        hidden=hidden,
        state="cancelled" if row["status"] == "cancelled" else state_of(shown, hidden),
        timezone=row["timezone"],
        mine=mine,
    )


def is_to_come(row: Mapping[str, Any], kind: TicketType) -> bool:
    """Whether it is hidden, and will be sold when it is not."""
    end = min(row["end_time"], kind.sale_closes_at or row["end_time"])
    return kind.state == "hidden" and kind.hidden_until is not None and kind.hidden_until < end


def state_of(shown: Sequence[TicketType], hidden: Sequence[TicketType]) -> str:
    """Of the whole sale; who is too late for one type hears of the next one, unless that has no place left."""
    if any(kind.state == "on_sale" for kind in shown):
        return "on_sale"
    if any(kind.state == "not_yet" and kind.left for kind in shown):
        return "not_yet"
    if any(kind.left for kind in hidden):
        return "later"
    return "closed" if all(kind.state == "closed" for kind in shown) and not hidden else "sold_out"
