"""Which browser the pages are tested in."""

import shutil
import sys
from pathlib import Path

import pytest

from e2e import browser


def program(folder: Path, name: str, body: str) -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing but what is in this folder."""
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(browser, "downloaded", lambda: shutil.which("downloaded"))
    monkeypatch.setattr(sys, "executable", program(tmp_path, "python", "exit 1"))
    return tmp_path


def test_one_that_does_not_start_is_none(only: Path) -> None:
    program(only, "chromium", "exit 127")
    program(only, "google-chrome", "exit 0")
    assert browser.get() == str(only / "google-chrome")


def test_a_download_that_takes_too_long_is_given_up_for_the_package(
    only: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(browser, "DOWNLOAD_SECONDS", 0.2)
    monkeypatch.setattr("os.getuid", lambda: 0)
    monkeypatch.setattr(sys, "executable", program(only, "python", "exec /bin/sleep 60"))
    program(
        only,
        "apt-get",
        f'[ "$1" = update ] || {{ echo "#!/bin/sh" > {only}/chromium; /bin/chmod +x {only}/chromium; }}',
    )
    assert browser.get() == str(only / "chromium")
    assert "timed out" in capfd.readouterr().err


def test_where_there_is_none_it_says_what_to_install(only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getuid", lambda: 1000)
    with pytest.raises(SystemExit, match="install Chromium or Chrome"):
        browser.get()
    monkeypatch.setenv("CHROMIUM", str(only / "nowhere"))
    with pytest.raises(SystemExit, match=r"CHROMIUM=.*nowhere does not start"):
        browser.get()
