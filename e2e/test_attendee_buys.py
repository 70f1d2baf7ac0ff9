"""Attendees find a festival, buy tickets of it and give them back."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from e2e.steps import (
    accessible,
    begin,
    fits,
    heard,
    height,
    kind,
    listen,
    looks_right,
    publish,
    scriptless,
    sign_up,
    stored_event,
    two_kinds,
)


def test_a_kind_and_a_number_of_tickets_are_bought(visit: Callable[[], Page]) -> None:
    nora, bob = visit(), visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    event_id = two_kinds(nora, "Two Kinds", per_attendee_limit=3)
    sign_up(bob, "Bob")
    bob.goto(f"/events/{event_id}")
    kind(bob, "Friday").check()
    bob.get_by_label("How many", exact=True).fill("2")
    accessible(bob)
    fits(bob)
    bob.get_by_role("button", name="Buy tickets").click()
    expect(bob.get_by_text("You have 2 tickets.").first).to_be_visible()
    expect(bob.get_by_text("98 of 100 places left")).to_be_visible()
    accessible(bob)
    bob.goto("/tickets")
    expect(bob.get_by_text(re.compile("Friday · €40.00"))).to_have_count(2)


def test_a_ticket_is_given_back(visit: Callable[[], Page]) -> None:
    nora, bob = visit(), visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    event_id = stored_event(nora, title="Second Thoughts", capacity=1, returns_until="2031-07-04T12:00")
    sign_up(bob, "Bob")
    bob.goto(f"/events/{event_id}")
    bob.get_by_role("button", name="Buy a ticket").click()
    expect(bob.get_by_text("You have a ticket").first).to_be_visible()
    bob.goto("/tickets")
    bob.get_by_role("link", name="Second Thoughts").click()
    bob.get_by_text("Give it back").click()
    accessible(bob)
    fits(bob)
    bob.get_by_role("button", name="Give the ticket back").click()
    expect(bob.get_by_text("The ticket was given back.")).to_be_visible()
    accessible(bob)
    bob.goto(f"/events/{event_id}")
    expect(bob.get_by_role("button", name="Buy a ticket")).to_be_visible()


def test_festivals_are_found_by_their_words(visit: Callable[[], Page]) -> None:
    nora = visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    path = publish(nora, "Zither Weekend")
    page = visit()
    for address in ("/sign-in", "/"):
        page.goto(address)
    if page.context not in scriptless:
        for words in ("lo", "lots"):
            page.get_by_label("What").fill(words)
            expect(page).to_have_url(re.compile(f"q={words}(&|$)"))
        page.go_back()
        expect(page).to_have_url(re.compile("/sign-in$"))
        page.goto("/")
    page.get_by_label("What").fill("zith")
    if page.context in scriptless:
        page.get_by_role("button", name="Search").click()
    expect(page.locator(f'#results a[href="{path}"]')).to_be_visible()
    expect(page).to_have_url(re.compile("q=zith"))
    accessible(page)
    page.get_by_text("Days and price").click()
    listen(page)
    price = page.get_by_label("A ticket costs at most")
    price.fill("abc")
    price.press("Enter")
    expect(page.locator("#price-error")).to_contain_text("must be a")
    expect(price).to_have_attribute("aria-invalid", "true")
    expect(price).to_be_focused()
    expect(page.get_by_role("heading", name="Nothing found")).to_have_count(0)
    accessible(page)
    price.fill("1")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    expect(page.locator("#price-error")).to_be_empty()
    heard(page, "Nothing found")
    accessible(page)
    fits(page)


def test_long_and_strange_titles_do_not_break_the_page(visit: Callable[[], Page]) -> None:
    nora = visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    for title in ("W" * 200, "<script>alert(1)</script> مهرجان 🎪"):
        path = publish(nora, title)
        for address in (path, "/", "/projects", "/dashboard", path.replace("events", "projects")):
            nora.goto(address)
            fits(nora)


def test_a_long_story_with_a_block_of_code_is_read_without_scrolling_sideways_or_within_a_box(
    visit: Callable[[], Page],
) -> None:
    nora = visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    way = "    from the station " + "walk along the river " * 12
    story = "\n\n".join(["Lanterns all night.", way, *["And one more song."] * 40, "Until dawn."])
    nora.goto(f"/events/{stored_event(nora, description=story)}")
    looks_right(nora)
    if nora.context not in scriptless:
        assert nora.locator(".prose pre").evaluate("one => one.scrollWidth <= one.clientWidth")
    begin(nora, "Long Story")
    address = nora.url.rpartition("/")[0]
    nora.goto(f"{address}/details")
    nora.get_by_label("Description").fill(story)
    if nora.context in scriptless:
        nora.get_by_role("button", name="Continue").click()
    else:
        expect(nora.locator(".preview")).to_contain_text("Until dawn.")
        looks_right(nora)
    nora.goto(f"{address}/review")
    expect(nora.locator(".preview")).to_contain_text("Until dawn.")
    looks_right(nora)


def test_a_line_is_broken_once_where_it_was_broken(visit: Callable[[], Page]) -> None:
    nora = visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    event_id = stored_event(nora, description="One.\n\nTwo,\nand three.")
    nora.goto(f"/events/{event_id}")
    one, two = nora.locator(".prose p").all()
    assert round(height(two) / height(one)) == 2


def test_every_page_for_strangers(visit: Callable[[], Page]) -> None:
    page = visit()
    for path in ("/", "/sign-in", "/sign-up", "/sign-up/organizer", "/schema"):
        page.goto(path)
        accessible(page)
        fits(page)
