"""Run a command while nobody else does so in this folder: two that install at once would break each other's work."""

import fcntl
import subprocess
import sys

with open(__file__) as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    sys.exit(subprocess.call(sys.argv[1:]))
