"""Backup and restore, tried: under load, into an empty installation, and against what is no backup."""

import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from tests.cast import event_body, picture, project_fields
from tests.crowd import crowd
from tests.engines.tls_front import tls_front, write_certificate
from tests.given import EMBEDDED, embedded_database
from tests.process import Server
from tests.waiting import eventually

BEFORE = 6
PLENTY = {"RATE_LIMIT_SUBMIT": "100000/minute"}


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="es-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


def eventstream(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "eventstream"), *arguments]
    return subprocess.run(command, env=server.environment, capture_output=True, text=True, timeout=120, umask=0o022)


class Organizer:
    """Submits projects with a picture each, one after the other."""

    def __init__(self, server: Server, session: str) -> None:
        self.client = httpx.AsyncClient(base_url=server.url, cookies={"session": session}, timeout=60)
        self.accepted: list[int] = []
        self.enough = False

    async def submit(self) -> None:
        while not self.enough:
            title = f"Night {len(self.accepted)}"
            files = {"images": ("poster.jpg", picture(colour="teal"), "image/jpeg")}
            answer = await self.client.post("/api/v1/new-project", data=project_fields(title=title), files=files)
            assert answer.status_code == 202, answer.text
            self.accepted.append(answer.json()["event_id"])


async def buy(server: Server, attendee: str, event_id: int) -> str:
    async with httpx.AsyncClient(base_url=server.url, cookies={"session": attendee}, timeout=60) as client:

        async def bought() -> Any:
            answer = await client.post(f"/api/v1/attendee/buy-ticket/{event_id}")
            return answer.status_code == 201 and answer.json()["code"]

        code: str = await eventually(bought, 60)
        return code


@pytest.mark.timeout(400)
async def test_a_backup_taken_under_load_is_whole_when_restored(folder: Path) -> None:
    server, restored = (
        Server(folder, **PLENTY, **EMBEDDED),
        Server(folder, EVENTSTREAM_DATA_DIR=str(folder / "other"), **PLENTY, **EMBEDDED),
    )
    server.start()
    try:
        server.wait_until_ready(120)
        connection = await asyncpg.connect(embedded_database(folder / "data"))
        (session,) = await crowd(connection, "organizer", 1, role="organizer")
        (attendee,) = await crowd(connection, "attendee", 1)
        await connection.close()
        organizer = Organizer(server, session)
        submitting = asyncio.create_task(organizer.submit())
        await eventually(lambda: len(organizer.accepted) >= BEFORE, 90)
        code = await buy(server, attendee, organizer.accepted[0])
        before = list(organizer.accepted)
        done = await asyncio.to_thread(eventstream, server, "backup", str(folder / "backup"))
        organizer.enough = True
        await submitting
        await organizer.client.aclose()
        assert done.returncode == 0, done.stderr
        assert len(organizer.accepted) > len(before), "nothing was submitted meanwhile"
        assert not list((folder / "data" / "media").glob(".backup-*"))
        assert not list(folder.glob("backup.unfinished*"))
        server.stop()
        server.kill_database()

        done = await asyncio.to_thread(eventstream, restored, "restore", str(folder / "backup"))
        assert done.returncode == 0, done.stderr
        restored.start()
        restored.wait_until_ready(120)
        await check_restored(restored, folder / "other", session, before, code)
    finally:
        server.stop()
        restored.stop()


async def check_restored(server: Server, data_dir: Path, session: str, promised: list[int], code: str) -> None:
    """Whatever was accepted before is there with its picture; whatever was on its way arrives."""
    connection = await asyncpg.connect(embedded_database(data_dir))

    async def settled() -> bool:
        return bool(
            await connection.fetchval(
                """SELECT count(*) = 3 * (SELECT count(*) FROM submissions WHERE accepted_at IS NOT NULL)
                   FROM submission_steps JOIN submissions ON id = message_id AND accepted_at IS NOT NULL
                   WHERE state = 'stored'"""
            )
        )

    await eventually(settled, 90)
    assert await connection.fetchval("SELECT count(*) FROM log_records WHERE topic LIKE '%dead-letters'") == 0
    assert await connection.fetchval("SELECT code FROM tickets") == code
    async with httpx.AsyncClient(base_url=server.url, cookies={"session": session}, timeout=60) as client:
        for event_id in promised:
            event = (await client.get(f"/api/v1/event/{event_id}")).json()
            assert event["fan_out"] == {"postgres": "stored", "mongo": "stored", "s3": "stored"}
            assert len(event["metadata"]) == 1
            assert (await client.get(event["media_files"][0]["url"])).status_code == 200
        fresh = await client.post("/api/v1/event", json=event_body(), headers={"Prefer": "wait=10"})
        assert fresh.json()["core_event_data"]["event_id"] not in promised, fresh.text
    await connection.close()


def test_a_folder_that_exists_is_never_written_into(folder: Path, server: str) -> None:
    done = eventstream(Server(folder, **EMBEDDED | {"POSTGRESQL_DB_URL": server}), "backup", str(folder))
    assert done.returncode == 2
    assert f"{folder} exists already" in done.stderr


def test_a_restore_never_goes_over_data(folder: Path, server: str, tmp_path: Path) -> None:
    one = Server(folder, **EMBEDDED | {"POSTGRESQL_DB_URL": server})
    assert eventstream(one, "backup", str(tmp_path / "backup")).returncode == 0
    done = eventstream(one, "restore", str(tmp_path / "backup"))
    assert done.returncode == 2
    assert "has tables already" in done.stderr


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (None, "is no backup"),
        ("{}", "is no backup"),
        (
            '{"version": "9.0", "migration": "9999", "taken_at": "2031-01-01T00:00:00Z", "files": 0}',
            "newer version, 9.0",
        ),
    ],
)
def test_what_is_no_backup_of_ours_is_refused(folder: Path, server: str, manifest: str | None, words: str) -> None:
    if manifest:
        (folder / "backup.json").write_text(manifest)
    done = eventstream(Server(folder, **EMBEDDED | {"POSTGRESQL_DB_URL": server}), "restore", str(folder))
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


async def test_a_damaged_dump_restores_nothing(folder: Path, server: str, database_url: str, tmp_path: Path) -> None:
    target = tmp_path / "backup"
    taken = await asyncio.to_thread(
        eventstream, Server(folder, **EMBEDDED | {"POSTGRESQL_DB_URL": server}), "backup", str(target)
    )
    assert taken.returncode == 0, taken.stderr
    dump = target / "database.dump"
    dump.write_bytes(dump.read_bytes()[: dump.stat().st_size // 2])
    admin = await asyncpg.connect(database_url)
    await admin.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    done = await asyncio.to_thread(
        eventstream, Server(folder, **EMBEDDED | {"POSTGRESQL_DB_URL": database_url}), "restore", str(target)
    )
    assert done.returncode == 2
    assert "pg_restore" in done.stderr
    assert await admin.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    await admin.close()


async def test_what_was_restored_is_open_to_nobody_else(folder: Path, database_url: str, tmp_path: Path) -> None:
    here = EMBEDDED | {"POSTGRESQL_DB_URL": database_url}
    target, data_dir = tmp_path / "backup", folder / "other"
    taken = await asyncio.to_thread(eventstream, Server(folder, **here), "backup", str(target))
    assert taken.returncode == 0, taken.stderr
    assert {path.stat().st_mode & 0o077 for path in (target, target / "files")} == {0}
    await drop_everything(database_url)
    (target / "files").chmod(0o755)  # as earlier backups have it
    restored = Server(folder, EVENTSTREAM_DATA_DIR=str(data_dir), **here)
    done = await asyncio.to_thread(eventstream, restored, "restore", str(target))
    assert done.returncode == 0, done.stderr
    assert data_dir.stat().st_mode & 0o777 == 0o700
    seen = await asyncio.to_thread(eventstream, restored, "doctor")
    assert f"ok     machine folder            {data_dir}\n" in seen.stdout


async def drop_everything(database_url: str) -> None:
    admin = await asyncpg.connect(database_url)
    await admin.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await admin.close()


@pytest.fixture
async def encrypted(folder: Path, database_url: str, tmp_path: Path) -> AsyncIterator[Server]:
    """Reaches the database through TLS."""
    async with tls_front(database_url, *write_certificate(tmp_path)) as (_, port):
        parts = urlsplit(database_url)
        user = parts.netloc.rpartition("@")[0] or "postgres"
        url = f"postgresql://{user}@127.0.0.1:{port}{parts.path}?sslmode=require"
        yield Server(folder, **EMBEDDED | {"POSTGRESQL_DB_URL": url, "PATH": str(folder)})


async def test_over_tls_the_programs_of_the_machine_are_used(encrypted: Server, folder: Path) -> None:
    program = folder / "pg_dump"
    program.write_text('#!/bin/sh\necho "called with $1" >&2\nexit 1\n')
    program.chmod(0o755)
    done = await asyncio.to_thread(eventstream, encrypted, "backup", str(folder / "backup"))
    assert done.returncode == 2
    assert re.search("pg_dump: called with --dbname=.*sslmode=require", done.stderr)


async def test_over_tls_without_such_programs_it_says_what_to_install(encrypted: Server, folder: Path) -> None:
    done = await asyncio.to_thread(eventstream, encrypted, "backup", str(folder / "backup"))
    assert done.returncode == 2
    assert "sslmode=require" in done.stderr
    assert "postgresql-client" in done.stderr
    assert not (folder / "backup").exists()


COUNTERS = ("rev_seq", "event_id_seq", "metadata_id_seq", "media_id_seq", "users_id_seq", "organizers_id_seq")


@pytest.mark.parametrize(
    ("elsewhere", "least"),
    [
        ({}, 0),
        ({"MONGODB_URL": "mongodb://127.0.0.1:1/eventstream"}, 1_000_000),
        ({"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}, 1_000_000),
        ({"AWS_S3_BUCKET_NAME": "festival"}, 1_000_000),
    ],
)
async def test_nothing_new_takes_ids_or_revisions_of_what_engines_elsewhere_still_hold(
    folder: Path, database_url: str, tmp_path: Path, elsewhere: dict[str, str], least: int
) -> None:
    """They were not restored, and so remember what came after the backup."""
    connection = await asyncpg.connect(database_url)
    for counter in COUNTERS:
        await connection.execute("SELECT setval($1::text::regclass, 7)", counter)
    target = str(tmp_path / "backup")
    server = Server(folder, **EMBEDDED | {"POSTGRESQL_DB_URL": database_url} | elsewhere)
    done = await asyncio.to_thread(eventstream, server, "backup", target)
    assert done.returncode == 0, done.stderr
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    done = await asyncio.to_thread(eventstream, server, "restore", target)
    assert done.returncode == 0, done.stderr
    following = [await connection.fetchval("SELECT nextval($1::text::regclass)", counter) for counter in COUNTERS]
    assert all(least + 8 <= number <= least + 10 for number in following), following
    await connection.close()
