"""`python -m tests.servers start|stop|test`: what `make engines`, `engines-stop` and `test-engines` do."""

import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from tests.folders import passing_folder
from tests.servers.cache import ServersError
from tests.servers.fleet import FOLDER, Fleet

WORKERS = 2


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
    """The suite on real servers; each of its workers has its own, so that one's outage is not the other's."""
    folder = passing_folder("es-")
    fleets = [Fleet(folder / str(number)) for number in range(WORKERS)]
    try:
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(Fleet.start, fleets))
        workers = [f"--tx=popen//env:ENGINES_FOLDER={fleet.folder}" for fleet in fleets]
        return subprocess.run([sys.executable, "-m", "pytest", "--dist=load", *workers, *sys.argv[2:]]).returncode
    finally:
        for fleet in fleets:
            fleet.stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    try:
        sys.exit({"start": start, "stop": stop, "test": test}[sys.argv[1]]())
    except ServersError as error:
        sys.exit(str(error))
