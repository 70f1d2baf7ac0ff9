"""Recounts what the counters claim. There must be no drift, ever."""

import msgspec

from app.engines.database import Database


class Drift(msgspec.Struct, frozen=True):
    """An event whose counters differ from its tickets."""

    event_id: int
    sold: int
    held: int
    sold_counted: int
    held_counted: int


async def drifts(database: Database) -> list[Drift]:
    """One statement, so one snapshot: sales that go on meanwhile cannot look like drift."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            """SELECT e.id AS event_id, e.sold, e.held, coalesce(t.sold, 0) AS sold_counted,
                      coalesce(t.held, 0) AS held_counted
               FROM events e LEFT JOIN (
                   SELECT event_id, count(*) FILTER (WHERE status IN ('sold', 'used')) AS sold,
                          count(*) FILTER (WHERE status = 'held') AS held
                   FROM tickets GROUP BY event_id
               ) AS t ON t.event_id = e.id
               WHERE e.sold <> coalesce(t.sold, 0) OR e.held <> coalesce(t.held, 0) ORDER BY e.id""",
            timeout=600,
        )
    return [Drift(**row) for row in rows]
