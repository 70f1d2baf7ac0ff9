"""Signing up, in and out."""

import asyncio
from pathlib import Path

import httpx
import pytest

from app.passwords import WAITING_AT_MOST
from tests.cast import PASSWORD, Stage, staged


def named(answer: httpx.Response) -> set[str]:
    return {error["field"] for error in answer.json()["errors"]}


async def test_sign_up_and_sign_in_answer_as_documented(visitor: httpx.AsyncClient) -> None:
    body = {"full_name": "Ada", "email": "ada@example.org", "password": PASSWORD, "company_name": "Ada Ltd"}
    signed_up = await visitor.post("/api/v1/sign-up", json=body)
    assert signed_up.status_code == 201
    assert set(signed_up.json()) == {"success", "user_id", "organizer_id"}
    signed_in = await visitor.post("/api/v1/sign-in", json={"email": "ADA@example.org", "password": PASSWORD})
    assert signed_in.status_code == 200
    assert signed_in.json()["role"] == "organizer"
    cookie = signed_in.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    me = await visitor.get("/api/v1/me")
    assert me.json()["company_name"] == "Ada Ltd"
    assert me.json()["email"] == "ada@example.org"


async def test_an_email_that_python_lowers_otherwise_than_postgres_signs_in(visitor: httpx.AsyncClient) -> None:
    body = {"full_name": "Ida", "email": "\u0130da@example.org", "password": PASSWORD}
    assert (await visitor.post("/api/v1/attendee/sign-up", json=body)).status_code == 201
    assert (await visitor.post("/api/v1/sign-in", json=body)).status_code == 200
    again = await visitor.post("/api/v1/attendee/sign-up", json=body)
    assert (again.status_code, again.json()["type"].rsplit(":", 1)[1]) == (409, "email-taken")


async def test_guesses_count_together_however_the_email_is_written(visitor: httpx.AsyncClient) -> None:
    statuses = []
    for email in ("ida@example.org", "IDA@example.org", "\u0130da@example.org") * 2:
        body = {"email": email, "password": "wrong wrong"}
        statuses.append((await visitor.post("/api/v1/sign-in", json=body)).status_code)
    assert statuses == [401] * 5 + [429]


async def test_attendee_signs_up_without_an_organizer(visitor: httpx.AsyncClient) -> None:
    body = {"full_name": "Ben", "email": "ben@example.org", "password": PASSWORD}
    answer = await visitor.post("/api/v1/attendee/sign-up", json=body)
    assert answer.status_code == 201
    assert set(answer.json()) == {"success", "user_id"}


async def test_every_bad_field_is_named_at_once(visitor: httpx.AsyncClient) -> None:
    body = {"full_name": "  ", "email": "nonsense", "password": "short", "role": "attendee"}
    answer = await visitor.post("/api/v1/sign-up", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert named(answer) == {"full_name", "email", "password", "company_name", "role"}


async def test_easy_passwords_are_refused(visitor: httpx.AsyncClient) -> None:
    for password in ("password123", "aaaaaaaaaa", "ben@example.org"):
        body = {"full_name": "Ben", "email": "ben@example.org", "password": password}
        answer = await visitor.post("/api/v1/attendee/sign-up", json=body)
        assert named(answer) == {"password"}


async def test_known_email_is_a_conflict_in_any_case(visitor: httpx.AsyncClient) -> None:
    body = {"full_name": "Ben", "email": "ben@example.org", "password": PASSWORD}
    assert (await visitor.post("/api/v1/attendee/sign-up", json=body)).status_code == 201
    answer = await visitor.post("/api/v1/attendee/sign-up", json={**body, "email": "BEN@example.org"})
    assert answer.status_code == 409
    assert answer.json()["type"].endswith("email-taken")


async def test_sign_up_repeated_with_its_key_answers_the_same(visitor: httpx.AsyncClient) -> None:
    body = {"full_name": "Ben", "email": "ben@example.org", "password": PASSWORD}
    key = {"Idempotency-Key": "sign-up-1"}
    first = await visitor.post("/api/v1/attendee/sign-up", json=body, headers=key)
    again = await visitor.post("/api/v1/attendee/sign-up", json=body, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    other = await visitor.post("/api/v1/attendee/sign-up", json={**body, "full_name": "Bo"}, headers=key)
    assert other.status_code == 422


@pytest.mark.parametrize("path", ["/api/v1/attendee/sign-up", "/api/v1/sign-up"])
async def test_the_same_sign_up_eight_times_at_once_is_one_account(visitor: httpx.AsyncClient, path: str) -> None:
    body = {"full_name": "Ben", "email": "ben@example.org", "password": PASSWORD}
    body |= {"company_name": "Ben Ltd"} if path == "/api/v1/sign-up" else {}
    key = {"Idempotency-Key": "sign-up-1"}
    answers = await asyncio.gather(*(visitor.post(path, json=body, headers=key) for _ in range(8)))
    assert [answer.status_code for answer in answers] == [201] * 8
    assert len({answer.text for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1


async def test_sign_ups_with_one_email_at_once_and_without_a_key_are_one_account(visitor: httpx.AsyncClient) -> None:
    body = {"full_name": "Ben", "email": "ben@example.org", "password": PASSWORD}
    answers = await asyncio.gather(*(visitor.post("/api/v1/attendee/sign-up", json=body) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7


async def test_wrong_password_and_unknown_email_are_the_same_401(visitor: httpx.AsyncClient) -> None:
    body = {"full_name": "Ben", "email": "ben@example.org", "password": PASSWORD}
    await visitor.post("/api/v1/attendee/sign-up", json=body)
    wrong = await visitor.post("/api/v1/sign-in", json={"email": "ben@example.org", "password": "not it at all"})
    unknown = await visitor.post("/api/v1/sign-in", json={"email": "eve@example.org", "password": "not it at all"})
    assert wrong.status_code == unknown.status_code == 401
    drop = {"request_id"}
    assert {k: v for k, v in wrong.json().items() if k not in drop} == {
        k: v for k, v in unknown.json().items() if k not in drop
    }


async def test_sign_out_ends_the_session_on_the_server(bob: httpx.AsyncClient) -> None:
    kept = dict(bob.cookies)
    answer = await bob.post("/api/v1/sign-out")
    assert answer.json() == {"message": "Logged Out"}
    bob.cookies.update(kept)
    assert (await bob.get("/api/v1/me")).status_code == 401


async def test_signing_in_gives_a_new_session_id_and_ends_the_old(stage: Stage, bob: httpx.AsyncClient) -> None:
    before = bob.cookies["session"]
    body = {"email": bob.email, "password": PASSWORD}  # type: ignore[attr-defined]
    assert (await bob.post("/api/v1/sign-in", json=body)).status_code == 200
    assert bob.cookies["session"] != before
    other = await stage.client(cookies={"session": before})
    assert (await other.get("/api/v1/me")).status_code == 401


async def test_session_id_chosen_by_somebody_else_is_not_adopted(stage: Stage) -> None:
    client = await stage.client(cookies={"session": "chosen-by-an-attacker"})
    body = {"full_name": "Ben", "email": "ben@example.org", "password": PASSWORD}
    await client.post("/api/v1/attendee/sign-up", json=body)
    await client.post("/api/v1/sign-in", json={"email": "ben@example.org", "password": PASSWORD})
    attacker = await stage.client(cookies={"session": "chosen-by-an-attacker"})
    assert (await attacker.get("/api/v1/me")).status_code == 401


async def test_five_failures_then_429_with_retry_after_though_the_password_is_right(stage: Stage) -> None:
    bob = await stage.person("Bob")
    client = await stage.client()
    for _ in range(5):
        wrong = await client.post("/api/v1/sign-in", json={"email": bob.email, "password": "wrong wrong"})  # type: ignore[attr-defined]
        assert wrong.status_code == 401
    right = await client.post("/api/v1/sign-in", json={"email": bob.email, "password": PASSWORD})  # type: ignore[attr-defined]
    assert right.status_code == 429
    assert int(right.headers["retry-after"]) > 0
    assert right.headers["ratelimit-policy"] == '"sign-in";q=5;w=900'


async def test_success_does_not_count_against_the_limit(stage: Stage) -> None:
    bob = await stage.person("Bob")
    for _ in range(12):
        answer = await bob.post("/api/v1/sign-in", json={"email": bob.email, "password": PASSWORD})  # type: ignore[attr-defined]
        assert answer.status_code == 200


async def test_correct_sign_ins_at_the_same_moment_all_succeed(database_url: str, tmp_path: Path) -> None:
    """Neither one's own other devices nor the neighbours behind one address stand in the way."""
    limits = {"RATE_LIMIT_SIGN_IN": "2/hour", "RATE_LIMIT_SIGN_IN_ADDRESS": "4/hour"}
    async with staged(database_url, tmp_path, **limits) as stage:
        people, client = [await stage.person("Bob"), await stage.person("Dora")], await stage.client()
        bodies = [{"email": person.email, "password": PASSWORD} for person in people * 6]  # type: ignore[attr-defined]
        answers = await asyncio.gather(*(client.post("/api/v1/sign-in", json=body) for body in bodies))
        assert [answer.status_code for answer in answers] == [200] * 12


async def test_guesses_at_the_same_moment_are_answered_as_few_as_one_by_one(stage: Stage) -> None:
    bob, client = await stage.person("Bob"), await stage.client()

    async def guess(password: str) -> int:
        body = {"email": bob.email, "password": password}  # type: ignore[attr-defined]
        return (await client.post("/api/v1/sign-in", json=body)).status_code

    statuses = await asyncio.gather(*(guess(f"wrong wrong {number}") for number in range(30)))
    assert sorted(statuses) == [401] * 5 + [429] * 25
    assert await guess(PASSWORD) == 429


async def test_a_sign_in_that_could_not_be_judged_does_not_count(stage: Stage) -> None:
    bob, passwords = await stage.person("Bob"), stage.parts.passwords
    body = {"email": bob.email, "password": PASSWORD}  # type: ignore[attr-defined]
    passwords.waiting = WAITING_AT_MOST
    assert [(await bob.post("/api/v1/sign-in", json=body)).status_code for _ in range(6)] == [503] * 6
    passwords.waiting = 0
    assert (await bob.post("/api/v1/sign-in", json=body)).status_code == 200


async def test_sign_up_is_limited_by_address(stage: Stage, visitor: httpx.AsyncClient) -> None:
    statuses = []
    for number in range(21):
        body = {"full_name": "Ben", "email": f"ben{number}@example.org", "password": PASSWORD}
        statuses.append((await visitor.post("/api/v1/attendee/sign-up", json=body)).status_code)
    assert statuses == [201] * 20 + [429]
