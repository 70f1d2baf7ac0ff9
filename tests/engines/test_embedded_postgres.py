"""The embedded PostgreSQL: durable, found again after every kind of death, and gone after a stop."""

import asyncio
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest

from app.engines.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError

ROOT = Path(__file__).parents[2]

OWNER = """
import signal, sys
from pathlib import Path
from app.engines.embedded_postgres import EmbeddedPostgres
signal.signal(signal.SIGTERM, lambda *_: sys.exit(signal.signal(signal.SIGTERM, signal.SIG_IGN) and 3))
print("here", flush=True)
for _ in range(int(sys.argv[2])):
    with EmbeddedPostgres(Path(sys.argv[1])) as url:
        print(url, flush=True)
        sys.stdin.read()
"""

# He may not be allowed to read the interpreter's own folders, so everything is imported before. PR_SET_DUMPABLE: as
# after an `exec`, his own /proc is his.
AS_USER = """
import ctypes, encodings.idna, os, app.engines.embedded_postgres
os.setgroups([]), os.setgid({0}), os.setuid({0}), ctypes.CDLL(None).prctl(4, 1)
"""
NAMELESS = 54_321


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: pytest's own are too long for a socket."""
    parent = Path(tempfile.mkdtemp(prefix="es-"))
    yield parent / "postgres"
    kill([one for server in servers(parent) for one in (server, *server.children(recursive=True))])
    shutil.rmtree(parent)


def servers(folder: Path) -> list[psutil.Process]:
    """The postmasters below the folder that are alive, and what sets up or starts one."""
    found = psutil.process_iter(["cmdline"])
    return [one for one in found if re.search(f"\0-D\0{folder}/", "\0".join(one.info["cmdline"] or []))]


def family(folder: Path) -> list[psutil.Process]:
    (server,) = servers(folder)
    return [server, *server.children(recursive=True)]


def kill(processes: list[psutil.Process]) -> None:
    for one in processes:
        one.kill()
    assert not left_after(5, processes)


def left_after(seconds: float, processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still live then; one that only waits to be reaped does not."""
    return [one for one in psutil.wait_procs(processes, timeout=seconds)[1] if one.status() != psutil.STATUS_ZOMBIE]


def ask(url: str, statement: str) -> Any:
    async def go() -> Any:
        connection = await asyncpg.connect(url)
        answer = await connection.fetchval(statement)
        await connection.close()
        return answer

    return asyncio.run(go())


def owner(folder: Path, turns: int = 1, before: str = "") -> subprocess.Popen[str]:
    """A process that uses the folder until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", before + OWNER, str(folder), str(turns)], cwd=ROOT, text=True, start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert line_of(process) == "here"
    return process


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip() or process.communicate()[1]


def refusal(folder: Path) -> str:
    with pytest.raises(EmbeddedPostgresError) as caught:
        EmbeddedPostgres(folder).start()
    said = str(caught.value)
    assert "\n" not in said
    return said


def test_it_is_durable_and_checks_its_pages(folder: Path) -> None:
    with EmbeddedPostgres(folder) as url:
        for name in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums"):
            assert ask(url, f"SHOW {name}") == "on", name
        assert ask(url, "SHOW listen_addresses") == ""
        own = "FROM pg_database WHERE datname = 'eventstream'"
        assert ask(url, f"SELECT datlocprovider::text || datlocale {own}") == "bC.UTF-8"
        assert ask(url, f"SELECT pg_encoding_to_char(encoding) {own}") == "UTF8"


def test_data_survives_and_the_second_start_is_quick(folder: Path) -> None:
    with EmbeddedPostgres(folder) as url:
        ask(url, "CREATE TABLE kept AS SELECT 7 AS n")
    began = time.monotonic()
    with EmbeddedPostgres(folder) as url:
        assert time.monotonic() - began < 5
        assert ask(url, "SELECT n FROM kept") == 7


def test_a_stop_leaves_no_process(folder: Path) -> None:
    postgres = EmbeddedPostgres(folder)
    postgres.start()
    processes = family(folder)
    began = time.monotonic()
    postgres.stop()
    assert time.monotonic() - began < 2
    assert not left_after(0, processes)
    postgres.stop()


def test_a_server_that_hangs_is_ended_and_nothing_is_lost(folder: Path) -> None:
    postgres = EmbeddedPostgres(folder)
    url = postgres.start()
    ask(url, "CREATE TABLE kept AS SELECT 7 AS n")
    processes = family(folder)
    next(one for one in processes if "checkpointer" in " ".join(one.cmdline())).suspend()
    postgres.stop()
    assert not left_after(1, processes)
    with EmbeddedPostgres(folder) as url:
        assert ask(url, "SELECT n FROM kept") == 7


def test_after_kill_9_of_the_owner_the_same_server_is_found(folder: Path) -> None:
    process = owner(folder)
    ask(line_of(process), "CREATE TABLE kept AS SELECT 7 AS n")
    (before,) = servers(folder)
    process.kill()
    process.communicate()
    with EmbeddedPostgres(folder) as url:
        assert servers(folder) == [before]
        assert ask(url, "SELECT n FROM kept") == 7
    assert not servers(folder)


@pytest.mark.parametrize("all_of_it", [True, False], ids=["whole server", "postmaster only"])
def test_after_kill_9_of_the_server_it_recovers(folder: Path, all_of_it: bool) -> None:
    postgres = EmbeddedPostgres(folder)
    ask(postgres.start(), "CREATE TABLE kept AS SELECT 7 AS n")
    server, *children = family(folder)
    children[0].suspend()
    kill([server, *children] if all_of_it else [server])
    if not all_of_it:
        threading.Timer(0.5, children[0].resume).start()
    with EmbeddedPostgres(folder) as url:
        assert ask(url, "SELECT n FROM kept") == 7
    postgres.stop()
    assert not servers(folder)


def test_a_stale_pid_that_now_belongs_to_somebody_else_is_no_hindrance(folder: Path) -> None:
    postgres = EmbeddedPostgres(folder)
    ask(postgres.start(), "CREATE TABLE kept AS SELECT 7 AS n")
    kill(family(folder))
    postgres.stop()
    with subprocess.Popen(["sleep", "100"]) as stranger:
        for name in ("data/postmaster.pid", ".s.PGSQL.5432.lock"):
            lines = (folder / name).read_text().splitlines(keepends=True)
            (folder / name).write_text("".join([f"{stranger.pid}\n", *lines[1:]]))
        with EmbeddedPostgres(folder) as url:
            assert ask(url, "SELECT n FROM kept") == 7
        assert not servers(folder)
        assert stranger.poll() is None
        stranger.kill()


def test_two_folders_run_side_by_side(folder: Path) -> None:
    with EmbeddedPostgres(folder) as url, EmbeddedPostgres(folder.parent / "other") as other:
        ask(url, "CREATE TABLE here ()")
        assert ask(other, "SELECT to_regclass('here')") is None
        assert len(servers(folder.parent)) == 2


def test_two_processes_share_one_server_and_the_last_stops_it(folder: Path) -> None:
    processes = [owner(folder), owner(folder)]
    urls = [line_of(one) for one in processes]
    assert urls[0] == urls[1]
    (server,) = servers(folder)
    processes[0].communicate("")
    assert ask(urls[1], "SELECT 1") == 1
    assert servers(folder) == [server]
    processes[1].communicate("")
    assert not servers(folder)


def test_starting_while_another_stops_never_fails(folder: Path) -> None:
    crowd = [owner(folder, turns=5) for _ in range(3)]
    said = [one.communicate("", timeout=60)[1] for one in crowd]
    assert [one.returncode for one in crowd] == [0, 0, 0], said
    assert not servers(folder)


def test_a_signal_at_any_moment_of_the_start_leaves_no_server(folder: Path) -> None:
    with EmbeddedPostgres(folder):
        pass
    for delay in range(0, 60, 2):  # the moments that matter are a few ms long, and none of them can be seen from here
        process = owner(folder)
        time.sleep(delay / 1000)
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(20) == 3, process.communicate()
        assert not servers(folder), f"after {delay} ms"


def test_an_unfinished_setup_is_done_again(folder: Path) -> None:
    (folder / "data.unfinished.1" / "base").mkdir(parents=True)
    with EmbeddedPostgres(folder):
        assert not list(folder.glob("data.unfinished*"))


@pytest.mark.parametrize("name", ["l" * 120, "ü" * 45, "it's 2, or so: 3"], ids=["long", "long in bytes", "marks"])
def test_an_awkward_path_gets_its_socket_elsewhere(folder: Path, name: str) -> None:
    for _ in range(2):
        with EmbeddedPostgres(folder / name) as url:
            sockets = Path(ask(url, "SHOW unix_socket_directories"))
            assert sockets.parent == Path(tempfile.gettempdir()).resolve()
            assert sockets.stat().st_mode & 0o777 == 0o700
    sockets.chmod(0o777)
    assert str(sockets) in refusal(folder / name)
    assert not servers(folder)
    shutil.rmtree(sockets)


def test_nothing_around_it_matters_or_is_changed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(mode=0o755)
    above = [(one.stat().st_mode, one.stat().st_uid, one.stat().st_gid) for one in folder.parents]
    monkeypatch.chdir(folder.parent)
    for name, value in {
        "PGPORT": "6543",
        "PGDATA": "/nowhere",
        "PGHOST": "nowhere",
        "PGCLIENTENCODING": "nonsense",
    }.items():
        monkeypatch.setenv(name, value)
    with EmbeddedPostgres(Path("postgres")) as url:
        assert ask(url, "SHOW port") == "5432"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [(one.stat().st_mode, one.stat().st_uid, one.stat().st_gid) for one in folder.parents] == above


def test_what_cannot_work_is_said_in_one_sentence(folder: Path) -> None:
    (folder.parent / "file").touch()
    assert str(folder.parent / "file") in refusal(folder.parent / "file" / "postgres")
    assert '$"' in refusal(folder / '$"')
    with EmbeddedPostgres(folder):
        pass
    with (folder / "data" / "postgresql.conf").open("a") as file:
        file.write("nonsense = 1\n")
    said = refusal(folder)
    assert str(folder / "postgres.log") in said
    assert "nonsense" in said
    assert not servers(folder)


if os.getuid() == 0:

    @pytest.mark.parametrize("user", [pwd.getpwnam("nobody").pw_uid, NAMELESS])
    def test_a_normal_user_runs_it_as_himself_with_or_without_a_name(folder: Path, user: int) -> None:
        os.chown(folder.parent, user, user)
        said, trouble = owner(folder, before=AS_USER.format(user)).communicate("", timeout=60)
        assert "eventstream?host=" in said, trouble
        assert (folder / "data").stat().st_uid == user
        assert not servers(folder)

    def test_where_root_may_not_disguise_itself_nobody_runs_it(folder: Path) -> None:
        folder.mkdir()
        shutil.chown(folder, "nobody")
        assert str(folder) in refusal(folder)
        folder.parent.chmod(0o755)
        for _ in range(2):
            with EmbeddedPostgres(folder) as url:
                assert ask(url, "SELECT 1") == 1
                assert servers(folder)[0].username() == "nobody"
        assert not servers(folder)
