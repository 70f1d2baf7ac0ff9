"""Documents in a JSONB table: the embedded twin of MongoDB."""

import asyncio
from collections.abc import Sequence
from typing import Any

from app.engines.database import Database
from app.engines.documents import Document, newest_of
from app.errors import Unavailable


class PostgresDocuments:
    def __init__(self, database: Database, seconds: float = 5.0) -> None:
        self.database = database
        self.seconds = seconds

    async def put(self, documents: Sequence[Document]) -> None:
        rows = newest_of(documents)
        await self.run(
            "execute",
            """INSERT INTO documents (id, event_id, rev, body)
               SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::jsonb[])
               ON CONFLICT (id) DO UPDATE SET event_id = excluded.event_id, rev = excluded.rev, body = excluded.body
               WHERE documents.rev < excluded.rev""",
            [row.id for row in rows],
            [row.event_id for row in rows],
            [row.rev for row in rows],
            [row.body for row in rows],
        )

    async def get(self, id: int) -> Document | None:
        rows = await self.run("fetch", "SELECT id, event_id, rev, body FROM documents WHERE id = $1", id)
        return Document(**rows[0]) if rows else None

    async def find(self, event_id: int) -> list[Document]:
        rows = await self.run(
            "fetch",
            "SELECT id, event_id, rev, body FROM documents WHERE event_id = $1 AND body IS NOT NULL ORDER BY id",
            event_id,
        )
        return [Document(**row) for row in rows]

    async def ping(self) -> None:
        await self.run("fetch", "SELECT 1 FROM documents LIMIT 1")

    async def close(self) -> None:
        """The database is closed by who opened it."""

    async def run(self, method: str, statement: str, *arguments: Any) -> Any:
        try:
            async with asyncio.timeout(self.seconds), self.database.connection() as connection:
                return await getattr(connection, method)(statement, *arguments)
        except TimeoutError as error:
            raise Unavailable("The document store does not answer.", retry_after=2) from error
