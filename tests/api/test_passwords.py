"""Changing a password, and setting a new one with a link."""

import httpx
import pytest

from app.domain.password_resets import new_reset
from app.errors import NotFound
from tests.cast import PASSWORD, Stage

NEW = "eleven paper boats"


def kind(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).rsplit(":", 1)[-1]


async def signs_in(person: httpx.AsyncClient, email: str, password: str) -> bool:
    answer = await person.post("/api/v1/sign-in", json={"email": email, "password": password})
    return answer.status_code == 200


async def test_a_new_password_ends_every_other_session_and_renews_this_one(
    stage: Stage, bob: httpx.AsyncClient
) -> None:
    email = bob.email  # type: ignore[attr-defined]
    thief, copy = await stage.client(), await stage.client(cookies=dict(bob.cookies))
    assert await signs_in(thief, email, PASSWORD)
    answer = await bob.post("/api/v1/me/password", json={"current_password": PASSWORD, "new_password": NEW})
    assert (answer.status_code, answer.json()) == (200, {"success": "Password changed"})
    assert (await bob.get("/api/v1/me")).status_code == 200
    for gone in (thief, copy):
        assert (await gone.get("/api/v1/me")).status_code == 401
    assert not await signs_in(thief, email, PASSWORD)
    assert await signs_in(thief, email, NEW)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"current_password": "not it", "new_password": NEW}, "current_password"),
        ({"current_password": "wrong-wrong-1", "new_password": "wrong-wrong-1"}, "current_password"),
        ({"new_password": NEW}, "current_password"),
        ({"current_password": PASSWORD, "new_password": "short"}, "new_password"),
        ({"current_password": PASSWORD, "new_password": "password123"}, "new_password"),
        ({"current_password": PASSWORD, "new_password": PASSWORD}, "new_password"),
    ],
)
async def test_a_bad_change_names_its_field_and_changes_nothing(
    stage: Stage, bob: httpx.AsyncClient, body: dict[str, str], field: str
) -> None:
    answer = await bob.post("/api/v1/me/password", json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert (await bob.get("/api/v1/me")).status_code == 200
    assert await signs_in(await stage.client(), bob.email, PASSWORD)  # type: ignore[attr-defined]


async def test_the_own_email_is_no_password(bob: httpx.AsyncClient) -> None:
    body = {"current_password": PASSWORD, "new_password": bob.email.upper()}  # type: ignore[attr-defined]
    answer = await bob.post("/api/v1/me/password", json=body)
    assert answer.json()["errors"] == [{"field": "new_password", "message": "is too easy to guess"}]


async def test_a_change_repeated_with_its_key_is_answered_again_and_another_one_is_not(bob: httpx.AsyncClient) -> None:
    body, key = {"current_password": PASSWORD, "new_password": NEW}, {"Idempotency-Key": "k"}
    assert (await bob.post("/api/v1/me/password", json=body, headers=key)).status_code == 200
    again = await bob.post("/api/v1/me/password", json=body, headers=key)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert (await bob.get("/api/v1/me")).status_code == 200
    other = await bob.post("/api/v1/me/password", json={**body, "new_password": "twelve boats"}, headers=key)
    assert (other.status_code, kind(other)) == (422, "idempotency-key-reused")


async def test_no_password_lies_anywhere_but_under_argon2(stage: Stage, bob: httpx.AsyncClient) -> None:
    body, key = {"current_password": PASSWORD, "new_password": NEW}, {"Idempotency-Key": "k"}
    await bob.post("/api/v1/me/password", json=body, headers=key)
    async with stage.parts.database.connection() as connection:
        stored = await connection.fetchval("SELECT password_hash FROM users WHERE id = $1", bob.user_id)  # type: ignore[attr-defined]
        (remembered,) = await connection.fetch("SELECT * FROM idempotency_keys")
    assert stored.startswith("$argon2id$")
    other = {"current_password": NEW, "new_password": "other boats"}
    await bob.post("/api/v1/me/password", json=other, headers={"Idempotency-Key": "l"})
    async with stage.parts.database.connection() as connection:
        hashes = await connection.fetch("SELECT request_hash FROM idempotency_keys WHERE key = 'l'")
    assert [row["request_hash"] for row in hashes] == [remembered["request_hash"]], "it depends on the path alone"


async def test_a_link_sets_a_password_once_and_ends_every_session(
    stage: Stage, bob: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    email = bob.email  # type: ignore[attr-defined]
    token = await new_reset(stage.parts.database, email.upper())
    body = {"token": token, "new_password": NEW}
    assert (await visitor.post("/api/v1/password-resets", json=body)).json() == {"success": "Password changed"}
    assert (await bob.get("/api/v1/me")).status_code == 401
    assert await signs_in(visitor, email, NEW)
    again = await visitor.post("/api/v1/password-resets", json={**body, "new_password": "other boats"})
    assert (again.status_code, kind(again)) == (404, "reset-link-gone")
    assert await signs_in(visitor, email, NEW)


async def test_wrong_used_old_and_replaced_links_get_the_same_answer(
    stage: Stage, bob: httpx.AsyncClient, alice: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    database = stage.parts.database
    replaced = await new_reset(database, bob.email)  # type: ignore[attr-defined]
    used = await new_reset(database, bob.email)  # type: ignore[attr-defined]
    assert (await visitor.post("/api/v1/password-resets", json={"token": used, "new_password": NEW})).status_code == 200
    old = await new_reset(database, alice.email)  # type: ignore[attr-defined]
    async with database.connection() as connection:
        await connection.execute("UPDATE password_resets SET expires_at = now() - interval '1 second'")
    answers = []
    for token in ("nonsense", used, old, replaced):
        answer = await visitor.post("/api/v1/password-resets", json={"token": token, "new_password": "other boats"})
        answers.append((answer.status_code, {**answer.json(), "request_id": ""}))
    assert answers[0][0] == 404
    assert all(answer == answers[0] for answer in answers)


async def test_a_bad_new_password_does_not_use_the_link_up(
    stage: Stage, bob: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    token = await new_reset(stage.parts.database, bob.email)  # type: ignore[attr-defined]
    for bad in ("short", "password123", bob.email):  # type: ignore[attr-defined]
        answer = await visitor.post("/api/v1/password-resets", json={"token": token, "new_password": bad})
        assert [error["field"] for error in answer.json()["errors"]] == ["new_password"]
    good = await visitor.post("/api/v1/password-resets", json={"token": token, "new_password": NEW})
    assert good.status_code == 200


async def test_changing_password_or_email_ends_links_that_are_under_way(
    stage: Stage, bob: httpx.AsyncClient, alice: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    tokens = [await new_reset(stage.parts.database, one.email) for one in (bob, alice)]  # type: ignore[attr-defined]
    await bob.post("/api/v1/me/password", json={"current_password": PASSWORD, "new_password": NEW})
    await alice.patch("/api/v1/me", json={"email": "new@example.org", "current_password": PASSWORD})
    for token in tokens:
        body = {"token": token, "new_password": "other boats"}
        assert (await visitor.post("/api/v1/password-resets", json=body)).status_code == 404


async def test_a_link_is_stored_hashed_and_only_for_people_we_know(stage: Stage, bob: httpx.AsyncClient) -> None:
    token = await new_reset(stage.parts.database, bob.email)  # type: ignore[attr-defined]
    assert len(token) >= 43, "256 bits"
    async with stage.parts.database.connection() as connection:
        assert token not in str(await connection.fetch("SELECT * FROM password_resets"))
    with pytest.raises(NotFound, match=r"nobody@example\.org"):
        await new_reset(stage.parts.database, "nobody@example.org")
