"""`python -m tests.servers start|stop|test`: what `make engines`, `engines-stop` and `test-engines` do."""

import os
import shutil
import subprocess
import sys
import time

from tests.folders import passing_folder
from tests.servers.cache import ServersError
from tests.servers.fleet import FOLDER, Fleet


def start() -> int:
    began = time.monotonic()
    fleet = Fleet()
    fleet.start()
    print(f"\nAll there after {time.monotonic() - began:.0f} s, until `make engines-stop`.")
    print(f"{FOLDER.name}/settings.sh, to be sourced, says where:\n")
    print((FOLDER / "settings.sh").read_text())
    return 0


def stop() -> int:
    Fleet().stop()
    return 0


def test() -> int:
    """The suite on the real servers; those that did not run before are gone afterwards."""
    fleet = Fleet()
    if not any(server.process() for server in fleet):
        fleet = Fleet(passing_folder("es-"))
    started = fleet.start()
    try:
        tests = [sys.executable, "-m", "pytest", *sys.argv[2:]]
        return subprocess.run(
            tests, env={**os.environ, **fleet.settings(), "ENGINES_FOLDER": str(fleet.folder)}
        ).returncode
    finally:
        for server in started:
            server.forget()
        if fleet.folder != FOLDER:
            shutil.rmtree(fleet.folder)


if __name__ == "__main__":
    try:
        sys.exit({"start": start, "stop": stop, "test": test}[sys.argv[1]]())
    except ServersError as error:
        sys.exit(str(error))
