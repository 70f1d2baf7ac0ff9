"""Making tickets out of places, under the lock of the event."""

import datetime as dt
import secrets
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from app.domain.facts import TELL, fact_columns
from app.domain.idempotency import REMEMBER, Keys, key_columns
from app.domain.stock import COUNT, Stock, TypeStock, count_columns
from app.engines.database import Connection
from app.messages import TicketHeld, TicketSold

CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
CODE_LENGTH = 12
LETTER_OF = bytes(ord(CODE_LETTERS[byte % len(CODE_LETTERS)]) for byte in range(256))
NO_LETTERS = bytes(range(256 - 256 % len(CODE_LETTERS), 256))
"""These bytes would make the first letters likelier than the others."""

Live = dict[tuple[int, int], set[int]]
"""By person and ticket type, the ordinals of their live tickets; an index keeps two from having the same."""


class Issued(msgspec.Struct, frozen=True):
    ticket_number: int
    code: str


class Terms(msgspec.Struct, frozen=True):
    """What all tickets of one type in a transaction have in common; `place` counts these from 1."""

    place: int
    event_id: int
    ticket_type_id: int
    status: str
    price: Decimal
    held_until: dt.datetime | None
    currency: str


class NewTicket(msgspec.Struct, frozen=True):
    id: int
    attendee_id: int
    purchase_id: int
    nth: int
    code: str
    terms: Terms


class Issuing:
    """Tickets of one transaction; `ids` are drawn beforehand, so that writing needs no answer."""

    def __init__(self, ids: Sequence[int]) -> None:
        self.ids = iter(ids)
        self.codes = iter(new_codes(len(ids)))
        self.terms: dict[int, Terms] = {}
        self.tickets: list[NewTicket] = []

    def issue(self, stock: Stock, kind: TypeStock, attendee_id: int, quantity: int, taken: set[int]) -> list[NewTicket]:
        """Take places for a person; `taken` gets the ordinals of the new tickets too."""
        terms = self.terms_of(stock, kind)
        held_until = terms.held_until
        purchase_id = 0
        issued: list[NewTicket] = []
        for _ in range(quantity):
            number = next(self.ids)
            purchase_id = purchase_id or number
            nth = free_ordinal(taken)
            taken.add(nth)
            issued.append(NewTicket(number, attendee_id, purchase_id, nth, next(self.codes), terms))
            fact = {"event_id": stock.id, "ticket_id": number, "ticket_type_id": kind.id, "attendee_id": attendee_id}
            stock.facts.append(TicketHeld(until=held_until, **fact) if held_until else TicketSold(**fact))
        if held_until:
            stock.hold(kind, quantity)
            stock.due_by(held_until)
        else:
            stock.sell(kind, quantity)
        self.tickets += issued
        return issued

    def terms_of(self, stock: Stock, kind: TypeStock) -> Terms:
        if kind.id not in self.terms:
            until = hold_deadline(stock, kind)
            status = "held" if until else "sold"
            place = len(self.terms) + 1
            self.terms[kind.id] = Terms(place, stock.id, kind.id, status, kind.price, until, stock.currency)
        return self.terms[kind.id]

    async def write(self, connection: Connection, stocks: Sequence[Stock], keys: Keys | None = None) -> None:
        """Tickets, counters, keys and facts in one statement.

        Raises:
            asyncpg.UniqueViolationError: somebody was given the same tickets without this lock, or a code came twice.
        """
        facts = [fact for stock in stocks for fact in stock.facts]
        await connection.execute(
            f"""WITH issued AS (
                   INSERT INTO tickets (id, attendee_id, purchase_id, nth, code, event_id, ticket_type_id, status,
                                        price, held_until, currency) OVERRIDING SYSTEM VALUE
                   SELECT id, attendee_id, purchase_id, nth, code,
                          ($7::bigint[])[terms], ($8::bigint[])[terms], ($9::text[])[terms], ($10::numeric[])[terms],
                          ($11::timestamptz[])[terms], ($12::text[])[terms]
                   FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::integer[], $5::text[], $6::integer[])
                        AS t (id, attendee_id, purchase_id, nth, code, terms)
               ), {COUNT.format(*range(13, 20))}, remembered AS ({REMEMBER.format(*range(20, 24))})
               {TELL.format(24, 25, 26)}""",
            *self.columns(), *count_columns(stocks), *key_columns(keys or {}), *fact_columns(facts),
        )  # fmt: skip
        for stock in stocks:
            stock.facts.clear()

    def columns(self) -> tuple[list[Any], ...]:
        """Of the tickets, then of their terms."""
        tickets, terms = self.tickets, self.terms.values()
        return (
            [ticket.id for ticket in tickets],
            [ticket.attendee_id for ticket in tickets],
            [ticket.purchase_id for ticket in tickets],
            [ticket.nth for ticket in tickets],
            [ticket.code for ticket in tickets],
            [ticket.terms.place for ticket in tickets],
            [each.event_id for each in terms],
            [each.ticket_type_id for each in terms],
            [each.status for each in terms],
            [each.price for each in terms],
            [each.held_until for each in terms],
            [each.currency for each in terms],
        )


def free_ordinal(taken: set[int]) -> int:
    return next(free for free in range(1, len(taken) + 2) if free not in taken)


def hold_deadline(stock: Stock, kind: TypeStock) -> dt.datetime | None:
    """Until when the organizer may confirm the payment; None where there is nothing to wait for.

    It is told to the buyer, and stays when the sale is made to end earlier.
    """
    if stock.payment == "instant" or not kind.price:
        return None
    return min(stock.now + dt.timedelta(hours=stock.hold_hours), stock.sale_end(kind))


def new_codes(count: int) -> list[str]:
    """59 random bits each, in letters that cannot be mistaken for one another."""
    letters = ""
    while len(letters) < CODE_LENGTH * count:
        letters += secrets.token_bytes(CODE_LENGTH * count).translate(LETTER_OF, NO_LETTERS).decode()
    return [letters[place : place + CODE_LENGTH] for place in range(0, CODE_LENGTH * count, CODE_LENGTH)]
