"""What the doctor says of PostgreSQL. What a server may be like is pretended, by functions of the same names."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from app.doctor import database as checks
from app.doctor.verdicts import Verdict
from app.doctor.visit import findings
from app.main import build_parts
from app.parts import Parts
from tests.cast import settings_for
from tests.engines.tls_front import tls_front, write_certificate

Check = Callable[[Parts], Awaitable[Verdict]]


@pytest.fixture
async def admin(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def verdict_of(check: Check, database_url: str, folder: Path, **environment: str) -> Verdict:
    parts = build_parts(settings_for(folder, **environment), database_url)
    await parts.database.open()
    try:
        return await check(parts)
    finally:
        await parts.database.close()


async def pretend(admin: asyncpg.Connection, signature: str, returns: str, body: str) -> None:
    name = await admin.fetchval("SELECT current_database()")
    await admin.execute(f"ALTER DATABASE {name} SET search_path = public, pg_catalog")
    await admin.execute(f"CREATE FUNCTION public.{signature} RETURNS {returns} LANGUAGE sql AS $$ {body} $$")


async def pretend_setting(admin: asyncpg.Connection, name: str, value: str) -> None:
    body = f"SELECT CASE WHEN $1 = '{name}' THEN '{value}' ELSE pg_catalog.current_setting($1) END"
    await pretend(admin, "current_setting(text)", "text", body)


@pytest.mark.parametrize("name", list(checks.CHECKS))
async def test_the_embedded_one_is_fine(database_url: str, tmp_path: Path, name: str) -> None:
    verdict = await verdict_of(checks.CHECKS[name], database_url, tmp_path)
    assert verdict.state == "ok", verdict


@pytest.mark.parametrize(
    ("setting", "value", "check", "state", "words"),
    [
        ("server_version_num", "140012", checks.version, "wrong", "PostgreSQL"),
        ("server_version_num", "160004", checks.version, "note", "PostgreSQL"),
        ("server_encoding", "SQL_ASCII", checks.version, "wrong", "SQL_ASCII"),
        ("fsync", "off", checks.durability, "wrong", "fsync is off"),
        ("synchronous_commit", "off", checks.durability, "wrong", "synchronous_commit is off"),
        ("max_connections", "20", checks.connections, "wrong", "1 processes may open 19, the server takes 17"),
    ],
)
async def test_a_server_setting_is_judged(
    admin: asyncpg.Connection, database_url: str, tmp_path: Path,
    setting: str, value: str, check: Check, state: str, words: str,
) -> None:  # fmt: skip
    await pretend_setting(admin, setting, value)
    verdict = await verdict_of(check, database_url, tmp_path)
    assert verdict.state == state
    assert words in verdict.text


async def test_a_clock_that_goes_wrong_is_told(admin: asyncpg.Connection, database_url: str, tmp_path: Path) -> None:
    await pretend(admin, "clock_timestamp()", "timestamptz", "SELECT pg_catalog.clock_timestamp() + interval '1 hour'")
    verdict = await verdict_of(checks.clock, database_url, tmp_path)
    assert (verdict.state, verdict.text) == ("wrong", "its clock and ours are 3600 s apart")


async def test_a_replica_is_wrong(admin: asyncpg.Connection, database_url: str, tmp_path: Path) -> None:
    await pretend(admin, "pg_is_in_recovery()", "boolean", "SELECT true")
    assert (await verdict_of(checks.primary, database_url, tmp_path)).state == "wrong"


async def test_an_open_line_over_the_network_is_wrong(
    admin: asyncpg.Connection, database_url: str, tmp_path: Path
) -> None:
    await pretend(admin, "inet_client_addr()", "inet", "SELECT '192.0.2.7'::inet")
    assert (await verdict_of(checks.encryption, database_url, tmp_path)).state == "wrong"


async def test_one_disk_alone_is_worth_a_note(database_url: str, tmp_path: Path) -> None:
    verdict = await verdict_of(checks.durability, database_url, tmp_path, POSTGRESQL_DB_URL=database_url)
    assert (verdict.state, "failover" in verdict.text) == ("note", True)


async def test_other_processes_count(admin: asyncpg.Connection, database_url: str, tmp_path: Path) -> None:
    for number in range(5):
        other = await asyncpg.connect(database_url, server_settings={"application_name": f"eventstream {number} x"})
        admin.add_termination_listener(lambda _, other=other: other.terminate())
    verdict = await verdict_of(checks.connections, database_url, tmp_path)
    assert (verdict.state, verdict.text[:30]) == ("ok", "5 processes may open 95, the s")


async def test_rights_that_are_missing_are_named(admin: asyncpg.Connection, database_url: str, tmp_path: Path) -> None:
    guest = f"guest_{await admin.fetchval('SELECT current_database()')}"
    await admin.execute(f"CREATE ROLE {guest} LOGIN")
    try:
        as_guest = database_url.replace("postgres@", f"{guest}@", 1)
        verdict = await verdict_of(checks.rights, as_guest, tmp_path)
        assert (verdict.state, verdict.text) == ("wrong", f"{guest} may not create tables")
        await admin.execute(f"GRANT CREATE ON SCHEMA public TO {guest}")
        verdict = await verdict_of(checks.rights, as_guest, tmp_path)
        assert (verdict.state, "may not change the table" in verdict.text) == ("wrong", True)
    finally:
        await admin.execute(f"DROP OWNED BY {guest}; DROP ROLE {guest}")


async def test_an_old_database_is_told_and_ends_the_visit(
    admin: asyncpg.Connection, database_url: str, tmp_path: Path
) -> None:
    await admin.execute("UPDATE alembic_version SET version_num = '0001'")
    found = [finding async for finding in findings(settings_for(tmp_path), database_url)]
    told = {finding.about: finding.verdict for finding in found}
    assert "the database is at 0001" in told["database migrations"].text
    assert "eventstream migrate" in told["database migrations"].mend
    assert not any(about.startswith(("log", "media")) for about in told)


async def test_a_database_that_is_away_is_one_line(database_url: str, tmp_path: Path) -> None:
    nowhere = f"postgresql://postgres@/eventstream?host={tmp_path}"
    found = [finding async for finding in findings(settings_for(tmp_path), nowhere)]
    assert [(finding.about, finding.verdict.state) for finding in found] == [("database reach", "wrong")]


async def test_a_newer_database_is_worth_a_note(admin: asyncpg.Connection, database_url: str, tmp_path: Path) -> None:
    await admin.execute("UPDATE alembic_version SET version_num = '9999'")
    verdict = await verdict_of(checks.migrations, database_url, tmp_path)
    assert (verdict.state, "newer than this version" in verdict.text) == ("note", True)


async def refusal(url: str, folder: Path) -> Verdict:
    (found,) = [finding async for finding in findings(settings_for(folder), url)]
    assert found.about == "database reach"
    assert found.verdict.state == "wrong"
    return found.verdict


async def test_who_is_refused_hears_why_and_which_setting_to_look_at(database_url: str, tmp_path: Path) -> None:
    verdict = await refusal(database_url.replace("postgres@", "nobody:hunter2@", 1), tmp_path)
    assert 'role "nobody" does not exist' in verdict.text
    assert "user and password in POSTGRESQL_DB_URL" in verdict.mend
    assert "hunter2" not in verdict.text


async def test_a_certificate_that_nobody_vouches_for_is_told(database_url: str, tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    stranger, _ = write_certificate(other)
    async with tls_front(database_url, certificate, key) as (_, port):
        url = f"postgresql://postgres@127.0.0.1:{port}/x?sslmode=verify-full&sslrootcert={stranger}"
        verdict = await refusal(url, tmp_path)
    assert "CERTIFICATE_VERIFY_FAILED" in verdict.text
    assert "sslrootcert in POSTGRESQL_DB_URL" in verdict.mend


async def test_a_server_that_is_away_says_how_it_cannot_be_reached(tmp_path: Path) -> None:
    verdict = await refusal("postgresql://postgres@127.0.0.1:1/x", tmp_path)
    assert verdict.text.startswith("The database does not answer: ConnectionRefusedError")
    assert verdict.mend == "See whether it runs and can be reached from here."
