"""The whole visit: every engine has its lines, and the command says how it went."""

import datetime as dt
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from app.consumers.dead_letters import dead_letter
from app.doctor import log as log_checks
from app.doctor import media
from app.doctor.verdicts import examine
from app.engines.log import Delivered, Record
from tests.cast import Stage, settings_for, staged


async def test_a_log_that_works_is_fine(stage: Stage) -> None:
    for check in log_checks.CHECKS.values():
        assert (await check(stage.parts)).state == "ok"


async def test_topics_with_other_partitions_are_told(stage: Stage, tmp_path: Path) -> None:
    there = stage.parts.settings.log_partitions
    stage.parts.settings = settings_for(tmp_path, LOG_PARTITIONS="48")
    verdict = await log_checks.partitions(stage.parts)
    assert (verdict.state, f"has {there} and not 48" in verdict.text) == ("note", True)


async def test_dead_letters_are_counted(stage: Stage) -> None:
    lost = Delivered("upload-event", 0, 0, "k", b"poison", {}, dt.datetime.now(dt.UTC))
    await stage.parts.log.publish([dead_letter(lost, "eventstream-postgres", ValueError("no"), 1)])
    verdict = await log_checks.dead_letters(stage.parts)
    assert (verdict.state, verdict.text) == ("note", "1 wait")


async def test_messages_that_pile_up_are_told(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_checks, "MANY", 2)
    for task in stage.parts.tasks:
        await task.stop()
    await stage.parts.log.publish([Record("upload-event", "k", b"{}", {})] * 3)
    verdict = await log_checks.lag(stage.parts)
    assert (verdict.state, "3 messages to go" in verdict.text) == ("note", True)


@pytest.fixture
async def stage_on_a_folder(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(database_url, tmp_path, AWS_S3_BUCKET_NAME="") as stage:
        yield stage


async def test_a_folder_for_several_machines_is_wrong(stage_on_a_folder: Stage, database_url: str) -> None:
    stage = stage_on_a_folder
    assert (await media.machines(stage.parts)).state == "ok"
    other = await asyncpg.connect(database_url, server_settings={"application_name": "eventstream 7 elsewhere"})
    verdict = await media.machines(stage.parts)
    assert (verdict.state, "elsewhere" in verdict.text) == ("wrong", True)
    await other.close()


async def test_a_media_folder_that_cannot_be_written_is_wrong(stage_on_a_folder: Stage) -> None:
    stage = stage_on_a_folder
    (stage.parts.settings.data_dir / "media").touch()
    told = {finding.about: finding.verdict async for finding in examine("media", media.FOLDER, stage.parts)}
    assert told["media reach"].state == "wrong"
    assert "media machines" not in told


def doctor(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "eventstream"), "doctor"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


def test_the_command_has_a_line_for_everything(server: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    done = doctor(tmp_path, EVENTSTREAM_DATA_DIR=str(tmp_path), POSTGRESQL_DB_URL=server)
    assert done.returncode == 0, done.stdout + done.stderr
    for about in ("machine disk", "database migrations", "log partitions", "documents reach", "media machines"):
        assert about in done.stdout
    assert " 0 wrong" in done.stdout


def test_every_bad_setting_is_told_at_once(server: str, tmp_path: Path) -> None:
    environment = {"EVENTSTREAM_DATA_DIR": str(tmp_path), "POSTGRESQL_DB_URL": server}
    done = doctor(tmp_path, PORT="http", LOG_LEVEL="loud", POSTGRESQL_DB_URL_FILE="/no/such/file", **environment)
    assert done.returncode == 1
    for name in ("setting PORT ", "setting LOG_LEVEL ", "setting POSTGRESQL_DB_URL_FILE "):
        assert name in done.stdout
    assert "Traceback" not in done.stderr
    assert "database reach" in done.stdout


def test_an_unusable_address_of_the_database_starts_no_other_one(tmp_path: Path) -> None:
    done = doctor(tmp_path, EVENTSTREAM_DATA_DIR=str(tmp_path / "data"), POSTGRESQL_DB_URL="postgres//x")
    assert done.returncode == 1
    assert "setting POSTGRESQL_DB_URL" in done.stdout
    assert "database reach" not in done.stdout
    assert not (tmp_path / "data").exists()


def test_with_a_bad_address_of_one_engine_the_others_are_looked_at(server: str, tmp_path: Path) -> None:
    environment = {"EVENTSTREAM_DATA_DIR": str(tmp_path), "POSTGRESQL_DB_URL": server}
    bad = {"MONGODB_URL": "mongodb://user:p@ss@host/db", "AWS_ENDPOINT_URL_S3": "http://my_minio:9000"}
    done = doctor(tmp_path, AWS_S3_BUCKET_NAME="festival", **environment, **bad)
    assert done.returncode == 1
    for about in ("setting MONGODB_URL ", "setting AWS_ENDPOINT_URL_S3 ", "database reach", "log reach"):
        assert about in done.stdout
    assert "Traceback" not in done.stderr


def test_a_bucket_that_nobody_has_keys_for_is_a_finding(server: str, tmp_path: Path) -> None:
    """Without any the client of S3 is not even made."""
    environment = {"EVENTSTREAM_DATA_DIR": str(tmp_path), "POSTGRESQL_DB_URL": server, "HOME": str(tmp_path)}
    done = doctor(tmp_path, AWS_S3_BUCKET_NAME="festival", AWS_EC2_METADATA_DISABLED="true", **environment)
    assert done.returncode == 1, done.stderr
    assert "WRONG  media reach               There are no credentials for S3" in done.stdout
    assert "AWS_SECRET_ACCESS_KEY" in done.stdout
