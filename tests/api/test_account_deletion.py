"""Deleting an account: who was a person is nobody, what was sold stays."""

import httpx

from app.domain.ticket_codes import PublicKey, verified
from tests.cast import PASSWORD, Stage, event_body, stored_event

OVER = {"start_time": "2020-06-22T19:00:00Z", "end_time": "2020-06-22T20:00:00Z"}


async def delete(person: httpx.AsyncClient, password: str = PASSWORD) -> httpx.Response:
    return await person.post("/api/v1/me/deletion", json={"current_password": password})


async def test_nothing_about_the_person_is_left_and_the_sale_still_counts(
    stage: Stage, alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice)
    number = (await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}", headers={"Idempotency-Key": "k"})).json()[
        "ticket_number"
    ]
    text = (await bob.get(f"/api/v1/tickets/{number}")).json()["qr_text"]
    created = await bob.post("/api/v1/api-keys", json={"name": "x", "scopes": ["read"]})
    program = await stage.client(headers={"Authorization": f"Bearer {created.json()['api_key']}"})
    answer = await delete(bob)
    assert (answer.status_code, answer.json()) == (200, {"success": "Account deleted"})
    for gone in (bob, program):
        assert (await gone.get("/api/v1/me")).status_code == 401
    async with stage.parts.database.connection() as connection:
        row = await connection.fetchrow("SELECT * FROM users WHERE id = $1", bob.user_id)  # type: ignore[attr-defined]
        for table in ("sessions", "api_keys", "idempotency_keys"):
            assert await connection.fetchval(f"SELECT count(*) FROM {table} WHERE user_id = $1", bob.user_id) == 0  # type: ignore[attr-defined]
    assert bob.email not in str(row)  # type: ignore[attr-defined]
    assert "Bob" not in str(row)
    places = (await alice.get(f"/api/v1/event/{event_id}")).json()["availability"]
    assert (places["sold"], places["left"]) == (1, 99)
    keys = [PublicKey(**one) for one in (await alice.get("/api/v1/ticket-keys")).json()["items"]]
    assert verified(keys, text).ticket_number == number, "a printed ticket stays good"


async def test_the_address_is_free_again_and_the_old_account_cannot_be_entered(
    stage: Stage, bob: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    email = bob.email  # type: ignore[attr-defined]
    await delete(bob)
    for tried in (email, f"deleted-{bob.user_id}"):  # type: ignore[attr-defined]
        for password in (PASSWORD, " "):
            answer = await visitor.post("/api/v1/sign-in", json={"email": tried, "password": password})
            assert answer.status_code == 401
    body = {"full_name": "Bob", "email": email, "password": PASSWORD}
    assert (await visitor.post("/api/v1/attendee/sign-up", json=body)).status_code == 201


async def test_a_wrong_password_deletes_nothing(bob: httpx.AsyncClient) -> None:
    answer = await delete(bob, "not it")
    assert answer.json()["errors"] == [{"field": "current_password", "message": "is not your password"}]
    assert (await bob.get("/api/v1/me")).json()["full_name"] == "Bob"


async def test_an_organizer_stays_until_the_events_are_over(
    stage: Stage, alice: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    await stored_event(alice, title="Long over", **OVER)
    await stored_event(alice, title="Never announced", status="draft")
    event_id = await stored_event(alice, title="Still to come")
    refused = await delete(alice)
    assert (refused.status_code, refused.json()["type"].rsplit(":", 1)[1]) == (409, "live-events")
    assert "Still to come" in refused.json()["detail"]
    assert "Long over" not in refused.json()["detail"]
    assert "Never announced" not in refused.json()["detail"]
    async with stage.parts.database.connection() as connection:
        await connection.execute("UPDATE events SET end_time = now() WHERE id = $1", event_id)
    assert (await delete(alice)).status_code == 200


async def test_an_event_on_its_way_to_the_database_counts_as_one_to_come(
    stage: Stage, alice: httpx.AsyncClient
) -> None:
    for task in stage.parts.tasks:
        await task.stop()
    assert (await alice.post("/api/v1/event", json=event_body())).status_code == 202
    assert (await delete(alice)).status_code == 409


async def test_what_is_held_or_offered_goes_to_the_next_when_its_owner_leaves(
    stage: Stage, alice: httpx.AsyncClient, bob: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice, capacity=1, payment="organizer_confirms")
    last = await stage.person("Last")
    assert (await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")).json()["status"] == "held"
    for person in (charlie, last):
        await person.post("/api/v1/attendee/join-waiting-list", json={"event_id": event_id})
    for leaving, then in ((bob, charlie), (charlie, last)):
        assert await standing(then) == "waiting"
        assert (await delete(leaving)).status_code == 200
        assert await standing(then) == "offered"


async def standing(person: httpx.AsyncClient) -> str:
    """Of the only list they are on."""
    (entry,) = (await person.get("/api/v1/waiting-list-entries")).json()["items"]
    status: str = entry["status"]
    return status


async def test_who_leaves_is_off_the_waiting_lists(
    stage: Stage, alice: httpx.AsyncClient, bob: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice, capacity=1)
    await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    for person in (bob, charlie):
        await person.post("/api/v1/attendee/join-waiting-list", json={"event_id": event_id})
    await delete(bob)
    place = await charlie.post("/api/v1/attendee/join-waiting-list", json={"event_id": event_id})
    assert place.json()["position"] == 1
