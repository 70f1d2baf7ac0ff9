"""A Chromium for the tests: the one that is installed, else one that can be had; `python -m e2e.browser` sees to it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
DOWNLOAD_SECONDS = 300


def installed() -> str | None:
    """The path of an installed browser; `CHROMIUM` names another one."""
    candidates = [os.environ.get("CHROMIUM"), *map(shutil.which, NAMES), downloaded()]
    return next((path for path in candidates if path and Path(path).exists()), None)


def downloaded() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def get() -> str:
    """Installed, else Playwright's download, else Debian's package where we are root; else `SystemExit` with advice."""
    if path := installed():
        return path
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], timeout=DOWNLOAD_SECONDS, check=False)
    if path := installed():
        return path
    if os.getuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], check=False)
        if path := installed():
            return path
    raise SystemExit("The page tests need a browser: install Chromium or Chrome, or name one in CHROMIUM=/path/to/it.")


if __name__ == "__main__":
    print(f"Pages are tested in {get()}")
