"""Submissions whose message does not get through, or is on its way."""

from pathlib import Path

import httpx
import pytest

from tests.backdoor import published, silent_log
from tests.cast import Stage, event_body, picture, project_fields, staged, stored_event
from tests.lost_uploads import uploads_lost
from tests.waiting import eventually

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def test_a_log_that_is_away_is_503_with_the_id_and_repeating_the_key_goes_on(
    database_url: str, tmp_path: Path
) -> None:
    async with staged(database_url, tmp_path, PUBLISH_SECONDS="0.3") as stage:
        alice = await stage.person("Alice", organizer=True)
        body, key = event_body(), {"Idempotency-Key": "k"}
        async with silent_log(stage.parts):
            refused = await alice.post("/api/v1/event", json=body, headers=key)
        assert refused.status_code == 503
        assert refused.json()["type"].endswith("outcome-unknown")
        assert int(refused.headers["retry-after"]) >= 1
        again = await alice.post("/api/v1/event", json=body, headers=key)
        assert again.status_code == 202
        assert again.json()["submission_id"] == refused.json()["submission_id"]
        assert (await alice.get(f"/api/v1/event/{again.json()['event_id']}")).status_code == 200
        async with stage.parts.database.connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM submissions") == 1
            assert await connection.fetchval("SELECT count(*) FROM events") == 1


async def test_what_never_reached_the_log_has_failed_after_a_day(stage: Stage, alice: httpx.AsyncClient) -> None:
    for task in stage.parts.tasks:
        await task.stop()
    answer = await alice.post("/api/v1/event", json=event_body())
    async with stage.parts.database.connection() as connection:
        await connection.execute("UPDATE submissions SET accepted_at = NULL, created_at = now() - interval '23 hours'")
        assert (await alice.get(answer.headers["location"])).json()["state"] == "pending"
        await connection.execute("UPDATE submissions SET created_at = now() - interval '25 hours'")
    told = (await alice.get(answer.headers["location"])).json()
    assert told["state"] == "failed"
    assert "submit it again" in told["stores"]["postgres"]["error"]


async def test_an_accepted_event_is_pending_for_its_owner_and_unknown_to_others(
    stage: Stage, alice: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    for task in stage.parts.tasks:
        await task.stop()
    event_id = (await alice.post("/api/v1/event", json=event_body())).json()["event_id"]
    pending = await alice.get(f"/api/v1/event/{event_id}")
    assert (pending.status_code, pending.json()["type"]) == (404, "urn:eventstream:problem:pending")
    assert pending.headers["retry-after"] == "1"
    unknown = await charlie.get(f"/api/v1/event/{event_id}")
    assert unknown.json()["type"] == "urn:eventstream:problem:not-found"


async def test_preferring_to_wait_ends_with_202_when_the_stores_are_late(
    stage: Stage, alice: httpx.AsyncClient
) -> None:
    for task in stage.parts.tasks:
        await task.stop()
    answer = await alice.post("/api/v1/event", json=event_body(), headers={"Prefer": "respond-async, wait=1"})
    assert answer.status_code == 202


async def test_what_is_too_long_for_a_message_is_refused_before_anything_is_written(
    stage: Stage, alice: httpx.AsyncClient
) -> None:
    async with stage.parts.database.connection() as connection:
        before = await connection.fetchval("SELECT count(*) FROM submissions")
    body = event_body(description="ü" * 20_000)
    assert (await alice.post("/api/v1/event", json=body)).status_code == 202
    too_long = event_body(description="x" * 20_001)
    assert (await alice.post("/api/v1/event", json=too_long)).status_code == 422

    async def one_more() -> bool:
        async with stage.parts.database.connection() as connection:
            return bool(await connection.fetchval("SELECT count(*) FROM submissions") == before + 1)

    await eventually(one_more)


async def states(alice: httpx.AsyncClient, submission: str) -> dict[str, str]:
    found = (await alice.get(f"/api/v1/submissions/{submission}")).json()
    return {name: step["state"] for name, step in found["stores"].items()}


async def test_a_store_that_failed_is_tried_again_until_it_has_its_part(stage: Stage, alice: httpx.AsyncClient) -> None:
    pictures = next(task for task in stage.parts.tasks if task.name == "eventstream-s3")
    await pictures.stop()
    files = {"images": ("a.jpg", picture())}
    sent = await alice.post("/api/v1/new-project", data=project_fields(), files=files)
    submission, event_id = sent.json()["submission_id"], sent.json()["event_id"]

    async def failed() -> bool:
        return (await states(alice, submission))["s3"] == "failed"

    async def stored() -> bool:
        return set((await states(alice, submission)).values()) == {"stored"}

    async with uploads_lost(stage, submission):
        pictures.stopping = False
        pictures.start()
        await eventually(failed)
        again = await alice.post(f"/api/v1/submissions/{submission}/retry")
        assert (again.status_code, again.headers["location"]) == (202, sent.headers["location"])
        await eventually(failed)
    letters = "upload-project-event.dead-letters"
    assert (await stage.parts.log.lag("anybody", [letters]))[letters] == 2

    assert (await alice.post(f"/api/v1/submissions/{submission}/retry")).status_code == 202
    await eventually(stored)
    assert len((await alice.get(f"/api/v1/event/{event_id}")).json()["media_files"]) == 1


async def test_what_has_not_failed_and_what_is_not_yours_is_not_retried(
    stage: Stage, alice: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    await stored_event(alice)
    async with stage.parts.database.connection() as connection:
        submission = await connection.fetchval("SELECT id FROM submissions")
    refused = await alice.post(f"/api/v1/submissions/{submission}/retry")
    assert (refused.status_code, refused.json()["type"].rsplit(":", 1)[1]) == (409, "nothing-to-retry")
    assert (await charlie.post(f"/api/v1/submissions/{submission}/retry")).status_code == 404
    assert (await alice.post("/api/v1/submissions/nonsense/retry")).status_code == 404


async def test_what_never_reached_the_log_gets_there_by_a_retry(database_url: str, tmp_path: Path) -> None:
    async with staged(database_url, tmp_path, PUBLISH_SECONDS="0.3") as stage:
        alice = await stage.person("Alice", organizer=True)
        async with silent_log(stage.parts):
            refused = (await alice.post("/api/v1/event", json=event_body())).json()
            failed_too = await alice.post(f"/api/v1/submissions/{refused['submission_id']}/retry")
            assert failed_too.status_code == 503
        assert (await alice.post(f"/api/v1/submissions/{refused['submission_id']}/retry")).status_code == 202

        async def stored() -> bool:
            return set((await states(alice, refused["submission_id"])).values()) == {"stored"}

        await eventually(stored)


@pytest.mark.parametrize(
    ("sent", "carried"),
    [
        (TRACE, TRACE),
        (None, None),
        (TRACE.upper(), None),
        (f"{TRACE}-more", None),
        (TRACE.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32), None),
    ],
)
async def test_a_message_carries_the_trace_of_its_request(
    stage: Stage, alice: httpx.AsyncClient, sent: str | None, carried: str | None
) -> None:
    headers = {"traceparent": sent} if sent else {}
    assert (await alice.post("/api/v1/event", json=event_body(), headers=headers)).status_code == 202
    (message,) = await published(stage.parts.log, "upload-event")
    assert message.headers.get("traceparent") == carried
