"""What every response has, and what the log says about it."""

import http.client
import io
import json
from pathlib import Path

import httpx
import pytest
from PIL import Image

from app.api.examples import FIELDS, STRUCTS
from app.domain.accounts import AttendeeSignUp, OrganizerSignUp, SignIn
from app.domain.event_changes import EventPatch
from app.domain.events import EventIn
from app.domain.keys import KeyIn
from app.domain.metadata import MetadataIn
from app.domain.waiting_list import JoinIn
from app.validation import read
from tests.cast import PASSWORD, Stage
from tests.process import Server
from tests.test_access import PUBLIC


async def test_safe_headers_are_everywhere(visitor: httpx.AsyncClient) -> None:
    pages, data = ("/", "/nope", "/static/style.css", "/schema"), ("/api/v1/me", "/api/v1/nope", "/health/live")
    for path in (*pages, *data):
        headers = (await visitor.get(path)).headers
        if path in pages:
            assert "script-src 'self'" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["referrer-policy"] == "same-origin"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-request-id"]
        assert headers["cache-control"]


async def test_a_sane_request_id_is_kept_and_another_one_replaced(visitor: httpx.AsyncClient) -> None:
    assert (await visitor.get("/", headers={"X-Request-Id": "abc-1"})).headers["x-request-id"] == "abc-1"
    for bad in ("x" * 65, "a b", "a;b"):
        assert (await visitor.get("/", headers={"X-Request-Id": bad})).headers["x-request-id"] != bad


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/api/v1/nope", 404, "not-found"),
        ("DELETE", "/api/v1/me", 405, "method-not-allowed"),
        ("GET", "/api/v1/me", 401, "not-signed-in"),
    ],
)
async def test_errors_of_the_api_are_problems(
    visitor: httpx.AsyncClient, method: str, path: str, status: int, kind: str
) -> None:
    answer = await visitor.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/problem+json")
    body = answer.json()
    assert (body["type"], body["status"]) == (f"urn:eventstream:problem:{kind}", status)
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/", "/health/live", "/api/v1/events", "/static/style.css"])
async def test_head_is_get_without_the_body(alice: httpx.AsyncClient, path: str) -> None:
    whole, head = await alice.get(path), await alice.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"]


def test_after_a_head_the_connection_goes_on(tmp_path_factory: pytest.TempPathFactory) -> None:
    server = Server(tmp_path_factory.mktemp("s"))
    server.start()
    try:
        server.wait_until_ready()
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        for method in ("HEAD", "GET", "HEAD", "GET"):
            connection.request(method, "/")
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 200
            assert (len(body) == 0) == (method == "HEAD")
            assert not answer.will_close
    finally:
        server.stop()
    assert "Exception" not in server.log()


async def test_a_body_beyond_the_limit_is_413(alice: httpx.AsyncClient) -> None:
    answer = await alice.post("/api/v1/event", content=b'{"title": "' + b"x" * 1_100_000 + b'"}')
    assert answer.status_code == 413
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["detail"] == "This address takes at most 1 MB at a time."


async def test_an_error_of_ours_is_a_500_problem_without_its_cause(stage: Stage, alice: httpx.AsyncClient) -> None:
    async with stage.parts.database.connection() as connection:
        await connection.execute("ALTER TABLE tickets RENAME TO tickets_away")
    answer = await alice.get("/api/v1/tickets")
    assert answer.status_code == 500
    assert answer.json()["type"] == "urn:eventstream:problem:internal"
    assert "tickets_away" not in answer.text
    assert "relation" not in answer.text


def lines(server: Server) -> list[dict[str, object]]:
    """All of them but the greeting, which ends with how to stop."""
    return [json.loads(line) for line in server.log().partition("Ctrl-C stops everything.")[2].split("\n") if line]


def picture_pillow_warns_of() -> bytes:
    """Its EXIF promises more than it has."""
    out = io.BytesIO()
    Image.new("RGB", (60, 40)).save(out, "PNG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x05\x01\x0f\0\x02\0\0\0\x01\0\0\0\x1a")
    return out.getvalue()


def test_one_line_per_request_without_secrets_and_413_readable_after_30_megabytes(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("s")
    server = Server(folder)
    server.start()
    try:
        server.wait_until_ready()
        with httpx.Client(base_url=server.url, timeout=30) as client:
            body = {"full_name": "Ben Nevis", "email": "ben@example.org", "password": PASSWORD}
            assert client.post("/api/v1/attendee/sign-up", json=body).status_code == 201
            assert client.post("/api/v1/sign-in", json=body).status_code == 200
            session = client.cookies["session"]
            assert client.get("/api/v1/event/12345?token=hush").status_code == 404
            large = client.post("/api/v1/event", content=b"x" * 30_000_000)
            assert large.status_code == 403
            assert client.get("/nowhere").status_code == 404
        with httpx.Client(base_url=server.url, timeout=30) as stranger:
            body = {"full_name": "Ada", "email": "a@example.org", "password": PASSWORD, "company_name": "A"}
            stranger.post("/api/v1/sign-up", json=body)
            stranger.post("/api/v1/sign-in", json=body)
            large = stranger.post("/api/v1/event", content=b"x" * 30_000_000)
            assert large.status_code == 413
            assert large.json()["type"] == "urn:eventstream:problem:too-large"
            strange = {"media_file": ("a.png", picture_pillow_warns_of())}
            assert stranger.post("/api/v1/new-media", files=strange).status_code == 201
    finally:
        server.stop()
    found = [line for line in lines(server) if line.get("event") == "request" and line["route"] != "/health/ready"]
    told = [(line["method"], line["route"], line["status"], line["user_id"]) for line in found]
    assert told[:5] == [
        ("POST", "/api/v1/attendee/sign-up", 201, None),
        ("POST", "/api/v1/sign-in", 200, None),
        ("GET", "/api/v1/event/{event_id}", 404, 1),
        ("POST", "/api/v1/event", 403, 1),
        ("GET", "(none)", 404, None),
    ]
    assert all(isinstance(line["ms"], float) and line["request_id"] for line in found)
    for secret in (PASSWORD, session, "ben@example.org", "Ben Nevis", "hush"):
        assert secret not in server.log()


async def test_openapi_describes_every_route(stage: Stage, visitor: httpx.AsyncClient) -> None:
    document = (await visitor.get("/schema/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert len(document["paths"]) >= 20
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation.get("summary"), (method, path)
            headers = {one["name"] for one in operation.get("parameters", []) if one["in"] == "header"}
            if path.startswith("/api/"):
                assert {"405", "429", "500", "503"} <= operation["responses"].keys(), (method, path)
                assert ("Idempotency-Key" in headers) == (method == "post"), (method, path)
                assert ("If-Match" in headers) == ("428" in operation["responses"]), (method, path)
                assert ("security" in operation) == (f"{method.upper()} {path}" not in PUBLIC), (method, path)
    submit = document["paths"]["/api/v1/event"]["post"]
    assert {"201", "202", "400", "401", "403", "413", "422"} <= submit["responses"].keys()
    assert "Location" in submit["responses"]["202"]["headers"]
    assert submit["requestBody"]["required"]
    for answer in ("acceptance", "refusal"):
        described = document["paths"][f"/api/v1/waiting-list-entries/{{waitlist_id}}/{answer}"]["post"]
        assert not described["requestBody"]["required"], "an empty body is enough"
    assert "503" in document["paths"]["/health/ready"]["get"]["responses"]
    event = document["components"]["schemas"]["EventIn"]
    assert event["properties"]["capacity"]["maximum"] == 1_000_000
    assert set(event["required"]) >= {"title", "capacity", "price"}


async def test_every_struct_has_an_example_and_those_of_requests_are_accepted(
    stage: Stage, visitor: httpx.AsyncClient
) -> None:
    schemas = (await visitor.get("/schema/openapi.json")).json()["components"]["schemas"]
    nulls = {field for one in (FIELDS, *STRUCTS.values()) for field, value in one.items() if value is None}
    for name, schema in schemas.items():
        assert set(schema["properties"]) - set(schema["examples"][0]) <= nulls, name
    for kind in (EventIn, EventPatch, MetadataIn, JoinIn, KeyIn, SignIn, AttendeeSignUp, OrganizerSignUp):
        read(kind, schemas[kind.__name__]["examples"][0])


async def test_the_human_docs_load_nothing_from_elsewhere(visitor: httpx.AsyncClient) -> None:
    page = (await visitor.get("/schema")).text
    assert "/api/v1/attendee/buy-ticket/{event_id}" in page
    assert "https://" not in page


def test_domain_imports_no_framework_and_no_client_library() -> None:
    for path in (Path(__file__).parent.parent / "app" / "domain").glob("*.py"):
        text = path.read_text()
        for name in ("litestar", "aiokafka", "motor", "aioboto3"):
            assert f"import {name}" not in text, path
            assert f"from {name}" not in text, path
