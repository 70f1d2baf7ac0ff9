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
from app.doctor.visit import findings
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
    assert "machine disk" in done.stdout
    assert "database reach" not in done.stdout
    assert not (tmp_path / "data" / "postgres").exists()


ELSEWHERE = {
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "MONGODB_URL": "mongodb://127.0.0.1:1/eventstream",
    "AWS_S3_BUCKET_NAME": "festival", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
    "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret",
}  # fmt: skip
REACHES = ["log reach", "documents reach", "media reach"]


async def test_engines_elsewhere_are_looked_at_whatever_the_database_is_like(database_url: str, tmp_path: Path) -> None:
    admin = await asyncpg.connect(database_url)
    await admin.execute("UPDATE alembic_version SET version_num = '0001'")
    await admin.close()
    for url, vital in ((f"postgresql:///x?host={tmp_path}", "database reach"), (database_url, "database migrations")):
        found = [finding async for finding in findings(settings_for(tmp_path, **ELSEWHERE), url)]
        told = {finding.about: finding.verdict.state for finding in found}
        assert told[vital] == "wrong"
        assert {about: state for about, state in told.items() if not about.startswith("database")} == dict.fromkeys(
            REACHES, "wrong"
        )


def test_a_file_that_should_name_the_database_hides_nothing_else(tmp_path: Path) -> None:
    done = doctor(tmp_path, EVENTSTREAM_DATA_DIR=str(tmp_path), POSTGRESQL_DB_URL_FILE="/no/such/file", **ELSEWHERE)
    assert done.returncode == 1, done.stderr
    for about in ("setting POSTGRESQL_DB_URL_FILE ", "machine disk ", *REACHES):
        assert about in done.stdout
    assert "database" not in done.stdout.replace("setting POSTGRESQL_DB_URL_FILE", "")


def test_an_embedded_database_that_does_not_start_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "postgres").touch()
    done = doctor(tmp_path, EVENTSTREAM_DATA_DIR=str(tmp_path), **ELSEWHERE)
    assert done.returncode == 1, done.stderr
    for about in ("WRONG  database start ", "machine demo ", *REACHES):
        assert about in done.stdout


def test_a_data_folder_that_cannot_be_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = doctor(tmp_path, EVENTSTREAM_DATA_DIR=str(tmp_path / "file" / "data"), **ELSEWHERE)
    assert done.returncode == 1, done.stderr
    for about in ("WRONG  setting EVENTSTREAM_DATA_DIR ", "WRONG  machine folder ", "machine demo ", *REACHES):
        assert about in done.stdout


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
