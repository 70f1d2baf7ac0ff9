"""A Chromium for the tests: the one that is installed, else one that can be had; `python -m e2e.browser` sees to it."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
DOWNLOAD_SECONDS, START_SECONDS = 300, 30


def installed() -> str | None:
    """The path of an installed browser that starts; only the one that `CHROMIUM` names, if it names one."""
    if named := os.environ.get("CHROMIUM"):
        if done([named, "--version"], START_SECONDS):
            return named
        raise SystemExit(f"CHROMIUM={named} does not start.")
    candidates = [*map(shutil.which, NAMES), downloaded()]
    return next((path for path in candidates if path and done([path, "--version"], START_SECONDS)), None)


def done(command: list[str], seconds: float) -> bool:
    """Whether it came to a good end in time; where not, it says why, and there are other ways."""
    try:
        return subprocess.run(command, timeout=seconds, stdout=subprocess.DEVNULL, check=False).returncode == 0
    except FileNotFoundError:
        return False
    except (OSError, subprocess.TimeoutExpired) as error:
        print(error, file=sys.stderr)
        return False


def downloaded() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def get() -> str:
    """Installed, else Playwright's download, else Debian's package where we are root; else `SystemExit` with advice."""
    if path := installed():
        return path
    done([sys.executable, "-m", "playwright", "install", "chromium"], DOWNLOAD_SECONDS)
    if path := installed():
        return path
    if os.getuid() == 0 and shutil.which("apt-get"):
        done(["apt-get", "update", "-qq"], DOWNLOAD_SECONDS)
        done(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], DOWNLOAD_SECONDS)
        if path := installed():
            return path
    raise SystemExit("The page tests need a browser: install Chromium or Chrome, or name one in CHROMIUM=/path/to/it.")


if __name__ == "__main__":
    print(f"Pages are tested in {get()}")
