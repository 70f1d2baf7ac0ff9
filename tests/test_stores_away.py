"""The stores that are not the database are away: what is asked of them is refused at once, all else goes on."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cast import Stage, event_body, picture, project_fields, staged
from tests.portal.test_drafts import begun, upload
from tests.process import free_port
from tests.waiting import eventually


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    away = f"127.0.0.1:{free_port()}"
    async with staged(
        database_url, tmp_path, MONGODB_URL=f"mongodb://{away}/eventstream", AWS_S3_BUCKET_NAME="festival",
        AWS_ENDPOINT_URL_S3=f"http://{away}", AWS_ACCESS_KEY_ID="id", AWS_SECRET_ACCESS_KEY="key",
    ) as stage:  # fmt: skip
        yield stage


UPLOADS: list[tuple[str, dict[str, Any]]] = [
    ("/api/v1/new-media", {"files": {"media_file": ("a.jpg", picture())}}),
    ("/api/v1/new-project", {"files": {"images": ("a.jpg", picture())}, "data": project_fields()}),
]


@pytest.mark.parametrize(("path", "sent"), UPLOADS)
async def test_uploads_are_503_and_say_when_to_come_back(alice: httpx.AsyncClient, path: str, sent: Any) -> None:
    answer = await alice.post(path, **sent)
    assert answer.status_code == 503, answer.text
    assert answer.json()["type"].endswith(":unavailable")
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_picture_of_a_draft_is_refused_for_now_and_what_was_typed_is_kept(alice: httpx.AsyncClient) -> None:
    draft = await begun(alice, "Kept")
    answer = await upload(alice, draft)
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert 'value="Kept"' in (await alice.get(f"{draft}/basics")).text


async def test_health_names_them_and_the_process_stays_ready(stage: Stage, visitor: httpx.AsyncClient) -> None:
    answer = await visitor.get("/health/ready")
    assert answer.status_code == 200
    told = answer.json()
    assert told["status"] == "degraded"
    assert {name: engine["state"] for name, engine in told["engines"].items()} == {
        "database": "ok", "log": "ok", "documents": "away", "media": "away",
    }  # fmt: skip


async def test_metadata_is_accepted_and_waits_while_its_event_is_stored(alice: httpx.AsyncClient) -> None:
    event = await alice.post("/api/v1/event", json=event_body(), headers={"Prefer": "wait=10"})
    assert event.status_code == 202  # as reading it back needs the documents
    event_id = event.json()["event_id"]
    sent = {"event_id": event_id, "s3_key": "k", "type": "poster", "tags": [], "description": "d"}
    accepted = await alice.post("/api/v1/metadata", json=sent)
    assert accepted.status_code == 202

    async def waiting() -> bool:
        stores = (await alice.get(accepted.headers["location"])).json()["stores"]
        return (stores["postgres"]["state"], stores["mongo"]["state"]) == ("stored", "retrying")

    await eventually(waiting, 30)
    assert (await alice.get(f"/api/v1/event/{event_id}")).status_code == 503
    assert (await alice.get(f"/events/{event_id}")).status_code == 200
