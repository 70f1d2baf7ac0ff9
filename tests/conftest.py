"""One real PostgreSQL for the whole run, and a fresh migrated database for each test."""

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from app.engines.database import Database, migrate
from app.engines.embedded_postgres import EmbeddedPostgres
from tests.box_office import BoxOffice
from tests.cast import alice, bob, charlie, stage, visitor
from tests.folders import passing_folder
from tests.given import CHOOSING, GIVEN, RUN, create_database, end_all_worlds, end_world, named

__all__ = ["alice", "bob", "charlie", "stage", "visitor"]

numbers = itertools.count()
TEMPLATE = f"t_{RUN}"
collect_ignore = [] if all(name in GIVEN for name in CHOOSING) else ["servers"]


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of the database that every test's own is copied from."""
    if given := GIVEN.get("POSTGRESQL_DB_URL"):
        asyncio.run(create_database(TEMPLATE))
        migrate(named(given, TEMPLATE))
        yield named(given, TEMPLATE)
        return
    folder = passing_folder("eventstream-tests-")
    with EmbeddedPostgres(folder / "postgres") as url:
        migrate(url)
        asyncio.run(hurry(url))
        yield url
    shutil.rmtree(folder)


DURABILITY = ("fsync", "synchronous_commit", "full_page_writes")


async def hurry(url: str) -> None:
    """What power cuts do is tested on servers of their own."""
    await configure(url, *(f"ALTER SYSTEM SET {setting} = off" for setting in DURABILITY))


async def configure(url: str, *statements: str) -> None:
    admin = await asyncpg.connect(url)
    for statement in statements:
        await admin.execute(statement)
    await admin.execute("SELECT pg_reload_conf()")
    await admin.close()


@pytest.fixture
async def database_url(server: str) -> AsyncIterator[str]:
    name, template = f"t_{RUN}_{next(numbers)}", urlsplit(server).path[1:]
    admin = await asyncpg.connect(named(server, "postgres"))
    await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY wal_log')
    yield named(server, name)
    await asyncio.to_thread(end_world, named(server, name))
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def office(database: Database) -> BoxOffice:
    return BoxOffice(database)


skipped: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped:
        skipped.append(report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped:
        skipped.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A test that did not run proves nothing, so it fails the run."""
    end_all_worlds()
    if skipped:
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for name in skipped:
        terminalreporter.write_line(f"SKIPPED, which counts as failed: {name}", red=True)
