"""The log in PostgreSQL: topics with partitions and gapless offsets. `postgres_consumer.py` reads it."""

import asyncio
import datetime as dt
import uuid
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress

from app.batching import Batcher
from app.engines.database import Database, to_json
from app.engines.log import Record, refuse_unfit
from app.engines.postgres_consumer import PostgresConsumer, Wakeups
from app.errors import NotFound, Unavailable

BATCH, QUEUE = 500, 20_000
LEASE_SECONDS = 15.0
TRIM_SECONDS = 600.0  # nobody waits for it, and the first one may have months to do


class PostgresLog:
    """Appends that wait together are one transaction; offsets are given under locks held until commit."""

    def __init__(
        self, database: Database, partitions: int, seconds: float = 5.0, lease_seconds: float = LEASE_SECONDS
    ) -> None:
        self.database = database
        self.partitions = partitions
        self.seconds = seconds
        self.lease_seconds = lease_seconds
        self.counts: dict[str, int] = {}
        self.appends: Batcher[Sequence[Record], None] = Batcher(self.append, limit=BATCH, queue=QUEUE)
        self.wakeups = Wakeups(database)

    async def create_topics(self, topics: Sequence[str]) -> None:
        async with self.database.connection() as connection:
            await connection.execute(
                """INSERT INTO log_partitions (topic, partition)
                   SELECT topic, partition
                   FROM unnest($1::text[]) AS t (topic), generate_series(0, $2::integer - 1) AS p (partition)
                   WHERE NOT EXISTS (SELECT 1 FROM log_partitions AS known WHERE known.topic = t.topic)
                   ORDER BY topic, partition ON CONFLICT DO NOTHING""",
                list(topics),
                self.partitions,
            )
        await self.count_partitions()

    async def publish(self, records: Sequence[Record]) -> None:
        for record in records:
            refuse_unfit(record)
        if not records:
            return
        try:
            async with asyncio.timeout(self.seconds):
                await self.require_topics({record.topic for record in records})
                await self.appends.submit(records)
        except TimeoutError as error:
            raise Unavailable("The log does not answer; the outcome is unknown.", retry_after=2) from error

    async def require_topics(self, topics: set[str]) -> None:
        if not topics <= self.counts.keys():
            await self.count_partitions()
        if unknown := topics - self.counts.keys():
            raise NotFound(f"There is no topic {', '.join(sorted(unknown))}.")

    async def append(self, groups: Sequence[Sequence[Record]]) -> list[None]:
        records = [record for group in groups for record in group]
        async with self.database.transaction() as connection:
            await connection.execute(
                "SELECT log_append($1, $2, $3, $4, $5)",
                [record.topic for record in records],
                [zlib.crc32(record.key.encode()) % self.counts[record.topic] for record in records],
                [record.key for record in records],
                [record.value for record in records],
                [to_json(record.headers) for record in records],
            )
        return [None] * len(groups)

    async def count_partitions(self) -> None:
        async with self.database.connection() as connection:
            rows = await connection.fetch("SELECT topic, count(*) AS many FROM log_partitions GROUP BY topic")
        self.counts = {row["topic"]: row["many"] for row in rows}

    async def consume(self, group: str, topics: Sequence[str]) -> PostgresConsumer:
        await self.register(group, topics)
        consumer = PostgresConsumer(
            self.database, group, topics, self.wakeups, member=uuid.uuid4().hex, lease_seconds=self.lease_seconds
        )
        await consumer.join()
        return consumer

    async def register(self, group: str, topics: Sequence[str]) -> None:
        """Note where a new group begins, so that `trim` knows what it has still to read."""
        async with self.database.connection() as connection:
            await connection.execute(
                """INSERT INTO log_commits ("group", topic, partition, next_offset)
                   SELECT $1, p.topic, p.partition, coalesce((
                       SELECT min(r."offset") FROM log_records r
                       WHERE r.topic = p.topic AND r.partition = p.partition
                   ), p.next_offset)
                   FROM log_partitions p WHERE p.topic = ANY($2) ORDER BY p.topic, p.partition
                   ON CONFLICT DO NOTHING""",
                group,
                list(topics),
            )

    async def lag(self, group: str, topics: Sequence[str]) -> Mapping[str, int]:
        async with self.database.connection() as connection:
            rows = await connection.fetch(
                """SELECT p.topic, sum(p.next_offset - greatest(c.next_offset, first."offset"))::bigint AS lag
                   FROM log_partitions p CROSS JOIN LATERAL (
                       SELECT coalesce(min(r."offset"), p.next_offset) AS "offset" FROM log_records r
                       WHERE r.topic = p.topic AND r.partition = p.partition
                   ) AS first LEFT JOIN log_commits c
                     ON c."group" = $1 AND c.topic = p.topic AND c.partition = p.partition
                   WHERE p.topic = ANY($2) GROUP BY p.topic ORDER BY p.topic""",
                group,
                list(topics),
            )
        return {row["topic"]: row["lag"] for row in rows}

    async def partitions_of(self, topics: Sequence[str]) -> Mapping[str, int]:
        await self.count_partitions()
        return {topic: self.counts[topic] for topic in topics if topic in self.counts}

    async def trim(self, older_than: dt.timedelta, expiring: Sequence[str] = ()) -> None:
        """What no group has ever asked for stays: a group that comes later begins at the first record.

        Members leave a lease of a name nobody uses again; those go too.
        """
        async with self.database.connection() as connection:
            await connection.execute(
                "DELETE FROM leases WHERE name LIKE 'log/%/members/%' AND until < now() - $1::interval", older_than
            )
            await connection.execute(
                """DELETE FROM log_records r USING (
                       SELECT topic, partition, min(next_offset) AS handled FROM log_commits GROUP BY topic, partition
                   ) AS done
                   WHERE r.topic = done.topic AND r.partition = done.partition AND r."offset" < done.handled
                     AND r.appended_at < now() - $1::interval""",
                older_than,
                timeout=TRIM_SECONDS,
            )
            await connection.execute(
                "DELETE FROM log_records WHERE topic = ANY($2) AND appended_at < now() - $1::interval",
                older_than,
                list(expiring),
                timeout=TRIM_SECONDS,
            )

    async def ping(self) -> None:
        async with self.database.connection() as connection:
            await connection.execute("SELECT 1 FROM log_partitions LIMIT 1", timeout=2)

    async def close(self) -> None:
        await self.wakeups.close()
        with suppress(TimeoutError):  # whoever still waited has been told that the outcome is unknown
            await asyncio.wait_for(self.appends.close(), 1)
