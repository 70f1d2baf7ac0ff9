"""What already happened, written in the transaction that made it happen."""

import msgspec

from app.engines.database import Connection
from app.messages import Fact


async def write_fact(connection: Connection, fact: Fact) -> None:
    payload = msgspec.to_builtins(fact)
    await connection.execute(
        "INSERT INTO facts (event_id, type, payload) VALUES ($1, $2, $3)", fact.event_id, payload.pop("type"), payload
    )
