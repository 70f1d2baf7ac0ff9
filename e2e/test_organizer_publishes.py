"""An organizer signs up, submits a project, watches it arrive and sees it on the first page."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from e2e.steps import accessible, fill_project, fits, publish, sign_up


def test_from_sign_up_to_the_first_published_festival(visit: Callable[[], Page]) -> None:
    page = visit()
    page.goto("/")
    sign_up(page, "Nora", company="Lantern Fields e.V.")
    accessible(page)
    path = publish(page, "Lantern Fields")
    accessible(page)
    fits(page)
    page.goto("/projects")
    expect(page.get_by_text("0 of 100 taken").first).to_be_visible()
    accessible(page)
    fits(page)
    page.goto("/")
    expect(page.locator(f'a[href="{path}"]')).to_be_visible()
    accessible(page)
    fits(page)


def test_a_bad_form_says_what_and_where_and_keeps_the_rest(visit: Callable[[], Page]) -> None:
    page = visit()
    sign_up(page, "Nora", company="Lantern Fields e.V.")
    page.goto("/projects/new")
    fill_project(page, "Backwards")
    page.get_by_label("Ends").fill("2030-07-04T18:00")
    page.get_by_label("Price").fill("49.999")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("must not be before the start")).to_be_visible()
    expect(page.get_by_text("must have at most 2 decimals in EUR")).to_be_visible()
    expect(page.get_by_label("Title")).to_have_value("Backwards")
    expect(page.locator("[autofocus]")).to_be_focused()
    accessible(page)
