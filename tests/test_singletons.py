"""Work that one process at a time does: here two on one database, with leases that run out quickly."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.engines import leases
from app.engines.database import Database
from app.singletons import Singleton
from app.supervision import Health
from tests.waiting import eventually

LEASE_SECONDS = 0.6


class Post:
    """One process's place: its singleton, and whether its work runs."""

    def __init__(self, database: Database) -> None:
        self.works = False
        self.crash = asyncio.Event()
        self.health = Health()
        self.singleton = Singleton(database, "watch", self.work, LEASE_SECONDS)
        self.task = asyncio.create_task(self.singleton.run(self.health))

    async def work(self, health: Health) -> None:
        self.works = True
        try:
            await self.crash.wait()
            raise RuntimeError("slipped")
        finally:
            self.works = False

    async def leave(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


@pytest.fixture
async def two(database: Database) -> AsyncIterator[tuple[Post, Post]]:
    """The first works, the second waits."""
    first = Post(database)
    await eventually(lambda: first.works)
    second = Post(database)
    await eventually(lambda: second.health.state == "standby")
    yield first, second
    await first.leave()
    await second.leave()


async def test_one_works_while_the_other_stands_by(two: tuple[Post, Post]) -> None:
    first, second = two
    assert (first.works, second.works) == (True, False)
    assert (first.health.state, second.health.state) == ("running", "standby")


async def test_who_leaves_frees_the_post_at_once(two: tuple[Post, Post]) -> None:
    first, second = two
    await first.leave()
    assert not first.works
    await eventually(lambda: second.works)
    assert second.health.state == "running"


async def test_a_crash_is_passed_on_and_frees_the_post(two: tuple[Post, Post]) -> None:
    first, second = two
    first.crash.set()
    await eventually(lambda: second.works)
    with pytest.raises(RuntimeError, match="slipped"):
        await first.task


async def test_the_post_is_taken_over_when_its_holder_was_killed(database: Database) -> None:
    async with database.connection() as connection:
        await leases.acquire(connection, ["singleton/watch"], "somebody who was killed", LEASE_SECONDS)
    post = Post(database)
    await eventually(lambda: post.health.state == "standby")
    await eventually(lambda: post.works)
    await post.leave()


async def test_who_loses_the_lease_stops_working(two: tuple[Post, Post], database: Database) -> None:
    first, second = two
    async with database.connection() as connection:
        await connection.execute("UPDATE leases SET holder = 'a stranger', until = now() + interval '1 hour'")
    await eventually(lambda: not first.works)
    assert not second.works
    await eventually(lambda: first.health.state == "standby")


async def test_without_the_database_work_ends_when_the_lease_does(two: tuple[Post, Post], database: Database) -> None:
    first, _ = two
    await database.pool.close()
    await eventually(lambda: not first.works)
    await eventually(lambda: first.health.state == "retrying")
