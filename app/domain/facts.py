"""What already happened, written in the transaction that made it happen."""

from collections.abc import Sequence

import msgspec

from app.engines.database import Connection
from app.messages import Fact

encoder = msgspec.json.Encoder()


def fact_columns(facts: Sequence[Fact]) -> tuple[list[str], list[str]]:
    """Types and payloads."""
    return [type(fact).__name__ for fact in facts], [encoder.encode(fact).decode() for fact in facts]


async def write_fact(connection: Connection, fact: Fact) -> None:
    """Under the lock of the event, so that the ids of its facts are in the order in which they became true."""
    (kind,), (payload,) = fact_columns([fact])
    await connection.execute(
        "INSERT INTO facts (event_id, type, payload) VALUES ($1, $2, $3::text::jsonb)", fact.event_id, kind, payload
    )
