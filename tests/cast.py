"""The cast: Alice organizes, Bob buys, Charlie may see nothing; and the stage they act on."""

import datetime as dt
import io
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from litestar import Litestar
from PIL import Image

from app.main import build_app, build_parts, running, with_edge
from app.parts import Parts
from app.settings import Settings
from tests.documented import document_of
from tests.given import world_of

PASSWORD = "correct horse battery"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
SPARE: dict[tuple[bool, bool], list[Litestar]] = defaultdict(list)
ORIGIN = "http://testserver"

SEED_EVENT = {
    "organizer_id": 1,
    "title": "Coke festival",
    "description": "A festival sponsored by Coca-Cola",
    "location": "Mombasa",
    "start_time": "2020-06-22 19:10:25-07",
    "end_time": "2020-06-22 19:10:25-07",
    "price": 7400,
    "capacity": 4000,
    "date": "2026-06-22",
}


def event_body(**changes: Any) -> dict[str, Any]:
    """An event that is on sale."""
    start = dt.datetime.now(dt.UTC) + dt.timedelta(days=30)
    body: dict[str, Any] = {
        "title": "Lantern Fields",
        "description": "Three days between the lime trees and the lake.",
        "location": "Uckermark",
        "start_time": start.isoformat(),
        "end_time": (start + dt.timedelta(days=2)).isoformat(),
        "price": "49.90",
        "capacity": 100,
        "date": start.date().isoformat(),
        "currency": "EUR",
        "timezone": "Europe/Berlin",
    }
    return {**body, **changes}


def project_fields(**changes: Any) -> dict[str, Any]:
    fields = event_body(company_name="Lantern Fields e.V.", type="poster", tags="music, lake")
    return {name: str(value) for name, value in {**fields, **changes}.items() if value is not None}


def picture(width: int = 640, height: int = 360, kind: str = "JPEG", colour: str = "teal") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, kind)
    return out.getvalue()


def settings_for(folder: Path, **environment: str) -> Settings:
    return Settings.from_env({"EVENTSTREAM_DATA_DIR": str(folder), "PUBLIC_URL": ORIGIN, **environment})


class Stage:
    """A running application and the people in front of it."""

    def __init__(self, parts: Parts, app: Litestar, exits: AsyncExitStack) -> None:
        self.parts = parts
        self.app = with_edge(parts, app)
        self.hooks = {"response": [document_of(app).check]} if parts.settings.serve_http else {}
        self.exits = exits
        self.people = 0

    async def client(self, **options: Any) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        return await self.exits.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url=ORIGIN, timeout=30, event_hooks=self.hooks, **options)
        )

    async def person(self, name: str, organizer: bool = False) -> httpx.AsyncClient:
        """Somebody who has just signed up and in; `client.user_id` and `client.organizer_id` say who."""
        client = await self.client()
        self.people += 1
        body = {"full_name": name, "email": f"{name.lower()}{self.people}@example.org", "password": PASSWORD}
        if organizer:
            body["company_name"] = f"{name} e.V."
        path = "/api/v1/sign-up" if organizer else "/api/v1/attendee/sign-up"
        signed_up = await client.post(path, json=body)
        assert signed_up.status_code == 201, signed_up.text
        signed_in = await client.post("/api/v1/sign-in", json={"email": body["email"], "password": PASSWORD})
        assert signed_in.status_code == 200, signed_in.text
        client.email = body["email"]  # type: ignore[attr-defined]
        client.user_id = signed_up.json()["user_id"]  # type: ignore[attr-defined]
        client.organizer_id = signed_up.json().get("organizer_id")  # type: ignore[attr-defined]
        return client


def settings_beside(database_url: str) -> dict[str, str]:
    """What is given of other engines; pictures pass through the application, the one server that clients reach here."""
    given = world_of(database_url).settings
    return {**given, "MEDIA_BASE_URL": f"{ORIGIN}/media"} if "AWS_S3_BUCKET_NAME" in given else given


@asynccontextmanager
async def staged(database_url: str, folder: Path, **environment: str) -> AsyncIterator[Stage]:
    parts = build_parts(settings_for(folder, **{**settings_beside(database_url), **environment}), database_url)
    parts.passwords.hasher = CHEAP
    with application(parts) as app:
        async with AsyncExitStack() as exits:
            await exits.enter_async_context(running(parts))
            yield Stage(parts, app, exits)


@contextmanager
def application(parts: Parts) -> Iterator[Litestar]:
    """One that no other stage uses now: to build one takes half a second."""
    spare = SPARE[parts.settings.serve_http, parts.settings.secure_cookies]
    app = spare.pop() if spare else build_app(parts)
    app.state.parts = parts
    yield app
    spare.append(app)


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(database_url, tmp_path) as stage:
        yield stage


@pytest.fixture
async def alice(stage: Stage) -> httpx.AsyncClient:
    return await stage.person("Alice", organizer=True)


@pytest.fixture
async def bob(stage: Stage) -> httpx.AsyncClient:
    return await stage.person("Bob")


@pytest.fixture
async def charlie(stage: Stage) -> httpx.AsyncClient:
    """Another organizer, to whom nothing of Alice's belongs."""
    return await stage.person("Charlie", organizer=True)


@pytest.fixture
async def visitor(stage: Stage) -> httpx.AsyncClient:
    return await stage.client()


async def stored_event(alice: httpx.AsyncClient, **changes: Any) -> int:
    """An event of Alice's that Postgres has."""
    answer = await alice.post("/api/v1/event", json=event_body(**changes), headers={"Prefer": "wait=10"})
    assert answer.status_code == 201, answer.text
    event_id: int = answer.json()["core_event_data"]["event_id"]
    return event_id
