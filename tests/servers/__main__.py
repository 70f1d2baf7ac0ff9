"""`python -m tests.servers start|stop`: what `make engines` and `make engines-stop` do."""

import sys
import time

from tests.servers.cache import ServersError
from tests.servers.fleet import FOLDER, Fleet


def start() -> None:
    began = time.monotonic()
    fleet = Fleet()
    fleet.start()
    print(f"\nAll there after {time.monotonic() - began:.0f} s, until `make engines-stop`.")
    print(f"{FOLDER.name}/settings.sh, to be sourced, says where:\n")
    print((FOLDER / "settings.sh").read_text())


def stop() -> None:
    Fleet().stop()


if __name__ == "__main__":
    try:
        {"start": start, "stop": stop}[sys.argv[1]]()
    except ServersError as error:
        sys.exit(str(error))
