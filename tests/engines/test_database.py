"""A PostgreSQL somewhere else: what the address says about TLS holds at both doors."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
import sqlalchemy as sa

from app.engines import database as engine
from app.engines.database import Database, migrate_async
from app.errors import Unavailable
from tests.cast import Stage, event_body, stored_event
from tests.engines.tls_front import Front, tls_front, write_certificate
from tests.waiting import eventually


@pytest.fixture
async def front(database_url: str, tmp_path: Path) -> AsyncIterator[tuple[Front, int]]:
    async with tls_front(database_url, *write_certificate(tmp_path)) as front:
        yield front


def url_through(front: tuple[Front, int], database_url: str, options: str) -> str:
    name = urlsplit(database_url).path
    return f"postgresql://postgres@127.0.0.1:{front[1]}{name}?{options}"


async def works_at_both_doors(url: str) -> bool:
    database = Database(url)
    await database.open()
    try:
        async with database.connection() as connection:
            count = await connection.fetchval("SELECT count(*) FROM events")
        async with database.sessions.begin() as db:
            return bool((await db.execute(sa.text("SELECT count(*) FROM events"))).scalar_one() == count)
    finally:
        await database.close()


@pytest.mark.parametrize("options", ["sslmode=require", "sslmode=verify-full&sslrootcert={certificate}"])
async def test_both_doors_and_migrations_are_encrypted_where_the_address_says_so(
    front: tuple[Front, int], database_url: str, tmp_path: Path, options: str
) -> None:
    url = url_through(front, database_url, options.format(certificate=tmp_path / "certificate.pem"))
    await migrate_async(url)
    assert await works_at_both_doors(url)
    assert front[0].encrypted >= 4  # migrations, two of the pool, one session
    assert front[0].plain == 0


async def test_the_short_name_of_the_scheme_works_too(front: tuple[Front, int], database_url: str) -> None:
    url = url_through(front, database_url, "sslmode=require").replace("postgresql://", "postgres://")
    assert await works_at_both_doors(url)


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    front: tuple[Front, int], database_url: str, tmp_path: Path
) -> None:
    other, _ = write_certificate(tmp_path / "other")
    with pytest.raises(Unavailable):
        await works_at_both_doors(url_through(front, database_url, f"sslmode=verify-full&sslrootcert={other}"))
    assert front[0].plain == 0


async def test_no_password_goes_to_a_server_that_does_not_encrypt(database_url: str) -> None:
    async with tls_front(database_url, None, None) as plain:
        with pytest.raises(Unavailable):
            await works_at_both_doors(url_through(plain, database_url, "sslmode=require"))
        assert plain[0].plain == 0


async def read_only(database_url: str, state: str) -> None:
    """As after a failover, or on a full disk; everybody has to connect anew."""
    name = urlsplit(database_url).path[1:]
    admin = await asyncpg.connect(urlsplit(database_url)._replace(path="/postgres").geturl())
    await admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {state}')
    await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
    await admin.close()


async def test_a_database_that_takes_no_writes_is_away_until_it_does(
    stage: Stage, alice: httpx.AsyncClient, bob: httpx.AsyncClient, database_url: str
) -> None:
    event_id = await stored_event(alice)
    await read_only(database_url, "on")
    for person, path, body in (
        (alice, "/api/v1/event", event_body()),
        (bob, f"/api/v1/attendee/buy-ticket/{event_id}", None),
    ):
        answer = await person.post(path, json=body)
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["retry-after"]) >= 1
    told = (await bob.get("/health/ready")).json()
    assert (told["status"], told["engines"]["database"]["state"]) == ("down", "away")

    await read_only(database_url, "off")

    async def calm() -> bool:
        return bool((await bob.get("/health/ready")).json()["status"] == "ok")

    await eventually(calm, 30)
    assert [task.health.restarts for task in stage.parts.tasks] == [0] * len(stage.parts.tasks)
    assert (await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")).status_code == 201


async def test_a_plan_made_while_a_table_was_empty_goes_by_its_index(database: Database) -> None:
    """It is kept for as long as the connection, and would read the whole table however large that has become."""
    async with database.connection() as connection:
        await connection.execute("CREATE TEMP TABLE log (place bigint PRIMARY KEY); ANALYZE log")
        plan = await connection.fetch("EXPLAIN SELECT FROM log WHERE place >= 7 ORDER BY place LIMIT 3")
    assert "Index" in str(plan)
    assert "Seq Scan" not in str(plan)


async def test_a_database_without_room_says_so(database: Database) -> None:
    with pytest.raises(Unavailable, match="no room left"):
        async with database.connection() as connection:
            await connection.execute("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full'; END $$")


async def test_who_was_frozen_within_a_transaction_holds_its_locks_for_a_while_only(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "IDLE_SECONDS", 0.3)
    frozen, other = Database(database_url), Database(database_url)
    for one in (frozen, other):
        await one.open()

    async def freeze() -> None:
        async with frozen.transaction("LOCK TABLE events") as connection:
            async with other.transaction("SET LOCAL lock_timeout = '5s'; LOCK TABLE events"):
                pass
            await connection.fetchval("SELECT 1")

    with pytest.raises(Unavailable, match="does not answer"):
        await freeze()
    async with frozen.connection() as connection:
        assert await connection.fetchval("SELECT 1") == 1
    for one in (frozen, other):
        await one.close()
