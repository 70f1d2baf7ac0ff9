"""Groups under bad messages, stores that are away, and tasks that die."""

import asyncio
import uuid
from pathlib import Path

import httpx
import pytest

from app.consumers import dead_letters
from app.consumers.to_postgres import to_postgres
from app.engines.database import migrate_async
from app.engines.embedded_postgres import EmbeddedPostgres
from app.engines.log import MAX_BYTES, Record
from app.main import consumer_task
from app.messages import TOPICS
from tests.backdoor import append_unchecked, keys_below, media_away, published, silent_documents
from tests.cast import Stage, event_body, picture, project_fields, staged, stored_event
from tests.waiting import eventually


async def ready(client: httpx.AsyncClient) -> dict:  # type: ignore[type-arg]
    answer = await client.get("/health/ready")
    return {"code": answer.status_code, **answer.json()}


async def lag_of(stage: Stage, group: str) -> int:
    task = next(task for task in stage.parts.tasks if task.name == group)
    return sum((await stage.parts.log.lag(group, task.topics)).values())


async def no_lag(stage: Stage, group: str) -> bool:
    return await lag_of(stage, group) == 0


async def test_poison_goes_to_the_dead_letters_and_the_next_one_is_handled(
    stage: Stage, alice: httpx.AsyncClient
) -> None:
    poison = [
        Record("upload-event", "1", b"not json", {"ce_type": "EventSubmitted", "ce_id": "no-uuid"}),
        Record("upload-event", "1", b"{}", {"ce_type": "Surprise"}),
        Record("upload-event", "1", b"{}", {}),
    ]
    await stage.parts.log.publish(poison)
    event_id = await stored_event(alice)
    assert (await alice.get(f"/api/v1/event/{event_id}")).status_code == 200

    async def letters() -> bool:
        return (await stage.parts.log.lag("anybody", ["upload-event.dead-letters"]))["upload-event.dead-letters"] == 3

    await eventually(letters)
    async with dead_letters.reading(stage.parts.log) as (_, found):
        assert {letter.value for letter in found} == {b"not json", b"{}"}
        assert all(letter.headers["dead_group"] == "eventstream-postgres" for letter in found)
        assert all(letter.headers["dead_error_class"] == "Undecodable" for letter in found)
        assert {"dead_attempts", "dead_first_seen", "dead_from", "dead_error"} <= found[0].headers.keys()
    assert (await ready(alice))["status"] == "ok"


@pytest.mark.parametrize(
    ("value", "headers", "cut"),
    [
        (b"x" * (MAX_BYTES + 5_000), {}, "A message may have"),
        (b"x" * (MAX_BYTES - 5_000), {"long": "\u00e4" * 14_990}, "The headers of a message may have"),
    ],
)
async def test_poison_that_nobody_could_append_as_it_is_becomes_a_dead_letter_that_is_cut(
    stage: Stage, alice: httpx.AsyncClient, value: bytes, headers: dict[str, str], cut: str
) -> None:
    submission = (await alice.post("/api/v1/event", json=event_body())).json()["submission_id"]
    lost = headers | {"ce_type": "Surprise", "ce_id": str(uuid.uuid4())}
    await append_unchecked(stage.parts.log, Record("upload-event", "1", value, lost))

    async def buried() -> bool:
        return (await stage.parts.log.lag("anybody", ["upload-event.dead-letters"]))["upload-event.dead-letters"] == 1

    await eventually(buried)
    async with dead_letters.reading(stage.parts.log) as (_, (letter,)):
        assert letter.headers["dead_cut"].startswith(cut)
        assert letter.headers.items() >= {"ce_type": "Surprise", "ce_id": lost["ce_id"]}.items()
        assert value.startswith(letter.value)
        assert len(letter.value) >= MAX_BYTES - 5_000
    await eventually(lambda: no_lag(stage, "eventstream-postgres"))
    await eventually(lambda: all_stored(alice, submission))
    assert (await ready(alice))["tasks"]["eventstream-postgres"]["restarts"] == 0
    assert await dead_letters.replay_all(stage.parts.log) == 0
    async with dead_letters.reading(stage.parts.log) as (_, kept):
        assert [one.value for one in kept] == [letter.value]


async def submitted_project(alice: httpx.AsyncClient) -> str:
    answer = await alice.post("/api/v1/new-project", data=project_fields(), files={"images": ("a.jpg", picture())})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["submission_id"])


async def stores(alice: httpx.AsyncClient, submission: str) -> dict[str, str]:
    found = (await alice.get(f"/api/v1/submissions/{submission}")).json()
    return {name: step["state"] for name, step in found["stores"].items()}


async def test_a_message_that_can_never_be_applied_ends_as_failed_and_can_be_replayed(
    stage: Stage, alice: httpx.AsyncClient
) -> None:
    """The upload it names is gone: an error of the message, not of the store."""
    runner = next(task for task in stage.parts.tasks if task.name == "eventstream-s3")
    await runner.stop()
    submission = await submitted_project(alice)
    media = stage.parts.media
    (upload,) = await keys_below(media, "incoming/")
    await media.copy(upload, "aside")
    await media.delete(upload)
    runner.stopping = False
    runner.start()

    async def failed() -> bool:
        return (await stores(alice, submission)) == {"postgres": "stored", "mongo": "stored", "s3": "failed"}

    await eventually(failed)
    found = (await alice.get(f"/api/v1/submissions/{submission}")).json()
    assert found["state"] == "failed"
    assert "NotFound" in found["stores"]["s3"]["error"]

    await media.copy("aside", upload)
    assert await dead_letters.replay_all(stage.parts.log) == 1
    await eventually(lambda: all_stored(alice, submission))
    assert await dead_letters.drop_all(stage.parts.log) == 0


async def all_stored(alice: httpx.AsyncClient, submission: str) -> bool:
    return set((await stores(alice, submission)).values()) == {"stored"}


async def test_a_media_store_that_is_away_for_ten_seconds_delays_only_its_own_group(
    stage: Stage, alice: httpx.AsyncClient
) -> None:
    first = await submitted_project(alice)
    await eventually(lambda: all_stored(alice, first))
    await eventually(lambda: no_lag(stage, "eventstream-s3"))  # its offset is committed after its effect
    runner = next(task for task in stage.parts.tasks if task.name == "eventstream-s3")
    await runner.stop()
    submission = await submitted_project(alice)  # its upload needs the store
    runner.stopping = False
    began = asyncio.get_running_loop().time()

    async def waiting() -> bool:
        return (await stores(alice, submission)) == {"postgres": "stored", "mongo": "stored", "s3": "retrying"}

    async def ten_seconds_of_lag_there_alone() -> bool:
        assert await lag_of(stage, "eventstream-s3") == 1
        state = await ready(alice)
        assert (state["code"], state["status"]) == (200, "degraded")
        assert state["tasks"]["eventstream-s3"]["lag"] == {"upload-project-event": 1}
        assert state["tasks"]["eventstream-s3"]["state"] == "retrying"
        for calm in ("eventstream-postgres", "eventstream-mongo"):
            assert (state["tasks"][calm]["state"], sum(state["tasks"][calm]["lag"].values())) == ("running", 0)
        return asyncio.get_running_loop().time() - began > 10

    async with media_away(stage.parts):
        runner.start()
        await eventually(waiting, 30)
        await stored_event(alice)
        for calm in ("eventstream-postgres", "eventstream-mongo"):
            await eventually(lambda calm=calm: no_lag(stage, calm))
        await eventually(ten_seconds_of_lag_there_alone, 40)
    await eventually(lambda: all_stored(alice, submission), 20)
    await eventually(lambda: no_lag(stage, "eventstream-s3"))

    async def calm_again() -> bool:
        return (await ready(alice))["status"] == "ok"

    await eventually(calm_again)


async def test_a_document_store_that_does_not_answer_delays_only_its_own_group(
    stage: Stage, alice: httpx.AsyncClient
) -> None:
    stage.parts.documents.seconds = 0.3  # type: ignore[attr-defined]
    async with silent_documents(stage.parts):
        submission = await submitted_project(alice)

        async def others_are_done() -> bool:
            return (await stores(alice, submission)) == {"postgres": "stored", "mongo": "retrying", "s3": "stored"}

        await eventually(others_are_done)
        assert (await ready(alice))["engines"]["documents"]["state"] == "away"
    await eventually(lambda: all_stored(alice, submission))


@pytest.mark.parametrize("group", ["eventstream-postgres", "eventstream-mongo", "eventstream-s3"])
async def test_a_consumer_that_dies_is_started_again_and_readiness_says_so(
    stage: Stage, alice: httpx.AsyncClient, group: str
) -> None:
    (task,) = [task for task in asyncio.all_tasks() if task.get_name() == group]
    task.cancel()

    async def restarted() -> bool:
        told = (await ready(alice))["tasks"][group]
        return told["restarts"] == 1 and told["state"] == "running"

    await eventually(restarted)
    submission = await submitted_project(alice)
    await eventually(lambda: all_stored(alice, submission))


async def test_too_many_dead_letters_in_a_row_stop_the_group_until_a_restart_which_begins_after_them(
    stage: Stage, alice: httpx.AsyncClient
) -> None:
    await stage.parts.log.publish([Record("upload-event", "1", b"x", {}) for _ in range(60)])

    async def red() -> bool:
        state = await ready(alice)
        return state["code"] == 503 and state["tasks"]["eventstream-postgres"]["state"] == "stopped"

    await eventually(red)
    assert "50 dead letters in a row" in (await ready(alice))["tasks"]["eventstream-postgres"]["error"]
    again = consumer_task(to_postgres(), stage.parts.log, stage.parts.database)
    again.start()
    await eventually(lambda: no_lag(stage, "eventstream-postgres"))
    assert again.health.state == "running"
    await again.stop()
    async with dead_letters.reading(stage.parts.log) as (_, letters):
        assert len(letters) == 60


async def test_one_bad_message_does_not_take_its_batch_along(stage: Stage, alice: httpx.AsyncClient) -> None:
    runner = next(task for task in stage.parts.tasks if task.name == "eventstream-postgres")
    await runner.stop()
    answers = [(await alice.post("/api/v1/event", json=event_body(title=f"Night {n}"))).json() for n in range(5)]
    good = [record for record in await published(stage.parts.log, "upload-event") if b"Night 2" in record.value]
    bad = Record(
        good[0].topic, good[0].key, good[0].value.replace(b'"capacity":100', b'"capacity":-1'), good[0].headers
    )
    await stage.parts.log.publish([bad])
    runner.stopping = False
    runner.start()

    async def settled() -> list[str]:
        found = [(await alice.get(f"/api/v1/submissions/{a['submission_id']}")).json()["state"] for a in answers]
        return found if "pending" not in found else []

    assert await eventually(settled, 30) == ["stored"] * 5
    async with dead_letters.reading(stage.parts.log) as (_, letters):
        assert [letter.value for letter in letters] == [bad.value]


async def test_delivered_twice_is_stored_once(stage: Stage, alice: httpx.AsyncClient) -> None:
    submission = await submitted_project(alice)
    await eventually(lambda: all_stored(alice, submission))
    async with stage.parts.database.connection() as connection:
        before = await everything(connection)
    await stage.parts.log.publish(await published(stage.parts.log, *TOPICS) * 3)
    for group in ("eventstream-postgres", "eventstream-mongo", "eventstream-s3"):
        await eventually(lambda group=group: no_lag(stage, group))
    async with stage.parts.database.connection() as connection:
        assert await everything(connection) == before


async def everything(connection) -> list[str]:  # type: ignore[no-untyped-def]
    tables = ("events", "event_metadata", "media", "documents")
    return [await connection.fetchval(f"SELECT json_agg(t ORDER BY id)::text FROM {table} t") for table in tables]


async def test_with_postgres_away_everything_but_liveness_is_503(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path / "pg")
    url = await asyncio.to_thread(postgres.start)
    try:
        await migrate_async(url)
        async with staged(url, tmp_path / "data") as stage:
            alice = await stage.person("Alice", organizer=True)
            event_id = await stored_event(alice)
            await asyncio.to_thread(postgres.stop_server)
            assert (await alice.get("/health/live")).status_code == 200
            for answer in (
                await alice.get("/health/ready"),
                await alice.post("/api/v1/event", json=event_body()),
                await alice.get(f"/api/v1/event/{event_id}"),
                await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}"),
                await alice.get("/"),
            ):
                assert answer.status_code == 503
            refused = await alice.post("/api/v1/event", json=event_body())
            assert refused.headers["retry-after"]
            assert refused.headers["content-type"].startswith("application/problem+json")
            await asyncio.to_thread(postgres.start_server)

            async def back() -> bool:
                return (await alice.get("/health/ready")).json()["status"] == "ok"

            await eventually(back, 30)
            await stored_event(alice, title="Afterwards")
    finally:
        await asyncio.to_thread(postgres.stop)
