"""What the doctor says of settings, folder and machine."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from app.doctor import machine
from app.doctor.verdicts import Verdict
from app.settings import Settings
from tests.cast import settings_for

HTTPS = {"PUBLIC_URL": "https://tickets.example.org"}


@pytest.mark.parametrize(
    ("check", "environment", "state", "words"),
    [
        (machine.public_address, HTTPS, "ok", "Secure"),
        (machine.public_address, {"PUBLIC_URL": "http://localhost:8000"}, "note", "this machine alone"),
        (machine.public_address, {"PUBLIC_URL": "http://tickets.example.org"}, "wrong", "in the clear"),
        (machine.trusted_proxies, HTTPS | {"TRUSTED_PROXIES": "10.0.0.7"}, "ok", "10.0.0.7/32"),
        (machine.trusted_proxies, HTTPS, "note", "share its limits"),
        (machine.trusted_proxies, {"TRUSTED_PROXIES": "10.0.0.0/8,0.0.0.0/0"}, "wrong", "0.0.0.0/0"),
        (machine.trusted_proxies, {"TRUSTED_PROXIES": "::/0"}, "wrong", "::/0"),
        (machine.processes, {"WORKERS": "200"}, "note", "200 on"),
        (machine.demo, HTTPS | {"EVENTSTREAM_DEMO": "1"}, "wrong", "demo festival"),
        (machine.demo, {"EVENTSTREAM_DEMO": "1"}, "ok", "loaded"),
    ],
)
async def test_a_setting_is_judged(
    tmp_path: Path,
    check: Callable[[Settings], Awaitable[Verdict]],
    environment: dict[str, str],
    state: str,
    words: str,
) -> None:
    verdict = await check(settings_for(tmp_path, **environment))
    assert verdict.state == state
    assert words in verdict.text
    assert bool(verdict.mend) == (state != "ok")


async def test_a_folder_open_to_others_is_wrong(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    verdict = await machine.data_folder(settings_for(tmp_path))
    assert (verdict.state, verdict.mend) == ("wrong", f"chmod 700 {tmp_path}")
    tmp_path.chmod(0o700)
    assert (await machine.data_folder(settings_for(tmp_path))).state == "ok"


async def test_a_secret_that_everybody_can_read_is_wrong(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://somewhere/db")
    settings = settings_for(tmp_path, POSTGRESQL_DB_URL_FILE=str(secret))
    secret.chmod(0o644)
    verdict = await machine.secret_files(settings)
    assert (verdict.state, verdict.mend) == ("wrong", f"chmod o= {secret}")
    secret.chmod(0o640)
    assert (await machine.secret_files(settings)).state == "ok"


@pytest.mark.parametrize(("free", "state"), [(machine.VERY_LITTLE - 1, "wrong"), (machine.LITTLE - 1, "note")])
async def test_a_disk_that_fills_up_is_told_in_time(
    tmp_path: Path, free: int, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda path: type("Usage", (), {"free": free}))
    assert (await machine.disk(settings_for(tmp_path))).state == state


async def test_few_open_files_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.resource, "getrlimit", lambda which: (1024, 2048))
    verdict = await machine.open_files(settings_for(tmp_path))
    assert (verdict.state, verdict.text) == ("note", "at most 2048 per process")
