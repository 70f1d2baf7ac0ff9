"""Writes down what the clock has decided, and carries on with cancelled events.

Nobody waits for it: whoever buys, confirms or reads settles what is due first.
"""

from app.domain.cancellations import cancel_some, cancellations_under_way
from app.domain.offers import events_due, settle_due
from app.engines.database import Database

EVERY_SECONDS = 0.5
AT_ONCE = 100


async def tick(database: Database) -> bool:
    """One step; whether there is more to do."""
    async with database.connection() as connection:
        due = await events_due(connection, AT_ONCE)
        cancelled = await cancellations_under_way(connection)
        for event_id in due:
            await settle_due(connection, event_id)
    more = len(due) == AT_ONCE
    for event_id in cancelled:
        async with database.transaction() as connection:
            more |= await cancel_some(connection, event_id)
    return more
