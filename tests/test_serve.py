"""Starting, stopping and surviving, as people do it."""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest

from app.engines.log import Record
from app.listening import OPEN_FILES
from app.main import build_parts
from app.settings import Settings
from tests.cast import event_body
from tests.given import EMBEDDED
from tests.process import Server
from tests.waiting import eventually

ROOT = Path(__file__).parent.parent


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="es-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    server = Server(folder, **EMBEDDED)
    yield server
    server.stop()
    server.kill_database()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_normal_stop_leaves_nothing_within_two_seconds(server: Server, number: int) -> None:
    server.start()
    server.wait_until_ready()
    assert server.postmaster()
    stopped_at = time.monotonic()
    server.signal_group(number)
    assert server.process is not None
    assert server.process.wait(10) == 0
    while server.leftovers():
        assert time.monotonic() - stopped_at < 2, server.leftovers()
    assert time.monotonic() - stopped_at < 2
    assert "Traceback" not in server.log()


def test_who_was_told_not_to_hear_of_closed_terminals_does_not(server: Server) -> None:
    server.start("nohup", str(Path(sys.executable).parent / "eventstream"), "serve")
    server.wait_until_ready()
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    ignored = re.search(r"SigIgn:\s*([0-9a-f]+)", status)
    assert ignored
    assert int(ignored.group(1), 16) & 1 << (signal.SIGHUP - 1)


async def test_ctrl_c_while_it_is_still_loading_ends_it_without_a_word(server: Server) -> None:
    server.start()
    process = server.process
    assert process is not None
    await eventually(lambda: "msgspec" in Path(f"/proc/{process.pid}/maps").read_text())
    process.send_signal(signal.SIGINT)
    assert process.wait(10) in (0, 130)
    assert server.log() == ""
    assert server.leftovers() == []


async def test_who_still_waits_when_the_server_stops_hears_so(server: Server) -> None:
    server.environment |= {"RUN_CONSUMERS": "0", "SHUTDOWN_SECONDS": "1"}  # so that no store ever settles
    server.start()
    server.wait_until_ready()
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as alice:
        await signed_in(alice)
        waiting = asyncio.create_task(alice.post("/api/v1/event", json=event_body(), headers={"Prefer": "wait=30"}))
        connection = await asyncpg.connect(server.database_url)
        await eventually(lambda: connection.fetchval("SELECT count(*) = 1 FROM submissions"))
        await connection.close()
        server.signal_group(signal.SIGTERM)
        told = await waiting
    assert (told.status_code, told.headers["retry-after"]) == (503, "2")
    assert told.json()["detail"].startswith("The server stopped before this was answered.")
    assert told.headers["x-request-id"] == told.json()["request_id"]
    assert "Exception in ASGI application" not in server.log()


async def told_amid_sending(server: Server, header: str = "") -> str:
    """The whole answer to an event of which but the beginning had come when the server was stopped."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    head = f"POST /api/v1/event HTTP/1.1\r\nHost: x\r\n{header}Expect: 100-continue\r\nContent-Length: 900000\r\n\r\n"
    writer.write(head.encode() + b'{"title":')
    assert b"100 Continue" in await reader.readuntil(b"\r\n\r\n"), "somebody waits for the body, or reads it to its end"
    server.signal_group(signal.SIGTERM)
    told = (await asyncio.wait_for(reader.read(), 10)).decode()
    writer.close()
    return told


async def test_who_is_still_sending_when_the_server_stops_hears_so(server: Server) -> None:
    server.environment["SHUTDOWN_SECONDS"] = "1"
    server.start()
    server.wait_until_ready()
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as alice:
        await signed_in(alice)
    told = await told_amid_sending(server, f"Cookie: session={alice.cookies['session']}\r\n")
    assert told.startswith("HTTP/1.1 503 ")
    assert "x-request-id:" in told
    assert "The server stopped before this was answered." in told


async def test_a_refusal_reaches_who_is_still_sending_when_the_server_stops(server: Server) -> None:
    server.environment["SHUTDOWN_SECONDS"] = "1"
    server.start()
    server.wait_until_ready()
    told = await told_amid_sending(server)
    assert told.startswith("HTTP/1.1 401 ")
    assert "application/problem+json" in told
    assert "Traceback" not in server.log()


async def test_who_hangs_up_in_the_middle_is_no_fault_of_ours(server: Server) -> None:
    server.start()
    server.wait_until_ready()
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"POST /api/v1/sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab")
    await writer.drain()
    writer.close()
    await eventually(lambda: "/api/v1/sign-in" in server.log())
    assert "error" not in server.log()


async def signed_in(alice: httpx.AsyncClient) -> None:
    account = {"email": "ada@example.org", "password": "seven lanterns"}
    person = {**account, "full_name": "Ada Moss", "company_name": "Moss & Daughters"}
    assert (await alice.post("/api/v1/sign-up", json=person)).status_code == 201
    assert (await alice.post("/api/v1/sign-in", json=account)).status_code == 200


def test_many_may_connect_though_the_shell_allows_few_open_files(server: Server) -> None:
    few = "ulimit -Sn 256; exec eventstream serve"
    server.environment["PATH"] = f"{Path(sys.executable).parent}:{server.environment['PATH']}"
    server.start("sh", "-c", few)
    server.wait_until_ready()
    assert server.process is not None
    soft, hard = psutil.Process(server.process.pid).rlimit(psutil.RLIMIT_NOFILE)
    assert soft == min(hard, OPEN_FILES[0]) > 256


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_port_that_somebody_else_was_quicker_to_listen_on_is_told(server: Server, workers: str) -> None:
    """Both could bind it while nobody listened."""
    server.environment["WORKERS"] = workers
    server.start()
    await eventually(lambda: (server.folder / "data" / "postgres").exists(), 60)  # which comes after binding
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", server.port))
        other.listen()
        assert server.process is not None
        assert await asyncio.to_thread(server.process.wait, 60) == 2
    said = server.log().splitlines()
    assert said[-1].startswith("eventstream: EVENTSTREAM_HOST=")
    assert said[-1].endswith(": Address already in use")
    assert "EventStream is at" not in server.log()
    assert "Traceback" not in server.log()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_make_run_stops_as_one_by_a_signal_to_its_group(server: Server, number: int) -> None:
    server.environment["MAKEFLAGS"] = ""
    server.start("make", "-C", str(ROOT), "run")
    server.wait_until_ready(120)
    server.signal_group(number)
    assert server.process is not None
    server.process.wait(10)
    ended_at = time.monotonic()
    while left := server.leftovers():
        assert time.monotonic() - ended_at < 2, left


def test_a_second_start_is_quick_and_says_where_it_is(server: Server) -> None:
    def start_and_stop() -> float:
        began = time.monotonic()
        server.start()
        server.wait_until_ready()
        took = time.monotonic() - began
        server.stop()
        return took

    server.environment["PYTHONDONTWRITEBYTECODE"] = "1"  # as some images have it
    start_and_stop()
    assert min(start_and_stop() for _ in range(3)) < 5, "other tests may be in the way of one of three"
    assert f"http://localhost:{server.port}" in server.log()


def test_after_kill_9_the_next_start_finds_the_surviving_database(server: Server) -> None:
    server.start()
    server.wait_until_ready()
    before = server.postmaster()
    assert before
    server.kill()
    assert server.postmaster() == before
    server.start()
    server.wait_until_ready()
    assert server.postmaster() == before
    server.stop()
    assert server.postmaster() is None


def test_after_kill_9_of_everything_the_next_start_recovers(server: Server) -> None:
    server.start()
    server.wait_until_ready()
    server.kill()
    server.kill_database()
    server.start()
    server.wait_until_ready()


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("below", [".", f"{'d' * 60}/{'e' * 60}"], ids=["short path", "long path"])
def test_a_database_that_was_killed_is_started_again(folder: Path, workers: str, below: str) -> None:
    (folder / below).mkdir(parents=True, exist_ok=True)
    server = Server(folder / below, **EMBEDDED, WORKERS=workers)
    server.start()
    try:
        server.wait_until_ready()
        before = server.postmaster()
        assert before is not None
        before.kill()
        before.wait(10)
        server.wait_until_ready()
        assert server.postmaster() not in (None, before)
    finally:
        server.stop()
    assert "the database server died and was started again" in server.log()
    assert server.postmaster() is None


async def test_a_database_that_is_not_there_any_more_is_not_made_anew(server: Server, folder: Path) -> None:
    server.start()
    server.wait_until_ready()
    data = folder / "data" / "postgres" / "data"
    away = data.rename(data.with_name("away"))
    server.kill_database()
    await eventually(lambda: f"{data} is not there." in server.log())
    assert not data.exists()
    away.rename(data)
    await eventually(lambda: "was started again" in server.log(), 30)
    server.wait_until_ready()


def test_what_requests_had_on_disk_goes_with_the_next_start(server: Server, folder: Path) -> None:
    spool = folder / "data" / "spool"
    server.start()
    server.wait_until_ready()
    (killed,) = spool.glob("process-*")
    (killed / "picture").write_bytes(b"somebody's")
    server.kill()
    assert (killed / "picture").exists()

    server.start()
    server.wait_until_ready()
    (living,) = spool.glob("process-*")
    assert living != killed
    beside = Server(folder, **EMBEDDED)
    beside.start()
    beside.wait_until_ready()
    assert living.exists(), "it is in use"
    beside.stop()
    server.stop()
    assert not list(spool.glob("process-*"))


def test_two_from_one_checkout_run_side_by_side(server: Server, folder: Path) -> None:
    other_folder = folder / "other"
    other_folder.mkdir()
    other = Server(other_folder, **EMBEDDED)
    try:
        for one in (server, other):
            one.start()
        for one in (server, other):
            one.wait_until_ready()
        other.stop()
        assert httpx.get(f"{server.url}/health/ready").status_code == 200
    finally:
        other.stop()


def test_two_processes_on_one_folder_share_the_database(server: Server, folder: Path) -> None:
    other = Server(folder, **EMBEDDED)
    server.start()
    server.wait_until_ready()
    other.start()
    other.wait_until_ready()
    server.stop()
    assert httpx.get(f"{other.url}/health/ready").status_code == 200
    other.stop()
    assert other.postmaster() is None


def test_a_path_too_long_for_a_socket_works(folder: Path) -> None:
    deep = folder / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    server = Server(deep, **EMBEDDED)
    server.start()
    try:
        server.wait_until_ready()
    finally:
        server.stop()


def test_parent_folders_stay_as_they_are(server: Server, folder: Path) -> None:
    folder.chmod(0o700)
    before = [(path.stat().st_mode, path.stat().st_uid) for path in (folder, folder.parent)]
    server.start()
    server.wait_until_ready()
    assert [(path.stat().st_mode, path.stat().st_uid) for path in (folder, folder.parent)] == before
    for private in (folder / "data", folder / "data" / "postgres"):
        assert private.stat().st_mode & 0o777 == 0o700


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    server = Server(folder, **{**EMBEDDED, **environment})
    return subprocess.run(
        [os.path.join(os.path.dirname(os.sys.executable), "eventstream"), *arguments],  # type: ignore[attr-defined]
        env=server.environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"), ("PORT", "70000"), ("PUBLIC_URL", "tickets.example.org"), ("EVENTSTREAM_DEMO", "yes"),
        ("EVENTSTREAM_CURRENCY", "EURO"), ("EVENTSTREAM_TIMEZONE", "Mars/Olympus"), ("LOG_PARTITIONS", "0"),
        ("TRUSTED_PROXIES", "10.0.0.0/99"), ("RATE_LIMIT_BUY", "many"), ("PUBLISH_SECONDS", "0"),
        ("WORKERS", "0"), ("DRAIN_SECONDS", "soon"), ("DATABASE_CONNECTIONS", "1"), ("SERVE_HTTP", "no"),
        ("LOG_LEVEL", "loud"), ("POSTGRESQL_DB_URL_FILE", "/no/such/file"), ("KAFKA_BOOTSTRAP_SERVERS", "kafka"),
        ("MONGODB_URL", "mongodb://user:p@ss@host/db"), ("POSTGRESQL_DB_URL", "postgresql://user@host/db?sslmode=on"),
    ],
)  # fmt: skip
def test_a_bad_setting_is_named_at_start(folder: Path, name: str, value: str) -> None:
    done = run(folder, "serve", **{name: value})
    assert done.returncode == 2
    assert name in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_made_is_named(folder: Path) -> None:
    (folder / "file").touch()
    done = run(folder, "serve", EVENTSTREAM_DATA_DIR=str(folder / "file" / "data"))
    assert done.returncode == 2
    assert str(folder / "file" / "data") in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "command",
    ["reconcile", "dead-letters list", "backup backups", "ticket-keys rotate", "users reset-link bob@example.org"],
)
def test_where_there_is_no_database_a_command_makes_none(folder: Path, command: str) -> None:
    """Or it would find nothing wrong, and keep nothing for good."""
    done = run(folder, *command.split(), EVENTSTREAM_DATA_DIR=str(folder / "dtaa"))
    assert done.returncode == 2
    assert done.stderr == f"eventstream: EVENTSTREAM_DATA_DIR='{folder / 'dtaa'}': there is no database in it\n"
    assert not (folder / "dtaa").exists()


def test_a_database_that_is_away_at_start_is_one_sentence(folder: Path) -> None:
    done = run(folder, "serve", POSTGRESQL_DB_URL="postgresql://user:hunter2@127.0.0.1:1/x")
    assert done.returncode == 2
    assert done.stderr.startswith("eventstream: The database does not answer: ConnectionRefusedError: ")
    assert done.stderr.count("\n") == 1
    assert "hunter2" not in done.stderr


async def test_a_connection_is_not_closed_before_a_proxy_does(server: Server) -> None:
    """Or a purchase that is sent just then gets no answer."""
    server.start()
    await asyncio.to_thread(server.wait_until_ready)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"HEAD /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 7)
    writer.close()


async def test_on_a_database_that_a_newer_version_left_it_starts_and_commands_work(
    server: Server, folder: Path
) -> None:
    """Somebody goes back to the version before."""
    server.start()
    await asyncio.to_thread(server.wait_until_ready)
    admin = await asyncpg.connect(server.database_url)
    await admin.execute("UPDATE alembic_version SET version_num = '9999'")
    await admin.close()
    server.stop()
    server.start()
    await asyncio.to_thread(server.wait_until_ready)
    assert server.log().count("the database is newer than this version") == 1
    for command in ("migrate", "reconcile", "dead-letters", "doctor"):
        done = await asyncio.to_thread(run, folder, command)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "newer than this version" in done.stdout + done.stderr
    admin = await asyncpg.connect(server.database_url)
    assert await admin.fetchval("SELECT version_num FROM alembic_version") == "9999"
    await admin.close()


def test_a_folder_that_cannot_be_looked_into_is_named(folder: Path) -> None:
    """Root may enter every folder, but none with such a name."""
    done = run(folder, "reconcile", EVENTSTREAM_DATA_DIR="x" * 5000)
    assert done.returncode == 2
    assert "File name too long" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_takes_no_files_is_named(folder: Path) -> None:
    done = run(folder, "serve", EVENTSTREAM_DATA_DIR="/sys/kernel", POSTGRESQL_DB_URL="postgresql://nobody@localhost/x")
    assert done.returncode == 2
    assert "EVENTSTREAM_DATA_DIR='/sys/kernel'" in done.stderr
    assert "Traceback" not in done.stderr


async def test_the_demo_fills_the_first_page_once(folder: Path) -> None:
    server = Server(folder, EVENTSTREAM_DEMO="1")
    try:
        for _ in range(2):
            server.start()
            server.wait_until_ready()

            def three_with_pictures() -> bool:
                page = httpx.get(server.url).text
                return page.count("-480.webp") == 3

            await eventually(three_with_pictures, 30)
            assert httpx.get(server.url).text.count("Lantern Fields 20") == 1
            server.stop()
        accounts = folder / "data" / "demo-accounts.txt"
        assert accounts.stat().st_mode & 0o777 == 0o600
    finally:
        server.stop()


async def test_a_stop_does_not_wait_for_the_demo(server: Server, folder: Path) -> None:
    server.environment["EVENTSTREAM_DEMO"] = "1"
    server.start()
    await eventually((folder / "data" / "demo-accounts.txt").exists, 60)
    server.signal_group(signal.SIGINT)
    assert server.process is not None
    assert await asyncio.to_thread(server.process.wait, 10) == 0
    await eventually(lambda: not server.leftovers(), 5)
    assert "demo festivals submitted" not in server.log()
    assert "Traceback" not in server.log()


def walk() -> str:
    """The second shell block of the README, word for word."""
    return re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]


def test_the_walk_of_the_readme_runs_word_for_word(server: Server, folder: Path) -> None:
    server.start()
    server.wait_until_ready()
    checkout = folder / "checkout"
    checkout.mkdir()
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", walk()],
        cwd=checkout, env={**os.environ, "URL": server.url}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count('"success":"Ticket purchased!"') == 2
    assert len(set(re.findall(r'"code":"([A-Z0-9]{12})"', done.stdout))) == 1
    assert '"fan_out":{"postgres":"stored","mongo":"stored","s3":"stored"}' in done.stdout
    assert list(checkout.iterdir()) == []


async def test_dead_letters_are_looked_at_and_dropped_from_the_command_line(server: Server, folder: Path) -> None:
    server.start()
    server.wait_until_ready()
    parts = build_parts(Settings.from_env(server.environment), server.database_url)
    await parts.database.open()
    await parts.log.create_topics([])
    await parts.log.publish([Record("upload-event", "k", b"poison", {"ce_id": "bad-1"})])

    async def buried() -> bool:
        topic = "upload-event.dead-letters"
        return (await parts.log.lag("anybody", [topic]))[topic] == 1

    await eventually(buried)
    await parts.log.close()
    await parts.database.close()
    listed = await asyncio.to_thread(run, folder, "dead-letters")
    assert listed.returncode == 0, listed.stderr
    assert "bad-1" in listed.stdout
    assert "Undecodable" in listed.stdout
    assert "1 dead letters" in listed.stdout
    assert "dropped 1" in (await asyncio.to_thread(run, folder, "dead-letters", "drop")).stdout
    assert "0 dead letters" in (await asyncio.to_thread(run, folder, "dead-letters", "list")).stdout


async def test_a_reset_link_is_printed_for_who_is_known_while_the_server_runs(server: Server, folder: Path) -> None:
    server.start()
    server.wait_until_ready()
    async with httpx.AsyncClient(base_url=server.url) as visitor:
        body = {"full_name": "Bo", "email": "bo@example.org", "password": "seven lanterns"}
        assert (await visitor.post("/api/v1/attendee/sign-up", json=body)).status_code == 201
        printed = await asyncio.to_thread(
            run, folder, "users", "reset-link", "Bo@example.org", PUBLIC_URL="https://tickets.example.org"
        )
        assert printed.returncode == 0, printed.stderr
        address = printed.stdout.strip()
        assert address.startswith("https://tickets.example.org/password-resets/")
        token = address.rpartition("/")[2]
        assert token not in printed.stderr
        reset = {"token": token, "new_password": "eleven paper boats"}
        assert (await visitor.post("/api/v1/password-resets", json=reset)).status_code == 200
    unknown = await asyncio.to_thread(run, folder, "users", "reset-link", "nobody@example.org")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "nobody@example.org" in unknown.stderr
    rotated = await asyncio.to_thread(run, folder, "ticket-keys", "rotate")
    assert rotated.stdout == "key 2 signs from now on\n"
