"""Ticket types, holds, the door and cancellations over the API."""

import asyncio
import datetime as dt
from typing import Any

import httpx
import pytest

from app.domain.ticket_types import MOST_EVER, MOST_TYPES
from tests.api.test_tickets import kind
from tests.cast import Stage, event_body, stored_event

DAY = {"name": "Day", "price": "20", "places": 1, "per_attendee_limit": 2}


async def test_an_event_comes_with_its_types_and_sells_them(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    kinds = [DAY, {"name": "Weekend", "price": 55, "per_attendee_limit": 3}]
    event_id = await stored_event(alice, ticket_types=kinds)
    day, weekend = (await bob.get(f"/api/v1/event/{event_id}")).json()["ticket_types"]
    assert (day["name"], day["price"], day["left"], day["state"]) == ("Day", "20.00", 1, "on_sale")
    body = {"ticket_type_id": weekend["ticket_type_id"], "quantity": 3}
    bought = (await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}", json=body)).json()
    assert [bought["tickets"][0][name] for name in ("ticket_number", "code")] == [
        bought["ticket_number"], bought["code"],
    ]  # fmt: skip
    assert "held_until" not in bought
    mine = (await bob.get("/api/v1/tickets")).json()["items"]
    assert {(one["ticket_type"], one["price"], one["purchase_id"]) for one in mine} == {
        ("Weekend", "55.00", bought["ticket_number"])
    }
    listed = (await bob.get("/api/v1/events")).json()["items"]
    assert [one["price_from"] for one in listed] == ["20.00"]
    too_many = await bob.post(
        f"/api/v1/attendee/buy-ticket/{event_id}", json={"ticket_type_id": day["ticket_type_id"], "quantity": 2}
    )
    assert (too_many.status_code, kind(too_many)) == (409, "not-enough-left")


async def test_one_request_sent_three_times_at_once_has_one_answer(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    """The others find that it is done, and were it for another reason would be refused for that."""
    event_id = await stored_event(alice)
    number = (await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")).json()["ticket_number"]
    for name, address, body in (
        ("used", f"/api/v1/tickets/{number}/use", None),
        ("made", f"/api/v1/event/{event_id}/ticket-types", {"name": "Day", "price": 9}),
    ):
        key = {"Idempotency-Key": name}
        answers = await asyncio.gather(*(alice.post(address, json=body, headers=key) for _ in range(3)))
        assert [answer.status_code for answer in answers] == [201] * 3
        assert len({answer.text for answer in answers}) == 1
        refused = await alice.post(address, json=body, headers={"Idempotency-Key": "other"})
        assert refused.status_code in {409, 422}


async def test_a_sale_begins_before_the_event_ends(alice: httpx.AsyncClient) -> None:
    late = {"name": "Late", "price": 10, "hidden_until": "2031-07-06T23:00", "sale_opens_at": "2031-07-06T21:00:00Z"}
    event = event_body(end_time="2031-07-06T23:00", ticket_types=[DAY, late])
    fields = {bad["field"] for bad in (await alice.post("/api/v1/event", json=event)).json()["errors"]}
    assert fields == {"ticket_types[1].hidden_until", "ticket_types[1].sale_opens_at"}
    event_id = await stored_event(alice, end_time="2031-07-06T23:00")
    refused = await alice.post(f"/api/v1/event/{event_id}/ticket-types", json=late)
    assert {bad["field"] for bad in refused.json()["errors"]} == {"hidden_until", "sale_opens_at"}
    at_last = {**late, "hidden_until": None, "sale_opens_at": "2031-07-06T22:59"}
    assert (await alice.post(f"/api/v1/event/{event_id}/ticket-types", json=at_last)).status_code == 201


@pytest.mark.parametrize(
    "window",
    [
        {"sale_opens_at": "2031-06-10T10:00", "sale_closes_at": "2031-06-10T07:59:00Z"},
        {"sale_opens_at": "2031-06-10T08:00:00Z", "sale_closes_at": "2031-06-10T10:00"},
        {"hidden_until": "2031-06-10T08:00:00Z", "sale_closes_at": "2031-06-10T10:00"},
    ],
)
async def test_a_sale_that_ends_before_it_begins_is_none_however_its_moments_are_written(
    alice: httpx.AsyncClient, window: dict[str, str]
) -> None:
    odd = {"name": "Odd", "price": 10, **window}
    whole = await alice.post("/api/v1/event", json=event_body(ticket_types=[odd]))
    event_id = await stored_event(alice)
    added = await alice.post(f"/api/v1/event/{event_id}/ticket-types", json=odd)
    (general,) = (await alice.get(f"/api/v1/event/{event_id}/ticket-types")).json()["items"]
    address = f"/api/v1/ticket-types/{general['ticket_type_id']}"
    changed = await alice.put(address, json=odd, headers={"If-Match": "*"})
    for answer, field in (
        (whole, "ticket_types[0].sale_closes_at"),
        (added, "sale_closes_at"),
        (changed, "sale_closes_at"),
    ):
        assert (answer.status_code, [bad["field"] for bad in answer.json()["errors"]]) == (422, [field])


async def test_types_that_are_sold_no_more_do_not_count(alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(
        alice, ticket_types=[{**DAY, "name": f"Day {number}"} for number in range(MOST_TYPES)]
    )
    address = f"/api/v1/event/{event_id}/ticket-types"
    full = await alice.post(address, json=DAY)
    assert (full.status_code, kind(full)) == (409, "too-many-types")
    (first, *_) = (await alice.get(address)).json()["items"]
    gone = await alice.delete(f"/api/v1/ticket-types/{first['ticket_type_id']}", headers={"If-Match": "*"})
    assert gone.status_code == 204
    assert (await alice.post(address, json=DAY)).status_code == 201


async def test_to_stop_what_people_wait_for_is_to_be_meant(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, ticket_types=[{**DAY, "places": 1}, {**DAY, "name": "Night"}])
    (day, _) = (await alice.get(f"/api/v1/event/{event_id}/ticket-types")).json()["items"]
    wanted = {"ticket_type_id": day["ticket_type_id"]}
    assert (await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}", json=wanted)).status_code == 201
    waits = {"event_id": event_id, "ticket_type_ids": [day["ticket_type_id"]]}
    entry = (await bob.post("/api/v1/attendee/join-waiting-list", json=waits)).json()["waitlist_id"]
    address, anyhow = f"/api/v1/ticket-types/{day['ticket_type_id']}", {"If-Match": "*"}
    refused = await alice.delete(address, headers=anyhow)
    assert (refused.status_code, kind(refused)) == (409, "ends-waiting")
    wrong = await alice.delete(f"{address}?ends_waiting=perhaps", headers=anyhow)
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "ends_waiting")
    assert (await bob.get(f"/api/v1/waiting-list-entries/{entry}")).json()["status"] == "waiting"
    assert (await alice.delete(f"{address}?ends_waiting=true", headers=anyhow)).status_code == 204
    assert (await bob.get(f"/api/v1/waiting-list-entries/{entry}")).json()["status"] == "closed"


async def test_an_event_cannot_have_had_any_number_of_types(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    async with stage.parts.database.connection() as connection:
        await connection.execute(
            """INSERT INTO ticket_types (event_id, rev, position, name, description, price, archived)
               SELECT $1, 1, n, 'Type ' || n, '', 1, true FROM generate_series(2, $2) n""",
            event_id,
            MOST_EVER,
        )
    answer = await alice.post(f"/api/v1/event/{event_id}/ticket-types", json=DAY)
    assert (answer.status_code, kind(answer)) == (409, "too-many-types")
    assert answer.json()["detail"] == "An event can have had 500 ticket types in all."


async def test_the_price_in_lists_is_one_that_can_be_had(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    early = {"name": "Early", "price": 10, "sale_closes_at": "2020-01-01T00:00:00Z"}
    later = {
        "name": "Later",
        "price": 15,
        "sale_opens_at": (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).isoformat(),
    }
    event_id = await stored_event(alice, ticket_types=[early, later, DAY, {"name": "Weekend", "price": 55}])
    address = f"/api/v1/attendee/buy-ticket/{event_id}"
    day = (await bob.get(f"/api/v1/event/{event_id}")).json()["ticket_types"][2]
    for price in ("20.00", "55.00"):
        (listed,) = (await bob.get("/api/v1/events")).json()["items"]
        assert listed["price_from"] == price
        await bob.post(address, json={"ticket_type_id": day["ticket_type_id"]})
    await stored_event(alice, ticket_types=[early, later])
    assert (await bob.get("/api/v1/events")).json()["items"][0]["price_from"] == "15.00"
    await stored_event(alice, ticket_types=[early])
    assert (await bob.get("/api/v1/events")).json()["items"][0]["price_from"] == "10.00"


async def test_the_same_key_for_another_quantity_is_refused(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, ticket_types=[{**DAY, "places": 9}])
    key = {"Idempotency-Key": "k"}
    await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}", json={"quantity": 1}, headers=key)
    other = await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}", json={"quantity": 2}, headers=key)
    assert (other.status_code, kind(other)) == (422, "idempotency-key-reused")


async def test_types_that_are_wrong_are_named(alice: httpx.AsyncClient) -> None:
    body = event_body(ticket_types=[DAY, {"name": "", "price": "x"}])
    answer = await alice.post("/api/v1/event", json=body)
    assert [bad["field"] for bad in answer.json()["errors"]] == ["ticket_types[1].name", "ticket_types[1].price"]


async def test_the_life_of_a_type(alice: httpx.AsyncClient, charlie: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    path = f"/api/v1/event/{event_id}/ticket-types"
    made, again = [await alice.post(path, json=DAY, headers={"Idempotency-Key": "day"}) for _ in range(2)]
    assert (made.status_code, again.json()) == (201, made.json())
    assert [answer.headers.get("idempotent-replayed") for answer in (made, again)] == [None, "true"]
    one = f"/api/v1/ticket-types/{made.json()['ticket_type_id']}"
    assert (await alice.put(one, json=DAY)).status_code == 428
    match = {"If-Match": made.headers["etag"]}
    changed = await alice.put(one, json={**DAY, "name": "Saturday"}, headers=match)
    assert (changed.status_code, changed.json()["name"]) == (200, "Saturday")
    assert (await alice.put(one, json=DAY, headers=match)).status_code == 412
    for person, status in ((charlie, 404), (bob, 403)):
        assert (await person.post(path, json=DAY)).status_code == status
        assert (await person.put(one, json=DAY, headers={"If-Match": "*"})).status_code == status
        assert (await person.delete(one, headers={"If-Match": "*"})).status_code == status
    assert (await alice.delete(one, headers={"If-Match": changed.headers["etag"]})).status_code == 204
    assert [kind_["name"] for kind_ in (await bob.get(path)).json()["items"]] == ["General admission"]
    assert [kind_["state"] for kind_ in (await alice.get(path)).json()["items"]] == ["on_sale", "archived"]
    assert (await bob.get("/api/v1/event/99999/ticket-types")).status_code == 404


async def held_ticket(alice: httpx.AsyncClient, bob: httpx.AsyncClient, **event: Any) -> tuple[int, int]:
    event_id = await stored_event(alice, payment="organizer_confirms", **event)
    bought = (await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")).json()
    assert bought["status"] == "held"
    assert bought["held_until"]
    return event_id, bought["ticket_number"]


async def test_alice_confirms_what_bob_has_paid(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    event_id, number = await held_ticket(alice, bob)
    (waiting,) = (await alice.get(f"/api/v1/event/{event_id}/held-tickets")).json()["items"]
    assert (waiting["ticket_number"], waiting["full_name"]) == (number, "Bob")
    body = {"ticket_numbers": [number, 99999]}
    key = {"Idempotency-Key": "n"}
    confirm = {"url": f"/api/v1/event/{event_id}/confirmations", "json": body, "headers": {"Idempotency-Key": "k"}}
    answer = await alice.post(**confirm)
    assert (await alice.post(**confirm)).headers["idempotent-replayed"] == "true"
    assert (answer.status_code, answer.json()["done"]) == (200, [number])
    assert [(one["ticket_number"], one["type"]) for one in answer.json()["refused"]] == [(99999, "not-found")]
    again = await alice.post(f"/api/v1/event/{event_id}/confirmations", json={"ticket_numbers": [number]})
    assert (again.status_code, kind(again)) == (409, "not-held")
    nobody = [await alice.post(**confirm | {"json": {"ticket_numbers": [99999]}, "headers": key}) for _ in "ab"]
    said = [(one.status_code, one.headers.get("idempotent-replayed")) for one in nobody]
    assert said == [(404, None), (404, "true")]
    for what in ("confirmations", "releases"):
        assert (await charlie.post(f"/api/v1/event/{event_id}/{what}", json=body)).status_code == 404
        assert (await bob.post(f"/api/v1/event/{event_id}/{what}", json=body)).status_code == 403
        empty = await alice.post(f"/api/v1/event/{event_id}/{what}", json={"ticket_numbers": []})
        assert empty.status_code == 422
    assert (await charlie.get(f"/api/v1/event/{event_id}/held-tickets")).status_code == 404


async def test_alice_lets_a_hold_go(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    event_id, number = await held_ticket(alice, bob)
    release = {"url": f"/api/v1/event/{event_id}/releases", "json": {"ticket_numbers": [number]}}
    answers = [await alice.post(**release, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [answer.json()["done"] for answer in answers] == [[number]] * 2
    assert answers[1].headers["idempotent-replayed"] == "true"
    (mine,) = (await bob.get("/api/v1/tickets")).json()["items"]
    assert (mine["status"], mine["cancel_reason"]) == ("cancelled", "not paid")


async def test_bob_returns_his_ticket_while_he_may(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, returns_until="2100-01-01T00:00:00Z")
    number = (await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")).json()["ticket_number"]
    (mine,) = (await bob.get("/api/v1/tickets")).json()["items"]
    assert mine["returnable"] is True
    key = {"Idempotency-Key": "k"}
    first = await bob.post(f"/api/v1/tickets/{number}/cancellation", headers=key)
    again = await bob.post(f"/api/v1/tickets/{number}/cancellation", headers=key)
    assert (first.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    strict = await stored_event(alice)
    number = (await bob.post(f"/api/v1/attendee/buy-ticket/{strict}")).json()["ticket_number"]
    refused = await bob.post(f"/api/v1/tickets/{number}/cancellation")
    assert (refused.status_code, kind(refused)) == (409, "not-returnable")
    assert (await bob.get("/api/v1/tickets")).json()["items"][0]["returnable"] is False


async def test_a_ticket_lets_somebody_in_once(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice)
    number = (await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")).json()["ticket_number"]
    path = f"/api/v1/tickets/{number}/use"
    used = await alice.post(path, headers={"Idempotency-Key": "scan"})
    assert (used.status_code, used.json()["status"]) == (201, "used")
    again = await alice.post(path, headers={"Idempotency-Key": "scan"})
    assert (again.json(), again.headers["idempotent-replayed"]) == (used.json(), "true")
    twice = await alice.post(path)
    assert (twice.status_code, kind(twice)) == (409, "already-used")
    for method in ("POST", "DELETE"):
        assert (await charlie.request(method, path)).status_code == 404
        assert (await bob.request(method, path)).status_code == 403
    assert (await alice.delete(path)).json()["status"] == "sold"
    assert kind(await alice.delete(path)) == "not-used"


async def test_cancelling_an_event_needs_a_reason_and_tells_how_far_it_is(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, charlie: httpx.AsyncClient, stage: Stage
) -> None:
    event_id = await stored_event(alice)
    path = f"/api/v1/event/{event_id}/cancellation"
    assert (await alice.get(path)).status_code == 404
    assert [bad["field"] for bad in (await alice.post(path)).json()["errors"]] == ["reason"]
    for person, status in ((charlie, 404), (bob, 403)):
        assert (await person.post(path, json={"reason": "storm"})).status_code == status
        assert (await person.get(path)).status_code == status
    begun, again = [
        await alice.post(path, json={"reason": "storm"}, headers={"Idempotency-Key": "storm"}) for _ in range(2)
    ]
    assert (begun.status_code, begun.headers["location"], begun.json()["reason"]) == (202, path, "storm")
    assert [answer.headers.get("idempotent-replayed") for answer in (begun, again)] == [None, "true"]
    refused = await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    assert (refused.status_code, kind(refused)) == (409, "event-cancelled")
    assert (await bob.get(f"/api/v1/event/{event_id}")).json()["core_event_data"]["status"] == "cancelled"
    changed = await alice.patch(f"/api/v1/event/{event_id}", json={"title": "x"}, headers={"If-Match": "*"})
    assert kind(changed) == "event-cancelled"


@pytest.mark.parametrize(
    ("field", "value"),
    [("payment", "later"), ("hold_hours", 0), ("offer_hours", 9000), ("returns_until", "soon"), ("ticket_types", "x")],
)
async def test_choices_of_a_sale_that_are_refused(alice: httpx.AsyncClient, field: str, value: object) -> None:
    answer = await alice.post("/api/v1/event", json=event_body(**{field: value}))
    assert [bad["field"] for bad in answer.json()["errors"]] == [field]
