"""A log as one would write it first: numbers from a sequence, read by `id > last`. The contract must refuse it."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg

from app.engines.database import Connection, Database
from app.engines.log import Delivered, Record


class NaiveLog:
    """One partition, one group; only what the contract's case of late commits needs."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.last = 0

    async def create_topics(self, topics: Sequence[str]) -> None:
        async with self.database.connection() as connection:
            await connection.execute("CREATE TABLE naive (id bigserial PRIMARY KEY, topic text, key text, value bytea)")

    async def publish(self, records: Sequence[Record]) -> None:
        async with self.database.transaction() as connection:
            await append(connection, records)

    @asynccontextmanager
    async def late(self, record: Record) -> AsyncIterator[None]:
        writer = await asyncpg.connect(self.database.url)
        try:
            async with writer.transaction():
                await append(writer, [record])
                yield
        finally:
            await writer.close()

    async def consume(self, group: str, topics: Sequence[str]) -> "NaiveLog":
        return self

    async def poll(self, limit: int, seconds: float) -> list[Delivered]:
        async with self.database.connection() as connection:
            rows = await connection.fetch("SELECT * FROM naive WHERE id > $1 ORDER BY id LIMIT $2", self.last, limit)
        if not rows:
            await asyncio.sleep(seconds)
        self.last = max([self.last, *(row["id"] for row in rows)])
        now = dt.datetime.now(dt.UTC)
        return [Delivered(row["topic"], 0, row["id"], row["key"], row["value"], {}, now) for row in rows]


async def append(connection: Connection, records: Sequence[Record]) -> None:
    for record in records:
        await connection.execute(
            "INSERT INTO naive (topic, key, value) VALUES ($1, $2, $3)", record.topic, record.key, record.value
        )
