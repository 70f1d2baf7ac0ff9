"""One server process in a folder of its own: started, stopped, killed, paused and started again on the same port."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import psutil

from tests.servers.cache import Recipe, ServersError, say

HOST = "127.0.0.1"
PORTS = range(20_000, 32_000)  # at an ephemeral port a client that keeps retrying can connect to itself
START_SECONDS, STOP_SECONDS = 90, 30


class RealServer:
    """`start` finds it running where another process has started it: the folder knows its port and its process."""

    name: ClassVar[str]
    recipe: ClassVar[Recipe | None] = None
    tools: ClassVar[tuple[str, ...]] = ()
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, folder: Path) -> None:
        self.folder = folder / self.name
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"
        self.port = self.port_named("port")

    @property
    def program(self) -> Path:
        """The folder it runs from."""
        assert self.recipe is not None
        return self.recipe.folder

    def tools_needed(self) -> set[str]:
        """To run it, and to build it where that is still to be done."""
        unbuilt = self.recipe is not None and not self.recipe.folder.exists()
        return {*self.tools, *(self.recipe.tools if self.recipe and unbuilt else ())}

    def prepare(self) -> None:
        """Fill the data folder, once."""
        self.data.mkdir(parents=True)

    def command(self) -> list[str | Path]:
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        return {}

    def process_options(self) -> Mapping[str, Any]:
        return {}

    def answers(self) -> bool:
        """Whether it does its work; may raise what its client raises."""
        raise NotImplementedError

    def settings(self) -> dict[str, str]:
        """The environment with which EventStream uses it."""
        raise NotImplementedError

    def port_named(self, name: str) -> int:
        """The same for as long as the folder lives."""
        file = self.folder / name
        if not file.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            file.write_text(str(free_port()))
        return int(file.read_text())

    def start(self) -> None:
        if self.process() is None:
            if self.recipe is not None:
                self.recipe.built()
            if not self.data.exists():
                self.prepare()
            began = time.monotonic()
            self.launch()
            self.wait_until_it_answers()
            say(self.name, f"port {self.port}, there in {time.monotonic() - began:.1f} s")

    def launch(self) -> None:
        with self.log.open("ab") as out:
            started = subprocess.Popen(
                [*map(str, self.command())],
                cwd=self.folder, env={**os.environ, **self.environment()}, stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, start_new_session=True, **self.process_options(),
            )  # fmt: skip
        born = psutil.Process(started.pid).create_time()
        (self.folder / "process.json").write_text(json.dumps({"pid": started.pid, "born": born}))

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            error: Exception | None = None
            try:
                if self.listens() and self.answers():
                    return
            except Exception as met:  # each client has its own words for "not yet"; the last ones are told
                error = met
            if self.process() is None or time.monotonic() > deadline:
                raise ServersError(f"{self.name} does not start ({error}); {self.log} ends:\n{self.last_words()}")
            time.sleep(0.05)

    def listens(self) -> bool:
        with socket.create_connection((HOST, self.port), timeout=1):
            return True

    def process(self) -> psutil.Process | None:
        """Ours, if it lives; a pid alone may be anybody's by now."""
        with suppress(FileNotFoundError, psutil.NoSuchProcess):
            known = json.loads((self.folder / "process.json").read_text())
            process = psutil.Process(known["pid"])
            if abs(process.create_time() - known["born"]) < 1 and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None

    def stop(self) -> None:
        self.end(self.stop_signal)

    def forget(self) -> None:
        """Stopped, and nothing left of it."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self) -> None:
        self.end(signal.SIGKILL)

    def end(self, number: signal.Signals) -> None:
        """The process and its children; one that ignores the signal is killed."""
        if (process := self.process()) is None:
            return
        family = [process, *process.children(recursive=True)]
        if number == signal.SIGKILL:
            family = [one for one in family if one.kill() is None]
        else:
            process.send_signal(signal.SIGCONT)
            process.send_signal(number)
        _, left = psutil.wait_procs(family, timeout=STOP_SECONDS)
        for one in left:
            one.kill()
        psutil.wait_procs(left, timeout=STOP_SECONDS)

    def pause(self) -> None:
        """It holds its connections and says nothing any more: the way a network that swallows looks."""
        for one in self.family():
            one.suspend()

    def resume(self) -> None:
        for one in self.family():
            one.resume()

    def family(self) -> list[psutil.Process]:
        process = self.process()
        return [process, *process.children(recursive=True)] if process else []

    def last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:]) if self.log.exists() else "(nothing)"


def free_port() -> int:
    while True:
        port = random.choice(PORTS)
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                one.bind((HOST, port))
                return port
