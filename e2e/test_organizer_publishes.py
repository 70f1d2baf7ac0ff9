"""An organizer signs up, builds a festival in five steps, watches it arrive and sees it on the first page."""

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from e2e.conftest import DESKTOP
from e2e.steps import (
    accessible,
    add_picture,
    begin,
    fill_basics,
    fill_details,
    fill_tickets,
    fits,
    go_on,
    poster,
    publish,
    scriptless,
    sign_up,
)
from tests.process import Server


def test_from_sign_up_to_the_first_published_festival(visit: Callable[[], Page]) -> None:
    page = visit()
    page.goto("/")
    began = time.monotonic()
    sign_up(page, "Nora", company="Lantern Fields e.V.")
    accessible(page)
    begin(page, "Lantern Fields")
    fill_basics(page)
    accessible(page)
    go_on(page, "Tickets and places")
    fill_tickets(page)
    page.get_by_role("button", name="Another ticket type").click()
    added = page.get_by_label("Name", exact=True).nth(1)
    expect(added).to_be_focused()
    expect(added).to_be_in_viewport()
    added.fill("Friday")
    page.get_by_label("Price", exact=True).nth(1).fill("19.50")
    accessible(page)
    fits(page)
    go_on(page, "Pictures")
    add_picture(page)
    accessible(page)
    fits(page)
    go_on(page, "What to expect")
    fill_details(page)
    accessible(page)
    go_on(page, "Ready?")
    expect(page.get_by_text("Everything is there")).to_be_visible()
    expect(page.locator("#preview strong", has_text="lime trees")).to_be_visible()
    accessible(page)
    fits(page)
    page.get_by_role("button", name="Submit").click()
    page.get_by_role("link", name="See the page of your event").click(timeout=30_000)
    expect(page.get_by_role("heading", name="Lantern Fields", level=1)).to_be_visible()
    assert time.monotonic() - began < 180
    path = page.url.rpartition("/events/")[2]
    page.goto("/projects")
    expect(page.get_by_text("Lantern Fields").first).to_be_visible()
    accessible(page)
    fits(page)
    page.goto("/")
    ours = page.locator(f'a[href="/events/{path}"]').first
    while not ours.is_visible():
        page.goto(page.get_by_role("link", name="More festivals").get_attribute("href") or "")


def test_a_bad_step_says_what_and_where_and_keeps_the_rest(visit: Callable[[], Page]) -> None:
    page = visit()
    sign_up(page, "Nora", company="Lantern Fields e.V.")
    begin(page, "Backwards")
    fill_basics(page)
    page.get_by_label("Ends").fill("2030-07-04T18:00")
    if page.context not in scriptless:
        expect(page.get_by_text("must not be before the start")).to_be_visible()
        expect(page.get_by_text("Saved.")).to_be_visible()
        expect(page.get_by_label("Ends")).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("[autofocus]")).to_be_focused()
    expect(page.get_by_text("must not be before the start")).to_be_visible()
    expect(page.get_by_label("Title")).to_have_value("Backwards")
    expect(page.get_by_label("Place", exact=True)).to_have_value("Uckermark")
    accessible(page)
    fits(page)
    if page.context not in scriptless:
        page.get_by_label("Ends").fill("2031-07-06T23:00")
        with page.expect_response("**/check"):
            page.get_by_label("Title").fill("Forwards")
        expect(page.get_by_label("Ends")).to_have_attribute("aria-invalid", "false")
        expect(page.get_by_label("Title")).to_be_focused()


@pytest.mark.parametrize("visit", [("phone", True)], ids=["phone"], indirect=True)
def test_what_was_typed_while_no_answer_came_is_saved_once_the_network_is_back(visit: Callable[[], Page]) -> None:
    page, place = visit(), "On the island"
    sign_up(page, "Nora", company="Lantern Fields e.V.")
    begin(page, "Far Out")
    page.get_by_label("Place", exact=True).fill("At the lake")
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.route("**/check", lambda route: route.fulfill(status=409, body="of a proxy"))
    page.get_by_label("Place", exact=True).fill(place)
    expect(page.get_by_text("No answer came.")).to_be_visible()
    expect(page.get_by_text("Saved.")).to_be_hidden()
    page.unroute_all()
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.get_by_text("No answer came.")).to_have_count(0)
    page.reload()
    expect(page.get_by_label("Place", exact=True)).to_have_value(place)


def test_a_title_that_is_too_long_comes_back_whole_also_to_who_goes_back(visit: Callable[[], Page]) -> None:
    page = visit()
    sign_up(page, "Nora", company="Lantern Fields e.V.")
    page.goto("/projects/new")
    title, much = page.get_by_label("What is it called?"), "Lantern " * 30
    title.fill(much)
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_text("must have 1 to 200 characters")).to_be_visible()
    expect(title).to_have_value(much)
    title.fill("Lantern Lake")
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("heading", name="What, where and when")).to_be_visible()
    page.go_back()
    expect(title).to_have_value(much)


def test_a_new_draft_begins_in_the_timezone_of_who_makes_it(visit: Callable[..., Page]) -> None:
    page = visit(timezone_id="Africa/Nairobi")
    sign_up(page, "Nora", company="Lantern Fields e.V.")
    begin(page, "Where I Am")
    zone = page.get_by_label("Timezone of the place")
    if page.context in scriptless:
        zone.select_option("Africa/Nairobi")
    expect(zone).to_have_value("Africa/Nairobi")
    zone.select_option("UTC")
    page.get_by_role("button", name="Save and leave").click()
    page.get_by_role("link", name="Where I Am").click()
    expect(zone).to_have_value("UTC")


def test_the_timezone_that_is_usual_here_is_kept_when_it_is_chosen(browser: Browser, site: Server) -> None:
    context = browser.new_context(base_url=site.url, timezone_id="Africa/Nairobi")
    page = context.new_page()
    sign_up(page, "Nora", company="Lantern Fields e.V.")
    begin(page, "Elsewhere")
    zone = page.get_by_label("Timezone of the place")
    expect(zone).to_have_value("Africa/Nairobi")
    with page.expect_response("**/check"):
        zone.select_option("UTC")
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.reload()
    expect(zone).to_have_value("UTC")
    context.close()


def test_words_that_are_not_sent_yet_are_not_left_behind_unasked(visit: Callable[[], Page]) -> None:
    page = visit()
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    sign_up(page, "Nora", company="Lantern Fields e.V.")
    begin(page, "Half a Word")
    page.get_by_label("Place", exact=True).press_sequentially("Ucker")
    page.reload()
    assert asked == ([] if page.context in scriptless else ["beforeunload"])
    if page.context not in scriptless:
        page.get_by_label("Place", exact=True).fill("Uckermark")
        expect(page.get_by_text("Saved.")).to_be_visible()
        page.reload()
        assert asked == ["beforeunload"]


def test_pictures_are_described_ordered_and_cropped(visit: Callable[[], Page]) -> None:
    page = visit()
    sign_up(page, "Nora", company="Lantern Fields e.V.")
    begin(page, "Three Posters")
    address = page.url.replace("basics", "media")
    page.goto(address)
    for _ in range(2):
        add_picture(page)
    expect(page.locator(".thumb")).to_have_count(2)
    second = page.locator(".thumb").nth(1)
    second.get_by_label("What it shows").fill("Paper lanterns on a lake")
    if page.context not in scriptless:
        page.get_by_label("Add pictures").set_input_files(poster())
        expect(page.locator(".thumb")).to_have_count(3)
        expect(second.get_by_label("What it shows")).to_have_value("Paper lanterns on a lake")
        third = page.locator(".thumb").nth(2)
        third.locator("summary").click()
        third.get_by_role("button", name="Remove it for good").click()
        expect(page.locator(".thumb")).to_have_count(2)
    if page.context in scriptless:
        second.get_by_role("button", name="Save").click()
    else:
        second.locator(".pick img").click(position={"x": 5, "y": 5})
        expect(second.locator("circle")).to_have_attribute("cx", "0%")
    page.locator(".thumb").nth(1).get_by_role("button", name="Earlier").click()
    expect(page.locator(".thumb").first.get_by_label("What it shows")).to_have_value("Paper lanterns on a lake")
    expect(page.locator("#preview img")).to_have_attribute("alt", "Paper lanterns on a lake")
    accessible(page)
    page.locator(".thumb").nth(1).get_by_text("Remove", exact=True).click()
    page.get_by_role("button", name="Remove it for good").click()
    expect(page.locator(".thumb")).to_have_count(1)
    page.goto(address)
    expect(page.get_by_label("What it shows")).to_have_value("Paper lanterns on a lake")


def fits_at_any_width(page: Page) -> None:
    before = page.viewport_size
    assert before
    for width in (320, 600, 768, 860, 1100):
        page.set_viewport_size({**before, "width": width})
        fits(page)
    page.set_viewport_size(before)


def tabs_are_seen(page: Page) -> None:
    """What has the focus is never wholly under the word about what was done."""
    if page.viewport_size != DESKTOP:
        page.set_viewport_size({"width": 320, "height": 568})
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.context not in scriptless:
            assert not page.evaluate(COVERED), page.evaluate("() => document.activeElement.outerHTML")


COVERED = """() => {
  const one = document.activeElement.getBoundingClientRect(), toast = document.querySelector('.toast');
  const over = toast.getBoundingClientRect();
  return !toast.contains(document.activeElement) && one.top >= over.top && one.bottom <= over.bottom
    && one.left >= over.left && one.right <= over.right;
}"""


def test_an_event_is_changed_after_it_was_published(visit: Callable[[], Page]) -> None:
    page = visit()
    sign_up(page, "Nora", company="Lantern Fields e.V.")
    root = publish(page, "First Name").replace("/events/", "/projects/")
    page.goto(f"{root}/settings")
    accessible(page)
    fits(page)
    places, price = (page.get_by_label(label, exact=True).bounding_box() for label in ("Places in all", "Price"))
    assert places
    assert price
    assert page.viewport_size != DESKTOP or places["y"] == price["y"], "fields side by side are in line"
    for address in ("settings", "ticket-types/new"):
        page.goto(f"{root}/{address}")
        fits_at_any_width(page)
    page.goto(f"{root}/settings")
    page.get_by_label("Title").fill("Second Name")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The changes are saved.")).to_be_visible()
    tabs_are_seen(page)
    expect(page.get_by_role("heading", name="Second Name")).to_be_visible()
    page.get_by_label("Ends").fill("2030-01-01T10:00")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("must not be before the start")).to_be_visible()
    page.goto(f"{root}/media")
    add_picture(page)
    expect(page.locator(".thumb")).to_have_count(2)
    accessible(page)
    fits(page)
