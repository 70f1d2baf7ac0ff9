"""Waiting lists over the API: where one stands, offers, and the organizer's view."""

import httpx
import pytest

from tests.api.test_tickets import kind
from tests.cast import Stage, stored_event

ENTRIES = "/api/v1/waiting-list-entries"


async def offered(alice: httpx.AsyncClient, bob: httpx.AsyncClient, **event: object) -> tuple[int, int]:
    """An event that was sold out when Bob joined, and his entry, which has an offer now."""
    event_id = await stored_event(alice, capacity=1, **event)
    bought = (await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}")).json()
    joined = await bob.post("/api/v1/attendee/join-waiting-list", json={"event_id": event_id})
    cancelled = await alice.post(f"/api/v1/tickets/{bought['ticket_number']}/cancellation", json={"reason": "x"})
    assert (cancelled.status_code, cancelled.json()["status"]) == (201, "cancelled")
    return event_id, joined.json()["waitlist_id"]


async def test_a_refusal_is_remembered_by_its_key_and_undoes_no_later_offer(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice, capacity=1)
    bought = (await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}")).json()
    joined = await bob.post("/api/v1/attendee/join-waiting-list", json={"event_id": event_id})
    address, key = f"{ENTRIES}/{joined.json()['waitlist_id']}", {"Idempotency-Key": "k"}
    assert (await bob.post(f"{address}/refusal", headers=key)).status_code == 409
    await alice.post(f"/api/v1/tickets/{bought['ticket_number']}/cancellation", json={"reason": "x"})
    again = await bob.post(f"{address}/refusal", headers=key)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (409, "true")
    assert (await bob.get(address)).json()["status"] == "offered"
    answers = [await bob.post(f"{address}/refusal", headers={"Idempotency-Key": "new"}) for _ in "ab"]
    said = [(one.status_code, one.headers.get("idempotent-replayed")) for one in answers]
    assert said == [(204, None), (204, "true")]


async def test_an_offer_is_accepted_at_the_price_that_was_seen(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    event_id, waitlist_id = await offered(alice, bob)
    address = f"{ENTRIES}/{waitlist_id}/acceptance"
    seen = {"price": "49.90", "currency": "EUR"}
    await alice.patch(f"/api/v1/event/{event_id}", json={"price": "99"}, headers={"If-Match": "*"})
    for sent in (seen, {"price": "99", "currency": "USD"}):
        refused = await bob.post(address, json=sent)
        assert (refused.status_code, refused.json()["type"].rsplit(":", 1)[1]) == (409, "price-changed")
    assert (await bob.post(address, json={"user_id": 999_999})).status_code == 403
    for sent in ({"price": "much"}, {"currency": "EURO"}):
        assert (await bob.post(address, json=sent)).status_code == 422
    assert (await bob.post(address, json={**seen, "price": "99"})).status_code == 201


async def test_bob_sees_his_offer_and_accepts_it(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    event_id, waitlist_id = await offered(alice, bob)
    again = await bob.post("/api/v1/attendee/join-waiting-list", json={"event_id": event_id})
    assert (again.json()["waitlist_id"], again.json()["status"]) == (waitlist_id, "offered")
    assert "offer" in again.json()["success"]
    beside = (await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")).json()
    assert beside["type"].endswith("offer-open"), "his own is to be answered first"
    assert "offered to people" in (await charlie.post(f"/api/v1/attendee/buy-ticket/{event_id}")).json()["detail"]
    (entry,) = (await bob.get(ENTRIES, params={"open_only": True})).json()["items"]
    assert (entry["waitlist_id"], entry["status"], entry["position"]) == (waitlist_id, "offered", None)
    assert (entry["offer"]["quantity"], entry["offer"]["price"]) == (1, "49.90")
    assert (await charlie.post(f"/api/v1/attendee/buy-ticket/{event_id}")).json()["type"].endswith("sold-out")
    key = {"Idempotency-Key": "k"}
    bought = await bob.post(f"{ENTRIES}/{waitlist_id}/acceptance", headers=key)
    again = await bob.post(f"{ENTRIES}/{waitlist_id}/acceptance", headers=key)
    assert (bought.status_code, bought.json()["status"], len(bought.json()["tickets"])) == (201, "sold", 1)
    assert (again.json(), again.headers["idempotent-replayed"]) == (bought.json(), "true")
    assert (await bob.get(f"{ENTRIES}/{waitlist_id}")).json()["status"] == "served"
    assert [line["what"] for line in (await bob.get(f"{ENTRIES}/{waitlist_id}/log")).json()["items"]] == [
        "joined", "offered", "accepted",
    ]  # fmt: skip


async def test_declining_and_leaving_have_nothing_to_say(alice: httpx.AsyncClient, stage: Stage) -> None:
    bob, ben = await stage.person("Bob"), await stage.person("Ben")
    event_id, first = await offered(alice, bob)
    joined = await ben.post("/api/v1/attendee/join-waiting-list", json={"event_id": event_id})
    second = joined.json()["waitlist_id"]
    assert (await bob.post(f"{ENTRIES}/{first}/refusal")).status_code == 204
    assert (await ben.get(f"{ENTRIES}/{second}")).json()["status"] == "offered"
    assert (await ben.delete(f"{ENTRIES}/{second}")).status_code == 204
    refused = await ben.post(f"{ENTRIES}/{second}/refusal")
    assert (refused.status_code, kind(refused)) == (409, "not-waiting")
    left = (await alice.get(f"/api/v1/event/{event_id}")).json()["availability"]
    assert left == {"capacity": 1, "sold": 0, "held": 0, "left": 1}


async def test_the_organizer_sees_who_waits_and_why(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    event_id, waitlist_id = await offered(alice, bob)
    (person,) = (await alice.get(f"/api/v1/event/{event_id}/waiting-list")).json()["items"]
    assert (person["full_name"], person["status"], person["waitlist_id"]) == ("Bob", "offered", waitlist_id)
    page = (await alice.get(f"/api/v1/event/{event_id}/waiting-list-log", params={"limit": 1})).json()
    assert [line["what"] for line in page["items"]] == ["offered"]
    assert page["next_cursor"]
    for path in ("waiting-list", "waiting-list-log"):
        assert (await charlie.get(f"/api/v1/event/{event_id}/{path}")).status_code == 404
        assert (await bob.get(f"/api/v1/event/{event_id}/{path}")).status_code == 403


@pytest.mark.parametrize(
    ("change", "field"),
    [({"quantity": 0}, "quantity"), ({"quantity": 101}, "quantity"), ({"ticket_type_ids": ["x"]}, "ticket_type_ids")],
)
async def test_what_cannot_be_waited_for(bob: httpx.AsyncClient, change: dict[str, object], field: str) -> None:
    answer = await bob.post("/api/v1/attendee/join-waiting-list", json={"event_id": 1, **change})
    assert (answer.status_code, [bad["field"] for bad in answer.json()["errors"]]) == (422, [field])
    assert answer.json()["errors"][0]["message"][:7] == "must be"


async def test_entries_of_others_are_not_there(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    _, waitlist_id = await offered(alice, bob)
    assert (await charlie.get(f"{ENTRIES}/{waitlist_id}")).status_code == 404
    assert (await charlie.delete(f"{ENTRIES}/{waitlist_id}")).status_code == 404
    for what in ("acceptance", "refusal"):
        assert (await charlie.post(f"{ENTRIES}/{waitlist_id}/{what}")).status_code == 404
    assert (await charlie.get(f"{ENTRIES}/{waitlist_id}/log")).status_code == 404
    assert (await alice.get(f"{ENTRIES}/{waitlist_id}/log")).status_code == 200, "it is of her event"
