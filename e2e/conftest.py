"""A real server, a real browser, and no tolerance for console errors."""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from e2e.browser import installed
from e2e.steps import PASSWORD, cut_off, scriptless
from tests.cast import event_body
from tests.every_page import NOT_THERE
from tests.process import Server

PHONE = {"width": 390, "height": 844}
REFUSED = re.compile("status of (401|409|422|429)")
CUT = re.compile(f"{REFUSED.pattern}|net::ERR_FAILED|htmx:sendError|htmx:afterRequest")
DESKTOP = {"width": 1280, "height": 800}


@pytest.fixture(scope="session")
def site() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    server = Server(folder, RATE_LIMIT_SIGN_UP="1000/hour")
    server.start()
    server.wait_until_ready()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = installed()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def festival(site: Server) -> str:
    """The path of an event that is on sale, submitted over the API."""
    with httpx.Client(base_url=site.url, timeout=30) as alice:
        person = {
            "full_name": "Alice",
            "email": "alice@festival.example",
            "password": PASSWORD,
            "company_name": "Alice e.V.",
        }
        alice.post("/api/v1/sign-up", json=person).raise_for_status()
        alice.post("/api/v1/sign-in", json=person).raise_for_status()
        stored = alice.post("/api/v1/event", json=event_body(title="Slow Boats"), headers={"Prefer": "wait=30"})
        assert stored.status_code == 201, stored.text
    return f"/events/{stored.json()['core_event_data']['event_id']}"


class Complaints(list[str]):
    """What the console said, but for the browser's own note that a form was refused or a page is not there."""

    def watch(self, page: Page) -> None:
        page.on("console", self.hear)
        page.on("pageerror", self.hear_error)

    def hear_error(self, error: Exception) -> None:
        """A transition between pages that comes too late is left out by the browser, which is all it has to say."""
        if not str(error).startswith("Transition was"):
            self.append(str(error))

    def hear(self, message: ConsoleMessage) -> None:
        of_the_page = message.location.get("url", "").endswith(NOT_THERE)
        expected = CUT if message.page in cut_off else REFUSED
        if message.type in {"error", "warning"} and not expected.search(message.text) and not of_the_page:
            self.append(message.text)


@pytest.fixture(
    params=[("phone", True), ("desktop", True), ("phone", False)], ids=["phone", "desktop", "phone-without-javascript"]
)
def visit(request: pytest.FixtureRequest, browser: Browser, site: Server) -> Iterator[Callable[[], Page]]:
    """Opens the site for one more person; the test fails when any page of theirs complained."""
    size, scripts = request.param
    contexts: list[BrowserContext] = []
    complaints = Complaints()

    def open_page(**options: Any) -> Page:
        context = browser.new_context(
            viewport=PHONE if size == "phone" else DESKTOP, java_script_enabled=scripts, base_url=site.url, **options
        )
        contexts.append(context)
        if not scripts:
            scriptless.add(context)
        page = context.new_page()
        complaints.watch(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
