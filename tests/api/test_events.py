"""Events over the API: submitted, read, listed, changed."""

import datetime as dt
from pathlib import Path

import httpx
import pytest

from tests.backdoor import published
from tests.cast import SEED_EVENT, Stage, event_body, staged, stored_event
from tests.waiting import eventually


def named(answer: httpx.Response) -> dict[str, str]:
    return {error["field"]: error["message"] for error in answer.json()["errors"]}


async def test_the_seed_request_is_accepted_as_it_stands(alice: httpx.AsyncClient) -> None:
    assert alice.organizer_id == 1  # type: ignore[attr-defined]
    answer = await alice.post("/api/v1/event", json=SEED_EVENT)
    assert answer.status_code == 202
    body = answer.json()
    assert body["success"] == "New event details sent to kafka"
    assert answer.headers["location"] == f"/api/v1/submissions/{body['submission_id']}"
    read = (await alice.get(f"/api/v1/event/{body['event_id']}")).json()
    assert read["success"] == "Data found"
    core = read["core_event_data"]
    for name in ("title", "description", "location", "capacity", "date"):
        assert core[name] == SEED_EVENT[name]
    assert core["price"] == "7400.00"
    assert core["start_time"] == "2020-06-23T02:10:25Z"
    assert core["status"] == "published"
    assert read["availability"] == {"capacity": 4000, "sold": 0, "held": 0, "left": 4000}
    assert read["fan_out"] == {"postgres": "stored", "mongo": "not_needed", "s3": "not_needed"}


async def test_the_owner_reads_an_event_right_after_the_202(alice: httpx.AsyncClient) -> None:
    for _ in range(5):
        event_id = (await alice.post("/api/v1/event", json=event_body())).json()["event_id"]
        assert (await alice.get(f"/api/v1/event/{event_id}")).status_code == 200


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [("wait=10", "wait=10"), ('respond-async, WAIT = "10"', "wait=10"), ("wait=99999", "wait=30")],
)
async def test_prefer_wait_answers_201_with_the_stored_event(
    alice: httpx.AsyncClient, prefer: str, applied: str
) -> None:
    answer = await alice.post("/api/v1/event", json=event_body(), headers={"Prefer": prefer})
    assert answer.status_code == 201
    assert answer.json()["core_event_data"]["title"] == "Lantern Fields"
    assert answer.headers["preference-applied"] == applied


async def test_every_bad_field_is_named_at_once(alice: httpx.AsyncClient) -> None:
    body = {
        "title": "x" * 201, "description": "", "location": 7, "start_time": "soon", "end_time": "1800-01-01T00:00:00Z",
        "price": "1.999", "capacity": "12", "date": "22.06.2026", "timezone": "Mars/Olympus", "status": "secret",
        "organizer_id": "me",
    }  # fmt: skip
    answer = await alice.post("/api/v1/event", json=body)
    assert answer.status_code == 422
    assert set(named(answer)) == set(body)


@pytest.mark.parametrize(
    ("sent", "bad"),
    [
        ({"currency": "EURO", "price": "10000000"}, {"currency", "price"}),
        ({"timezone": "Mars/X", "start_time": "2031-07-04T18:00:00Z", "end_time": "2031-07-04T17:00:00Z"},
         {"timezone", "end_time"}),
        ({"timezone": "Mars/X", "start_time": "2031-07-04T18:00", "end_time": "2031-07-04T17:00"},
         {"timezone", "end_time"}),
        ({"timezone": "Mars/X", "start_time": "2031-07-04T18:00:00Z", "end_time": "2031-07-04T17:00"}, {"timezone"}),
        ({"currency": "EURO", "ticket_types": [{"name": "A", "price": 99_999_999}]},
         {"currency", "ticket_types[0].price"}),
        ({"ticket_types": [{"name": "Day", "price": "1"}, {"name": " day ", "price": "2"}, {"name": "", "price": "2"},
                          {"name": "", "price": "2"}]},
         {"ticket_types[1].name", "ticket_types[2].name", "ticket_types[3].name"}),
    ],
)  # fmt: skip
async def test_a_bad_field_hides_no_other_that_is_bad_without_it(
    alice: httpx.AsyncClient, sent: dict[str, object], bad: set[str]
) -> None:
    assert set(named(await alice.post("/api/v1/event", json=event_body(**sent)))) == bad


async def test_bad_parameters_of_a_list_are_named_at_once(alice: httpx.AsyncClient) -> None:
    answer = await alice.get("/api/v1/events", params={"limit": 0, "mine": "x", "cursor": "zz!"})
    assert set(named(answer)) == {"limit", "mine", "cursor"}


async def test_missing_fields_are_named(alice: httpx.AsyncClient) -> None:
    answer = await alice.post("/api/v1/event", json={})
    required = {"title", "description", "location", "start_time", "end_time", "price", "capacity", "date"}
    assert named(answer) == dict.fromkeys(required, "is required")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("capacity", "12"), ("capacity", 12.5), ("capacity", 12.0), ("capacity", True), ("capacity", 0),
        ("capacity", 1_000_001), ("price", -1), ("price", "NaN"), ("price", "1e3"), ("price", True),
        ("price", 10_000_000), ("price", 0.001), ("price", None), ("title", "   "), ("title", "a\u0000b"),
        ("title", "a\u0007b"), ("description", "tab\there"), ("currency", "XXQ"), ("timezone", "../etc/passwd"),
        ("timezone", "localtime"), ("timezone", "Factory"), ("currency", "DEM"), ("currency", "XXX"),
        ("title", "\u200b \ufeff"),
        ("title", "\u202e\u200f"),
        ("timezone", "right/Europe/Berlin"),
        ("start_time", "2026-W26-1T19:10"), ("start_time", "2026-06-22x19:10"), ("start_time", "٢٠٢٦-06-22T19:10"),
        ("start_time", "1900-01-01T00:00:00+14:00"), ("start_time", "0001-01-01T00:00:00+14:00"), ("price", "٥"),
        ("timezone", ""), ("start_time", "2026-06-22"), ("start_time", 17), ("date", "2026-02-30"),
        ("date", "2201-01-01"), ("start_time", "2300-01-01T00:00:00Z"), ("status", "cancelled"),
        ("start_time", "2031-03-30T02:30"), ("end_time", "2031-03-30T02:00"), ("returns_until", "2031-03-30T02:59:59"),
    ],
)  # fmt: skip
async def test_values_that_are_refused(alice: httpx.AsyncClient, field: str, value: object) -> None:
    answer = await alice.post("/api/v1/event", json=event_body(**{field: value}))
    assert answer.status_code == 422, answer.text
    assert field in named(answer)


async def test_decimals_follow_the_currency(alice: httpx.AsyncClient) -> None:
    async def status(price: str, currency: str) -> int:
        return (await alice.post("/api/v1/event", json=event_body(price=price, currency=currency))).status_code

    assert await status("7400.5", "JPY") == 422
    assert await status("7400", "JPY") == 202
    assert await status("7.125", "KWD") == 202
    assert await status("7.1250", "EUR") == 422
    assert await status("7.1200", "EUR") == 202


async def test_defaults_of_the_installation_are_what_events_are_judged_by(database_url: str, tmp_path: Path) -> None:
    defaults = {"EVENTSTREAM_CURRENCY": "KWD", "EVENTSTREAM_TIMEZONE": "Europe/Berlin"}
    async with staged(database_url, tmp_path, **defaults) as stage:
        alice = await stage.person("Alice", organizer=True)
        bare = {name: value for name, value in event_body().items() if name not in {"currency", "timezone"}}
        times = {"start_time": "2031-06-22T18:00:00", "end_time": "2031-06-22T17:00:00+00:00"}
        assert (await alice.post("/api/v1/event", json={**bare, **times, "price": "1.234"})).status_code == 202
        bad = await alice.post("/api/v1/event", json={**bare, "price": "1.2345", "title": ""})
        assert set(named(bad)) == {"price", "title"}


async def test_lone_surrogate_is_a_422_that_names_the_field(alice: httpx.AsyncClient) -> None:
    body = httpx.Request("POST", "http://x", json=event_body(title="HERE")).content.replace(b"HERE", rb"a\ud800b")
    answer = await alice.post("/api/v1/event", content=body)
    assert answer.status_code == 422
    assert set(named(answer)) == {"title"}


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"\xff\xfe", b"[" * 100_000, b'{"price": NaN}'])
async def test_broken_json_is_a_400_problem(alice: httpx.AsyncClient, body: bytes) -> None:
    answer = await alice.post("/api/v1/event", content=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("application/problem+json")


async def test_end_before_start_is_refused_across_offsets(alice: httpx.AsyncClient) -> None:
    early = event_body(start_time="2031-06-22T19:00:00+02:00", end_time="2031-06-22T18:30:00+01:00")
    assert (await alice.post("/api/v1/event", json=early)).status_code == 202
    late = event_body(start_time="2031-06-22T19:00:00+01:00", end_time="2031-06-22T19:30:00+02:00")
    assert set(named(await alice.post("/api/v1/event", json=late))) == {"end_time"}


async def test_times_without_an_offset_are_in_the_timezone_of_the_event(alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(
        alice, start_time="2031-06-22 19:00", end_time="2031-06-22 23:00", timezone="Europe/Berlin"
    )
    core = (await alice.get(f"/api/v1/event/{event_id}")).json()["core_event_data"]
    assert core["start_time"] == "2031-06-22T17:00:00Z"


async def test_attendees_and_strangers_may_not_submit(bob: httpx.AsyncClient, visitor: httpx.AsyncClient) -> None:
    assert (await bob.post("/api/v1/event", json=event_body())).status_code == 403
    assert (await visitor.post("/api/v1/event", content=b"{")).status_code == 401


async def test_letters_of_a_time_may_be_small(alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, start_time="2026-06-22t19:10:25z", end_time="2026-06-23T01:00:00Z")
    core = (await alice.get(f"/api/v1/event/{event_id}")).json()["core_event_data"]
    assert core["start_time"] == "2026-06-22T19:10:25Z"


@pytest.mark.parametrize("name", ["user_id", "uploaded_by", "organizer_id"])
async def test_no_body_comes_from_somebody_else(alice: httpx.AsyncClient, stage: Stage, name: str) -> None:
    event_id = await stored_event(alice)
    metadata = {"event_id": event_id, "s3_key": "k", "type": "poster", "tags": ["a"], "description": "x"}
    any_version = {"If-Match": "*"}
    for method, path, body in (
        ("POST", "/event", event_body()),
        ("PATCH", f"/event/{event_id}", {"title": "Mine"}),
        ("POST", "/metadata", metadata),
        ("POST", f"/attendee/buy-ticket/{event_id}", {}),
        ("POST", "/attendee/join-waiting-list", {"event_id": event_id}),
    ):
        answer = await alice.request(method, f"/api/v1{path}", json={**body, name: 999}, headers=any_version)
        assert (answer.status_code, answer.json()["detail"]) == (403, f"{name} is not yours."), path
        own = alice.organizer_id if name == "organizer_id" else alice.user_id  # type: ignore[attr-defined]
        answer = await alice.request(method, f"/api/v1{path}", json={**body, name: own}, headers=any_version)
        assert answer.status_code != 403, path
    form = {"data": {name: "999"}, "files": {"media_file": ("a.png", b"not looked at")}}
    assert (await alice.post("/api/v1/new-media", **form)).status_code == 403


async def test_another_organizers_id_is_forbidden(alice: httpx.AsyncClient, charlie: httpx.AsyncClient) -> None:
    body = event_body(organizer_id=charlie.organizer_id)  # type: ignore[attr-defined]
    assert (await alice.post("/api/v1/event", json=body)).status_code == 403


async def test_drafts_are_for_their_owner_alone(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, status="draft")
    assert (await alice.get(f"/api/v1/event/{event_id}")).status_code == 200
    assert (await bob.get(f"/api/v1/event/{event_id}")).status_code == 404
    assert (await bob.get("/api/v1/events")).json()["items"] == []


async def test_only_the_owner_gets_the_summaries(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, capacity=1)
    await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    assert (await alice.get(f"/api/v1/event/{event_id}")).json()["tickets"] == {"total": 1, "by_status": {"sold": 1}}
    assert "tickets" not in (await bob.get(f"/api/v1/event/{event_id}")).json()


async def test_an_event_has_one_address(alice: httpx.AsyncClient, visitor: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    for other in (f"+{event_id}", f"0{event_id}", f"{event_id}_0"[::-1], chr(0x0660 + event_id)):
        assert (await alice.get(f"/api/v1/event/{other}")).status_code == 404
        assert (await alice.post(f"/api/v1/attendee/buy-ticket/{other}")).status_code == 404
        assert (await visitor.get(f"/events/{other}")).status_code == 404
    assert (await visitor.get(f"/events/{event_id}")).status_code == 200


@pytest.mark.parametrize("event_id", ["999999", "9223372036854775808", "99999999999999999999", "-1", "x", "1.5", "%00"])
async def test_what_is_no_event_is_404(alice: httpx.AsyncClient, event_id: str) -> None:
    answer = await alice.get(f"/api/v1/event/{event_id}")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/problem+json")


async def test_the_same_key_is_the_same_event(alice: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "one"}
    body = event_body()
    first = await alice.post("/api/v1/event", json=body, headers=key)
    again = await alice.post("/api/v1/event", json=body, headers=key)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    other = await alice.post("/api/v1/event", json=event_body(title="Other"), headers=key)
    assert other.status_code == 422
    assert other.json()["type"].endswith("idempotency-key-reused")
    await alice.get(f"/api/v1/event/{first.json()['event_id']}")
    mine = await alice.get("/api/v1/events", params={"mine": True})
    assert len(mine.json()["items"]) == 1


async def test_keys_of_two_people_do_not_meet(alice: httpx.AsyncClient, charlie: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "one"}
    first = await alice.post("/api/v1/event", json=event_body(), headers=key)
    other = await charlie.post("/api/v1/event", json=event_body(), headers=key)
    assert first.json()["event_id"] != other.json()["event_id"]


@pytest.mark.parametrize("key", ["", "x" * 256, "bell\u0007"])
async def test_keys_that_are_no_keys(alice: httpx.AsyncClient, key: str) -> None:
    answer = await alice.post("/api/v1/event", json=event_body(), headers=[(b"Idempotency-Key", key.encode())])
    assert answer.status_code == 422
    assert set(named(answer)) == {"Idempotency-Key"}


async def test_lists_page_without_gaps_under_inserts(alice: httpx.AsyncClient) -> None:
    ids = [await stored_event(alice, title=f"Night {number}") for number in range(5)]
    first = (await alice.get("/api/v1/events", params={"limit": 2})).json()
    await stored_event(alice, title="Inserted meanwhile")
    second = (await alice.get("/api/v1/events", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    third = (await alice.get("/api/v1/events", params={"limit": 2, "cursor": second["next_cursor"]})).json()
    found = [one["core_event_data"]["event_id"] for page in (first, second, third) for one in page["items"]]
    assert found == ids[::-1]
    assert third["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("limit=0", "must be at least 1"),
        ("limit=101", "must be at most 100"),
        ("limit=x", "must be a whole number"),
        ("cursor=nonsense", ""),
        ("cursor=LTE", ""),
    ],
)
async def test_bad_paging_is_422_in_words_for_people(alice: httpx.AsyncClient, query: str, message: str) -> None:
    answer = await alice.get(f"/api/v1/events?{query}")
    assert answer.status_code == 422
    assert set(named(answer)) == {query.split("=")[0]}
    assert message in answer.json()["errors"][0]["message"]


async def etag(client: httpx.AsyncClient, event_id: int) -> str:
    return (await client.get(f"/api/v1/event/{event_id}")).headers["etag"]


async def test_change_with_if_match(alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    before = await etag(alice, event_id)
    answer = await alice.patch(
        f"/api/v1/event/{event_id}", json={"title": "Renamed", "capacity": 7}, headers={"If-Match": before}
    )
    assert answer.status_code == 200
    assert answer.json()["core_event_data"]["title"] == "Renamed"
    assert answer.json()["availability"]["left"] == 7
    assert answer.headers["etag"] == await etag(alice, event_id) != before


async def test_returns_are_stopped_by_null_and_by_nothing_else(alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, returns_until="2031-06-27T18:00:00Z")
    path, any_version = f"/api/v1/event/{event_id}", {"If-Match": "*"}
    for sent, until in (
        ({"title": "Renamed"}, "2031-06-27T18:00:00Z"),
        ({"title": None}, "2031-06-27T18:00:00Z"),
        ({"returns_until": None}, None),
        ({"returns_until": "2031-06-28T18:00:00Z"}, "2031-06-28T18:00:00Z"),
    ):
        answer = await alice.patch(path, json=sent, headers=any_version)
        assert answer.status_code == 200, answer.text
        assert answer.json()["core_event_data"]["returns_until"] == until


async def test_by_whom_and_under_which_tags_it_is_announced_can_be_changed(alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, tags=["lake", "lanterns"], status="draft")
    path, any_version = f"/api/v1/event/{event_id}", {"If-Match": "*"}
    for sent, company, tags in (
        ({"organized_by": "Moss & Daughters"}, "Moss & Daughters", ["lake", "lanterns"]),
        ({"tags": ["fire, and light"], "organized_by": "Alice e.V."}, "Alice e.V.", ["fire, and light"]),
        ({"title": "Renamed", "tags": None}, "Alice e.V.", ["fire, and light"]),
        ({"tags": [], "organized_by": "Moss"}, "Moss", []),
        ({"organized_by": None}, "Alice e.V.", []),
    ):
        answer = await alice.patch(path, json=sent, headers=any_version)
        assert answer.status_code == 200, answer.text
        core = answer.json()["core_event_data"]
        assert (core["organized_by"], core["tags"]) == (company, tags), sent
    bad = await alice.patch(path, json={"tags": ["two\nlines"], "organized_by": ""}, headers=any_version)
    assert set(named(bad)) == {"tags", "organized_by"}
    (listed,) = (await alice.get("/api/v1/events?mine=true")).json()["items"]
    assert listed["core_event_data"]["organized_by"] == "Alice e.V."


async def test_a_fact_says_of_the_company_what_is_stored(alice: httpx.AsyncClient, stage: Stage) -> None:
    event_id = await stored_event(alice)
    for name, told in (("Moss", "Moss"), ("Alice e.V.", None)):
        sent = {"organized_by": name}
        await alice.patch(f"/api/v1/event/{event_id}", json=sent, headers={"If-Match": "*"})
        async with stage.parts.database.connection() as connection:
            fact = await connection.fetchval("SELECT payload FROM facts ORDER BY id DESC LIMIT 1")
        assert fact["event"]["organized_by"] == told


async def test_who_announces_in_the_name_of_the_company_goes_on_when_that_is_renamed(alice: httpx.AsyncClient) -> None:
    same, other = await stored_event(alice), await stored_event(alice)
    for event_id, name in ((same, "Alice e.V."), (other, "Moss")):
        sent = {"organized_by": name}
        await alice.patch(f"/api/v1/event/{event_id}", json=sent, headers={"If-Match": "*"})
    profile = {"full_name": "Alice", "email": alice.email, "company_name": "Alice & Co"}  # type: ignore[attr-defined]
    renamed = await alice.post("/account", data=profile)
    assert renamed.status_code == 303, renamed.text
    for event_id, name in ((same, "Alice & Co"), (other, "Moss")):
        core = (await alice.get(f"/api/v1/event/{event_id}")).json()["core_event_data"]
        assert core["organized_by"] == name


async def test_change_of_what_changed_meanwhile_is_412(alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    old = await etag(alice, event_id)
    await alice.patch(f"/api/v1/event/{event_id}", json={"title": "First"}, headers={"If-Match": old})
    answer = await alice.patch(f"/api/v1/event/{event_id}", json={"title": "Second"}, headers={"If-Match": old})
    assert answer.status_code == 412
    forced = await alice.patch(f"/api/v1/event/{event_id}", json={"title": "Third"}, headers={"If-Match": "*"})
    assert forced.json()["core_event_data"]["title"] == "Third"


async def test_change_needs_if_match_and_good_fields(alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    assert (await alice.patch(f"/api/v1/event/{event_id}", json={"title": "x"})).status_code == 428
    bad = {"title": "", "capacity": 0, "price": "1.234", "end_time": "1999-01-01T00:00:00Z"}
    answer = await alice.patch(f"/api/v1/event/{event_id}", json=bad, headers={"If-Match": "*"})
    assert set(named(answer)) == {"title", "capacity", "price", "end_time"}, "also what contradicts what is stored"
    answer = await alice.patch(
        f"/api/v1/event/{event_id}", json={"end_time": "1999-01-01T00:00:00Z"}, headers={"If-Match": "*"}
    )
    assert set(named(answer)) == {"end_time"}


async def test_change_of_somebody_elses_event_is_404(alice: httpx.AsyncClient, charlie: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    for sent in ({"title": "Mine"}, {"title": ""}):
        answer = await charlie.patch(f"/api/v1/event/{event_id}", json=sent, headers={"If-Match": "*"})
        assert answer.status_code == 404
    answer = await alice.patch(f"/api/v1/event/{2**70}", json={"title": ""}, headers={"If-Match": "*"})
    assert answer.status_code == 404


async def test_capacity_cannot_fall_below_what_is_taken(alice: httpx.AsyncClient, stage: Stage) -> None:
    event_id = await stored_event(alice, capacity=3)
    for name in ("Bob", "Ben"):
        buyer = await stage.person(name)
        assert (await buyer.post(f"/api/v1/attendee/buy-ticket/{event_id}")).status_code == 201
    answer = await alice.patch(f"/api/v1/event/{event_id}", json={"capacity": 1}, headers={"If-Match": "*"})
    assert answer.status_code == 409
    assert answer.json()["type"].endswith("capacity-taken")


async def test_what_is_sold_does_not_become_a_draft_again(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    answer = await alice.patch(f"/api/v1/event/{event_id}", json={"status": "draft"}, headers={"If-Match": "*"})
    assert (answer.status_code, answer.json()["type"].rsplit(":", 1)[1]) == (409, "tickets-sold")


async def test_an_older_message_does_not_undo_a_change(alice: httpx.AsyncClient, stage: Stage) -> None:
    event_id = await stored_event(alice)
    await alice.patch(f"/api/v1/event/{event_id}", json={"title": "Changed"}, headers={"If-Match": "*"})
    await stage.parts.log.publish(await published(stage.parts.log, "upload-event"))

    async def handled() -> bool:
        return sum((await stage.parts.log.lag("eventstream-postgres", ["upload-event"])).values()) == 0

    await eventually(handled)
    assert (await alice.get(f"/api/v1/event/{event_id}")).json()["core_event_data"]["title"] == "Changed"


async def test_another_currency_needs_prices_that_it_can_have_and_no_tickets(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    kinds = [{"name": "Day", "price": "12.50"}, {"name": "Child", "price": "5"}]
    event_id = await stored_event(alice, price="12", ticket_types=kinds)
    address, anyhow = f"/api/v1/event/{event_id}", {"If-Match": "*"}
    refused = await alice.patch(address, json={"currency": "JPY"}, headers=anyhow)
    assert refused.status_code == 422
    assert named(refused) == {"currency": "the price of “Day” must have no decimals in JPY"}
    assert (await alice.patch(address, json={"currency": "USD"}, headers=anyhow)).status_code == 200
    await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    late = await alice.patch(address, json={"currency": "EUR"}, headers=anyhow)
    assert (late.status_code, late.json()["detail"]) == (409, "There are tickets for it: its currency stays.")


async def test_an_event_that_people_wait_for_does_not_become_a_draft(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    opens = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=2)).isoformat()
    kinds = [{"name": "Early", "price": "10", "sale_opens_at": opens}]
    event_id = await stored_event(alice, ticket_types=kinds)
    assert (await bob.post("/api/v1/attendee/join-waiting-list", json={"event_id": event_id})).status_code == 201
    refused = await alice.patch(f"/api/v1/event/{event_id}", json={"status": "draft"}, headers={"If-Match": "*"})
    assert (refused.status_code, refused.json()["type"].rsplit(":", 1)[1]) == (409, "people-waiting")


async def test_a_change_that_ends_what_people_wait_for_is_to_be_meant(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    now = dt.datetime.now(dt.UTC)
    kinds = [{"name": "Early", "price": "10", "sale_opens_at": (now + dt.timedelta(hours=2)).isoformat()}]
    event_id = await stored_event(alice, ticket_types=kinds)
    entry = (await bob.post("/api/v1/attendee/join-waiting-list", json={"event_id": event_id})).json()["waitlist_id"]
    (early,) = (await alice.get(f"/api/v1/event/{event_id}/ticket-types")).json()["items"]
    past = {name: (now - dt.timedelta(hours=hours)).isoformat() for name, hours in (("opens", 3), ("ends", 1))}
    kind = {"name": "Early", "price": "10", "sale_opens_at": past["opens"], "sale_closes_at": past["ends"]}
    changes = [
        ("PUT", f"/api/v1/ticket-types/{early['ticket_type_id']}", kind),
        ("PATCH", f"/api/v1/event/{event_id}", {"start_time": past["opens"], "end_time": past["ends"]}),
    ]
    anyhow = {"If-Match": "*"}
    await alice.put(changes[0][1], json={"name": "Early", "price": "10"}, headers=anyhow)  # on sale, to none but bob
    for method, address, change in changes:
        refused = await alice.request(method, address, json=change, headers=anyhow)
        assert (refused.status_code, refused.json()["type"].rsplit(":", 1)[1]) == (409, "ends-waiting")
        wrong = await alice.request(method, f"{address}?ends_waiting=perhaps", json=change, headers=anyhow)
        assert (wrong.status_code, named(wrong).keys()) == (422, {"ends_waiting"})
    assert (await bob.get(f"/api/v1/waiting-list-entries/{entry}")).json()["status"] == "offered"
    for method, address, change in changes:
        done = await alice.request(method, f"{address}?ends_waiting=true", json=change, headers=anyhow)
        assert done.status_code == 200
    assert (await bob.get(f"/api/v1/waiting-list-entries/{entry}")).json()["status"] == "expired"
