"""Run a command while nobody else does so in this folder: two that install at once would break each other's work."""

import fcntl
import subprocess
import sys
from contextlib import suppress

with open(__file__) as lock:
    with suppress(OSError):  # a file system without locks: then it is up to whoever starts two at once
        fcntl.flock(lock, fcntl.LOCK_EX)
    sys.exit(subprocess.call(sys.argv[1:]))
