"""What log lines tell, and what they keep to themselves."""

import asyncio
from pathlib import Path

import asyncpg
import httpx
import pytest

from app.engines.database import Database
from app.errors import first_line
from app.logs import Lines
from tests.cast import PASSWORD
from tests.process import Server

BREAKS = """
CREATE FUNCTION breaks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE 'no room' USING DETAIL = 'Key (email)=(' || NEW::text || ')'; END $$;
CREATE TRIGGER breaks BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION breaks();
CREATE TRIGGER breaks BEFORE INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION breaks();
"""


@pytest.mark.parametrize("as_json", ["0", "1"])
async def test_an_error_of_the_database_is_logged_without_the_values(
    database: Database, database_url: str, tmp_path: Path, as_json: str
) -> None:
    """At both doors: people are written through SQLAlchemy, sessions through asyncpg."""
    server = Server(tmp_path, POSTGRESQL_DB_URL=database_url, LOG_JSON=as_json)
    server.start()
    try:
        server.wait_until_ready()
        bob, zoe = ({"full_name": "Zoe Secret", "email": f"{who}@example.org", "password": PASSWORD} for who in "bz")
        async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
            assert (await client.post("/api/v1/attendee/sign-up", json=bob)).status_code == 201
            async with database.connection() as connection:
                await connection.execute(BREAKS)
            assert (await client.post("/api/v1/attendee/sign-up", json=zoe)).status_code == 500
            del bob["full_name"]
            assert (await client.post("/api/v1/sign-in", json=bob)).status_code == 500
    finally:
        server.stop()
    lines = server.log()
    assert lines.count("unhandled error") == 2
    assert "RaiseError: no room" in lines
    assert "accounts.py" in lines
    for secret in ("@example.org", "Zoe Secret", "argon2id", PASSWORD, "Key (email)"):
        assert secret not in lines


async def test_what_is_wrong_with_a_value_is_told_without_the_value(database: Database) -> None:
    async with database.connection() as connection:
        for question in ("SELECT $1::text::integer", "SELECT $1::integer"):
            with pytest.raises(asyncpg.DataError) as caught:
                await connection.fetchval(question, "bob@example.org")
            assert "example" not in first_line(caught.value)


async def test_lines_of_one_turn_are_written_together_and_none_waits_for_a_loop_that_is_gone(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    def in_a_loop_that_ends_at_once() -> None:
        loop = asyncio.new_event_loop()
        loop.call_soon(Lines().write, b"one")
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.close()

    await asyncio.to_thread(in_a_loop_that_ends_at_once)
    Lines().write(b"two")
    Lines().write("three")
    assert b"two" not in capfdbinary.readouterr().err
    await asyncio.sleep(0)
    assert capfdbinary.readouterr().err.splitlines()[-2:] == [b"two", b"three"]
    assert not Lines.waiting
