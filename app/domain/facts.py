"""What already happened: written in the transaction that made it happen, numbered without gaps afterwards."""

import datetime as dt
from collections.abc import Sequence

import msgspec

from app.engines.database import Connection
from app.messages import Fact

encoder = msgspec.json.Encoder()


TELL = """
    INSERT INTO facts (event_id, type, payload)
    SELECT event_id, type, payload::jsonb
    FROM unnest(${}::bigint[], ${}::text[], ${}::text[]) WITH ORDINALITY AS f (event_id, type, payload, place)
    ORDER BY place
"""


def fact_columns(facts: Sequence[Fact]) -> tuple[list[int], list[str], list[str]]:
    """What `TELL` asks for."""
    payloads = [encoder.encode(fact).decode() for fact in facts]
    return [fact.event_id for fact in facts], [type(fact).__name__ for fact in facts], payloads


async def write_fact(connection: Connection, fact: Fact) -> None:
    """Under the lock of the event, so that the ids of its facts are in the order in which they became true."""
    await connection.execute(TELL.format(1, 2, 3), *fact_columns([fact]))


class NumberedFact(msgspec.Struct, frozen=True):
    """`value` is the fact as JSON, with its `sequence` and `at`."""

    sequence: int
    type: str
    event_id: int
    at: dt.datetime
    value: bytes


async def number_facts(connection: Connection, most: int) -> int:
    """Number what has been committed since; how many. Whoever numbers holds the lock on the counter until commit.

    Within an event the order of ids is the order of commits, so its facts are numbered in the order they happened.
    """
    await connection.fetchrow("SELECT numbered FROM fact_counter FOR UPDATE")
    numbered: int = await connection.fetchval(
        """WITH fresh AS (
               SELECT place, row_number() OVER (ORDER BY id) AS number
               FROM (SELECT ctid AS place, id FROM facts WHERE seq IS NULL ORDER BY id LIMIT $1) AS unnumbered
           ), done AS (
               UPDATE facts SET seq = (SELECT numbered FROM fact_counter) + fresh.number
               FROM fresh WHERE facts.ctid = fresh.place RETURNING 1
           ), counted AS (
               UPDATE fact_counter SET numbered = numbered + (SELECT count(*) FROM done)
           )
           SELECT count(*) FROM done""",
        most,
    )
    return numbered


async def unpublished_facts(connection: Connection, most: int) -> list[NumberedFact]:
    rows = await connection.fetch(
        """SELECT seq, type, event_id, at,
                  (jsonb_build_object('sequence', seq, 'type', type, 'at', at) || payload)::text AS value
           FROM facts WHERE seq > (SELECT published FROM fact_counter) ORDER BY seq LIMIT $1""",
        most,
    )
    return [NumberedFact(row["seq"], row["type"], row["event_id"], row["at"], row["value"].encode()) for row in rows]


async def facts_published(connection: Connection, sequence: int) -> None:
    await connection.execute("UPDATE fact_counter SET published = greatest(published, $1)", sequence)
