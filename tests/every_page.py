"""Every page there is, read out of the routes so that none is forgotten, and rows of every kind to show on them."""

import json
from collections.abc import Mapping

import asyncpg

from app.domain.drafts import MAX_DRAFTS, STEPS
from app.domain.media import MAX_FILES
from app.domain.password_resets import digest
from app.domain.ticket_types import MOST_TYPES
from app.engines.database import Connection
from app.portal import portal
from tests.guests import sell_to

ELSEWHERE = {"/media/{key}", "/styleguide"}
"""Pictures, and the one that is there with the demo only."""
NOT_THERE = ("/nowhere", "/events/999999999")
"""Their answer is a page too: where nothing is, and where no event is."""
PARTS = ("/places", "/fan-out", "/progress")
FILES = (".csv", ".svg", ".pdf", ".ics")
SEVERAL = {"/": ("/", "/?q=lantern+f&place=uck&price=900"), "/dashboard": ("/dashboard", "/dashboard?past=true")}

DRAFT = {
    "title": "Half a Festival",
    "location": "Uckermark",
    "start_time": "2031-07-04T18:00",
    "end_time": "2031-07-06T23:00",
    "timezone": "Europe/Berlin",
    "currency": "EUR",
    "capacity": "100",
    "description": "Three days between the **lime trees** and the lake.",
}


def addresses(named: Mapping[str, object]) -> list[str]:
    """All that a GET is for, parts of pages and files too; `named` is what the routes have names for."""
    found: list[str] = []
    for route in portal.routes:
        if "GET" in route.methods and route.path_format not in ELSEWHERE:
            steps = list(STEPS) if "{step}" in route.path_format else [""]
            for step in steps:
                address = route.path_format.format_map({**named, "step": step})
                found += SEVERAL.get(address, (address,))
    return ["/schema", *found]


def pages(named: Mapping[str, object]) -> list[str]:
    return [address for address in addresses(named) if not address.endswith((*PARTS, *FILES))]


async def one_of_each(connection: Connection | asyncpg.Connection, user_id: int, event_id: int) -> dict[str, object]:
    """What the routes have names for, all of it of the event's organizer, who has a ticket for it too."""
    await connection.execute(
        "INSERT INTO password_resets (token_hash, user_id, expires_at) VALUES ($1, $2, now() + interval '1 hour')",
        digest(f"token-{user_id}"),
        user_id,
    )
    await connection.execute("UPDATE events SET sold = sold + 1 WHERE id = $1", event_id)
    named = await connection.fetchrow(
        """WITH kind AS (
               UPDATE ticket_types SET sold = sold + 1 WHERE id = (SELECT min(id) FROM ticket_types WHERE event_id = $2)
               RETURNING id, price
           ), ticket AS (
               INSERT INTO tickets (event_id, ticket_type_id, purchase_id, nth, attendee_id, code, status, price,
                                    currency)
               SELECT e.id, kind.id, 0, 1, $1, lpad(e.id::text, 12, 'Y'), 'sold', kind.price, e.currency
               FROM events e, kind WHERE e.id = $2 RETURNING id
           ), entry AS (
               INSERT INTO waiting_list (event_id, attendee_id, status) VALUES ($2, $1, 'waiting') RETURNING id
           ), draft AS (
               INSERT INTO drafts (organizer_id, typed, step)
               SELECT organizer_id, $3::text::jsonb, 'basics' FROM events WHERE id = $2 RETURNING id
           )
           SELECT $2::bigint AS event_id, kind.id AS type_id, ticket.id AS ticket_number, entry.id AS waitlist_id,
                  draft.id AS draft_id, 'token-' || $1::bigint AS token,
                  (SELECT s.id FROM submissions s WHERE user_id = $1 ORDER BY rev LIMIT 1) AS submission_id
           FROM kind, ticket, entry, draft""",
        user_id,
        event_id,
        json.dumps(DRAFT),
    )
    assert named is not None
    return dict(named)


async def more_of_each(connection: Connection | asyncpg.Connection, user_id: int, event_id: int, many: int) -> None:
    """`many` more of all that the pages list, or as many as there may be."""
    for status in ("sold", "held", "used", "cancelled"):
        await sell_to(connection, event_id, [f"{status} {number}" for number in range(many)], status)
    for statement in MORE:
        await connection.execute(statement, user_id, event_id, many)


THOSE = "(SELECT $1::bigint AS user_id, $2::bigint AS event_id, n FROM generate_series(1, $3::integer) AS n) AS those"
MORE = (
    f"""WITH more AS (
            INSERT INTO events (id, organizer_id, rev, title, description, location, start_time, end_time, date, price,
                                currency, timezone, status, capacity, sold, created_at)
            SELECT nextval('event_id_seq'), organizer_id, rev, title || ' ' || n, description, location,
                   start_time + way * n, end_time + way * n, date, price, currency, timezone, status, capacity, 1, now()
            FROM {THOSE} JOIN events ON id = event_id, unnest('{{1 day, -1000 days}}'::interval[]) AS way RETURNING *
        ), kinds AS (
            INSERT INTO ticket_types (event_id, rev, name, description, price, position, general, sold)
            SELECT id, rev, 'Standing', '', price, 1, false, 1 FROM more RETURNING *
        ), tickets AS (
            INSERT INTO tickets (event_id, ticket_type_id, purchase_id, nth, attendee_id, code, status, price, currency)
            SELECT k.event_id, k.id, 0, 1, $1, lpad(k.event_id::text, 12, 'N'), 'sold', k.price, 'EUR' FROM kinds k
        ) INSERT INTO waiting_list (event_id, attendee_id, status) SELECT id, $1, 'waiting' FROM more""",
    """INSERT INTO waiting_list (event_id, attendee_id, status)
       SELECT $2, attendee_id, 'waiting' FROM tickets
       WHERE event_id = $2 AND attendee_id <> $1 ORDER BY id LIMIT $3::integer""",
    f"""INSERT INTO waiting_list_log (event_id, waitlist_id, what, detail)
        SELECT event_id, id, 'joined', '{{"quantity": 1}}' FROM waiting_list JOIN {THOSE} USING (event_id)""",
    f"""INSERT INTO ticket_types (event_id, rev, name, description, price, position, general)
        SELECT event_id, 1, 'Day ' || n, '', n, n + 1, false FROM {THOSE} WHERE n < {MOST_TYPES}""",
    f"""INSERT INTO media (id, event_id, organizer_id, rev, s3_key, content_type, bytes, width, height, position)
        SELECT nextval('media_id_seq'), event_id, organizer_id, 1, 'more-' || n || '.jpg', 'image/jpeg', 1, 1200, 675, n
        FROM {THOSE} JOIN events ON id = event_id WHERE n < {MAX_FILES}""",
    f"""INSERT INTO drafts (organizer_id, typed, step)
        SELECT d.organizer_id, d.typed, d.step FROM {THOSE}, (SELECT * FROM drafts ORDER BY id LIMIT 1) AS d
        WHERE n < {MAX_DRAFTS}""",
    f"""INSERT INTO draft_pictures (id, draft_id, organizer_id, name, ready, position, width, height)
        SELECT nextval('media_id_seq'), d.id, d.organizer_id, 'more-' || n, true, n, 1200, 675
        FROM {THOSE}, (SELECT * FROM drafts ORDER BY id LIMIT 1) AS d WHERE n < {MAX_FILES}""",
    f"""INSERT INTO api_keys (user_id, name, prefix, secret_hash, scopes)
        SELECT user_id, 'key ' || n, 'more-' || n, 'x', '{{read}}' FROM {THOSE}""",
    f"INSERT INTO sessions (id_hash, user_id) SELECT sha256(n::text::bytea), user_id FROM {THOSE}",
)
