"""The `eventstream` command."""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from app.backup import BackupError, back_up, left_out, restore
from app.consumers import dead_letters
from app.domain.password_resets import new_reset
from app.domain.reconcile import recount
from app.domain.ticket_codes import rotate_key
from app.engines.database import Database, migrate
from app.engines.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError
from app.engines.postgres_watch import kept_running
from app.errors import AppError, with_cause
from app.listening import allow_many_connections, bound_socket, greeting
from app.logs import configure_logs
from app.settings import Settings, SettingsError, between
from app.signals import stopping_on_signals
from app.workers import supervise

SPARE_CONNECTIONS = 20
"""Of the embedded database, for other commands beside the server."""

T = TypeVar("T")


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    try:
        if options.command is see_doctor:
            return see_doctor()
        settings = Settings.from_env()
        configure_logs(settings)
        result: int = options.command(settings, options)
        return result
    except AppError as error:
        print(f"eventstream: {with_cause(error)}", file=sys.stderr)
    except (SettingsError, EmbeddedPostgresError, BackupError) as error:
        print(f"eventstream: {error}", file=sys.stderr)
    return 2


def parser() -> argparse.ArgumentParser:
    commands = argparse.ArgumentParser(prog="eventstream", description="Sells festival tickets.")
    names = commands.add_subparsers(required=True, metavar="command")
    server = names.add_parser("serve", help="serve pages, API and consumers until stopped")
    server.add_argument("--workers", type=between(1, 256), metavar="N", help="processes (the setting WORKERS)")
    server.set_defaults(command=serve_until_stopped)
    names.add_parser("migrate", help="bring the database to this version").set_defaults(command=migrate_only)
    names.add_parser("reconcile", help="recount tickets and offers; exit status 1 if a counter is wrong").set_defaults(
        command=reconcile
    )
    doctor = names.add_parser("doctor", help="what is wrong and how to mend it; exit status 1 if something is wrong")
    doctor.set_defaults(command=see_doctor)
    backup = names.add_parser("backup", help="copy database and pictures into a new folder; the server may run")
    backup.add_argument("folder", type=Path)
    backup.set_defaults(command=back_up_into)
    restoring = names.add_parser("restore", help="bring a backup into an installation without data")
    restoring.add_argument("folder", type=Path)
    restoring.set_defaults(command=restore_from)
    users = names.add_parser("users", help="help somebody who cannot sign in")
    users.add_argument("action", choices=("reset-link",), help="print a link that sets a new password, once")
    users.add_argument("email", help="the e-mail address they signed up with")
    users.set_defaults(command=print_reset_link)
    keys = names.add_parser("ticket-keys", help="change the key that signs tickets; those printed already stay good")
    keys.add_argument("action", choices=("rotate",))
    keys.set_defaults(command=rotate_ticket_key)
    letters = names.add_parser("dead-letters", help="look at, replay or drop messages nobody could apply")
    letters.add_argument("action", choices=("list", "replay", "drop"), nargs="?", default="list")
    letters.set_defaults(command=look_at_dead_letters)
    return commands


@contextmanager
def database_url(settings: Settings) -> Iterator[str]:
    """The configured database, or the embedded one, which runs while the block does."""
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        tempfile.TemporaryFile(dir=settings.data_dir).close()
    except OSError as error:
        raise bad_folder(settings, error.strerror) from error
    if settings.database_url:
        yield settings.database_url
        return
    connections = max(100, settings.workers * settings.database_connections + SPARE_CONNECTIONS)
    postgres = EmbeddedPostgres(settings.data_dir / "postgres", connections)
    try:
        url = postgres.start()
        with kept_running(postgres):
            yield url
    finally:
        postgres.stop()


@contextmanager
def existing_database_url(settings: Settings) -> Iterator[str]:
    """As `database_url`, but makes no new one: nothing would be wrong with that, and nothing in it."""
    try:
        if not settings.database_url and not (settings.data_dir / "postgres").exists():
            raise bad_folder(settings, "there is no database in it")
    except OSError as error:
        raise bad_folder(settings, error.strerror) from error
    with database_url(settings) as url:
        yield url


def bad_folder(settings: Settings, why: str | None) -> SettingsError:
    name = "EVENTSTREAM_DATA_DIR"
    return SettingsError(f"{name}={str(settings.data_dir)!r}: {why}", name)


def serve_until_stopped(settings: Settings, options: argparse.Namespace) -> int:
    if options.workers:
        settings = replace(settings, workers=options.workers)
    allow_many_connections()
    with stopping_on_signals(), bound_socket(settings) as listener, database_url(settings) as url:
        migrate(url)
        started = partial(print, greeting(settings, listener.getsockname()[1]), flush=True)
        if settings.workers > 1:
            return supervise(settings, url, listener, started)
        from app.serving import serve  # only now: the parent of workers stays small without it

        return serve(settings, url, listener, started)


def see_doctor() -> int:
    """Not with ready-made settings: a bad one is a finding like any other, and so is a database that does not start."""
    from app.doctor import visit

    settings, complaints = visit.settings_and_complaints(os.environ)
    configure_logs(settings)
    with ExitStack() as running:
        url = settings.database_url
        try:
            if not visit.names_no_database(settings, complaints):
                url = running.enter_context(database_url(settings))
        except SettingsError as error:
            complaints.append(visit.bad_setting(error))
        except EmbeddedPostgresError as error:
            complaints.append(visit.no_start(error))
        return asyncio.run(visit.tell(complaints, visit.machine_findings(settings), visit.findings(settings, url)))


def migrate_only(settings: Settings, options: argparse.Namespace) -> int:
    with database_url(settings) as url:
        migrate(url)
    return 0


def back_up_into(settings: Settings, options: argparse.Namespace) -> int:
    with existing_database_url(settings) as url:
        manifest = asyncio.run(back_up(settings, url, options.folder.absolute()))
    print(f"{options.folder}: the database, and {manifest.files} pictures and uploads")
    for what in left_out(settings):
        print(f"left out: {what}")
    return 0


def restore_from(settings: Settings, options: argparse.Namespace) -> int:
    with database_url(settings) as url:
        manifest = asyncio.run(restore(settings, url, options.folder.absolute()))
    print(f"restored what was backed up at {manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC, with {manifest.files} files")
    return 0


def reconcile(settings: Settings, options: argparse.Namespace) -> int:
    with existing_database_url(settings) as url:
        migrate(url)
        found = asyncio.run(with_database(url, recount))
    for drift in found.drifts:
        what = f"event {drift.event_id}" + (f", ticket type {drift.ticket_type_id}" if drift.ticket_type_id else "")
        print(
            f"{what}: the counters say {drift.sold} sold and {drift.held} held,"
            f" the tickets {drift.sold_counted} and {drift.held_counted}"
        )
    for one in found.sales:
        print(
            f"event {one.event_id}, ticket type {one.ticket_type_id}: the days say {one.sold} sold for {one.money},"
            f" the tickets {one.sold_counted} for {one.money_counted}"
        )
    for number in found.strays:
        print(f"ticket {number}: its type or its attendee does not exist")
    wrong = len(found.drifts) + len(found.sales)
    rest = {"stray tickets": len(found.strays), "missing facts": found.missing_facts}
    more = "".join(f", {count} {what}" for what, count in rest.items() if count)
    print(f"{wrong} wrong counters{more} (events: {found.events}, tickets: {found.tickets})")
    return 1 if wrong or more else 0


def print_reset_link(settings: Settings, options: argparse.Namespace) -> int:
    with existing_database_url(settings) as url:
        migrate(url)
        token = asyncio.run(with_database(url, lambda database: new_reset(database, options.email)))
    print(f"{settings.public_url}/password-resets/{token}")
    return 0


def rotate_ticket_key(settings: Settings, options: argparse.Namespace) -> int:
    with existing_database_url(settings) as url:
        migrate(url)
        print(f"key {asyncio.run(with_database(url, rotate_key))} signs from now on")
    return 0


async def with_database(url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    database = Database(url)
    await database.open()
    try:
        return await work(database)
    finally:
        await database.close()


def look_at_dead_letters(settings: Settings, options: argparse.Namespace) -> int:
    with existing_database_url(settings) as url:
        migrate(url)
        return asyncio.run(dead_letter_action(settings, url, options.action))


async def dead_letter_action(settings: Settings, url: str, action: str) -> int:
    from app.main import build_parts

    parts = build_parts(replace(settings, instance=None), url)  # that name belongs to a server, who comes back
    await parts.database.open()
    try:
        await parts.log.create_topics(dead_letters.DEAD_TOPICS)
        if action == "replay":
            print(f"replayed {await dead_letters.replay_all(parts.log)}")
        elif action == "drop":
            print(f"dropped {await dead_letters.drop_all(parts.log)}")
        else:
            async with dead_letters.reading(parts.log) as (_, letters):
                for letter in letters:
                    print(dead_letters.line_about(letter))
                print(f"{len(letters)} dead letters")
    finally:
        await parts.log.close()
        await parts.database.close()
    return 0
