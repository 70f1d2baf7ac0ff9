"""What the servers are made of: built once per version, outside the repository, from package registries."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).parent / "sources"
OLDEST_JAVA, OLDEST_GO = 17, (1, 24)
SAY_AGAIN_SECONDS = 20


class ServersError(Exception):
    """A server cannot be built or started here; the text says why in one sentence."""


def cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "eventstream" / "engines"


def say(name: str, text: str) -> None:
    print(f"  {name:<11}{text}", flush=True)


@dataclass(frozen=True)
class Recipe:
    """How a program comes about: `build` fills a folder, from `sources` of ours and with `tools` of the machine."""

    name: str
    version: str
    tools: tuple[str, ...]
    build: Callable[[Path], None]
    sources: tuple[Path, ...] = ()

    @property
    def folder(self) -> Path:
        contents = b"".join(path.read_bytes() for path in self.sources)
        return cache_folder() / f"{self.name}-{self.version}-{hashlib.sha256(contents).hexdigest()[:8]}"

    def built(self) -> Path:
        """The filled folder, complete or not there; another checkout may be building the same."""
        cache_folder().mkdir(parents=True, exist_ok=True)
        with (cache_folder() / f"{self.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self.folder.exists():
                unfinished = Path(tempfile.mkdtemp(prefix=f"{self.name}.unfinished.", dir=cache_folder()))
                try:
                    with progress(self.name, f"building {self.version}"):
                        self.build(unfinished)
                    unfinished.rename(self.folder)
                finally:
                    shutil.rmtree(unfinished, ignore_errors=True)
        return self.folder


@contextmanager
def progress(name: str, what: str) -> Iterator[None]:
    """Says what goes on, again and again where it takes long."""
    began, done = time.monotonic(), threading.Event()

    def keep_saying() -> None:
        while not done.wait(SAY_AGAIN_SECONDS):
            say(name, f"{what}: {time.monotonic() - began:.0f} s so far ...")

    say(name, f"{what} ...")
    talker = threading.Thread(target=keep_saying, daemon=True)
    talker.start()
    try:
        yield
    finally:
        done.set()
        talker.join()
    say(name, f"{what}: done in {time.monotonic() - began:.1f} s")


def run(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(
        [*map(str, command)],
        cwd=folder, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        lines = (done.stderr + done.stdout).strip().splitlines() or ["(it said nothing)"]
        raise ServersError(f"`{' '.join(map(str, command))}` failed: " + " / ".join(lines[-8:]))


def require(tools: Collection[str]) -> None:
    """Names all that is missing in one sentence."""
    checks = {
        "java": (f"JDK {OLDEST_JAVA} or later", java_version() >= OLDEST_JAVA),
        "mvn": ("Maven", shutil.which("mvn") is not None),
        "go": (f"Go {OLDEST_GO[0]}.{OLDEST_GO[1]} or later", go_version() >= OLDEST_GO),
    }
    missing = [needed for tool, (needed, there) in checks.items() if tool in tools and not there]
    if missing:
        raise ServersError(f"The engines need what is not on the PATH here: {', '.join(missing)}.")


def java_version() -> int:
    found = re.search(r'version "(\d+)', output("java", "-version"))
    return int(found[1]) if found else 0


def go_version() -> tuple[int, int]:
    found = re.search(r"go(\d+)\.(\d+)", output("go", "version"))
    return (int(found[1]), int(found[2])) if found else (0, 0)


def output(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout + done.stderr
