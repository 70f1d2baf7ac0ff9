"""Submissions whose message does not get through, or is on its way."""

from pathlib import Path

import httpx

from tests.backdoor import silent_log
from tests.cast import Stage, event_body, staged
from tests.waiting import eventually


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

        async def accepted() -> httpx.Response | None:
            answer = await alice.post("/api/v1/event", json=body, headers=key)
            return answer if answer.status_code == 202 else None

        again = await eventually(accepted)
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
