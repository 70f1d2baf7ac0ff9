"""Tickets straight into the database, since buying them is not what is tested."""

from collections.abc import Sequence

import asyncpg

from app.engines.database import Connection


async def sell_to(
    connection: Connection | asyncpg.Connection, event_id: int, names: Sequence[str], status: str = "sold"
) -> list[int]:
    """One ticket for each new person, at the price of the event, counters kept right; the ticket numbers."""
    rows = await connection.fetch(
        """WITH wanted AS (SELECT name, place FROM unnest($2::text[]) WITH ORDINALITY AS w (name, place)),
           people AS (
               INSERT INTO users (email, full_name, password_hash, role)
               SELECT 'guest-' || $1::bigint || '-' || place || '-' || floor(random() * 1e9) || '@guests.example', name,
                      'x', 'attendee' FROM wanted ORDER BY place RETURNING id
           ), counted AS (
               UPDATE events SET sold = sold + CASE WHEN $3 IN ('sold', 'used') THEN cardinality($2::text[]) ELSE 0 END,
                                 held = held + CASE WHEN $3 = 'held' THEN cardinality($2::text[]) ELSE 0 END
               WHERE id = $1
           ), kind AS (
               UPDATE ticket_types
               SET sold = sold + CASE WHEN $3 IN ('sold', 'used') THEN cardinality($2::text[]) ELSE 0 END,
                   held = held + CASE WHEN $3 = 'held' THEN cardinality($2::text[]) ELSE 0 END
               WHERE id = (SELECT min(id) FROM ticket_types WHERE event_id = $1) RETURNING id, price
           )
           INSERT INTO tickets (event_id, ticket_type_id, purchase_id, nth, attendee_id, code, status, price, currency,
                                held_until)
           SELECT e.id, k.id, 0, 1, p.id, upper(translate(substr(md5(p.id || 'salt'), 1, 12), '01', 'XY')), $3, k.price,
                  e.currency, CASE WHEN $3 = 'held' THEN now() + interval '7 days' END
           FROM events e, kind k, people p WHERE e.id = $1 ORDER BY p.id RETURNING id""",
        event_id,
        list(names),
        status,
    )
    return [row["id"] for row in rows]
