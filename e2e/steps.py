"""What people do on the pages, in their words."""

import io
import itertools
import re

from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect

PASSWORD = "seven paper lanterns"
numbers = itertools.count(1)
scriptless: set[BrowserContext] = set()
"""Contexts without JavaScript: axe and measuring need it in the page."""


def accessible(page: Page) -> None:
    """No finding of axe for WCAG 2.2 AA."""
    if page.context not in scriptless:
        options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
        results = Axe().run(page, options=options)
        assert results.violations_count == 0, results.generate_report()


def fits(page: Page) -> None:
    """Nothing sticks out sideways."""
    if page.context not in scriptless:
        assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth"), page.url


def sign_up(page: Page, name: str, company: str | None = None) -> None:
    page.goto("/sign-up/organizer" if company else "/sign-up")
    page.get_by_label("Your name").fill(name)
    if company:
        page.get_by_label("Company or association").fill(company)
    page.get_by_label("E-mail").fill(f"{name.lower()}{next(numbers)}@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_text("Account menu")).to_be_attached()


def poster() -> dict[str, object]:
    out = io.BytesIO()
    Image.new("RGB", (1200, 675), "teal").save(out, "JPEG")
    return {"name": "poster.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


def fill_project(page: Page, title: str, capacity: int = 100) -> None:
    page.get_by_label("Title").fill(title)
    page.get_by_label("Description").fill("Three days between the lime trees and the lake.")
    expect(page.get_by_label("Company")).to_have_value("Lantern Fields e.V.")
    page.get_by_label("Place", exact=True).fill("Uckermark")
    page.get_by_label("Begins").fill("2031-07-04T18:00")
    page.get_by_label("Ends").fill("2031-07-06T23:00")
    page.get_by_label("Date on the poster").fill("2031-07-04")
    page.get_by_label("Timezone of the place").select_option("Europe/Berlin")
    page.get_by_label("Price").fill("49.90")
    page.get_by_label("Places", exact=True).fill(str(capacity))
    page.get_by_label("Pictures", exact=True).set_input_files(poster())


def publish(page: Page, title: str, capacity: int = 100) -> str:
    """From the form to the page of the event; its path."""
    page.goto("/projects/new")
    fill_project(page, title, capacity)
    page.get_by_role("button", name="Submit").click()
    page.get_by_role("link", name="See the page of your event").click(timeout=30_000)
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    found = re.search(r"/events/\d+", page.url)
    assert found
    return found.group()
