"""Pictures of the main pages, for the README: `make screenshots` writes them to the folder it is given."""

import asyncio
import sys
import tempfile
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

from e2e.browser import get
from e2e.conftest import DESKTOP, PHONE
from e2e.steps import add_picture, begin, fill_basics, fill_tickets, go_on
from tests.process import Server
from tests.waiting import eventually

FOLDER = Path(sys.argv[1])
ATTENDEE, ORGANIZER = "attendee@demo.example", "organizer@demo.example"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = get()
    with tempfile.TemporaryDirectory(prefix="es-", ignore_cleanup_errors=True) as folder:
        server = Server(Path(folder), EVENTSTREAM_DEMO="1")
        server.start()
        server.wait_until_ready(240)
        asyncio.run(eventually(lambda: httpx.get(server.url).text.count("-480.webp") == 3, 120))
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
                visitors(person(browser, server))
                attendee(person(browser, server, ATTENDEE))
                organizer(person(browser, server, ORGANIZER))
                on_a_phone(person(browser, server, ATTENDEE, phone=True))
                browser.close()
        finally:
            server.stop()


def person(browser: Browser, server: Server, email: str = "", phone: bool = False) -> Page:
    """A browser of its own, signed in where an address is given; a phone is dark."""
    size, scheme = (PHONE, "dark") if phone else (DESKTOP, "light")
    context = browser.new_context(
        viewport=size, color_scheme=scheme, base_url=server.url, locale="en-GB", timezone_id="Europe/Berlin"
    )
    page = context.new_page()
    if email:
        accounts = (server.folder / "data/demo-accounts.txt").read_text().split("\n")
        password = next(line.split()[-1] for line in accounts if email in line)
        page.goto("/sign-in")
        page.get_by_label("E-mail").fill(email)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("Account menu").wait_for(state="attached")
    return page


def keep(page: Page, name: str, path: str | None = None) -> None:
    if path:
        page.goto(path)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=FOLDER / f"{name}.png", animations="disabled")


def open_festival(page: Page, title: str) -> None:
    page.goto("/")
    page.get_by_role("link", name=title).click()
    page.get_by_role("heading", name=title, level=1).wait_for()


def visitors(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Lantern Fields").wait_for()
    keep(page, "catalogue")
    keep(page, "sign-up", "/sign-up/organizer")


def attendee(page: Page) -> None:
    open_festival(page, "Lantern Fields")
    keep(page, "event")
    page.get_by_role("button", name="Buy tickets").click()
    page.get_by_text("You have a ticket").first.wait_for()
    keep(page, "bought")
    keep(page, "my-tickets", "/tickets")
    page.get_by_role("link", name="Lantern Fields").first.click()
    keep(page, "ticket")


def organizer(page: Page) -> None:
    keep(page, "dashboard", "/dashboard")
    page.goto("/projects")
    page.get_by_role("link", name="Lantern Fields").first.click()
    page.wait_for_load_state()
    keep(page, "workspace")
    keep(page, "attendees", f"{page.url}/attendees")
    begin(page, "Orchard Nights")
    fill_basics(page)
    go_on(page, "Tickets and places")
    fill_tickets(page, 300)
    keep(page, "builder")
    go_on(page, "Pictures")
    add_picture(page)
    keep(page, "pictures")


def on_a_phone(page: Page) -> None:
    open_festival(page, "Night of the Small Stages")
    keep(page, "event-on-a-phone")
    keep(page, "catalogue-on-a-phone", "/")


if __name__ == "__main__":
    main()
