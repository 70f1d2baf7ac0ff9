"""Backup and restore: the database as of one moment, with every picture and upload that it names."""

import asyncio
import datetime as dt
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

import asyncpg
import msgspec
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from app.engines.database import MIGRATIONS, migrate_async, unavailable_when_away
from app.engines.embedded_postgres import binaries
from app.settings import Settings

DUMP, MEDIA, FILES, MANIFEST = "database.dump", "media", "files", "backup.json"
ELSEWHERE = {"postgres", "media"}
"""Of the data folder: what is dumped, and what is linked."""

PLAIN = {"disable", "allow", "prefer"}
"""Values of `sslmode` that a program without TLS can serve too."""

COUNTERS = ("rev_seq", "event_id_seq", "metadata_id_seq", "media_id_seq", "users_id_seq", "organizers_id_seq")
LEAP = 1_000_000
"""More than any of the counters moves between a backup and its restore."""

LOCK_SECONDS = 60
OLD_SECONDS = 24 * 3600


class BackupError(Exception):
    """Nothing was backed up or restored; the text says why."""


class Manifest(msgspec.Struct, frozen=True):
    """`migration`: where the database was; `files`: how many pictures and uploads there are."""

    version: str
    migration: str
    taken_at: dt.datetime
    files: int


async def back_up(settings: Settings, database_url: str, target: Path) -> Manifest:
    """Into a folder that must not exist; it is complete or not there. The server may go on serving."""
    if target.exists():
        raise BackupError(f"{target} exists already; name a new folder.")
    objects = settings.data_dir / "media" / "objects"
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f"{target.name}.unfinished-", dir=target.parent))
    try:
        async with one_moment(database_url, objects) as (snapshot, migration, links):
            dump = ("--format=custom", f"--snapshot={snapshot}", f"--file={unfinished / DUMP}")
            await asyncio.to_thread(run, "pg_dump", dump, database_url)
            await asyncio.to_thread(shutil.copytree, links, unfinished / MEDIA)
        (unfinished / FILES).mkdir(mode=0o700)
        copy_files(settings.data_dir, unfinished / FILES)
        count = sum(len(files) for _, _, files in os.walk(unfinished / MEDIA))
        manifest = Manifest(version("eventstream"), migration, dt.datetime.now(dt.UTC), count)
        (unfinished / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
        os.sync()
        unfinished.rename(target)
        return manifest
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def left_out(settings: Settings) -> list[str]:
    """The engines that must be backed up by their own means."""
    found = {
        "messages in Kafka": settings.kafka,
        "documents in MongoDB": settings.mongodb_url,
        "pictures in the bucket": settings.bucket,
    }
    return [what for what, chosen in found.items() if chosen]


@asynccontextmanager
async def one_moment(database_url: str, objects: Path) -> AsyncIterator[tuple[str, str, Path]]:
    """A snapshot of the database, where its migrations are, and links to the files of the same moment.

    Uploads are dropped after the commit that records their picture. While the table is locked nobody commits such a
    thing, so what the snapshot names is there to be linked. Files are never changed, only replaced: links stay true.
    """
    with unavailable_when_away():
        keeper, gate = [await asyncpg.connect(database_url, timeout=10) for _ in range(2)]
    objects.mkdir(parents=True, exist_ok=True)
    drop_old_links(objects.parent)
    links = Path(tempfile.mkdtemp(prefix=".backup-", dir=objects.parent))
    try:
        async with keeper.transaction(isolation="repeatable_read", readonly=True):
            async with gate.transaction():
                await gate.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
                await gate.execute("LOCK TABLE media IN SHARE MODE")
                snapshot = await keeper.fetchval("SELECT pg_export_snapshot()")
                await asyncio.to_thread(shutil.copytree, objects, links / "objects", copy_function=link)
            yield snapshot, await keeper.fetchval("SELECT version_num FROM alembic_version"), links / "objects"
    finally:
        shutil.rmtree(links)
        for connection in (keeper, gate):
            await connection.close()


def drop_old_links(folder: Path) -> None:
    """Of a backup that was killed: they would keep pictures on the disk that are long deleted."""
    for left in folder.glob(".backup-*"):
        if time.time() - left.stat().st_mtime > OLD_SECONDS:
            shutil.rmtree(left)


def link(source: str, target: str) -> None:
    with suppress(FileNotFoundError):  # an upload whose picture was recorded before the moment
        os.link(source, target)


def copy_files(source: Path, target: Path) -> None:
    """Small things that live beside the engines. The folder that has them is not for others, and stays as it is."""
    for path in source.iterdir():
        if path.name not in ELSEWHERE and path.is_file():
            shutil.copy2(path, target)


async def restore(settings: Settings, database_url: str, source: Path) -> Manifest:
    """Into an installation without data. The database comes last and whole, so what was interrupted can be repeated."""
    manifest = read_manifest(source)
    with unavailable_when_away():
        connection = await asyncpg.connect(database_url, timeout=10)
    try:
        if await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"):
            raise BackupError("The database has tables already; restore into an empty one, or another data folder.")
        objects = settings.data_dir / "media" / "objects"
        await asyncio.to_thread(shutil.copytree, source / MEDIA, objects, dirs_exist_ok=True)
        copy_files(source / FILES, settings.data_dir)
        os.sync()
        once = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", str(source / DUMP))
        await asyncio.to_thread(run, "pg_restore", once, database_url)
        await migrate_async(database_url)
        if left_out(settings):
            await leap(connection)
        await connection.execute("ANALYZE")
    finally:
        await connection.close()
    return manifest


async def leap(connection: asyncpg.Connection) -> None:
    """Engines elsewhere may hold what came after the backup; nothing new may take its ids, or lose to its revisions."""
    await connection.execute(
        "SELECT setval(name::regclass, nextval(name::regclass) + $2) FROM unnest($1::text[]) name", COUNTERS, LEAP
    )


def read_manifest(source: Path) -> Manifest:
    try:
        manifest = msgspec.json.decode((source / MANIFEST).read_bytes(), type=Manifest)
        ScriptDirectory(str(MIGRATIONS)).get_revision(manifest.migration)
    except (OSError, msgspec.DecodeError) as error:
        raise BackupError(f"{source} is no backup: {error}") from error
    except CommandError as error:
        raise BackupError(f"{source} was taken by a newer version, {manifest.version}; restore with that.") from error
    return manifest


def run(program: str, arguments: Sequence[str], database_url: str) -> None:
    """A program of PostgreSQL on our database; the password goes through the environment, where nobody else looks."""
    parts = urlsplit(database_url)
    user, _, place = parts.netloc.rpartition("@")
    plain = urlunsplit(parts._replace(netloc=f"{user.split(':')[0]}@{place}" if user else place))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    if parts.password:
        environment["PGPASSWORD"] = unquote(parts.password)
    done = subprocess.run(
        [path_of(program, parts.query), f"--dbname={plain}", *arguments],
        env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise BackupError(f"{program}: {' / '.join(done.stderr.splitlines()[-3:])}")


def path_of(program: str, query: str) -> str:
    """Ours, unless the address asks for TLS, which ours was built without."""
    wanted = parse_qs(query).get("sslmode", ["prefer"])[-1]
    if wanted in PLAIN:
        return str(binaries() / program)
    if found := shutil.which(program):
        return found
    raise BackupError(
        f"POSTGRESQL_DB_URL asks for TLS (sslmode={wanted}), which takes a {program} in PATH, of the server's version "
        "or later: install PostgreSQL's client programs (on Debian the package postgresql-client)."
    )
