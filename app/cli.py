"""The `eventstream` command."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from app.consumers import dead_letters
from app.domain.reconcile import Drift, drifts, strays
from app.engines.database import Database, migrate
from app.engines.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError
from app.errors import AppError
from app.logs import configure_logs
from app.parts import Parts
from app.settings import Settings, SettingsError

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop(SystemExit):
    """A signal asked us to end."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    try:
        settings = Settings.from_env()
        configure_logs(settings)
        result: int = options.command(settings, options)
        return result
    except (SettingsError, EmbeddedPostgresError, AppError) as error:
        print(f"eventstream: {error}", file=sys.stderr)
        return 2


def parser() -> argparse.ArgumentParser:
    commands = argparse.ArgumentParser(prog="eventstream", description="Sells festival tickets.")
    names = commands.add_subparsers(required=True, metavar="command")
    names.add_parser("serve", help="serve pages, API and consumers until stopped").set_defaults(command=serve)
    names.add_parser("migrate", help="bring the database to this version").set_defaults(command=migrate_only)
    names.add_parser("reconcile", help="recount tickets and offers; exit status 1 if a counter is wrong").set_defaults(
        command=reconcile
    )
    letters = names.add_parser("dead-letters", help="look at, replay or drop messages nobody could apply")
    letters.add_argument("action", choices=("list", "replay", "drop"), nargs="?", default="list")
    letters.set_defaults(command=look_at_dead_letters)
    return commands


@contextmanager
def database_url(settings: Settings) -> Iterator[str]:
    """The configured database, or the embedded one, which runs while the block does."""
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SettingsError(f"EVENTSTREAM_DATA_DIR={str(settings.data_dir)!r}: {error.strerror}") from error
    if settings.database_url:
        yield settings.database_url
        return
    postgres = EmbeddedPostgres(settings.data_dir / "postgres")
    try:
        yield postgres.start()
    finally:
        postgres.stop()


@contextmanager
def stopping_on_signals() -> Iterator[None]:
    """Turns the signals into `Stop`, once: what is being tidied up then is not interrupted again."""

    def stop(number: int, frame: object) -> None:
        for one in STOP_SIGNALS:
            signal.signal(one, signal.SIG_IGN)
        raise Stop(0)

    for one in STOP_SIGNALS:
        signal.signal(one, stop)
    yield


def serve(settings: Settings, options: argparse.Namespace) -> int:
    from app.main import asgi, build_parts

    with stopping_on_signals(), database_url(settings) as url:
        migrate(url)
        parts = build_parts(settings, url)
        config = uvicorn.Config(
            asgi(parts),
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http="httptools",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=int(settings.shutdown_seconds) or 1,
            backlog=4096,
        )
        server = Announcing(config, parts)
        server.run()
        return 0 if server.started else 1


class Announcing(uvicorn.Server):
    """Says where it is once it is there."""

    def __init__(self, config: uvicorn.Config, parts: Parts) -> None:
        super().__init__(config)
        self.parts = parts

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            port = self.servers[0].sockets[0].getsockname()[1]
            print(greeting(self.parts.settings, port), flush=True)


def greeting(settings: Settings, port: int) -> str:
    address = f"http://localhost:{port}"
    lines = [
        "",
        f"  EventStream is at {address}",
        "",
        f"  Look around     {address}/",
        f"  Organize        {address}/sign-up/organizer, then New event",
        f"  Buy a ticket    {address}/sign-up",
        f"  JSON API        {address}/schema",
        f"  Health          {address}/health/ready",
    ]
    if settings.demo:
        lines += ["", f"  Demo accounts and their password are in {relative(settings.data_dir / 'demo-accounts.txt')}"]
    return "\n".join([*lines, "", "  Ctrl-C stops everything.", ""])


def relative(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def migrate_only(settings: Settings, options: argparse.Namespace) -> int:
    with database_url(settings) as url:
        migrate(url)
    return 0


def reconcile(settings: Settings, options: argparse.Namespace) -> int:
    with database_url(settings) as url:
        migrate(url)
        found, astray = asyncio.run(recounted(url))
    for drift in found:
        what = f"event {drift.event_id}" + (f", ticket type {drift.ticket_type_id}" if drift.ticket_type_id else "")
        print(
            f"{what}: the counters say {drift.sold} sold and {drift.held} held,"
            f" the tickets {drift.sold_counted} and {drift.held_counted}"
        )
    for number in astray:
        print(f"ticket {number}: its type or its attendee does not exist")
    print(f"{len(found)} wrong counters")
    return 1 if found or astray else 0


async def recounted(url: str) -> tuple[list[Drift], list[int]]:
    database = Database(url)
    await database.open()
    try:
        return await drifts(database), await strays(database)
    finally:
        await database.close()


def look_at_dead_letters(settings: Settings, options: argparse.Namespace) -> int:
    with database_url(settings) as url:
        migrate(url)
        return asyncio.run(dead_letter_action(settings, url, options.action))


async def dead_letter_action(settings: Settings, url: str, action: str) -> int:
    from app.main import build_parts

    parts = build_parts(settings, url)
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
