"""What the doctor says of MongoDB, on a real server, and of how it is spoken to."""

import os
from pathlib import Path

import pytest

from app.doctor import documents
from app.doctor.verdicts import judged
from app.main import build_parts
from tests.cast import settings_for


@pytest.mark.parametrize("name", list(documents.MONGO))
async def test_a_server_on_this_machine_is_fine(database_url: str, tmp_path: Path, name: str) -> None:
    parts = build_parts(settings_for(tmp_path, MONGODB_URL=os.environ["MONGODB_URL"]), database_url)
    try:
        assert (await documents.MONGO[name](parts)).state in {"ok", "note"}
    finally:
        await parts.documents.close()


@pytest.mark.parametrize(
    ("url", "state"),
    [
        ("mongodb://user:secret@localhost:27017/eventstream", "ok"),
        ("mongodb://user:secret@mongo-1:27017,mongo-2:27017/eventstream?tls=true", "ok"),
        ("mongodb://user:secret@mongo-1:27017,localhost:27017/eventstream?replicaSet=rs0", "wrong"),
    ],
)
async def test_an_open_line_over_the_network_is_wrong(database_url: str, tmp_path: Path, url: str, state: str) -> None:
    parts = build_parts(settings_for(tmp_path, MONGODB_URL=url), database_url)
    assert (await documents.encryption(parts)).state == state
    await parts.documents.close()


async def test_a_wrong_password_is_told_as_such(database_url: str, tmp_path: Path) -> None:
    url = os.environ["MONGODB_URL"].replace("mongodb://", "mongodb://user:hunter2@", 1)
    parts = build_parts(settings_for(tmp_path, MONGODB_URL=url), database_url)
    verdict = await judged("documents", documents.reach(parts))
    await parts.documents.close()
    assert (verdict.state, "uthentica" in verdict.text) == ("wrong", True), verdict
    assert "password" in verdict.mend
    assert "hunter2" not in verdict.text
