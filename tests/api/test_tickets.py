"""Buying, and waiting for what is sold out."""

import asyncio
import collections

import httpx

from tests.cast import Stage, stored_event


def kind(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).rsplit(":", 1)[-1]


async def test_bob_buys_and_finds_his_ticket(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    answer = await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}", json={})
    assert answer.status_code == 201
    bought = answer.json()
    assert bought["success"] == "Ticket purchased!"
    assert bought["status"] == "sold"
    (mine,) = (await bob.get("/api/v1/tickets")).json()["items"]
    assert (mine["code"], mine["ticket_number"]) == (bought["code"], bought["ticket_number"])
    assert (mine["title"], mine["price"], mine["currency"]) == ("Lantern Fields", "49.90", "EUR")
    left = (await bob.get(f"/api/v1/event/{event_id}")).json()["availability"]
    assert left == {"capacity": 100, "sold": 1, "held": 0, "left": 99}


async def test_an_empty_body_buys_too(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    assert (await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")).status_code == 201


async def test_one_ticket_each(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    again = await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    assert (again.status_code, kind(again)) == (409, "already-bought")


async def test_last_place_goes_to_the_first_buyer(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, capacity=1)
    assert (await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")).status_code == 201
    late = await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    assert (late.status_code, kind(late)) == (409, "sold-out")


async def test_past_events_are_closed(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, start_time="2020-06-22T19:00:00Z", end_time="2020-06-22T20:00:00Z")
    answer = await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    assert (answer.status_code, kind(answer)) == (409, "sale-closed")


async def test_the_same_key_is_the_same_ticket(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    key = {"Idempotency-Key": "k1"}
    first = await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}", json={}, headers=key)
    again = await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}", json={}, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    other = await stored_event(alice, title="Other")
    reused = await bob.post(f"/api/v1/attendee/buy-ticket/{other}", json={}, headers=key)
    assert (reused.status_code, kind(reused)) == (422, "idempotency-key-reused")


async def test_a_refusal_is_replayed_too(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, capacity=1)
    await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    key = {"Idempotency-Key": "k1"}
    assert kind(await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}", headers=key)) == "sold-out"
    await alice.patch(f"/api/v1/event/{event_id}", json={"capacity": 2}, headers={"If-Match": "*"})
    again = await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}", headers=key)
    assert (kind(again), again.headers["idempotent-replayed"]) == ("sold-out", "true")
    assert (await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")).status_code == 201


async def test_twenty_retries_at_once_with_one_key_are_one_ticket(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice)
    key = {"Idempotency-Key": "storm"}
    answers = await asyncio.gather(
        *(bob.post(f"/api/v1/attendee/buy-ticket/{event_id}", headers=key) for _ in range(20))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["code"] for answer in answers}) == 1
    assert (await alice.get(f"/api/v1/event/{event_id}")).json()["availability"]["sold"] == 1


async def test_thirty_buyers_for_ten_places(alice: httpx.AsyncClient, stage: Stage) -> None:
    event_id = await stored_event(alice, capacity=10)
    async with stage.parts.database.connection() as connection:
        await connection.execute("DELETE FROM rate_limit_windows")
    buyers = []
    for number in range(15):
        buyers.append(await stage.person(f"Buyer{number}"))
    answers = await asyncio.gather(
        *(buyer.post(f"/api/v1/attendee/buy-ticket/{event_id}") for buyer in buyers for _ in range(2))
    )
    assert collections.Counter(answer.status_code for answer in answers) == {201: 10, 409: 20}
    async with stage.parts.database.connection() as connection:
        assert await connection.fetchval("SELECT count(DISTINCT attendee_id) FROM tickets") == 10
        assert await connection.fetchval("SELECT count(*) FROM facts WHERE type = 'TicketSold'") == 10


async def test_the_database_itself_refuses_to_oversell(alice: httpx.AsyncClient, stage: Stage) -> None:
    import asyncpg
    import pytest

    event_id = await stored_event(alice, capacity=1)
    async with stage.parts.database.pool.acquire() as connection:
        with pytest.raises(asyncpg.CheckViolationError, match="never_oversold"):
            await connection.execute("UPDATE events SET sold = 2 WHERE id = $1", event_id)


async def test_buying_what_is_not_there_or_not_public_is_404(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    draft = await stored_event(alice, status="draft")
    assert (await bob.post(f"/api/v1/attendee/buy-ticket/{draft}")).status_code == 404
    assert (await bob.post("/api/v1/attendee/buy-ticket/99999")).status_code == 404
    assert (await visitor.post(f"/api/v1/attendee/buy-ticket/{draft}")).status_code == 401


async def test_for_somebody_else_is_forbidden(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    body = {"user_id": alice.user_id}  # type: ignore[attr-defined]
    assert (await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}", json=body)).status_code == 403
    assert (
        await bob.post("/api/v1/attendee/join-waiting-list", json={"event_id": event_id, **body})
    ).status_code == 403


async def test_a_draft_sells_nothing_even_to_its_organizer(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, status="draft")
    answer = await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:eventstream:problem:sale-not-open")
    assert (await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")).status_code == 404


async def test_my_tickets_are_mine_and_paged(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    numbers = []
    for number in range(3):
        event_id = await stored_event(alice, title=f"Night {number}")
        numbers.append((await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")).json()["ticket_number"])
    first = (await bob.get("/api/v1/tickets", params={"limit": 2})).json()
    rest = (await bob.get("/api/v1/tickets", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [one["ticket_number"] for one in first["items"] + rest["items"]] == numbers[::-1]
    assert (await charlie.get("/api/v1/tickets")).json() == {"items": [], "next_cursor": None}


async def test_waiting_list_keeps_the_order_of_joining(alice: httpx.AsyncClient, stage: Stage) -> None:
    event_id = await stored_event(alice, capacity=1)
    await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    bob, ben = await stage.person("Bob"), await stage.person("Ben")
    first = await bob.post("/api/v1/attendee/join-waiting-list", json={"event_id": event_id})
    second = await ben.post("/api/v1/attendee/join-waiting-list", json={"event_id": event_id})
    assert first.status_code == second.status_code == 201
    assert (first.json()["position"], second.json()["position"]) == (1, 2)
    assert (first.json()["quantity"], first.json()["ticket_type_ids"]) == (1, [])
    assert (first.json()["success"], first.json()["status"]) == ("Subscribed to waiting list", "waiting")
    again = await bob.post("/api/v1/attendee/join-waiting-list", json={"event_id": event_id})
    assert (again.status_code, again.json()) == (201, first.json())
    summary = (await alice.get(f"/api/v1/event/{event_id}")).json()["waitlist"]
    assert summary == {"total": 2, "by_status": {"waiting": 2}}


async def test_joining_makes_sense_only_when_it_does(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    async def join(event_id: int) -> httpx.Response:
        return await bob.post("/api/v1/attendee/join-waiting-list", json={"event_id": event_id})

    open_event = await stored_event(alice)
    assert kind(await join(open_event)) == "places-left"
    past = await stored_event(alice, start_time="2020-06-22T19:00:00Z", end_time="2020-06-22T20:00:00Z")
    assert kind(await join(past)) == "sale-closed"
    mine = await stored_event(alice, capacity=1)
    await bob.post(f"/api/v1/attendee/buy-ticket/{mine}")
    assert kind(await join(mine)) == "already-bought"
    assert (await join(99999)).status_code == 404


async def test_joining_with_a_key_is_replayed(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, capacity=1)
    await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    key = {"Idempotency-Key": "wait"}
    body = {"event_id": event_id}
    first = await bob.post("/api/v1/attendee/join-waiting-list", json=body, headers=key)
    again = await bob.post("/api/v1/attendee/join-waiting-list", json=body, headers=key)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"


async def test_the_price_that_was_seen_is_the_one_paid(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, price="20")
    address = f"/api/v1/attendee/buy-ticket/{event_id}"
    for other in ({"price": "19.99"}, {"price": "20", "currency": "JPY"}):
        refused = await bob.post(address, json=other)
        assert (refused.status_code, refused.json()["type"].rsplit(":", 1)[1]) == (409, "price-changed"), other
    no_money = (await bob.post(address, json={"price": 20, "currency": "EURO"})).json()
    assert (no_money["status"], no_money["errors"][0]["field"]) == (422, "currency")
    assert (await bob.post(address, json={"price": 20, "currency": "EUR"})).status_code == 201
