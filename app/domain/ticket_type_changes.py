"""An organizer changes what is sold while it is sold."""

from collections.abc import Mapping
from typing import Any

import msgspec

from app.domain.accounts import Caller
from app.domain.decisions import event_of, up_to_date
from app.domain.endings import close_untakeable, withdraw_offers
from app.domain.ends_waiting import refuse_ends
from app.domain.idempotency import Idempotent, once
from app.domain.money import price_complaint
from app.domain.offers import settle, settle_all
from app.domain.stock import Stock, lock_own_stock, lock_stock
from app.domain.ticket_types import (
    MOST_EVER,
    MOST_TYPES,
    TAKEN,
    TICKET_TYPES,
    TicketType,
    TicketTypeIn,
    require_sale_before,
    ticket_type,
    ticket_type_data,
)
from app.engines.database import Connection, Database
from app.errors import Conflict, FieldError, Invalid, NotFound, Stale
from app.messages import TicketTypeChanged, TicketTypeData
from app.phrases import Phrase


async def create_ticket_type(
    database: Database, who: Caller, event_id: int, given: TicketTypeIn, idempotent: Idempotent | None
) -> tuple[TicketType, bool]:
    """Add a type to the caller's event, at the end unless it says where; and whether that was an earlier request.

    Raises:
        NotFound: no such event, or another organizer's.
        Invalid: another type has the name, or the price is none in its currency.
        Conflict: of type `event-cancelled` or `too-many-types`.
    """
    await settle_all(database, event_id)

    async def decide(connection: Connection) -> dict[str, Any]:
        stock = await up_to_date(connection, await lock_own_stock(connection, who, event_id))
        refuse_cancelled(stock)
        if sum(not kind.archived for kind in stock.types.values()) >= MOST_TYPES:
            raise Conflict(Phrase("An event can have %(most)s ticket types.", most=MOST_TYPES), type="too-many-types")
        if len(stock.types) >= MOST_EVER:
            raise Conflict(
                Phrase("An event can have had %(most)s ticket types in all.", most=MOST_EVER), type="too-many-types"
            )
        require_own_name(stock, given.name)
        data = await data_for(connection, stock, given)
        rev: int = await connection.fetchval("SELECT nextval('rev_seq')")
        number: int = await connection.fetchval(
            """INSERT INTO ticket_types (event_id, rev, position, name, description, price, places, sale_opens_at,
                                         sale_closes_at, hidden_until, per_attendee_limit)
               VALUES ($1, $2, coalesce($3, (SELECT max(position) + 1 FROM ticket_types WHERE event_id = $1), 1),
                       $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id""",
            event_id, rev, given.position, *msgspec.structs.astuple(data),
        )  # fmt: skip
        await connection.execute("UPDATE ticket_types SET general = false WHERE event_id = $1 AND general", event_id)
        await tell_and_settle(connection, who, stock, number, rev, data)
        return {"ticket_type_id": number}

    outcome, replayed = await once(database, who.user_id, idempotent, decide)
    async with database.connection() as connection:
        return await one_type(connection, outcome["ticket_type_id"]), replayed


async def change_ticket_type(
    database: Database,
    who: Caller,
    ticket_type_id: int,
    given: TicketTypeIn,
    if_match: int | None,
    *,
    ends_waiting: bool = False,
) -> TicketType:
    """Replace all that an organizer says about a type. Places that it frees go to the waiting list first.

    Only with `ends_waiting` may it end, for good, what somebody waits for or is offered.

    Raises:
        NotFound: unknown, archived, or another organizer's.
        Invalid: another type has the name, or the price is none in its currency.
        Stale: `if_match` is not the revision that is stored.
        Conflict: of type `places-taken`, `event-cancelled` or `ends-waiting`.
        Unavailable: what has ended is still being written.
    """
    event_id = await event_of(database, "ticket_types", ticket_type_id)
    await settle_all(database, event_id)
    async with database.transaction() as connection:
        stock, row = await lock_type(connection, who, event_id, ticket_type_id, if_match)
        if row["archived"]:
            raise NotFound("There is no such ticket type.")
        refuse_cancelled(stock)
        if given.name.casefold() != row["name"].casefold():
            require_own_name(stock, given.name)
        taken = row["sold"] + row["held"]
        if given.places is not None and given.places < taken:
            raise Conflict(
                Phrase("%(taken)s of these are taken; there cannot be fewer places.", taken=taken), type="places-taken"
            )
        data = await data_for(connection, stock, given)
        rev: int = await connection.fetchval("SELECT nextval('rev_seq')")
        await connection.execute(
            """UPDATE ticket_types SET rev = $2, position = coalesce($3, position), name = $4, description = $5,
                      price = $6, places = $7, sale_opens_at = $8, sale_closes_at = $9, hidden_until = $10,
                      per_attendee_limit = $11, general = general AND price = $6 WHERE id = $1""",
            ticket_type_id, rev, given.position, *msgspec.structs.astuple(data),
        )  # fmt: skip
        await tell_and_settle(connection, who, stock, ticket_type_id, rev, data, ends_waiting=ends_waiting)
        return await one_type(connection, ticket_type_id)


async def archive_ticket_type(
    database: Database, who: Caller, ticket_type_id: int, if_match: int | None, *, ends_waiting: bool = False
) -> None:
    """Sell no more of it; tickets that are out stay good, and a late payment may be confirmed. Twice is once, whatever
    revision that asks for.

    Only with `ends_waiting` may it end what somebody waits for or is offered.

    Raises:
        NotFound: unknown, or another organizer's.
        Stale: `if_match` is not the revision that is stored.
        Conflict: of type `last-ticket-type` or `ends-waiting`.
        Unavailable: what has ended is still being written.
    """
    event_id = await event_of(database, "ticket_types", ticket_type_id)
    await settle_all(database, event_id)
    async with database.transaction() as connection:
        stock, row = await lock_type(connection, who, event_id, ticket_type_id, if_match)
        if all(kind.archived or kind.id == ticket_type_id for kind in stock.types.values()):
            raise Conflict("An event needs a ticket type: add another one first.", type="last-ticket-type")
        if row["archived"]:
            return
        rev: int = await connection.fetchval("SELECT nextval('rev_seq')")
        await connection.execute("UPDATE ticket_types SET rev = $2, archived = true WHERE id = $1", ticket_type_id, rev)
        data = data_of(row)
        await tell_and_settle(
            connection, who, stock, ticket_type_id, rev, data, archived=True, ends_waiting=ends_waiting
        )


async def lock_type(
    connection: Connection, who: Caller, event_id: int, ticket_type_id: int, if_match: int | None
) -> tuple[Stock, Mapping[str, Any]]:
    stock = await lock_stock(connection, event_id)
    if stock is None or stock.organizer_id != who.organizer_id:
        raise NotFound("There is no such ticket type.")
    await up_to_date(connection, stock)
    row = await connection.fetchrow("SELECT * FROM ticket_types WHERE id = $1", ticket_type_id)
    if if_match not in (None, row["rev"]) and not row["archived"]:
        raise overtaken(row["rev"])
    return stock, row


def overtaken(rev: int) -> Stale:
    return Stale("The ticket type was changed elsewhere after you last saw it.", headers={"ETag": f'"{rev}"'})


def refuse_cancelled(stock: Stock) -> None:
    if stock.status == "cancelled":
        raise Conflict("This event is cancelled.", type="event-cancelled")


def require_own_name(stock: Stock, name: str) -> None:
    """Buyers, lists and files tell types by their names; raises `Invalid` for one that is taken."""
    if any(kind.name.casefold() == name.casefold() for kind in stock.types.values() if not kind.archived):
        raise Invalid([FieldError("name", TAKEN)])


async def data_for(connection: Connection, stock: Stock, given: TicketTypeIn) -> TicketTypeData:
    if complaint := price_complaint(given.price, stock.currency):
        raise Invalid([FieldError("price", complaint)])
    timezone: str = await connection.fetchval("SELECT timezone FROM events WHERE id = $1", stock.id)
    data = ticket_type_data(given, timezone)
    require_sale_before(stock.end_time, data)
    return data


def data_of(row: Mapping[str, Any]) -> TicketTypeData:
    return TicketTypeData(**{name: row[name] for name in TicketTypeData.__struct_fields__})


async def tell_and_settle(
    connection: Connection,
    who: Caller,
    before: Stock,
    ticket_type_id: int,
    rev: int,
    data: TicketTypeData,
    *,
    archived: bool = False,
    ends_waiting: bool = True,
) -> None:
    stock = await lock_own_stock(connection, who, before.id)  # again, with the change in it
    if not ends_waiting:
        await refuse_ends(connection, before, stock)
    stock.facts.append(
        TicketTypeChanged(
            event_id=stock.id,
            ticket_type_id=ticket_type_id,
            rev=rev,
            by=who.user_id,
            archived=archived,
            ticket_type=data,
        )
    )
    if archived:
        await withdraw_offers(connection, stock, ticket_type_id)
    await close_untakeable(connection, stock)
    await settle(connection, stock, before.public)


async def one_type(connection: Connection, ticket_type_id: int) -> TicketType:
    return ticket_type(await connection.fetchrow(f"{TICKET_TYPES} WHERE t.id = $1", ticket_type_id))
