"""Writes down what the clock has decided, and carries on with cancelled events.

Nobody waits for it: whoever buys, confirms or reads settles what is due first.
"""

import structlog

from app.domain.cancellations import cancel_some, cancellations_under_way
from app.domain.offers import events_due, settle_due
from app.engines.database import Connection, Database

log = structlog.get_logger()

EVERY_SECONDS = 0.5
AT_ONCE = 100


async def settle_unless_locked(connection: Connection, event_id: int) -> bool:
    """Whoever holds the lock settles it, or the next tick does."""
    return await settle_due(connection, event_id, "FOR UPDATE SKIP LOCKED")


async def tick(database: Database) -> bool:
    """One step; whether there is more to do. An event that fails holds up no other; the step fails after all.

    Raises:
        Exception: of the first event that failed.
    """
    async with database.connection() as connection:
        due = await events_due(connection, AT_ONCE)
        cancelled = await cancellations_under_way(connection)
    more = len(due) == AT_ONCE
    errors: list[Exception] = []
    for step, event_ids in ((settle_unless_locked, due), (cancel_some, cancelled)):
        for event_id in event_ids:
            try:
                async with database.transaction() as connection:
                    more |= await step(connection, event_id)
            except Exception as error:
                log.error("an event could not be settled", event_id=event_id, exc_info=error)
                errors.append(error)
    if errors:
        raise errors[0]
    return more
