"""A session ends in the middle of a form: nothing that was typed is lost."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Error, Page, expect

from e2e.steps import (
    PASSWORD,
    accessible,
    add_picture,
    begin,
    email_of,
    fill_basics,
    go_on,
    looks_right,
    scriptless,
    sign_up,
)


def test_a_session_that_ends_in_the_middle_of_a_form_loses_nothing(visit: Callable[[], Page]) -> None:
    bob = visit()
    sign_up(bob, "Bob")
    email = email_of(bob)
    bob.get_by_label("Your name").fill("Bo <Reed>")
    bob.context.clear_cookies()
    bob.get_by_role("button", name="Save").click()
    expect(bob.get_by_text("what you typed is kept")).to_be_visible()
    looks_right(bob)
    bob.get_by_label("E-mail").fill(email)
    bob.get_by_label("Password").fill(PASSWORD)
    bob.get_by_role("button", name="Sign in").click()
    expect(bob.get_by_text("Bo <Reed>")).to_be_visible()
    looks_right(bob)
    bob.get_by_role("button", name="Send it").click()
    expect(bob.get_by_text("Your changes are saved.")).to_be_visible()
    expect(bob.get_by_label("Your name")).to_have_value("Bo <Reed>")


def test_who_has_signed_out_leaves_nothing_typed_behind(visit: Callable[[], Page]) -> None:
    page = visit()
    sign_up(page, "Nora", company="Lantern Fields e.V.")
    page.goto("/projects/new")
    title = page.get_by_label("What is it called?")
    title.fill("Secret " * 40)
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_text("must have 1 to 200 characters")).to_be_visible()
    page.locator("summary", has_text="Account menu").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    with pytest.raises(Error, match="ERR_CACHE_MISS"):
        page.go_back()


def test_a_draft_is_kept_while_the_session_ends_in_the_middle_of_it(visit: Callable[[], Page]) -> None:
    page = visit()
    email = sign_up(page, "Nora", company="Lantern Fields e.V.")
    begin(page, "Interrupted")
    fill_basics(page)
    go_on(page, "Tickets and places")
    page.get_by_label("Places in all").fill("250")
    if page.context not in scriptless:
        expect(page.get_by_text("Saved.")).to_be_visible()
        with page.expect_response("**/check"):  # the field that was left is saved once more
            page.get_by_label("Price", exact=True).focus()
    page.context.clear_cookies()
    page.get_by_label("Price", exact=True).fill("49.90")
    if page.context in scriptless:
        page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("what you typed is kept")).to_be_visible()
    accessible(page)
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Send it").click()
    expect(page.get_by_role("navigation", name="Steps")).to_be_visible()
    page.goto(re.sub(r"[a-z]+$", "tickets", page.url))
    expect(page.get_by_label("Places in all")).to_have_value("250")
    expect(page.get_by_label("Price", exact=True)).to_have_value("49.90")
    page.goto(page.url.replace("tickets", "basics"))
    expect(page.get_by_label("Title")).to_have_value("Interrupted")
    expect(page.get_by_label("Place", exact=True)).to_have_value("Uckermark")


def test_a_description_is_kept_while_the_session_ends_and_a_move_is_not(visit: Callable[[], Page]) -> None:
    page = visit()
    email = sign_up(page, "Nora", company="Lantern Fields e.V.")
    begin(page, "Described")
    page.goto(page.url.replace("basics", "media"))
    for count in (1, 2):
        add_picture(page)
        expect(page.locator(".thumb")).to_have_count(count)
    pictures, what = page.url, page.get_by_label("What it shows").first
    page.context.clear_cookies()
    what.fill("A lantern on a lake")
    if page.context in scriptless:
        page.get_by_role("button", name="Save").first.click()
    else:
        page.keyboard.press("Tab")
    expect(page.get_by_text("what you typed is kept")).to_be_visible()
    sign_in_again(page, email)
    expect(page.get_by_text("A lantern on a lake")).to_be_visible()
    looks_right(page)
    page.get_by_role("button", name="Send it").click()
    expect(what).to_have_value("A lantern on a lake")
    page.context.clear_cookies()
    page.get_by_role("button", name="Later: picture 1").click()
    expect(page.get_by_text("what you did last was not done")).to_be_visible()
    sign_in_again(page, email)
    page.wait_for_url(pictures)


def sign_in_again(page: Page, email: str) -> None:
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
