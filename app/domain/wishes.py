"""What people want of events, and all that decides about it, looked up for a whole batch in one statement."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from app.domain.accounts import Caller
from app.domain.idempotency import Idempotent, Keys
from app.domain.issuing import Live
from app.domain.stock import STOCKS, Stock, stocks_in
from app.engines.database import Connection


class Wish(msgspec.Struct, frozen=True):
    """Somebody wants places, all of them or none; without a type, of the first one on sale.

    `price` and `currency` are those of one place, where they said what they have seen.
    """

    who: Caller
    idempotent: Idempotent | None
    ticket_type_id: int | None = None
    quantity: int = 1
    price: Decimal | None = None
    currency: str | None = None

    @property
    def key(self) -> tuple[int, str] | None:
        return (self.who.user_id, self.idempotent.key) if self.idempotent else None


class Seen(msgspec.Struct, frozen=True):
    """Ids for new tickets, what was decided under the keys before, who has what, and who is offered how many."""

    ticket_ids: list[int]
    known: Keys
    live: Live
    offered: Mapping[tuple[int, int], int]


async def look(connection: Connection, wishes: Mapping[int, Sequence[Wish]]) -> tuple[dict[int, Stock], Seen]:
    """The stocks of the events as they are now, by event, and all else that decides about the wishes."""
    row = await connection.fetchrow(
        LOOK,
        *asked_about(wishes),
        list(wishes),
        [sum(wish.quantity for wish in those) for those in wishes.values()],
    )
    return stocks_in(row), seen_in(row)


async def look_for_one(connection: Connection, event_id: int, user_id: int, places: int) -> Seen:
    """As `look`, for one person without a key, who is about to take an offer."""
    row = await connection.fetchrow(LOOK_FOR_ONE, [], [], [event_id], [user_id], places)
    return seen_in(row)


PLACES = """(SELECT sum(greatest(0, least(wanted, capacity - sold - held)))::integer
             FROM unnest(${}::bigint[], ${}::bigint[]) AS w (event, wanted) JOIN events ON id = event)"""
SEEN = """
    ARRAY(SELECT nextval('tickets_id_seq') FROM generate_series(1, {places})) AS ticket_ids,
    (SELECT jsonb_agg(jsonb_build_array(user_id, key, encode(k.request_hash, 'hex'), k.outcome))
     FROM unnest(${}::bigint[], ${}::text[]) AS asked (user_id, key),
          LATERAL (SELECT request_hash, outcome FROM idempotency_keys
                   WHERE user_id = asked.user_id AND key = asked.key OFFSET 0) AS k) AS known,
    (SELECT jsonb_agg(jsonb_build_array(person, t.ticket_type_id, t.nth))
     FROM unnest(${}::bigint[], ${}::bigint[]) AS asked (event, person),
          LATERAL (SELECT ticket_type_id, nth FROM tickets
                   WHERE attendee_id = person AND event_id + 0 = event
                     AND status IN ('held', 'sold', 'used') OFFSET 0) AS t) AS live
"""
"""Each `OFFSET 0` keeps its look-up one by index, however large the tables were when the plan was made; `+ 0` keeps it
off the index by event, which looks as good as the one by person while there are no tickets.
"""
OFFERED = """
    CASE WHEN (SELECT sum(held) FROM events WHERE id = ANY(${}::bigint[])) > 0 THEN (
        SELECT jsonb_agg(jsonb_build_array(person, w.offered_type_id, w.quantity))
        FROM unnest(${}::bigint[], ${}::bigint[]) AS asked (event, person),
             LATERAL (SELECT offered_type_id, quantity FROM waiting_list
                      WHERE event_id = event AND attendee_id = person AND status = 'offered' OFFSET 0) AS w)
    END AS offered
"""
"""Where nothing is held, nothing is offered."""
LOOK = f"SELECT {SEEN.format(*range(1, 5), places=PLACES.format(5, 6))}, {OFFERED.format(5, 3, 4)}, {STOCKS.format(5)}"
LOOK_FOR_ONE = f"SELECT {SEEN.format(*range(1, 5), places='$5::integer')}, NULL AS offered"


def asked_about(wishes: Mapping[int, Sequence[Wish]]) -> tuple[list[int], list[str], list[int], list[int]]:
    """Keys by user and text, then who wishes for which event, by event and user."""
    keys = [wish.key for those in wishes.values() for wish in those if wish.key]
    people = list({(event_id, wish.who.user_id) for event_id, those in wishes.items() for wish in those})
    return (
        [user_id for user_id, _ in keys],
        [key for _, key in keys],
        [event_id for event_id, _ in people],
        [user_id for _, user_id in people],
    )


def seen_in(row: Mapping[str, Any]) -> Seen:
    known = {(user, key): (bytes.fromhex(hashed), outcome) for user, key, hashed, outcome in row["known"] or ()}
    live: Live = {}
    for person, ticket_type_id, nth in row["live"] or ():
        live.setdefault((person, ticket_type_id), set()).add(nth)
    offered = {(person, ticket_type_id): places for person, ticket_type_id, places in row["offered"] or ()}
    return Seen(row["ticket_ids"], known, live, offered)
