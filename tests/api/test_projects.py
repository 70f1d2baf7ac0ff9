"""Projects, metadata and media over the API."""

import asyncio
import resource
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.domain.submissions import submitted_again
from tests.backdoor import keys_below
from tests.cast import SEED_EVENT, Stage, event_body, picture, project_fields, stored_event
from tests.waiting import eventually


def named(answer: httpx.Response) -> dict[str, str]:
    return {error["field"]: error["message"] for error in answer.json()["errors"]}


async def project(alice: httpx.AsyncClient, *, count: int = 1, **changes: object) -> httpx.Response:
    files = [("images", (f"{number}.jpg", picture(640 + number), "image/jpeg")) for number in range(count)]
    return await alice.post(
        "/api/v1/new-project", data=project_fields(**changes), files=files, headers={"Prefer": "wait=15"}
    )


@pytest.mark.parametrize(("path", "field"), [("new-media", "media_file"), ("new-project", "images")])
async def test_a_text_where_a_file_belongs_is_refused_in_words(alice: httpx.AsyncClient, path: str, field: str) -> None:
    sent = {name: (None, text) for name, text in {**project_fields(), field: "a.jpg"}.items()}
    answer = await alice.post(f"/api/v1/{path}", files=sent)
    assert answer.status_code == 422
    assert [bad["message"] for bad in answer.json()["errors"] if bad["field"] == field] == ["must be files"]


async def test_ticket_types_nested_too_deeply_are_no_list(alice: httpx.AsyncClient) -> None:
    answer = await project(alice, ticket_types="[" * 3000)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "ticket_types", "message": "must be a list"}]


async def test_a_multipart_form_without_its_boundary_is_told_so(alice: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "multipart/form-data"}
    answer = await alice.post("/api/v1/new-project", content=b"--x", headers=headers)
    assert answer.status_code == 400
    assert answer.json()["detail"] == "A multipart form must name its boundary."


async def test_a_full_disk_is_not_called_the_database(
    alice: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        answer = await alice.post("/api/v1/new-media", files={"media_file": ("a.jpg", picture())})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert answer.status_code == 503
    assert answer.json()["detail"] == "The server cannot keep files at the moment."
    assert "File too large" in capsys.readouterr().out


@pytest.mark.parametrize("path", ["/api/v1/new-project", "/sign-in"])
async def test_a_form_of_more_parts_than_anybody_needs_is_too_large(alice: httpx.AsyncClient, path: str) -> None:
    answer = await alice.post(path, files=[("tags", (None, "x"))] * 201)
    assert answer.status_code == 413
    assert "A form may have at most 200 parts." in answer.text


async def test_a_project_reaches_all_three_stores_and_is_read_back(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    answer = await project(alice, count=2)
    assert answer.status_code == 201, answer.text
    read = (await bob.get(f"/api/v1/event/{answer.json()['core_event_data']['event_id']}")).json()
    assert read["fan_out"] == {"postgres": "stored", "mongo": "stored", "s3": "stored"}
    (metadata,) = read["metadata"]
    assert (metadata["type"], metadata["tags"], metadata["company_name"]) == (
        "poster",
        ["music", "lake"],
        "Lantern Fields e.V.",
    )
    event_id = read["core_event_data"]["event_id"]
    assert [one["s3_key"] for one in read["media_files"]] == [
        f"events/{event_id}/{one['media_id']}.webp" for one in read["media_files"]
    ]
    assert [one["width"] for one in read["media_files"]] == [640, 641]
    shown = await bob.get(read["media_files"][0]["url"])
    assert shown.headers["content-type"] == "image/webp"
    assert len(shown.content) == read["media_files"][0]["bytes"]


async def test_the_202_of_a_project(alice: httpx.AsyncClient) -> None:
    answer = await alice.post(
        "/api/v1/new-project", data=project_fields(), files={"images": ("a.png", picture(kind="PNG"))}
    )
    assert answer.status_code == 202
    assert answer.json()["success"] == "Payload sent to consumer"
    progress = await alice.get(answer.headers["location"])
    assert progress.status_code == 200
    assert set(progress.json()["stores"]) == {"postgres", "mongo", "s3"}


def form_with(name: str, value: bytes, kind: str) -> dict[str, Any]:
    head = f'--x\r\nContent-Disposition: form-data; name="{name}"\r\nContent-Type: {kind}\r\n\r\n'
    return {
        "content": head.encode() + value + b"\r\n--x--\r\n",
        "headers": {"Content-Type": "multipart/form-data; boundary=x"},
    }


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (b"a\xed\xa0\x80b", "text/plain"),
        (b"a\xff\xfeb", "text/plain"),
        (b"a", "text/plain; charset=nope"),
        (b"a" * 120_000 + b"-" + b"a" * 120_000, "text/plain; charset=punycode"),
        (b"\xff", "text/plain; charset=idna"),
        (b"+2AA-", "text/plain; charset=utf-7"),
    ],
)
async def test_a_form_whose_text_is_no_text_is_refused_in_words(
    alice: httpx.AsyncClient, visitor: httpx.AsyncClient, value: bytes, kind: str
) -> None:
    for path, field in (("new-project", "title"), ("new-media", "event_id")):
        answer = await alice.post(f"/api/v1/{path}", **form_with(field, value, kind))
        assert (answer.status_code, answer.json()["detail"]) == (400, "The text of a form must be UTF-8."), path
    for person, path in ((visitor, "/sign-up"), (visitor, "/sign-in"), (alice, "/projects/drafts")):
        answer = await person.post(path, **form_with("title", value, kind))
        assert (answer.status_code, "The text of a form must be UTF-8." in answer.text) == (400, True), path
    answer = await visitor.post("/projects/drafts", **form_with("title", value, kind))
    assert answer.status_code == 303


async def test_the_texts_of_a_form_are_not_endless(alice: httpx.AsyncClient, visitor: httpx.AsyncClient) -> None:
    sent = form_with("tags", b"ab," * 400_000, "text/plain")
    for person, path in ((alice, "/api/v1/new-project"), (visitor, "/sign-in")):
        answer = await person.post(path, **sent)
        assert answer.status_code == 413
        assert "The texts of a form may have at most 1000000 bytes." in answer.text


async def test_a_control_character_in_a_form_is_a_422_that_names_the_field(alice: httpx.AsyncClient) -> None:
    for path, field in (("new-project", "title"), ("new-media", "event_id")):
        answer = await alice.post(f"/api/v1/{path}", **form_with(field, b"a\x00b", "text/plain"))
        assert answer.status_code == 422
        assert named(answer)[field] == "must not have control characters or broken letters"


@pytest.mark.parametrize(
    "sent",
    [
        {"json": {}},
        {"data": {"title": "a"}},
        {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}},
        {"content": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
        {},
    ],
)
async def test_what_is_no_multipart_form_is_refused(alice: httpx.AsyncClient, sent: dict[str, Any]) -> None:
    for path in ("new-project", "new-media"):
        answer = await alice.post(f"/api/v1/{path}", **sent)
        assert answer.status_code in (400, 422), answer.text
        assert answer.json()["detail"]


async def test_the_seed_event_as_a_form(alice: httpx.AsyncClient) -> None:
    fields = {**SEED_EVENT, "company_name": "Coca-Cola", "type": "poster", "tags": ["coke", "fun"]}
    answer = await alice.post("/api/v1/new-project", data=fields, files={"images": ("a.jpg", picture())})
    assert answer.status_code == 202, answer.text


async def test_a_program_writes_amounts_the_same_way_whatever_language_it_asks_for(alice: httpx.AsyncClient) -> None:
    german = {"Accept-Language": "de-DE"}
    for price, status in (("24.500", 202), ("24,50", 422)):
        files = {"images": ("a.jpg", picture())}
        fields = project_fields(price=price)
        answer = await alice.post("/api/v1/new-project", data=fields, files=files, headers=german)
        assert answer.status_code == status, answer.text
    stored = await alice.post("/api/v1/event", json=event_body(price="24.500"), headers={"Prefer": "wait=20", **german})
    assert stored.json()["core_event_data"]["price"] == "24.50"


async def test_every_bad_field_of_a_form_is_named(alice: httpx.AsyncClient) -> None:
    fields = {
        "title": "",
        "capacity": "many",
        "price": "free",
        "type": "flyer",
        "date": "tomorrow",
        "tags": ["x" * 101],
    }
    answer = await alice.post("/api/v1/new-project", data=fields, files={"images": ("a.jpg", picture())})
    assert answer.status_code == 422
    required = {"description", "location", "start_time", "end_time", "company_name"}
    assert set(named(answer)) == set(fields) | required


async def test_a_project_needs_a_picture(alice: httpx.AsyncClient) -> None:
    for files in ({"images": ("", b"")}, {"other": ("a.jpg", picture())}):
        answer = await alice.post("/api/v1/new-project", data=project_fields(), files=files)
        assert answer.status_code == 422
        assert set(named(answer)) == {"images"}


async def test_what_is_no_picture_is_refused_before_anything_is_accepted(
    alice: httpx.AsyncClient, stage: Stage
) -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
    answer = await alice.post(
        "/api/v1/new-project", data=project_fields(), files={"images": ("a.jpg", svg, "image/jpeg")}
    )
    assert named(answer) == {"images": "a.jpg is not a JPEG, PNG or WebP picture"}
    async with stage.parts.database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM submissions") == 0


@pytest.mark.parametrize(("path", "field"), [("new-media", "media_file"), ("new-project", "images")])
async def test_every_file_that_is_no_picture_is_named(alice: httpx.AsyncClient, path: str, field: str) -> None:
    contents = {"a.jpg": b"text", "b.jpg": picture(), "c.png": picture(kind="PNG")[:200]}
    files = [(field, (name, content)) for name, content in contents.items()]
    answer = await alice.post(f"/api/v1/{path}", data=project_fields(), files=files)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"field": field, "message": "a.jpg is not a JPEG, PNG or WebP picture"},
        {"field": field, "message": "c.png is broken and cannot be read"},
    ]


async def test_too_many_and_too_large_files(alice: httpx.AsyncClient) -> None:
    many = [("images", (f"{n}.jpg", picture(8, 8))) for n in range(21)]
    assert set(named(await alice.post("/api/v1/new-project", data=project_fields(), files=many))) == {"images"}


@pytest.mark.parametrize(
    ("path", "field", "wrong"), [("new-media", "media_file", "event_id"), ("new-project", "images", "end_time")]
)
async def test_bad_fields_and_bad_pictures_are_named_in_one_answer(
    alice: httpx.AsyncClient, path: str, field: str, wrong: str
) -> None:
    large = picture() + b"\0" * (10 * 1024 * 1024)
    contents = {"a.jpg": large, "b.jpg": b"text", "c.jpg": picture(), "d.jpg": large}
    fields = project_fields() | {wrong: "nonsense"}
    files = [(field, (name, content)) for name, content in contents.items()]
    answer = await alice.post(f"/api/v1/{path}", data=fields, files=files)
    assert answer.status_code == 422
    assert [(error["field"], error["message"]) for error in answer.json()["errors"][1:]] == [
        (field, "a.jpg is larger than 10 MiB"),
        (field, "b.jpg is not a JPEG, PNG or WebP picture"),
        (field, "d.jpg is larger than 10 MiB"),
    ]
    assert answer.json()["errors"][0]["field"] == wrong
    answer = await alice.post(f"/api/v1/{path}", data=fields, files={"other": ("a.jpg", b"")})
    assert set(named(answer)) == {wrong, field}


async def test_the_same_project_with_the_same_key_is_one(
    alice: httpx.AsyncClient, stage: Stage, tmp_path: Path
) -> None:
    async def send(colour: str = "teal") -> httpx.Response:
        files = {"images": ("a.jpg", picture(colour=colour))}
        return await alice.post("/api/v1/new-project", data=fields, files=files, headers={"Idempotency-Key": "p"})

    fields = project_fields()
    first, again, other = await send(), await send(), await send("red")
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert other.status_code == 422

    await eventually(lambda: stored(alice, first))
    async with stage.parts.database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM media") == 1


async def test_a_project_that_is_refused_leaves_no_uploads(alice: httpx.AsyncClient, stage: Stage) -> None:
    (runner,) = [task for task in stage.parts.tasks if task.name == "eventstream-s3"]
    await runner.stop()
    fields = project_fields()
    answers = [
        await alice.post(
            "/api/v1/new-project", data=fields | {"title": title}, files={"images": ("a.jpg", picture())},
            headers={"Idempotency-Key": "p"},
        )
        for title in ("One", "One", "Another")
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [202, 202, 422]
    assert len(await keys_below(stage.parts.media, "incoming/")) == 1


async def stored(alice: httpx.AsyncClient, answer: httpx.Response) -> bool:
    return (await alice.get(answer.headers["location"])).json()["state"] == "stored"


async def test_uploads_leave_incoming_once_stored(stage: Stage, alice: httpx.AsyncClient) -> None:
    runner = next(task for task in stage.parts.tasks if task.name == "eventstream-s3")
    await runner.stop()
    answer = await alice.post("/api/v1/new-project", data=project_fields(), files={"images": ("a.jpg", picture())})
    assert len(await keys_below(stage.parts.media, "incoming/")) == 1
    runner.stopping = False
    runner.start()
    await eventually(lambda: stored(alice, answer))

    async def gone() -> bool:
        return await keys_below(stage.parts.media, "incoming/") == []

    await eventually(gone)


async def test_a_submission_is_its_senders_alone(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    answer = await alice.post("/api/v1/event", json=event_body())
    assert (await bob.get(answer.headers["location"])).status_code == 404
    for wrong in ("00000000-0000-0000-0000-000000000000", "nonsense"):
        assert (await alice.get(f"/api/v1/submissions/{wrong}")).status_code == 404


def metadata_body(event_id: int, **changes: object) -> dict[str, object]:
    return {"event_id": event_id, "s3_key": "free/text", "type": "banner", "tags": ["a"], "description": "d", **changes}


async def test_metadata_right_after_the_202_of_its_event(alice: httpx.AsyncClient) -> None:
    event_id = (await alice.post("/api/v1/event", json=event_body())).json()["event_id"]
    answer = await alice.post("/api/v1/metadata", json=metadata_body(event_id))
    assert answer.status_code == 202
    assert answer.json()["success"] == "New metadata details sent to kafka"
    await eventually(lambda: stored(alice, answer))
    (found,) = (await alice.get(f"/api/v1/event/{event_id}")).json()["metadata"]
    assert found["metadata_id"] == answer.json()["metadata_id"]
    assert {**metadata_body(event_id)}.items() <= found.items()


async def test_metadata_of_others_and_bad_metadata(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice)
    assert (await charlie.post("/api/v1/metadata", json=metadata_body(event_id))).status_code == 404
    assert (await bob.post("/api/v1/metadata", json=metadata_body(event_id))).status_code == 403
    assert (await alice.post("/api/v1/metadata", json=metadata_body(event_id, uploaded_by=99))).status_code == 403
    bad = {"event_id": "x", "s3_key": "", "type": "flyer", "tags": [1], "description": ""}
    assert set(named(await alice.post("/api/v1/metadata", json=bad))) == set(bad)


async def test_deleted_metadata_is_gone_and_stays_so(alice: httpx.AsyncClient, charlie: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    answer = await alice.post("/api/v1/metadata", json=metadata_body(event_id), headers={"Prefer": "wait=10"})
    assert answer.status_code == 201
    number = answer.json()["metadata_id"]
    assert (await charlie.delete(f"/api/v1/metadata/{number}")).status_code == 404
    removal = await alice.delete(f"/api/v1/metadata/{number}")
    assert removal.status_code == 202
    await eventually(lambda: stored(alice, removal))
    assert (await alice.get(f"/api/v1/event/{event_id}")).json()["metadata"] == []
    assert (await alice.delete(f"/api/v1/metadata/{number}")).status_code == 404


async def test_new_media_works_at_once(alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    files = [("media_file", ("a.jpg", picture())), ("media_file", ("b.png", picture(kind="PNG")))]
    answer = await alice.post("/api/v1/new-media", data={"event_id": str(event_id)}, files=files)
    assert answer.status_code == 201, answer.text
    first, second = answer.json()["media"]
    assert first["s3_key"].startswith(f"events/{event_id}/")
    for one in (first, second):
        shown = await alice.get(one["url"])
        assert (shown.status_code, len(shown.content)) == (200, one["bytes"])
    listed = (await alice.get(f"/api/v1/event/{event_id}")).json()["media_files"]
    assert [one["s3_key"] for one in listed] == [first["s3_key"], second["s3_key"]]


async def test_media_without_an_event_is_its_organizers_alone(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    answer = await alice.post("/api/v1/new-media", files={"media_file": ("a.jpg", picture())})
    (one,) = answer.json()["media"]
    assert one["s3_key"].startswith(f"organizers/{alice.organizer_id}/")  # type: ignore[attr-defined]
    assert (await alice.get(one["url"])).status_code == 200
    assert (await bob.get(one["url"])).status_code == 404


async def test_media_of_somebody_elses_event(alice: httpx.AsyncClient, charlie: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    answer = await charlie.post(
        "/api/v1/new-media", data={"event_id": str(event_id)}, files={"media_file": ("a.jpg", picture())}
    )
    assert answer.status_code == 404


async def test_the_same_media_with_the_same_key_is_one(alice: httpx.AsyncClient) -> None:
    async def send() -> httpx.Response:
        files = {"media_file": ("a.jpg", picture())}
        return await alice.post("/api/v1/new-media", files=files, headers={"Idempotency-Key": "m"})

    first, again = await send(), await send()
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"


async def test_the_same_media_eight_times_at_once_with_one_key_is_one(stage: Stage, alice: httpx.AsyncClient) -> None:
    async def send() -> httpx.Response:
        files = {"media_file": ("a.jpg", picture())}
        return await alice.post("/api/v1/new-media", files=files, headers={"Idempotency-Key": "m"})

    answers = await asyncio.gather(*(send() for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["media"][0]["s3_key"] for answer in answers}) == 1
    assert len(await keys_below(stage.parts.media, "organizers/")) == 4


async def test_deleted_media_is_gone_with_all_its_widths(
    stage: Stage, alice: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    answer = await project(alice)
    (one,) = answer.json()["media_files"]
    assert (await charlie.delete(f"/api/v1/media/{one['media_id']}")).status_code == 404
    removal = await alice.delete(f"/api/v1/media/{one['media_id']}")
    assert removal.status_code == 202
    await eventually(lambda: stored(alice, removal))
    assert (await alice.get(one["url"])).status_code == 404
    assert await keys_below(stage.parts.media, "events/") == []
    event_id = answer.json()["core_event_data"]["event_id"]
    assert (await alice.get(f"/api/v1/event/{event_id}")).json()["media_files"] == []


@pytest.mark.parametrize(
    ("header", "status", "content"),
    [
        ("bytes=0-3", 206, slice(0, 4)), ("bytes=4-", 206, slice(4, None)), ("bytes=-5", 206, slice(-5, None)),
        ("Bytes=0-3", 206, slice(0, 4)), ("bytes=0-" + "9" * 30, 200, slice(None)),
        ("bytes=0-999999", 200, slice(None)), ("items=1-2", 200, slice(None)), ("bytes=2-1,4-5", 200, slice(None)),
    ],
)  # fmt: skip
async def test_ranges_of_pictures(alice: httpx.AsyncClient, header: str, status: int, content: slice) -> None:
    (one,) = (await alice.post("/api/v1/new-media", files={"media_file": ("a.jpg", picture())})).json()["media"]
    whole = (await alice.get(one["url"])).content
    part = await alice.get(one["url"], headers={"Range": header})
    assert (part.status_code, part.content) == (status, whole[content])
    if status == 206:
        assert part.headers["content-range"].endswith(f"/{len(whole)}")


async def test_picture_headers_and_ranges_beyond_the_end(alice: httpx.AsyncClient) -> None:
    (one,) = (await alice.post("/api/v1/new-media", files={"media_file": ("a.jpg", picture())})).json()["media"]
    shown = await alice.get(one["url"])
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert "max-age=31536000" in shown.headers["cache-control"]
    assert shown.headers["accept-ranges"] == "bytes"
    for start in (999999, 10**30):
        beyond = await alice.get(one["url"], headers={"Range": f"bytes={start}-"})
        assert beyond.status_code == 416
        assert beyond.headers["content-range"] == f"bytes */{one['bytes']}"


async def test_a_range_counts_without_conditions_and_for_get_alone(alice: httpx.AsyncClient) -> None:
    (one,) = (await alice.post("/api/v1/new-media", files={"media_file": ("a.jpg", picture())})).json()["media"]
    conditional = await alice.get(one["url"], headers={"Range": "bytes=0-3", "If-Range": '"some tag"'})
    asked = await alice.head(one["url"], headers={"Range": "bytes=0-3"})
    assert [(answer.status_code, int(answer.headers["content-length"])) for answer in (conditional, asked)] == [
        (200, one["bytes"])
    ] * 2


async def test_pictures_follow_the_event_they_belong_to(alice: httpx.AsyncClient, visitor: httpx.AsyncClient) -> None:
    draft = (await project(alice, status="draft")).json()["media_files"][0]
    public = (await project(alice)).json()["media_files"][0]
    assert set(public["widths"]) == {"480", "960", "1920"}
    for url in (draft["url"], *draft["widths"].values()):
        assert (await visitor.get(url)).status_code == 404
    for url in (public["url"], *public["widths"].values()):
        assert (await visitor.get(url)).status_code == 200


async def test_pictures_of_a_cancelled_event_stay_on_its_page(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    answer = (await project(alice)).json()
    path = f"/api/v1/event/{answer['core_event_data']['event_id']}/cancellation"
    assert (await alice.post(path, json={"reason": "storm"})).status_code == 202
    url = answer["media_files"][0]["url"]
    for person in (bob, visitor):
        assert (await person.get(url)).status_code == 200


async def test_lists_have_a_thumbnail_that_works(alice: httpx.AsyncClient, visitor: httpx.AsyncClient) -> None:
    await project(alice)
    (listed,) = (await alice.get("/api/v1/events")).json()["items"]
    assert listed["thumbnail"] != listed["picture"]
    assert (await visitor.get(listed["thumbnail"])).status_code == 200
    assert listed["thumbnail"] in (await visitor.get("/")).text


@pytest.mark.parametrize("path", ["/media/incoming/x", "/media/../settings", "/media/events/1/999.webp", "/media/%00"])
async def test_addresses_that_are_no_pictures(alice: httpx.AsyncClient, path: str) -> None:
    assert (await alice.get(path)).status_code == 404


async def test_pictures_are_described_cropped_and_moved(
    alice: httpx.AsyncClient, charlie: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    answer = await project(alice, count=3)
    event_id = answer.json()["core_event_data"]["event_id"]

    async def order() -> list[int]:
        read = (await alice.get(f"/api/v1/event/{event_id}")).json()
        return [one["media_id"] for one in read["media_files"]]

    one, two, three = await order()
    changed = await alice.patch(f"/api/v1/media/{three}", json={"alt": "A lake", "focal_x": 0, "focal_y": 100})
    assert changed.status_code == 200
    media = changed.json()["media"]
    assert (media["media_id"], media["alt"], media["focal_x"], media["focal_y"]) == (three, "A lake", 0, 100)
    assert await order() == [one, two, three]
    moved = await alice.patch(f"/api/v1/media/{three}", json={"position": 0})
    assert moved.json()["media"]["alt"] == "A lake"
    assert await order() == [three, one, two]
    await alice.patch(f"/api/v1/media/{three}", json={"position": 199})
    assert await order() == [one, two, three]
    assert (await alice.patch(f"/api/v1/media/{three}", json={"alt": ""})).json()["media"]["alt"] == ""

    added = await alice.post(
        "/api/v1/new-media", data={"event_id": event_id}, files={"media_file": ("a.jpg", picture())}
    )
    assert await order() == [one, two, three, added.json()["media"][0]["media_id"]]

    for bad in ({"focal_x": 101}, {"focal_y": -1}, {"alt": "x" * 501}, {"position": -1}, {"alt": "a\u0000b"}):
        answer = await alice.patch(f"/api/v1/media/{one}", json=bad)
        assert (answer.status_code, set(named(answer))) == (422, set(bad))
    assert (await charlie.patch(f"/api/v1/media/{one}", json={"alt": "Mine"})).status_code == 404
    assert (await bob.patch(f"/api/v1/media/{one}", json={"alt": "Mine"})).status_code == 403


async def test_what_was_said_about_a_picture_outlives_its_message_coming_again(
    stage: Stage, alice: httpx.AsyncClient
) -> None:
    event_id = (await project(alice)).json()["core_event_data"]["event_id"]
    (media,) = (await alice.get(f"/api/v1/event/{event_id}")).json()["media_files"]
    await alice.patch(f"/api/v1/media/{media['media_id']}", json={"alt": "A lake", "focal_x": 20})
    async with stage.parts.database.connection() as connection:
        row = await connection.fetchrow("SELECT * FROM submissions")
    await stage.parts.submissions.publish(submitted_again(row))

    async def handled() -> bool:
        groups = [task for task in stage.parts.tasks if task.topics]
        return not any([sum((await stage.parts.log.lag(one.name, one.topics)).values()) for one in groups])

    await eventually(handled)
    (after,) = (await alice.get(f"/api/v1/event/{event_id}")).json()["media_files"]
    assert (after["alt"], after["focal_x"]) == ("A lake", 20)
