"""The real server in a process group of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil

from tests.given import embedded_database, settings_of


def hear_signals() -> None:
    """Who runs the tests in the background may not hear of these, and that would be inherited."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port


class Server:
    """`eventstream serve` on a data folder; may be started again on the same one."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **os.environ,
            "PORT": str(self.port),
            "EVENTSTREAM_DATA_DIR": str(folder / "data"),
            "EVENTSTREAM_DEMO": "0",
            "PUBLIC_URL": self.url,
            "POSTGRESQL_DB_URL": "",
            **settings_of(folder / "data"),
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def database_url(self) -> str:
        return self.environment["POSTGRESQL_DB_URL"] or embedded_database(self.folder / "data")

    def start(self, *command: str) -> None:
        with (self.folder / "server.log").open("ab") as out:
            self.process = subprocess.Popen(
                command or (str(Path(sys.executable).parent / "eventstream"), "serve"),
                env=self.environment, stdout=out, stderr=out, start_new_session=True, preexec_fn=hear_signals,
            )  # fmt: skip

    def wait_until_ready(self, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while True:
            assert self.process is not None
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the server is not there:\n{self.log()[-3000:]}")
            try:
                if httpx.get(f"{self.url}/health/ready", timeout=2).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.02)

    def signal_group(self, number: int) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """As `kill -9` of the whole group."""
        self.signal_group(signal.SIGKILL)
        assert self.process is not None
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.signal_group(signal.SIGTERM)
            self.process.wait(20)

    def postmaster(self) -> psutil.Process | None:
        """The database server on our data folder, if it lives."""
        for one in psutil.process_iter(["cmdline"]):
            words = " ".join(one.info["cmdline"] or [])
            if str(self.folder / "data" / "postgres") in words and "bin/postgres" in words and living(one):
                return one
        return None

    def kill_database(self) -> None:
        if found := self.postmaster():
            family = [found, *found.children(recursive=True)]
            for one in family:
                one.kill()
            psutil.wait_procs(family, timeout=5)

    def leftovers(self) -> list[str]:
        """What still runs of us: the group, and whatever names our data folder."""
        assert self.process is not None
        found = []
        for one in psutil.process_iter(["cmdline"]):
            words = " ".join(one.info["cmdline"] or [])
            try:
                ours = os.getpgid(one.pid) == self.process.pid
            except ProcessLookupError:
                continue
            if (ours or str(self.folder / "data") in words) and living(one):
                found.append(words)
        return found

    def log(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")


def living(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
