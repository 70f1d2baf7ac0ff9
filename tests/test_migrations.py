"""What was sold before ticket types existed is still there, and still counts."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine

from app.domain.reconcile import drifts, sales_drifts, strays
from app.engines.database import MIGRATIONS, Database
from tests.box_office import BoxOffice
from tests.given import RUN, named

BEFORE = """
INSERT INTO users (email, full_name, password_hash, role) VALUES ('bob@example.org', 'bob', 'x', 'attendee');
INSERT INTO events (id, organizer_id, rev, title, description, location, start_time, end_time, date, price, currency,
                    timezone, status, capacity, sold, created_at)
VALUES (7, 1, 1, 't', 'd', 'l', '2031-07-04', '2031-07-05', '2031-07-04', 20, 'EUR', 'UTC', 'published', 5, 1, now());
INSERT INTO tickets (event_id, attendee_id, code, status, price, currency) VALUES (7, 1, 'CODE', 'sold', 20, 'EUR');
INSERT INTO waiting_list (event_id, attendee_id, status) VALUES (7, 1, 'waiting');
INSERT INTO idempotency_keys (user_id, key, request_hash, outcome)
VALUES (1, 'k', sha256('\\x0000000000000003627579'), '{"ticket_number": 1, "code": "CODE", "status": "sold"}');
INSERT INTO facts (event_id, type, payload) VALUES (7, 'TicketSold', '{"ticket_id": 1}')
"""

ANOTHER_TYPE = """
INSERT INTO ticket_types (event_id, rev, position, general, name, description, price, per_attendee_limit)
VALUES (7, 1, 2, false, 'VIP', '', 90, 1);
INSERT INTO events (id, organizer_id, rev, title, description, location, start_time, end_time, date, price, currency,
                    timezone, status, capacity, created_at)
SELECT 8, organizer_id, rev, title, description, location, start_time, end_time, date, price, currency,
       timezone, status, capacity, created_at FROM events;
INSERT INTO ticket_types (event_id, rev, position, general, name, description, price, per_attendee_limit)
VALUES (8, 1, 1, true, 'General admission', '', 20, 1)
"""

KEPT_BEFORE = """
UPDATE waiting_list SET quantity = 3, kept = 2, offered_type_id = (SELECT id FROM ticket_types);
INSERT INTO users (email, full_name, password_hash, role) VALUES ('ben@example.org', 'ben', 'x', 'attendee');
INSERT INTO waiting_list (event_id, attendee_id, status, offered_type_id, offer_until)
SELECT 7, u.id, 'offered', k.id, now() FROM users u, ticket_types k WHERE u.email = 'ben@example.org';
UPDATE events SET held = 3;
UPDATE ticket_types SET held = 3
"""

CANCELLED_BEFORE = """
UPDATE events SET status = 'cancelled', sold = 0;
UPDATE ticket_types SET sold = 0;
INSERT INTO cancellations (event_id, by, reason, tickets_total, waiters_total) VALUES (7, 1, 'storm', 2, 0);
INSERT INTO tickets (event_id, ticket_type_id, purchase_id, nth, attendee_id, code, status, price, currency, held_until)
SELECT event_id, ticket_type_id, 2, nth, 2, 'UNPAID', 'held', price, currency, now() FROM tickets;
UPDATE tickets SET status = 'cancelled', cancelled_at = now()
"""


async def upgrade(url: str, version: str) -> None:
    def run(connection: Any) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, version)

    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1))
    async with engine.begin() as connection:
        await connection.run_sync(run)
    await engine.dispose()


@asynccontextmanager
async def brought_up_from(url: str, *steps: tuple[str, str]) -> AsyncIterator[Database]:
    """A database of this version; at each earlier one on the way something was written into it."""
    connection = await asyncpg.connect(url)
    for version, statements in steps:
        await upgrade(url, version)
        await connection.execute(statements)
    await connection.close()
    await upgrade(url, "head")
    database = Database(url)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture
async def empty_url(server: str) -> AsyncIterator[str]:
    admin = await asyncpg.connect(named(server, "postgres"))
    name = f"before_types_{RUN}"
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    yield named(server, name)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


async def test_migrations_are_found_in_a_folder_with_any_name(empty_url: str, tmp_path: Path) -> None:
    checkout = tmp_path / "100% new %(name)s"
    checkout.mkdir()
    for part in ("app", "migrations"):
        (checkout / part).symlink_to(MIGRATIONS.parent / part)
    migrate = "import sys; from app.engines.database import migrate; migrate(sys.argv[1])"
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", migrate, empty_url],
        cwd=checkout, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    connection = await asyncpg.connect(empty_url)
    assert await connection.fetchval("SELECT count(*) FROM events") == 0
    await connection.close()


async def test_processes_that_start_at_once_migrate_once(empty_url: str) -> None:
    migrate = "import sys; from app.engines.database import migrate; input(); migrate(sys.argv[1])"
    command, pipe = (sys.executable, "-c", migrate, empty_url), asyncio.subprocess.PIPE
    processes = [await asyncio.create_subprocess_exec(*command, stdin=pipe, stderr=pipe) for _ in range(4)]
    said = await asyncio.gather(*(process.communicate(b"now\n") for process in processes))
    assert [process.returncode for process in processes] == [0] * 4, said
    connection = await asyncpg.connect(empty_url)
    assert await connection.fetchval("SELECT count(*) FROM fact_counter") == 1
    await connection.close()


async def test_tickets_keys_and_waiting_lists_survive_the_step_to_ticket_types(empty_url: str) -> None:
    async with brought_up_from(empty_url, ("0003", BEFORE)) as database:
        office = BoxOffice(database)
        (bob,) = await office.people("bob")
        assert (await drifts(database), await strays(database)) == ([], [])
        replayed = await office.bought(bob, key="k")
        assert (replayed.code, replayed.replayed) == ("CODE", True)
        assert await office.refused(bob) == "already-bought"
        assert await office.standing(bob) == ["waiting"]
        assert [(row["type"], row["seq"]) for row in await office.rows("SELECT * FROM facts")] == [("TicketSold", None)]


async def test_kept_places_survive_the_step_to_those_of_several_types(empty_url: str) -> None:
    async with brought_up_from(empty_url, ("0003", BEFORE), ("0013", KEPT_BEFORE)) as database:
        assert await drifts(database) == []
        office = BoxOffice(database)
        day = await office.value("SELECT id FROM ticket_types")
        entries = await office.rows("SELECT kept, offered_type_id FROM waiting_list ORDER BY id")
        assert [tuple(entry) for entry in entries] == [({str(day): 2}, None), ({}, day)]


async def test_general_admission_beside_another_type_has_a_price_of_its_own_from_now_on(empty_url: str) -> None:
    async with brought_up_from(empty_url, ("0003", BEFORE), ("0018", ANOTHER_TYPE)) as database:
        rows = await BoxOffice(database).rows("SELECT event_id, name, general FROM ticket_types ORDER BY id")
        assert [tuple(row) for row in rows] == [
            (7, "General admission", False), (7, "VIP", False), (8, "General admission", True),
        ]  # fmt: skip


async def test_what_events_had_sold_that_were_cancelled_before_is_known_again(empty_url: str) -> None:
    async with brought_up_from(empty_url, ("0003", BEFORE), ("0014", CANCELLED_BEFORE)) as database:
        sales = await BoxOffice(database).rows("SELECT sold, money FROM sales_days WHERE sold <> 0")
        assert [(row["sold"], int(row["money"])) for row in sales] == [(1, 20)], "who had not paid gets nothing back"
        assert await sales_drifts(database) == []
