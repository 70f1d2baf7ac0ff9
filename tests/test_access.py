"""Who may do what: every route, sessions, keys, origins and limits."""

import asyncio
import ipaddress
import json
import re
from pathlib import Path
from typing import Any

import httpx
import limits
import pytest

from app.authentication import Stopping
from app.client_address import client_address
from app.engines.database import Database
from app.errors import Forbidden, TooMany, Unavailable
from app.main import build_app
from app.rate_limits import UserLimits
from app.same_origin import require_same_origin
from app.supervision import Health
from tests.cast import PASSWORD, Stage, event_body, staged, stored_event
from tests.waiting import eventually

PUBLIC = {
    "POST /api/v1/sign-up", "POST /api/v1/attendee/sign-up", "POST /api/v1/sign-in", "GET /health/live",
    "GET /health/ready", "GET /", "GET /events/{event_id:int}", "GET /sign-up", "POST /sign-up",
    "GET /sign-up/organizer", "POST /sign-up/organizer", "GET /sign-in", "POST /sign-in", "GET /media/{key:path}",
    "GET /api/v1/ticket-keys", "POST /api/v1/password-resets", "GET /password-resets/{token:str}",
    "POST /password-resets/{token:str}", "GET /static/{name:str}", "GET /schema", "GET /schema/openapi.json",
    "GET /schema/{path:str}", "GET /styleguide", "GET /events/{event_id:int}/places",
}  # fmt: skip


LIMITED = {
    "buy": {
        "POST /api/v1/attendee/buy-ticket/{event_id:int}", "POST /api/v1/attendee/join-waiting-list",
        "POST /api/v1/tickets/{ticket_number:int}/cancellation",
        "DELETE /api/v1/waiting-list-entries/{waitlist_id:int}",
        "POST /api/v1/waiting-list-entries/{waitlist_id:int}/acceptance",
        "POST /api/v1/waiting-list-entries/{waitlist_id:int}/refusal", "POST /events/{event_id:int}/purchase",
        "POST /events/{event_id:int}/waiting-list-entry", "POST /tickets/{ticket_number:int}/cancellation",
        "POST /waiting-list-entries/{waitlist_id:int}/acceptance",
        "POST /waiting-list-entries/{waitlist_id:int}/departure",
        "POST /waiting-list-entries/{waitlist_id:int}/refusal",
    },
    "submit": {
        "POST /api/v1/event", "PATCH /api/v1/event/{event_id:int}", "POST /api/v1/event/{event_id:int}/cancellation",
        "POST /api/v1/event/{event_id:int}/copies", "POST /api/v1/event/{event_id:int}/ticket-types",
        "DELETE /api/v1/media/{media_id:int}", "PATCH /api/v1/media/{media_id:int}", "POST /api/v1/metadata",
        "DELETE /api/v1/metadata/{metadata_id:int}", "POST /api/v1/new-media", "POST /api/v1/new-project",
        "POST /api/v1/submissions/{submission_id:str}/retry", "DELETE /api/v1/ticket-types/{ticket_type_id:int}",
        "PUT /api/v1/ticket-types/{ticket_type_id:int}", "POST /projects/drafts/{draft_id:int}/submission",
        "POST /projects/submissions/{submission_id:str}/retry", "POST /projects/{event_id:int}/cancellation",
        "POST /projects/{event_id:int}/copy", "POST /projects/{event_id:int}/held",
        "POST /projects/{event_id:int}/media", "POST /projects/{event_id:int}/media/{media_id:int}/removal",
        "POST /projects/{event_id:int}/publication", "POST /projects/{event_id:int}/settings",
        "POST /projects/{event_id:int}/ticket-types", "POST /projects/{event_id:int}/ticket-types/{type_id:int}",
        "POST /projects/{event_id:int}/ticket-types/{type_id:int}/removal",
    },
}  # fmt: skip
FOR_ORGANIZERS = {
    "GET /api/v1/dashboard", "POST /api/v1/event", "PATCH /api/v1/event/{event_id:int}",
    "GET /api/v1/event/{event_id:int}/attendees", "GET /api/v1/event/{event_id:int}/attendees.csv",
    "GET /api/v1/event/{event_id:int}/cancellation", "POST /api/v1/event/{event_id:int}/cancellation",
    "POST /api/v1/event/{event_id:int}/confirmations", "POST /api/v1/event/{event_id:int}/copies",
    "POST /api/v1/event/{event_id:int}/copy-plan", "GET /api/v1/event/{event_id:int}/held-tickets",
    "POST /api/v1/event/{event_id:int}/releases", "GET /api/v1/event/{event_id:int}/sales",
    "POST /api/v1/event/{event_id:int}/ticket-types", "GET /api/v1/event/{event_id:int}/waiting-list",
    "GET /api/v1/event/{event_id:int}/waiting-list-log", "DELETE /api/v1/media/{media_id:int}",
    "PATCH /api/v1/media/{media_id:int}", "POST /api/v1/metadata", "DELETE /api/v1/metadata/{metadata_id:int}",
    "POST /api/v1/new-media", "POST /api/v1/new-project", "POST /api/v1/submissions/{submission_id:str}/retry",
    "DELETE /api/v1/ticket-types/{ticket_type_id:int}", "PUT /api/v1/ticket-types/{ticket_type_id:int}",
    "DELETE /api/v1/tickets/{ticket_number:int}/use", "POST /api/v1/tickets/{ticket_number:int}/use", "GET /dashboard",
    "GET /projects", "POST /projects/drafts", "GET /projects/drafts/{draft_id:int}",
    "POST /projects/drafts/{draft_id:int}/pictures", "POST /projects/drafts/{draft_id:int}/pictures/{media_id:int}",
    "POST /projects/drafts/{draft_id:int}/pictures/{media_id:int}/removal",
    "POST /projects/drafts/{draft_id:int}/removal", "POST /projects/drafts/{draft_id:int}/submission",
    "GET /projects/drafts/{draft_id:int}/{step:str}", "POST /projects/drafts/{draft_id:int}/{step:str}",
    "POST /projects/drafts/{draft_id:int}/{step:str}/check", "GET /projects/new",
    "GET /projects/submissions/{submission_id:str}", "GET /projects/submissions/{submission_id:str}/fan-out",
    "POST /projects/submissions/{submission_id:str}/retry", "GET /projects/{event_id:int}",
    "GET /projects/{event_id:int}/attendees", "GET /projects/{event_id:int}/attendees.csv",
    "GET /projects/{event_id:int}/attendees/{ticket_number:int}",
    "POST /projects/{event_id:int}/attendees/{ticket_number:int}/cancellation",
    "POST /projects/{event_id:int}/attendees/{ticket_number:int}/undo",
    "POST /projects/{event_id:int}/attendees/{ticket_number:int}/use", "GET /projects/{event_id:int}/cancellation",
    "POST /projects/{event_id:int}/cancellation", "GET /projects/{event_id:int}/cancellation/progress",
    "GET /projects/{event_id:int}/copy", "POST /projects/{event_id:int}/copy", "GET /projects/{event_id:int}/door-list",
    "GET /projects/{event_id:int}/held", "POST /projects/{event_id:int}/held", "GET /projects/{event_id:int}/media",
    "POST /projects/{event_id:int}/media", "POST /projects/{event_id:int}/media/{media_id:int}",
    "POST /projects/{event_id:int}/media/{media_id:int}/removal", "POST /projects/{event_id:int}/publication",
    "GET /projects/{event_id:int}/settings", "POST /projects/{event_id:int}/settings",
    "GET /projects/{event_id:int}/ticket-types", "POST /projects/{event_id:int}/ticket-types",
    "GET /projects/{event_id:int}/ticket-types/new", "GET /projects/{event_id:int}/ticket-types/{type_id:int}",
    "POST /projects/{event_id:int}/ticket-types/{type_id:int}",
    "POST /projects/{event_id:int}/ticket-types/{type_id:int}/removal", "GET /projects/{event_id:int}/waiting-list",
    "GET /projects/{event_id:int}/waiting-list/log",
}  # fmt: skip


def routes(stage: Stage) -> dict[str, object]:
    found = {}
    for route in build_app(stage.parts).routes:
        for handler in getattr(route, "route_handlers", []):
            for method in sorted(handler.http_methods - {"OPTIONS", "HEAD"}):
                found[f"{method} {route.path}"] = handler
    return found


async def test_every_route_is_authenticated_or_known_to_be_public(stage: Stage) -> None:
    public = {name for name, handler in routes(stage).items() if handler.opt.get("public")}  # type: ignore[attr-defined]
    assert public == PUBLIC


@pytest.mark.parametrize("limit", LIMITED)
async def test_these_routes_and_no_others_count_against_the_limit(stage: Stage, limit: str) -> None:
    assert {name for name, handler in routes(stage).items() if handler.opt.get("limit") == limit} == LIMITED[limit]  # type: ignore[attr-defined]


async def test_these_routes_and_no_others_are_for_organizers_alone(stage: Stage) -> None:
    found = {name for name, handler in routes(stage).items() if handler.opt.get("role")}  # type: ignore[attr-defined]
    assert found == FOR_ORGANIZERS


async def test_every_other_route_refuses_a_stranger(stage: Stage, visitor: httpx.AsyncClient) -> None:
    for name in set(routes(stage)) - PUBLIC:
        method, path = name.split()
        path = path.replace("{submission_id:str}", "x")
        path = re.sub(r"\{\w+:int\}", "1", path)
        answer = await visitor.request(method, path)
        if path.startswith("/api/"):
            assert answer.status_code == 401, name
            assert answer.headers["www-authenticate"] == "Bearer"
        else:
            assert (answer.status_code, answer.headers["location"][:14]) == (303, "/sign-in?next="), name


async def test_api_key_is_shown_once_works_and_is_revoked_at_once(stage: Stage, alice: httpx.AsyncClient) -> None:
    created = await alice.post("/api/v1/api-keys", json={"name": "box office", "scopes": ["read", "write"]})
    assert created.status_code == 201
    secret = created.json()["api_key"]
    program = await stage.client(headers={"Authorization": f"Bearer {secret}"})
    assert (await program.get("/api/v1/me")).json()["user_id"] == alice.user_id  # type: ignore[attr-defined]
    assert (await program.post("/api/v1/event", json=event_body())).status_code == 202
    (listed,) = (await alice.get("/api/v1/api-keys")).json()["items"]
    assert secret not in json.dumps(listed)
    assert secret.startswith(f"es_{listed['prefix']}_")
    assert listed["last_used_at"]
    async with stage.parts.database.connection() as connection:
        assert secret.rsplit("_", 1)[1] not in str(await connection.fetch("SELECT * FROM api_keys"))
    assert (await alice.delete(f"/api/v1/api-keys/{listed['key_id']}")).status_code == 204
    assert (await program.get("/api/v1/me")).status_code == 401
    assert (await alice.get("/api/v1/api-keys")).json()["items"] == []


async def test_scopes_of_a_key(stage: Stage, alice: httpx.AsyncClient) -> None:
    async def program(*scopes: str) -> httpx.AsyncClient:
        created = await alice.post("/api/v1/api-keys", json={"name": "x", "scopes": scopes})
        return await stage.client(headers={"Authorization": f"Bearer {created.json()['api_key']}"})

    reader, writer = await program("read"), await program("write")
    assert (await reader.get("/api/v1/me")).status_code == 200
    refused = await reader.post("/api/v1/event", json=event_body())
    assert (refused.status_code, refused.json()["type"].rsplit(":", 1)[1]) == (403, "missing-scope")
    assert (await writer.get("/api/v1/me")).status_code == 403
    assert (await writer.post("/api/v1/event", json=event_body())).status_code == 202
    assert (await writer.post("/api/v1/api-keys", json={"name": "x", "scopes": ["read"]})).status_code == 403


async def test_keys_of_others_and_bad_keys(alice: httpx.AsyncClient, bob: httpx.AsyncClient, stage: Stage) -> None:
    created = await alice.post("/api/v1/api-keys", json={"name": "x", "scopes": ["read"]})
    assert (await bob.delete(f"/api/v1/api-keys/{created.json()['key_id']}")).status_code == 404
    for scopes in ([], ["admin"], "read"):
        answer = await alice.post("/api/v1/api-keys", json={"name": "x", "scopes": scopes})
        assert [bad["field"] for bad in answer.json()["errors"]] == ["scopes"]
    good = created.json()["api_key"]
    for token in ("", "x", "es_", "es_a_b", good[:-1], good + "0", good.replace("es_", "xx_")):
        program = await stage.client(headers={"Authorization": f"Bearer {token}"})
        assert (await program.get("/api/v1/me")).status_code == 401
    basic = await stage.client(headers={"Authorization": f"Basic {good}"})
    assert (await basic.get("/api/v1/me")).status_code == 401


async def test_creating_a_key_again_with_its_idempotency_key(alice: httpx.AsyncClient) -> None:
    body, key = {"name": "x", "scopes": ["read"]}, {"Idempotency-Key": "k"}
    first = await alice.post("/api/v1/api-keys", json=body, headers=key)
    again = await alice.post("/api/v1/api-keys", json=body, headers=key)
    assert (again.json()["key_id"], again.json()["api_key"]) == (first.json()["key_id"], None)
    other = await alice.post("/api/v1/api-keys", json={**body, "name": "y"}, headers=key)
    assert other.status_code == 422


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 202),
        ({"Sec-Fetch-Site": "none"}, 202),
        ({"Origin": "http://testserver"}, 202),
        ({}, 202),
    ],
)
async def test_unsafe_requests_come_from_our_own_pages(
    alice: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    answer = await alice.post("/api/v1/event", json=event_body(), headers=headers)
    assert answer.status_code == status
    assert (await alice.get("/api/v1/me", headers=headers)).status_code == 200


def test_a_page_of_nobody_is_not_ours_where_the_host_is_not_said_either() -> None:
    for origin in ("null", "http://["):
        with pytest.raises(Forbidden):
            require_same_origin("POST", {"origin": origin}, "http://testserver")


async def test_sessions_end_by_idling_and_by_age(stage: Stage, bob: httpx.AsyncClient) -> None:
    for column, seconds in (("seen_at", 14 * 86400), ("created_at", 60 * 86400)):
        async with stage.parts.database.connection() as connection:
            await connection.execute(f"UPDATE sessions SET {column} = now() - interval '{seconds - 60} seconds'")
            assert (await bob.get("/api/v1/me")).status_code == 200
            await connection.execute(f"UPDATE sessions SET {column} = now() - interval '{seconds + 1} seconds'")
            assert (await bob.get("/api/v1/me")).status_code == 401
            await connection.execute(f"UPDATE sessions SET {column} = now()")
    async with stage.parts.database.connection() as connection:
        await connection.execute("UPDATE sessions SET created_at = now() - interval '61 days'")
        await stage.parts.sessions.sweep()
        assert await connection.fetchval("SELECT count(*) FROM sessions") == 0


async def test_session_ids_are_stored_hashed(stage: Stage, bob: httpx.AsyncClient) -> None:
    async with stage.parts.database.connection() as connection:
        (row,) = await connection.fetch("SELECT * FROM sessions")
    assert bob.cookies["session"].encode() not in bytes(row["id_hash"])


async def test_cookies_are_secure_where_the_site_is(database_url: str, tmp_path: Path) -> None:
    async with staged(database_url, tmp_path, PUBLIC_URL="https://tickets.example.org") as stage:
        client = await stage.client()
        body = {"full_name": "Ben", "email": "ben@example.org", "password": PASSWORD}
        await client.post("/api/v1/attendee/sign-up", json=body)
        answer = await client.post("/api/v1/sign-in", json=body)
        assert answer.headers["set-cookie"].startswith("__Host-session=")
        assert "Secure" in answer.headers["set-cookie"]
        assert "max-age" in answer.headers["strict-transport-security"]


async def test_purchases_and_submissions_are_limited_per_user(database_url: str, tmp_path: Path) -> None:
    limits_now = {"RATE_LIMIT_BUY": "2/hour", "RATE_LIMIT_SUBMIT": "3/hour"}
    async with staged(database_url, tmp_path, **limits_now) as stage:
        alice, bob = await stage.person("Alice", organizer=True), await stage.person("Bob")
        event_id = await stored_event(alice)
        answers = [await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [201, 409, 429]
        assert answers[0].headers["ratelimit-policy"] == '"buy";q=2;w=3600'
        assert answers[0].headers["ratelimit"].startswith('"buy";r=1;t=')
        assert 0 < int(answers[2].headers["retry-after"]) <= 3600
        assert answers[2].headers["content-type"].startswith("application/problem+json")
        assert (await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}")).status_code == 201
        submitted = [(await alice.post("/api/v1/event", json=event_body())).status_code for _ in range(3)]
        assert submitted == [202, 202, 429]


async def test_a_form_beyond_the_limit_is_kept_to_be_sent_again(database_url: str, tmp_path: Path) -> None:
    async with staged(database_url, tmp_path, RATE_LIMIT_SUBMIT="1/hour", RATE_LIMIT_BUY="1/hour") as stage:
        alice, bob = await stage.person("Alice", organizer=True), await stage.person("Bob")
        event_id = await stored_event(alice)
        refused = await alice.post(f"/projects/{event_id}/settings", data={"title": 'Lanterns <b>"', "rev": "1"})
        assert refused.status_code == 429
        assert f'<form method="post" action="/projects/{event_id}/settings"' in refused.text
        assert 'name="title" value="Lanterns &lt;b&gt;&#34;"' in refused.text
        await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")
        refused = await bob.post(f"/events/{event_id}/purchase", data={"key": "k", "quantity": "1"})
        assert refused.status_code == 429
        assert 'name="key" value="k"' in refused.text
        nothing_typed = await alice.post(f"/projects/{event_id}/publication", data={"status": "draft"})
        assert nothing_typed.status_code == 429
        assert "Send it again" not in nothing_typed.text


async def test_the_account_limit_holds_over_all_addresses(database_url: str, tmp_path: Path) -> None:
    settings = {"RATE_LIMIT_SIGN_IN_ACCOUNT": "3/hour", "TRUSTED_PROXIES": "127.0.0.0/8"}
    async with staged(database_url, tmp_path, **settings) as stage:
        bob = await stage.person("Bob")
        statuses = []
        for number in range(4):
            body = {"email": bob.email, "password": "wrong wrong"}  # type: ignore[attr-defined]
            headers = {"X-Forwarded-For": f"203.0.113.{number}"}
            statuses.append((await bob.post("/api/v1/sign-in", json=body, headers=headers)).status_code)
        assert statuses == [401, 401, 401, 429]


async def test_the_address_limit_holds_over_all_accounts(database_url: str, tmp_path: Path) -> None:
    async with staged(database_url, tmp_path, RATE_LIMIT_SIGN_IN_ADDRESS="3/hour") as stage:
        client, statuses = await stage.client(), []
        for number in range(4):
            body = {"email": f"nobody{number}@example.org", "password": "wrong wrong"}
            answer = await client.post("/api/v1/sign-in", json=body)
            statuses.append(answer.status_code)
        assert statuses == [401, 401, 401, 429]
        assert answer.headers["ratelimit-policy"] == '"sign-in-address";q=3;w=3600'


async def test_one_address_cannot_lock_a_victim_out(database_url: str, tmp_path: Path) -> None:
    async with staged(database_url, tmp_path, TRUSTED_PROXIES="127.0.0.0/8") as stage:
        bob = await stage.person("Bob")
        wrong = {"email": bob.email, "password": "wrong wrong"}  # type: ignore[attr-defined]
        for _ in range(60):
            await bob.post("/api/v1/sign-in", json=wrong, headers={"X-Forwarded-For": "203.0.113.19"})
        right = {**wrong, "password": PASSWORD}
        answer = await bob.post("/api/v1/sign-in", json=right, headers={"X-Forwarded-For": "198.51.100.17"})
        assert answer.status_code == 200


async def test_sessions_are_listed_and_ended_by_their_owner(
    stage: Stage, bob: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    thief = await stage.client()
    await thief.post("/api/v1/sign-in", json={"email": bob.email, "password": PASSWORD})  # type: ignore[attr-defined]
    stolen, own = (await bob.get("/api/v1/sessions")).json()["items"]
    assert (stolen["current"], own["current"]) == (False, True)
    assert (await charlie.delete(f"/api/v1/sessions/{stolen['session_id']}")).status_code == 404
    assert (await bob.delete(f"/api/v1/sessions/{stolen['session_id']}")).status_code == 204
    assert (await thief.get("/api/v1/me")).status_code == 401
    assert (await bob.get("/api/v1/me")).status_code == 200


async def test_the_same_api_key_request_eight_times_at_once_is_one_key(alice: httpx.AsyncClient) -> None:
    body, key = {"name": "x", "scopes": ["read"]}, {"Idempotency-Key": "k"}
    answers = await asyncio.gather(*(alice.post("/api/v1/api-keys", json=body, headers=key) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert sum(answer.json()["api_key"] is not None for answer in answers) == 1
    assert len((await alice.get("/api/v1/api-keys")).json()["items"]) == 1


async def test_an_address_that_a_client_made_up_above_the_proxys_line_does_not_count(
    database_url: str, tmp_path: Path
) -> None:
    settings = {"RATE_LIMIT_SIGN_UP": "2/hour", "TRUSTED_PROXIES": "127.0.0.0/8"}
    async with staged(database_url, tmp_path, **settings) as stage:
        client, statuses = await stage.client(), []
        for number in range(3):
            body = {"full_name": "Ben", "email": f"ben{number}@example.org", "password": PASSWORD}
            lines = [("X-Forwarded-For", f"203.0.113.{number}"), ("X-Forwarded-For", "198.51.100.17")]
            statuses.append((await client.post("/api/v1/attendee/sign-up", json=body, headers=lines)).status_code)
        assert statuses == [201, 201, 429]


async def test_a_forwarded_address_counts_only_from_a_trusted_proxy(stage: Stage, visitor: httpx.AsyncClient) -> None:
    statuses = []
    for number in range(6):
        body = {"email": "nobody@example.org", "password": "wrong wrong"}
        headers = {"X-Forwarded-For": f"203.0.113.{number}"}
        statuses.append((await visitor.post("/api/v1/sign-in", json=body, headers=headers)).status_code)
    assert statuses == [401] * 5 + [429]


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "10.0.0.3", "10.0.0.3"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        ("10.0.0.1", "[2001:db8::9]:4711", "2001:db8::9"),
        ("10.0.0.1", "[2001:db8::9]", "2001:db8::9"),
        ("10.0.0.1", "2001:db8::9", "2001:db8::9"),
        ("10.0.0.1", None, "10.0.0.1"),
        (None, "203.0.113.9", "unknown"),
        ("::ffff:10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
        ("::ffff:198.51.100.7", None, "198.51.100.7"),
    ],
)
def test_client_address(peer: str | None, forwarded: str | None, found: str) -> None:
    assert client_address(peer, forwarded, [ipaddress.ip_network("10.0.0.0/8")]) == found


def test_windows_of_user_limits_end_and_do_not_pile_up() -> None:
    counted = UserLimits({"buy": limits.parse("2/minute"), "read": limits.parse("5/hour")})
    assert counted.hit("buy", 1, now=0).left == 1
    assert counted.hit("buy", 1, now=30).left == 0
    with pytest.raises(TooMany):
        counted.hit("buy", 1, now=59)
    assert counted.hit("buy", 2, now=59).left == 1
    assert counted.hit("buy", 1, now=61).left == 1
    for user in range(1000):
        counted.hit("read", user, now=100)
    counted.hit("read", 1, now=3700)
    counted.hit("read", 1, now=7400)
    assert len(counted.young) + len(counted.old) < 10


def user_limits() -> UserLimits:
    return UserLimits({"buy": limits.parse("50/hour")})


async def test_only_who_asks_often_is_told_to_other_processes(database: Database) -> None:
    here, there = user_limits(), user_limits()
    for _ in range(5):
        here.hit("buy", 1)
    await here.share(database)
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM rate_limit_windows") == 0
    for _ in range(25):
        here.hit("buy", 1)
    await here.share(database)
    for _ in range(6):
        there.hit("buy", 1)
    await there.share(database)
    assert there.hit("buy", 1).left == 50 - 30 - 6 - 1
    here.hit("buy", 1)
    here.hit("buy", 2)
    await here.share(database)
    assert here.hit("buy", 1).left == 50 - 31 - 6 - 1, "what the other has not told does not count yet"
    assert here.hit("buy", 2).left == 48


async def test_a_process_that_cannot_share_says_so_until_it_can(database: Database) -> None:
    counted, health = user_limits(), Health()
    async with database.connection() as connection:
        await connection.execute(
            """CREATE FUNCTION away() RETURNS trigger LANGUAGE plpgsql
               AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'admin_shutdown'; END $$;
               CREATE TRIGGER away BEFORE INSERT ON rate_limit_windows EXECUTE FUNCTION away()"""
        )
        for _ in range(30):
            counted.hit("buy", 1)
        sharing = asyncio.create_task(counted.share_for_ever(database, health))
        await eventually(lambda: health.state == "retrying")
        assert health.error == "The database does not answer."
        await connection.execute("DROP TRIGGER away ON rate_limit_windows")
        await eventually(lambda: health.state == "running" and health.error is None)
        assert await connection.fetchval("SELECT hits FROM rate_limit_windows") == 30
    sharing.cancel()


async def test_what_could_not_be_told_is_told_later(database: Database) -> None:
    here, there = user_limits(), user_limits()
    for _ in range(30):
        here.hit("buy", 1)
    async with database.connection() as connection:
        await connection.execute("ALTER TABLE rate_limit_windows RENAME TO away")
        with pytest.raises(Exception, match="rate_limit_windows"):
            await here.share(database)
        await connection.execute("ALTER TABLE away RENAME TO rate_limit_windows")
    await here.share(database)
    for _ in range(6):
        there.hit("buy", 1)
    await there.share(database)
    assert there.hit("buy", 1).left == 50 - 30 - 6 - 1


async def test_an_answer_that_a_stop_breaks_off_is_not_followed_by_another_one() -> None:
    async def cut(*_: Any) -> None:
        raise asyncio.CancelledError

    def asked(**state: bool) -> Any:
        return Stopping().handle({"state": state}, cut, cut, cut)  # type: ignore[typeddict-item,arg-type]

    await asked(answering=True)
    with pytest.raises(Unavailable, match="The server stopped"):
        await asked()
