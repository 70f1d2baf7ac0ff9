"""Members of consumer groups over the log in PostgreSQL."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import asyncpg

from app.engines import leases
from app.engines.database import Connection, Database, is_away
from app.engines.log import Delivered
from app.errors import Unavailable

Partition = tuple[str, int]

LOOK_AGAIN_SECONDS = 0.5
APPENDED, MEMBERS = "log_appended", "log_members"


class Wakeups:
    """NOTIFY as a hint that there is something to read; without it readers look every half second."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.connection: asyncpg.Connection | None = None
        self.opening = asyncio.Lock()
        self.bells: dict[str, set[asyncio.Event]] = {}

    def subscribe(self, bell: asyncio.Event, names: Sequence[str]) -> None:
        for name in names:
            self.bells.setdefault(name, set()).add(bell)

    def unsubscribe(self, bell: asyncio.Event) -> None:
        for bells in self.bells.values():
            bells.discard(bell)

    async def listen(self) -> None:
        """Make sure somebody listens, if that is possible now."""
        async with self.opening:
            if self.connection is not None and not self.connection.is_closed():
                return
            try:
                self.connection = await asyncpg.connect(self.database.url, timeout=2)
                for channel in (APPENDED, MEMBERS):
                    await self.connection.add_listener(channel, self.ring)
            except Exception as error:
                if not is_away(error):
                    raise
                self.connection = None

    def ring(self, connection: Any, pid: int, channel: str, name: Any) -> None:
        for bell in self.bells.get(str(name), ()):
            bell.set()

    async def close(self) -> None:
        if self.connection is not None:
            self.connection.terminate()


class PostgresConsumer:
    """One member. A heartbeat keeps its leases while its owner is busy; polling reads by offset, which is the truth."""

    def __init__(
        self,
        database: Database,
        group: str,
        topics: Sequence[str],
        wakeups: Wakeups,
        member: str,
        lease_seconds: float,
    ) -> None:
        self.database = database
        self.group = group
        self.topics = list(topics)
        self.wakeups = wakeups
        self.member = member
        self.lease_seconds = lease_seconds
        self.owned: dict[Partition, int] = {}
        self.positions: dict[Partition, int] = {}
        self.lost_at = 0.0
        self.heartbeat: asyncio.Task[None] | None = None
        self.bell = asyncio.Event()
        self.members_changed = asyncio.Event()
        self.turn = 0
        self.renewing = asyncio.Lock()

    async def join(self) -> None:
        await self.wakeups.listen()
        await self.renew()
        self.wakeups.subscribe(self.bell, self.topics)
        self.wakeups.subscribe(self.members_changed, [self.lease("")])
        self.heartbeat = asyncio.create_task(self.beat(), name=f"heartbeat of {self.group}")

    async def beat(self) -> None:
        while True:
            with suppress(TimeoutError):  # nobody came or went, as far as we were told
                async with asyncio.timeout(self.lease_seconds / 3):
                    await self.members_changed.wait()
            self.members_changed.clear()
            with suppress(Unavailable):  # poll() finds the leases run out, should it last
                await self.renew()
            await self.wakeups.listen()

    async def renew(self) -> None:
        """Say that we live, and hold our fair share of the partitions: no more, and no less where some are free."""
        async with self.renewing:
            await self.renew_leases()

    async def renew_leases(self) -> None:
        asked_at = now()
        async with self.database.transaction() as connection:
            await leases.acquire(connection, [self.lease(self.member)], self.member, self.lease_seconds)
            members = await leases.living(connection, self.lease(""))
            every = await self.every_partition(connection)
            share = -(-len(every) // max(len(members), 1))
            wanted = [partition for partition in every if partition in self.owned][:share]
            surplus = [partition for partition in self.owned if partition not in wanted]
            await leases.release(connection, [self.name(partition) for partition in surplus], self.member)
            held = await leases.acquire(connection, [self.name(p) for p in wanted], self.member, self.lease_seconds)
            held |= await self.take_free(connection, every, wanted, share)
            fresh = [p for p in every if held.get(self.name(p), -1) != self.owned.get(p, -1) and self.name(p) in held]
            starts = await self.committed(connection, fresh)
            if surplus or self.heartbeat is None:
                await self.tell_members(connection)
        self.owned = {partition: held[self.name(partition)] for partition in every if self.name(partition) in held}
        self.positions = {p: starts[p] if p in starts else self.positions[p] for p in self.owned}
        self.lost_at = asked_at + self.lease_seconds
        if fresh:
            self.bell.set()

    async def tell_members(self, connection: Connection) -> None:
        """A hint, heard at commit: there may be partitions to take or to give up before the next heartbeat."""
        await connection.execute("SELECT pg_notify($1, $2)", MEMBERS, self.lease(""))

    async def take_free(
        self, connection: Connection, every: Sequence[Partition], wanted: Sequence[Partition], share: int
    ) -> dict[str, int]:
        rows = await connection.fetch(
            "SELECT name FROM leases WHERE name = ANY($1) AND until > now() AND holder <> $2",
            [self.name(partition) for partition in every],
            self.member,
        )
        taken = {row["name"] for row in rows}
        free = [self.name(p) for p in every if self.name(p) not in taken and p not in wanted][: share - len(wanted)]
        return await leases.acquire(connection, free, self.member, self.lease_seconds)

    async def every_partition(self, connection: Connection) -> list[Partition]:
        rows = await connection.fetch(
            "SELECT topic, partition FROM log_partitions WHERE topic = ANY($1) ORDER BY topic, partition", self.topics
        )
        return [(row["topic"], row["partition"]) for row in rows]

    async def committed(self, connection: Connection, partitions: Sequence[Partition]) -> dict[Partition, int]:
        rows = await connection.fetch(
            'SELECT topic, partition, next_offset FROM log_commits WHERE "group" = $1 AND topic = ANY($2)',
            self.group,
            self.topics,
        )
        known = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
        return {partition: known.get(partition, 0) for partition in partitions}

    async def poll(self, limit: int, seconds: float) -> list[Delivered]:
        deadline = now() + seconds
        while True:
            self.bell.clear()
            await self.still_a_member()
            if records := await self.read(limit):
                return records
            left = deadline - now()
            if left <= 0:
                return []
            with suppress(TimeoutError):  # then look without having been told
                async with asyncio.timeout(min(left, LOOK_AGAIN_SECONDS)):
                    await self.bell.wait()

    async def still_a_member(self) -> None:
        if self.heartbeat is not None and self.heartbeat.done():
            self.heartbeat.result()
        if now() >= self.lost_at:
            await self.renew()

    async def read(self, limit: int) -> list[Delivered]:
        """One query over all our partitions, each with its part of `limit`, beginning with another one each time."""
        if not self.owned:
            return []
        self.turn += 1
        mine = dict(self.owned)
        order = sorted(mine)
        order = order[self.turn % len(order) :] + order[: self.turn % len(order)]
        async with self.database.connection() as connection:
            rows = await connection.fetch(
                """SELECT r.* FROM unnest($1::text[], $2::integer[], $3::bigint[]) WITH ORDINALITY AS mine (t, p, o, n),
                   LATERAL (SELECT * FROM log_records WHERE topic = t AND partition = p AND "offset" >= o
                            ORDER BY "offset" LIMIT $4) AS r
                   ORDER BY row_number() OVER (PARTITION BY t, p ORDER BY r."offset") / $5, n, r."offset" LIMIT $4""",
                [topic for topic, _ in order],
                [partition for _, partition in order],
                [self.positions[partition] for partition in order],
                limit,
                max(1, limit // len(order)),
            )
        found = []
        for row in rows:
            partition = (row["topic"], row["partition"])
            if self.owned.get(partition) == mine[partition]:  # else it moved meanwhile, and has another position
                self.positions[partition] = row["offset"] + 1
                found.append(delivered(row))
        return found

    async def commit(self, records: Sequence[Delivered]) -> None:
        ends: dict[Partition, int] = {}
        for record in records:
            partition = (record.topic, record.partition)
            ends[partition] = max(ends.get(partition, 0), record.offset + 1)
        ours = sorted(partition for partition in ends if partition in self.owned)
        async with self.database.connection() as connection:
            await connection.execute(
                """INSERT INTO log_commits AS c ("group", topic, partition, next_offset)
                   SELECT $1, t, p, o
                   FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::text[], $6::bigint[])
                       AS mine (t, p, o, l, e)
                   JOIN leases ON leases.name = mine.l AND leases.holder = $7 AND leases.epoch = mine.e
                   ON CONFLICT ("group", topic, partition) DO UPDATE SET next_offset = excluded.next_offset
                   WHERE c.next_offset < excluded.next_offset""",
                self.group,
                [topic for topic, _ in ours],
                [partition for _, partition in ours],
                [ends[partition] for partition in ours],
                [self.name(partition) for partition in ours],
                [self.owned[partition] for partition in ours],
                self.member,
            )

    async def rewind(self) -> None:
        async with self.renewing, self.database.connection() as connection:  # no partition may arrive meanwhile
            self.positions = await self.committed(connection, list(self.owned))

    async def close(self) -> None:
        self.wakeups.unsubscribe(self.bell)
        self.wakeups.unsubscribe(self.members_changed)
        if self.heartbeat is not None:
            self.heartbeat.cancel()
            await asyncio.gather(self.heartbeat, return_exceptions=True)
        self.owned = {}
        async with self.database.transaction() as connection:
            await leases.release_all(connection, self.member)
            await self.tell_members(connection)

    def lease(self, member: str) -> str:
        return f"log/{self.group}/members/{member}"

    def name(self, partition: Partition) -> str:
        return f"log/{self.group}/{partition[0]}/{partition[1]}"


def now() -> float:
    return asyncio.get_running_loop().time()


def delivered(row: Any) -> Delivered:
    return Delivered(
        row["topic"],
        row["partition"],
        row["offset"],
        row["key"],
        row["value"],
        row["headers"],
        row["appended_at"],
    )
