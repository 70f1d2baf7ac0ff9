"""One real PostgreSQL for the whole run, and a fresh migrated database for each test."""

import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from app.engines.database import Database, migrate
from app.engines.embedded_postgres import EmbeddedPostgres
from tests.box_office import BoxOffice
from tests.cast import alice, bob, charlie, stage, visitor

__all__ = ["alice", "bob", "charlie", "stage", "visitor"]

numbers = itertools.count()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of the database that every test's own is copied from."""
    folder = Path(tempfile.mkdtemp(prefix="eventstream-tests-"))
    with EmbeddedPostgres(folder / "postgres") as url:
        migrate(url)
        yield url
    shutil.rmtree(folder)


@pytest.fixture
async def database_url(server: str) -> AsyncIterator[str]:
    name = f"t{next(numbers)}"
    admin = await asyncpg.connect(server.replace("/eventstream?", "/postgres?"))
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE eventstream STRATEGY wal_log")
    yield server.replace("/eventstream?", f"/{name}?")
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
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
    if skipped:
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for name in skipped:
        terminalreporter.write_line(f"SKIPPED, which counts as failed: {name}", red=True)
