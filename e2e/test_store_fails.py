"""A store fails while a project is on its way to it, and is tried again."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from e2e.steps import (
    accessible,
    fill_draft,
    fits,
    sign_up,
)
from tests.lost_uploads import keys_lost
from tests.process import Server


def test_a_store_that_fails_is_told_and_tried_again(visit: Callable[[], Page], site: Server) -> None:
    page = visit()
    sign_up(page, "Nora", company="Lantern Fields e.V.")
    fill_draft(page, "Second Try")
    found = re.search(r"drafts/\d+/\d+", page.locator("#preview img").get_attribute("src") or "")
    assert found
    with keys_lost(site, [found.group()]):
        page.get_by_role("button", name="Submit").click()
        expect(page.get_by_text("The pictures could not be stored")).to_be_visible(timeout=30_000)
        accessible(page)
        fits(page)
    page.get_by_role("button", name="Try again").click()
    page.get_by_role("link", name="See the page of your event").click(timeout=30_000)
    expect(page.get_by_role("heading", name="Second Try", level=1)).to_be_visible()
