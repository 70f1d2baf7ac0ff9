"""Drafts: kept whatever they hold, submitted once, swept when they have arrived."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.domain import draft_pictures, draft_removal, draft_submission, drafts
from app.domain.accounts import Caller
from app.domain.media_details import MediaPatch, change_draft_picture
from app.domain.picture_files import PictureFile
from app.domain.ticket_types import ticket_types_data
from app.errors import AppError, Conflict, Invalid, NotFound, Stale, TooLarge, Unavailable
from app.parts import Parts
from tests.backdoor import silent_log
from tests.cast import Stage, picture, staged
from tests.waiting import eventually

DEFAULTS = {"currency": "EUR", "timezone": "Europe/Berlin"}

TYPED: dict[str, Any] = {
    "title": "Lantern Fields",
    "location": "Uckermark",
    "start_time": "2031-07-04T18:00",
    "end_time": "2031-07-06T23:00",
    "timezone": "Europe/Berlin",
    "currency": "EUR",
    "capacity": "100",
    "ticket_types": [{"name": "Weekend", "price": "49.90"}],
    "description": "Three days between the lime trees and the lake.",
    "company_name": "Lantern Fields e.V.",
    "type": "poster",
    "tags": "music, lake",
}


def caller(client: httpx.AsyncClient) -> Caller:
    user_id, organizer_id = client.user_id, client.organizer_id  # type: ignore[attr-defined]
    return Caller(user_id, "organizer", organizer_id, "Alice")


async def add(parts: Parts, who: Caller, draft_id: int, folder: Path, *contents: bytes) -> None:
    files = []
    for number, content in enumerate(contents):
        path = folder / f"upload-{number}"
        path.write_bytes(content)
        files.append(PictureFile(path, b"", f"{number}.jpg"))
    await draft_pictures.add_draft_pictures(parts.database, parts.media, parts.pictures, who, draft_id, files)


async def pictures(parts: Parts, draft_id: int) -> list[draft_pictures.DraftPicture]:
    async with parts.database.connection() as connection:
        return await draft_pictures.pictures_of_draft(connection, draft_id)


async def keys_of(parts: Parts, draft_id: int) -> list[str]:
    found = await pictures(parts, draft_id)
    return [key for one in found for key in draft_pictures.draft_picture_keys(draft_id, one.media_id)]


async def submit(parts: Parts, who: Caller, draft_id: int) -> str:
    return await draft_submission.submit_draft(parts.database, parts.submissions, who, draft_id, DEFAULTS)


async def complete_draft(parts: Parts, who: Caller, folder: Path, **changes: Any) -> int:
    draft_id = await drafts.create_draft(parts.database, who, {**TYPED, **changes})
    await add(parts, who, draft_id, folder, picture())
    return draft_id


@contextmanager
def refused(kind: type[AppError], type_: str | None = None) -> Iterator[None]:
    with pytest.raises(kind) as raised:
        yield
    assert type_ is None or raised.value.type == type_


async def test_whatever_is_typed_is_kept_and_other_fields_stay(stage: Stage, alice: httpx.AsyncClient) -> None:
    who, database = caller(alice), stage.parts.database
    draft_id = await drafts.create_draft(database, who, {"title": "x" * 201})
    await drafts.save_draft(database, who, draft_id, "tickets", {"capacity": "many"})
    (found,) = await drafts.drafts_of(database, who)
    assert (found.typed, found.step) == ({"title": "x" * 201, "capacity": "many"}, "tickets")


async def test_a_draft_is_its_organizers_alone(
    stage: Stage, alice: httpx.AsyncClient, charlie: httpx.AsyncClient, tmp_path: Path
) -> None:
    parts, stranger = stage.parts, caller(charlie)
    draft_id = await complete_draft(parts, caller(alice), tmp_path)
    (mine,) = await pictures(parts, draft_id)
    assert await drafts.drafts_of(parts.database, stranger) == []
    for attempt in (
        drafts.save_draft(parts.database, stranger, draft_id, "basics", {"title": "Mine"}),
        draft_removal.remove_draft(parts.database, parts.media, stranger, draft_id),
        draft_removal.remove_draft_picture(parts.database, parts.media, stranger, draft_id, mine.media_id),
        change_draft_picture(parts.database, stranger, draft_id, mine.media_id, MediaPatch(alt="Mine")),
        add(parts, stranger, draft_id, tmp_path, picture()),
        submit(parts, stranger, draft_id),
    ):
        with refused(NotFound):
            await attempt
    shown = f"/media/{mine.preview_key}"
    assert (await alice.get(shown)).headers["content-type"] == "image/webp"
    assert (await charlie.get(shown)).status_code == 404
    assert (await alice.get(shown.removesuffix(".webp"))).status_code == 404


async def test_texts_no_database_takes_and_too_much_text_are_refused(stage: Stage, alice: httpx.AsyncClient) -> None:
    who, database = caller(alice), stage.parts.database
    draft_id = await drafts.create_draft(database, who, {"title": "Kept"})
    with pytest.raises(Invalid) as raised:
        await drafts.save_draft(
            database, who, draft_id, "basics", {"title": "a\0b", "ticket_types": [{"name": "ok"}, {"name": "\0"}]}
        )
    assert [bad.field for bad in raised.value.fields] == ["title", "ticket_types[1].name"]
    with refused(TooLarge):
        await drafts.save_draft(database, who, draft_id, "details", {"description": "x" * 200_001})
    (found,) = await drafts.drafts_of(database, who)
    assert found.typed == {"title": "Kept"}


async def test_what_was_typed_before_a_button_was_pressed_does_not_undo_it_by_coming_late(
    stage: Stage, alice: httpx.AsyncClient
) -> None:
    who, database = caller(alice), stage.parts.database
    draft_id = await drafts.create_draft(database, who, {"title": "a"})
    typing = await drafts.save_draft(database, who, draft_id, "basics", {"title": "ab"}, since=0)
    assert (typing.typed["title"], typing.rev) == ("ab", 0)
    pressed = await drafts.save_draft(database, who, draft_id, "basics", {"title": "abc"})
    assert pressed.rev == 1
    with refused(Stale):
        await drafts.save_draft(database, who, draft_id, "basics", {"title": "ab"}, since=0)
    (kept,) = await drafts.drafts_of(database, who)
    assert kept.typed == {"title": "abc"}


async def test_there_is_an_end_to_the_number_of_drafts(stage: Stage, alice: httpx.AsyncClient) -> None:
    who, database = caller(alice), stage.parts.database
    for number in range(drafts.MAX_DRAFTS):
        await drafts.create_draft(database, who, {"title": str(number)})
    with refused(Conflict, "too-many-drafts"):
        await drafts.create_draft(database, who, {"title": "one more"})


def test_complaints_are_about_what_the_builder_asks_for() -> None:
    assert {bad.field for bad in draft_submission.complaints({}, [], DEFAULTS)} == {
        "title", "location", "start_time", "end_time", "capacity", "ticket_types[0].name",
        "ticket_types[0].price", "description", "company_name", "type", "images",
    }  # fmt: skip
    bad = {**TYPED, "end_time": "2031-07-03T10:00", "ticket_types": [{"name": "Weekend", "price": "49.999"}]}
    assert {one.field: one.message for one in draft_submission.complaints(bad, [], DEFAULTS)} == {
        "end_time": "must not be before the start",
        "ticket_types[0].price": "must have at most 2 decimals in EUR",
        "images": "are missing: add at least one",
    }


@pytest.mark.parametrize(
    ("types", "sent"),
    [
        ([{"name": "General admission", "price": "10"}], []),
        ([{"name": "General admission", "price": "10", "places": "", "hidden_until": ""}], []),
        ([{"name": "General admission", "price": "10", "places": "5"}], [(0, 5, 1)]),
        (
            [{"name": "A", "price": "10"}, {"name": "B", "price": "5", "per_attendee_limit": "4"}],
            [(0, None, 1), (1, None, 4)],
        ),
    ],
)
def test_ticket_types_are_sent_as_the_api_takes_them(types: Any, sent: Any) -> None:
    a_picture = draft_pictures.DraftPicture(
        media_id=1, draft_id=1, name="", alt="", focal_x=50, focal_y=50, position=0, width=1, height=1
    )
    given, data = draft_submission.ready({**TYPED, "ticket_types": types}, [a_picture], DEFAULTS)
    assert data.price == 10
    read = ticket_types_data(given.ticket_types or [], data.timezone)
    assert [(place, one.places, one.per_attendee_limit) for place, one in enumerate(read)] == sent


def test_complaints_about_ticket_types_name_the_type() -> None:
    types = [{"name": "A", "price": "1"}, {"name": "", "price": "dear", "places": "many", "sale_opens_at": "soon"}]
    found = draft_submission.complaints({**TYPED, "ticket_types": types}, [], DEFAULTS)
    assert {bad.field for bad in found} == {
        "images", "ticket_types[1].name", "ticket_types[1].price", "ticket_types[1].places",
        "ticket_types[1].sale_opens_at",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("field", "step"),
    [("title", "basics"), ("ticket_types[1].price", "tickets"), ("images", "media"), ("tags", "details"),
     ("status", "review"), ("anything", "review")],
)  # fmt: skip
def test_every_complaint_has_a_step(field: str, step: str) -> None:
    assert drafts.step_of(field) == step


async def test_the_date_on_the_poster_is_the_first_day_unless_said_otherwise(
    stage: Stage, alice: httpx.AsyncClient, tmp_path: Path
) -> None:
    draft = (await pictures(stage.parts, await complete_draft(stage.parts, caller(alice), tmp_path)))[0]
    _, data = draft_submission.ready(TYPED, [draft], DEFAULTS)
    assert data.date.isoformat() == "2031-07-04"
    _, data = draft_submission.ready({**TYPED, "date": "2031-07-05"}, [draft], DEFAULTS)
    assert data.date.isoformat() == "2031-07-05"


async def test_a_draft_becomes_an_event_with_its_pictures_as_arranged(
    stage: Stage, alice: httpx.AsyncClient, tmp_path: Path
) -> None:
    parts, who = stage.parts, caller(alice)
    draft_id = await drafts.create_draft(parts.database, who, TYPED)
    await add(parts, who, draft_id, tmp_path, picture(640), picture(641, kind="PNG"))
    await add(parts, who, draft_id, tmp_path, picture(642, kind="WEBP"))
    first, second, third = await pictures(parts, draft_id)
    assert [one.width for one in (first, second, third)] == [640, 641, 642]
    change = MediaPatch(alt="Lanterns", focal_x=10, focal_y=90, position=0)
    await change_draft_picture(parts.database, who, draft_id, third.media_id, change)
    await draft_removal.remove_draft_picture(parts.database, parts.media, who, draft_id, second.media_id)

    submission = await submit(parts, who, draft_id)

    async def stored() -> Any:
        found = (await alice.get(f"/api/v1/submissions/{submission}")).json()
        return found["event_id"] if found["state"] == "stored" else None

    event_id = await eventually(stored)
    read = (await alice.get(f"/api/v1/event/{event_id}")).json()
    assert read["core_event_data"]["title"] == "Lantern Fields"
    assert read["core_event_data"]["start_time"] == "2031-07-04T16:00:00Z"
    assert [
        (one["media_id"], one["width"], one["alt"], one["focal_x"], one["focal_y"]) for one in read["media_files"]
    ] == [(third.media_id, 642, "Lanterns", 10, 90), (first.media_id, 640, "", 50, 50)]


async def test_submitting_at_once_and_again_is_one_event(
    stage: Stage, alice: httpx.AsyncClient, tmp_path: Path
) -> None:
    parts, who = stage.parts, caller(alice)
    draft_id = await complete_draft(parts, who, tmp_path)
    sent = await asyncio.gather(*(submit(parts, who, draft_id) for _ in range(5)))
    assert len({*sent, await submit(parts, who, draft_id)}) == 1
    async with parts.database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM submissions") == 1
    assert await drafts.drafts_of(parts.database, who) == []
    for attempt in (
        drafts.save_draft(parts.database, who, draft_id, "basics", {"title": "Late"}),
        draft_removal.remove_draft(parts.database, parts.media, who, draft_id),
        add(parts, who, draft_id, tmp_path, picture()),
    ):
        with refused(Conflict, "draft-sent"):
            await attempt


async def test_an_unknown_outcome_keeps_the_draft_as_it_was_sent_until_asking_again(
    database_url: str, tmp_path: Path
) -> None:
    async with staged(database_url, tmp_path, PUBLISH_SECONDS="0.3") as stage:
        parts, who = stage.parts, caller(await stage.person("Alice", organizer=True))
        draft_id = await complete_draft(parts, who, tmp_path)
        async with silent_log(parts):
            with refused(Unavailable, "outcome-unknown"):
                await submit(parts, who, draft_id)
        (kept,) = await drafts.drafts_of(parts.database, who)
        assert kept.sent
        with refused(Conflict, "draft-sent"):
            await drafts.save_draft(parts.database, who, draft_id, "basics", {"title": "Late"})
        await submit(parts, who, draft_id)
        async with parts.database.connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM submissions") == 1


async def test_an_incomplete_draft_is_not_submitted_and_stays_open(stage: Stage, alice: httpx.AsyncClient) -> None:
    parts, who = stage.parts, caller(alice)
    draft_id = await drafts.create_draft(parts.database, who, TYPED)
    with pytest.raises(Invalid) as raised:
        await submit(parts, who, draft_id)
    assert [bad.field for bad in raised.value.fields] == ["images"]
    await drafts.save_draft(parts.database, who, draft_id, "basics", {"title": "Still open"})


async def test_bad_pictures_are_named_and_none_of_its_request_is_kept(
    stage: Stage, alice: httpx.AsyncClient, tmp_path: Path
) -> None:
    parts, who = stage.parts, caller(alice)
    draft_id = await drafts.create_draft(parts.database, who, TYPED)
    with pytest.raises(Invalid) as raised:
        await add(parts, who, draft_id, tmp_path, picture(), b"<svg/>", b"")
    assert [bad.message for bad in raised.value.fields] == [
        f"{number}.jpg is not a JPEG, PNG or WebP picture" for number in (1, 2)
    ]
    with pytest.raises(Invalid) as raised:
        await add(parts, who, draft_id, tmp_path, *[picture(8, 8)] * 21)
    (too_many,) = [bad.message for bad in raised.value.fields]
    assert too_many == "20.jpg is one too many: at most 20 pictures can be sent with a draft"
    assert await pictures(parts, draft_id) == []
    async with parts.database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM draft_pictures") == 0


async def test_removed_drafts_and_pictures_leave_no_bytes(
    stage: Stage, alice: httpx.AsyncClient, tmp_path: Path
) -> None:
    parts, who = stage.parts, caller(alice)
    kept, draft_id = [await complete_draft(parts, who, tmp_path) for _ in range(2)]
    keys = [await keys_of(parts, one) for one in (kept, draft_id)]
    await draft_removal.remove_draft(parts.database, parts.media, who, draft_id)
    assert all([await parts.media.size(key) for key in keys[0]])
    assert not any([await parts.media.size(key) for key in keys[1]])
    with refused(NotFound):
        await draft_removal.remove_draft(parts.database, parts.media, who, draft_id)


async def test_sweeping_takes_what_arrived_and_what_a_crash_left_and_nothing_else(
    stage: Stage, alice: httpx.AsyncClient, tmp_path: Path
) -> None:
    parts, who = stage.parts, caller(alice)
    waiting, half, arrived = [await complete_draft(parts, who, tmp_path) for _ in range(3)]
    keys = {one: await keys_of(parts, one) for one in (waiting, half, arrived)}
    submission = await submit(parts, who, arrived)

    async def stored() -> bool:
        return (await alice.get(f"/api/v1/submissions/{submission}")).json()["state"] == "stored"

    await eventually(stored)
    async with parts.database.connection() as connection:
        await connection.execute(
            "UPDATE draft_pictures SET ready = false, changed_at = now() - interval '2 hours' WHERE draft_id = $1", half
        )
        await connection.execute("UPDATE drafts SET updated_at = now() - interval '40 days'")
    await draft_removal.sweep_drafts(parts.database, parts.media)
    assert {one.draft_id for one in await drafts.drafts_of(parts.database, who)} == {waiting, half}
    left = {one for one in keys for key in keys[one] if await parts.media.size(key)}
    assert left == {waiting}
    async with parts.database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM draft_pictures") == 1
        assert await connection.fetchval("SELECT count(*) FROM drafts") == 2
