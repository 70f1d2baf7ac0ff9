"""Numbers facts without gaps and mirrors them in a topic. The numbers say what a reader has seen already."""

from app.domain.facts import NumberedFact, facts_published, number_facts, unpublished_facts
from app.engines.database import Database
from app.engines.log import Log, Record
from app.messages import FACTS

AT_ONCE = 500
REST_SECONDS, REST_IN_A_RUSH = 0.05, 0.5
"""While the desk sells, that goes first: 1,000 facts a second at most, and the mirror catches up afterwards."""
EVERY_SECONDS = 0.5


async def relay_facts(database: Database, log: Log) -> bool:
    """One step; whether there may be more to do.

    Publishing comes after the numbers are committed, so a fact can be published twice, but never with another number.
    """
    async with database.transaction() as connection:
        numbered = await number_facts(connection, AT_ONCE)
        facts = await unpublished_facts(connection, AT_ONCE)
    if facts:
        await log.publish([record(fact) for fact in facts])
        async with database.connection() as connection:
            await facts_published(connection, facts[-1].sequence)
    return numbered == AT_ONCE or len(facts) == AT_ONCE


def record(fact: NumberedFact) -> Record:
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(fact.sequence),
        "ce_type": fact.type,
        "ce_source": "eventstream",
        "ce_time": fact.at.isoformat(),
        "content-type": "application/json",
    }
    return Record(FACTS, str(fact.event_id), fact.value, headers)
