"""Making tickets out of places, under the lock of the event."""

import datetime as dt
import secrets
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from app.domain.facts import TELL, fact_columns
from app.domain.idempotency import REMEMBER, Keys, key_columns
from app.domain.stock import COUNT, Stock, TypeStock, count_columns
from app.engines.database import Connection
from app.messages import TicketHeld, TicketSold

CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
CODE_LENGTH = 12
CODES = len(CODE_LETTERS) ** CODE_LENGTH
PAIRS = [one + other for one in CODE_LETTERS for other in CODE_LETTERS]

Live = dict[tuple[int, int], set[int]]
"""By person and ticket type, the ordinals of their live tickets; an index keeps two from having the same."""


class Issued(msgspec.Struct, frozen=True):
    ticket_number: int
    code: str


class NewTicket(msgspec.Struct, frozen=True):
    id: int
    event_id: int
    ticket_type_id: int
    attendee_id: int
    purchase_id: int
    nth: int
    code: str
    status: str
    price: Decimal
    held_until: dt.datetime | None
    currency: str


class Issuing:
    """Tickets of one transaction; `ids` are drawn beforehand, so that writing needs no answer."""

    def __init__(self, ids: Sequence[int]) -> None:
        self.ids = iter(ids)
        self.tickets: list[NewTicket] = []

    def issue(self, stock: Stock, kind: TypeStock, attendee_id: int, quantity: int, taken: set[int]) -> list[NewTicket]:
        """Take places for a person; `taken` gets the ordinals of the new tickets too."""
        held_until = hold_deadline(stock, kind)
        status = "held" if held_until else "sold"
        purchase_id = 0
        issued: list[NewTicket] = []
        for _ in range(quantity):
            number = next(self.ids)
            purchase_id = purchase_id or number
            nth = free_ordinal(taken)
            taken.add(nth)
            issued.append(
                NewTicket(
                    number,
                    stock.id,
                    kind.id,
                    attendee_id,
                    purchase_id,
                    nth,
                    new_code(),
                    status,
                    kind.price,
                    held_until,
                    stock.currency,
                )
            )
            fact = {"event_id": stock.id, "ticket_id": number, "ticket_type_id": kind.id, "attendee_id": attendee_id}
            stock.facts.append(TicketHeld(until=held_until, **fact) if held_until else TicketSold(**fact))
        if held_until:
            stock.hold(kind, quantity)
            stock.due_by(held_until)
        else:
            stock.sell(kind, quantity)
        self.tickets += issued
        return issued

    async def write(self, connection: Connection, stocks: Sequence[Stock], keys: Keys | None = None) -> None:
        """Tickets, counters, keys and facts in one statement.

        Raises:
            asyncpg.UniqueViolationError: somebody was given the same tickets without this lock, or a code came twice.
        """
        facts = [fact for stock in stocks for fact in stock.facts]
        await connection.execute(
            f"""WITH issued AS (
                   INSERT INTO tickets (id, event_id, ticket_type_id, attendee_id, purchase_id, nth, code, status,
                                        price, held_until, currency) OVERRIDING SYSTEM VALUE
                   SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[],
                                        $6::integer[], $7::text[], $8::text[], $9::numeric[], $10::timestamptz[],
                                        $11::text[])
               ), {COUNT.format(*range(12, 19))}, remembered AS ({REMEMBER.format(*range(19, 23))})
               {TELL.format(23, 24, 25)}""",
            *zip(*(msgspec.structs.astuple(ticket) for ticket in self.tickets), strict=True),
            *count_columns(stocks), *key_columns(keys or {}), *fact_columns(facts),
        )  # fmt: skip
        for stock in stocks:
            stock.facts.clear()


def free_ordinal(taken: set[int]) -> int:
    return next(free for free in range(1, len(taken) + 2) if free not in taken)


def hold_deadline(stock: Stock, kind: TypeStock) -> dt.datetime | None:
    """Until when the organizer may confirm the payment; None where there is nothing to wait for."""
    if stock.payment == "instant" or not kind.price:
        return None
    return min(stock.now + dt.timedelta(hours=stock.hold_hours), stock.sale_end(kind))


def new_code() -> str:
    """59 random bits in letters that cannot be mistaken for one another."""
    number, letters = secrets.randbelow(CODES), ""
    for _ in range(CODE_LENGTH // 2):
        number, pair = divmod(number, len(PAIRS))
        letters += PAIRS[pair]
    return letters
