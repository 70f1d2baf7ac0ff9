"""The `eventstream` command from its first moment on: Ctrl-C while it is still loading ends it without a word."""

import os
import signal
import sys

INTERRUPTED = 128 + signal.SIGINT


def main() -> int:
    """Nothing is under way while we load, so that may end at once; an exception can be lost amid an import."""
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    from app.cli import main as run

    signal.signal(signal.SIGINT, before)
    try:
        return run()
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
