"""Lists of one's own things come by pages, and end."""

import httpx
import pytest

from app.domain.keys import MOST
from tests.cast import PASSWORD, Stage, stored_event

LISTS = {
    "/api/v1/api-keys": "key_id",
    "/api/v1/sessions": "session_id",
    "/api/v1/waiting-list-entries": "waitlist_id",
}
"""And what each calls its ids."""


async def walk(person: httpx.AsyncClient, path: str, name: str) -> list[int]:
    """The ids on all pages of two."""
    found: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await person.get(path, params={"limit": 2, **cursor})).json()
        assert 1 <= len(page["items"]) <= 2
        found += [one[name] for one in page["items"]]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


async def test_keys_sessions_and_entries_come_by_pages(
    stage: Stage, alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    for number in range(3):
        assert (await bob.post("/api/v1/api-keys", json={"name": str(number), "scopes": ["read"]})).status_code == 201
        event_id = await stored_event(alice, title=f"Night {number}", capacity=1)
        assert (await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}")).status_code == 201
        joined = await bob.post("/api/v1/attendee/join-waiting-list", json={"event_id": event_id})
        assert joined.status_code == 201
    for _ in range(2):
        session = {"email": bob.email, "password": PASSWORD}  # type: ignore[attr-defined]
        assert (await (await stage.client()).post("/api/v1/sign-in", json=session)).status_code == 200
    for path, name in LISTS.items():
        assert len(set(await walk(bob, path, name))) == 3
        assert await walk(bob, path, name) == [one[name] for one in (await bob.get(path)).json()["items"]]


@pytest.mark.parametrize("path", LISTS)
async def test_a_page_of_nothing_and_a_cursor_of_nobody_are_refused(bob: httpx.AsyncClient, path: str) -> None:
    for asked in ({"limit": "0"}, {"limit": "101"}, {"cursor": "nope"}):
        refused = await bob.get(path, params=asked)
        assert refused.status_code == 422
        assert [bad["field"] for bad in refused.json()["errors"]] == list(asked)


async def test_nobody_has_more_api_keys_than_they_can_look_after(stage: Stage, bob: httpx.AsyncClient) -> None:
    async with stage.parts.database.connection() as connection:
        await connection.execute(
            """INSERT INTO api_keys (user_id, name, prefix, secret_hash, scopes)
               SELECT $1, 'k', n::text, '', ARRAY['read'] FROM generate_series(1, $2::integer) AS n""",
            bob.user_id,  # type: ignore[attr-defined]
            MOST - 1,
        )
    body, last = {"name": "one more", "scopes": ["read"]}, {"Idempotency-Key": "last"}
    created = await bob.post("/api/v1/api-keys", json=body, headers=last)
    assert created.status_code == 201
    refused = await bob.post("/api/v1/api-keys", json=body)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:eventstream:problem:too-many-api-keys")
    assert (await bob.post("/api/v1/api-keys", json=body, headers=last)).json()["key_id"] == created.json()["key_id"]
    assert "revoke one first" in (await bob.post("/account/api-keys", data={"name": "page", "key": "k"})).text
    await bob.delete(f"/api/v1/api-keys/{created.json()['key_id']}")
    assert (await bob.post("/api/v1/api-keys", json=body)).status_code == 201
