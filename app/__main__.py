"""The `eventstream` command from its first moment on: Ctrl-C while it is still loading ends it without a word."""

import sys

INTERRUPTED = 128 + 2


def main() -> int:
    try:
        from app.cli import main as run

        return run()
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
