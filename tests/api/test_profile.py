"""Changing what you said about yourself."""

import httpx
import pytest

from tests.cast import PASSWORD, Stage


def named(answer: httpx.Response) -> dict[str, str]:
    return {error["field"]: error["message"] for error in answer.json()["errors"]}


async def test_bob_changes_his_name_and_nothing_else(bob: httpx.AsyncClient) -> None:
    before = (await bob.get("/api/v1/me")).json()
    answer = await bob.patch("/api/v1/me", json={"full_name": "  Bo Reed "})
    assert answer.status_code == 200
    assert answer.json() == (await bob.get("/api/v1/me")).json() == {**before, "full_name": "Bo Reed"}


async def test_an_organizer_changes_company_and_bio_and_takes_the_bio_away(alice: httpx.AsyncClient) -> None:
    changed = await alice.patch("/api/v1/me", json={"company_name": "Moss", "bio": "Since 2009."})
    assert (changed.json()["company_name"], changed.json()["bio"]) == ("Moss", "Since 2009.")
    changed = await alice.patch("/api/v1/me", json={"bio": ""})
    assert (changed.json()["company_name"], changed.json()["bio"]) == ("Moss", None)


async def test_another_email_needs_the_password_and_signs_in_from_then_on(stage: Stage, bob: httpx.AsyncClient) -> None:
    assert set(named(await bob.patch("/api/v1/me", json={"email": "bo@example.org"}))) == {"current_password"}
    wrong = await bob.patch("/api/v1/me", json={"email": "bo@example.org", "current_password": "not it"})
    assert named(wrong) == {"current_password": "is not your password"}
    right = await bob.patch("/api/v1/me", json={"email": "bo@example.org", "current_password": PASSWORD})
    assert right.json()["email"] == "bo@example.org"
    elsewhere = await stage.client()
    for email, status in (("bo@example.org", 200), (bob.email, 401)):  # type: ignore[attr-defined]
        answer = await elsewhere.post("/api/v1/sign-in", json={"email": email, "password": PASSWORD})
        assert answer.status_code == status


async def test_the_same_email_again_needs_no_password(bob: httpx.AsyncClient) -> None:
    body = {"email": bob.email, "full_name": "Bo"}  # type: ignore[attr-defined]
    assert (await bob.patch("/api/v1/me", json=body)).status_code == 200


async def test_an_email_that_somebody_has_is_a_conflict(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    body = {"email": alice.email.upper(), "current_password": PASSWORD, "full_name": "X"}  # type: ignore[attr-defined]
    answer = await bob.patch("/api/v1/me", json=body)
    assert (answer.status_code, answer.json()["type"].rsplit(":", 1)[1]) == (409, "email-taken")
    assert (await bob.get("/api/v1/me")).json()["full_name"] == "Bob"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"full_name": " ", "email": "x"}, {"full_name", "email"}),
        ({"full_name": "x" * 201}, {"full_name"}),
        ({"full_name": "a\u0000"}, {"full_name"}),
        ({"company_name": "Moss", "bio": "B"}, {"company_name", "bio"}),
    ],
)
async def test_bad_fields_are_named_and_change_nothing(
    bob: httpx.AsyncClient, body: dict[str, str], fields: set[str]
) -> None:
    answer = await bob.patch("/api/v1/me", json=body)
    assert answer.status_code == 422
    assert set(named(answer)) == fields
    assert (await bob.get("/api/v1/me")).json()["full_name"] == "Bob"


async def test_an_api_key_cannot_change_the_account(stage: Stage, bob: httpx.AsyncClient) -> None:
    created = await bob.post("/api/v1/api-keys", json={"name": "x", "scopes": ["read", "write"]})
    program = await stage.client(headers={"Authorization": f"Bearer {created.json()['api_key']}"})
    for method, path in (("PATCH", "/me"), ("POST", "/me/password"), ("POST", "/me/deletion"), ("DELETE", "/sessions")):
        answer = await program.request(method, f"/api/v1{path}", json={} if method != "DELETE" else None)
        assert (answer.status_code, answer.json()["type"].rsplit(":", 1)[1]) == (403, "session-only")


async def test_guessing_the_password_with_a_stolen_session_ends_after_five_tries(bob: httpx.AsyncClient) -> None:
    body = {"email": "bo@example.org", "current_password": "not it"}
    statuses = [(await bob.patch("/api/v1/me", json=body)).status_code for _ in range(6)]
    assert statuses == [422] * 5 + [429]
