"""An event is copied to a new start: through the same pipeline, with everything that belongs to it."""

import datetime as dt
from typing import Any

import httpx
import pytest

from app.domain.copies import Shifter
from tests.backdoor import keys_below
from tests.cast import Stage, picture, project_fields, stored_event
from tests.guests import sell_to

BERLIN = "Europe/Berlin"


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC)


@pytest.mark.parametrize(
    ("moment", "new_start", "after"),
    [
        # from summer into winter: eight in the evening stays eight in the evening
        ("2031-07-04T20:00+02:00", "2031-11-04T18:00", "2031-11-04T20:00+01:00"),
        ("2031-07-05T02:00+02:00", "2031-11-04T18:00", "2031-11-05T02:00+01:00"),
        # a year later, and a start that is given with an offset
        ("2031-07-04T20:00+02:00", "2032-07-02T16:00+00:00", "2032-07-02T20:00+02:00"),
        # the opening of the sale moves over the change of the clocks by days, not by hours
        ("2031-03-20T10:00+01:00", "2031-07-18T18:00", "2031-04-03T10:00+02:00"),
        # half past two does not exist on that morning, and becomes half past three
        ("2031-07-05T02:30+02:00", "2032-03-27T18:00", "2032-03-28T03:30+02:00"),
    ],
)
def test_moments_move_by_the_clock_of_the_place(moment: str, new_start: str, after: str) -> None:
    shift = Shifter(utc("2031-07-04T18:00+02:00"), dt.datetime.fromisoformat(new_start), BERLIN)
    assert shift.moment(utc(moment)) == utc(after)


async def project(alice: httpx.AsyncClient, **changes: Any) -> int:
    fields = project_fields(
        start_time="2031-07-04T18:00", end_time="2031-07-06T23:00", date="2031-07-04", timezone=BERLIN, **changes
    )
    answer = await alice.post(
        "/api/v1/new-project",
        data=fields,
        files=[("images", ("a.jpg", picture())), ("images", ("b.jpg", picture(colour="red")))],
        headers={"Prefer": "wait=20"},
    )
    assert answer.status_code == 201, answer.text
    event_id: int = answer.json()["core_event_data"]["event_id"]
    return event_id


async def test_a_copy_has_texts_pictures_and_details_and_starts_unsold(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id = await project(alice)
    more = {"event_id": event_id, "s3_key": "x", "type": "banner", "tags": ["b"], "description": "second"}
    assert (await alice.post("/api/v1/metadata", json=more, headers={"Prefer": "wait=20"})).status_code == 201
    async with stage.parts.database.connection() as connection:
        await sell_to(connection, event_id, ["Ann", "Ben"])
    body = {"start_time": "2032-07-02T18:00", "title": "Next year"}
    key = {"Idempotency-Key": "again", "Prefer": "wait=20"}
    first = await alice.post(f"/api/v1/event/{event_id}/copies", json=body, headers=key)
    assert first.status_code == 201, first.text
    again = await alice.post(f"/api/v1/event/{event_id}/copies", json=body, headers=key)
    assert again.headers["idempotent-replayed"] == "true"
    copied = first.json()
    assert again.json()["core_event_data"]["event_id"] == copied["core_event_data"]["event_id"] != event_id
    source = (await alice.get(f"/api/v1/event/{event_id}")).json()
    core = copied["core_event_data"]
    assert (core["title"], core["status"], core["date"]) == ("Next year", "draft", "2032-07-02")
    assert core["start_time"] == "2032-07-02T16:00:00Z"
    assert core["end_time"] == "2032-07-04T21:00:00Z"
    for name in ("description", "location", "price", "currency", "timezone", "capacity", "organized_by", "tags"):
        assert core[name] == source["core_event_data"][name]
    assert copied["availability"] == {"capacity": 100, "sold": 0, "held": 0, "left": 100}
    for one, other in zip(copied["media_files"], source["media_files"], strict=True):
        assert one["s3_key"] != other["s3_key"]
        assert (one["width"], one["height"]) == (other["width"], other["height"])
        assert (await alice.get(one["url"])).status_code == 200

    async def kinds(which: int) -> list[str]:
        return [one["type"] for one in (await alice.get(f"/api/v1/event/{which}")).json()["metadata"]]

    assert await kinds(core["event_id"]) == await kinds(event_id) == ["poster", "banner"]
    assert await keys_below(stage.parts.media, "incoming/") == []


async def test_the_plan_says_what_is_copied_shifted_and_dropped_and_does_nothing(
    stage: Stage, alice: httpx.AsyncClient
) -> None:
    event_id = await project(alice)
    async with stage.parts.database.connection() as connection:
        await sell_to(connection, event_id, ["Ann", "Ben"])
    answer = await alice.post(f"/api/v1/event/{event_id}/copy-plan", json={"start_time": "2031-11-07T18:00"})
    plan = answer.json()
    assert answer.status_code == 200
    assert {part["what"]: part["count"] for part in plan["copied"]}["pictures"] == 2
    shifts = {one["what"]: (one["before"], one["after"]) for one in plan["shifted"]}
    assert shifts["start_time"] == ("2031-07-04T16:00:00Z", "2031-11-07T17:00:00Z")
    assert shifts["end_time"] == ("2031-07-06T21:00:00Z", "2031-11-09T22:00:00Z")
    assert (plan["old_date"], plan["new_date"]) == ("2031-07-04", "2031-11-07")
    assert plan["dropped"] == [{"what": "tickets", "count": 2}]
    assert len((await alice.get("/api/v1/events?mine=true")).json()["items"]) == 1


async def test_an_event_without_details_or_pictures_is_copied_too(alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    body = {"start_time": "2032-07-02T18:00", "status": "published"}
    answer = await alice.post(f"/api/v1/event/{event_id}/copies", json=body, headers={"Prefer": "wait=20"})
    assert answer.status_code == 201, answer.text
    assert answer.json()["core_event_data"]["status"] == "published"


@pytest.mark.parametrize("path", ["copies", "copy-plan"])
async def test_bad_copies_are_refused_with_their_fields(
    alice: httpx.AsyncClient, charlie: httpx.AsyncClient, path: str
) -> None:
    event_id = await stored_event(alice)
    address = f"/api/v1/event/{event_id}/{path}"
    for body, fields in (
        ({}, ["start_time"]),
        ({"start_time": "soon", "title": "x" * 201}, ["start_time", "title"]),
        ({"start_time": "2200-12-31T18:00"}, ["start_time"]),
        ({"start_time": "2031-01-01T18:00", "status": "sold"}, ["status"]),
        ({"start_time": "2032-03-28T02:30"}, ["start_time"]),
    ):
        answer = await alice.post(address, json=body)
        assert (answer.status_code, sorted(bad["field"] for bad in answer.json()["errors"])) == (422, fields)
    assert (await charlie.post(address, json={"start_time": "2032-07-02T18:00"})).status_code == 404
