"""Attendees buy the last place, wait for another, and find what they have."""

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from e2e.conftest import PHONE
from e2e.steps import (
    accessible,
    fits,
    heard,
    height,
    in_one_line,
    listen,
    look_again,
    publish,
    scriptless,
    sign_up,
    stored_event,
)


def apart(one: Locator, other: Locator) -> bool:
    upper, lower = sorted(
        (box["y"], box["y"] + box["height"]) for box in (one.bounding_box(), other.bounding_box()) if box
    )
    return upper[1] <= lower[0]


def test_one_buys_the_last_place_and_the_other_waits(visit: Callable[[], Page]) -> None:
    nora, bob, ben = visit(), visit(), visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    path = publish(nora, "One Chair Concert", capacity=1)

    bob.goto(path)
    other_way = bob.get_by_role("button", name="Sign up", exact=True)
    assert in_one_line(other_way)
    other_way.click()
    expect(bob.get_by_label("Your name")).to_be_visible()
    sign_up(bob, "Bob")
    sign_up(ben, "Ben")
    for page in (bob, ben):
        page.goto(path)
        expect(page.get_by_text("1 of 1 places left")).to_be_visible()
    accessible(bob)
    fits(bob)

    bob.get_by_role("button", name="Buy a ticket").click()
    expect(bob.get_by_text("You have a ticket").first).to_be_visible()
    if bob.context not in scriptless:
        expect(bob.locator("#buy:focus-within")).to_be_visible()
        expect(bob.locator(".buy-bar")).to_be_hidden()
        if bob.viewport_size == PHONE:
            bob.set_viewport_size({"width": 390, "height": 400})
            bob.locator("#buy .notice").evaluate("notice => notice.scrollIntoView()")
            assert apart(bob.locator(".toast"), bob.locator("#buy .notice")), "both can be read"
            bob.set_viewport_size(PHONE)
    accessible(bob)
    bob.goto("/tickets")
    expect(bob.get_by_role("heading", name="One Chair Concert")).to_be_visible()
    accessible(bob)
    fits(bob)

    ben.goto(path)
    ben.get_by_role("button", name="Join the waiting list").click()
    expect(ben.get_by_text("You are number 1 on the waiting list").first).to_be_visible()
    ben.goto("/tickets")
    expect(ben.get_by_text("You are number 1").first).to_be_visible()
    accessible(ben)


def test_a_freed_place_is_offered_to_who_waits_and_taken(visit: Callable[[], Page]) -> None:
    nora, bob, ben = visit(), visit(), visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    path = publish(nora, "Two Turns", capacity=1)
    for person, name in ((bob, "Bob"), (ben, "Ben")):
        sign_up(person, name)
        person.goto(path)
        person.get_by_role("button", name=re.compile("Buy a ticket|Join the waiting list")).click()
        expect(person.get_by_text(re.compile("You have a ticket|You are number 1")).first).to_be_visible()
    listen(ben)
    number = bob.request.get("/api/v1/tickets").json()["items"][0]["ticket_number"]
    freed = nora.request.post(f"/api/v1/tickets/{number}/cancellation", data={"reason": "Asked for it"})
    assert freed.ok, freed.text()

    look_again(ben, ben.locator("#buy").get_by_text("A place is yours to take."))
    heard(ben, "A place is yours to take.")
    accessible(ben)
    ben.get_by_role("link", name="Answer the offer").click()
    accessible(ben)
    ben.get_by_role("button", name=re.compile("Take|Accept")).first.click()
    expect(ben.get_by_text("It is yours.")).to_be_visible()
    ben.goto(path)
    expect(ben.get_by_text("You have a ticket").first).to_be_visible()


def test_what_is_left_changes_while_one_looks(visit: Callable[[], Page]) -> None:
    nora, bob, ben = visit(), visit(), visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    path = publish(nora, "Three Boats", capacity=3)
    sign_up(bob, "Bob")
    ben.goto(path)
    expect(ben.get_by_text("3 of 3 places left")).to_be_visible()
    bob.goto(path)
    bob.get_by_role("button", name="Buy a ticket").click()
    expect(bob.get_by_text("You have a ticket").first).to_be_visible()
    if ben.context in scriptless:
        ben.reload()
    expect(ben.get_by_text("2 of 3 places left")).to_be_visible(timeout=20_000)


def test_festivals_are_found_by_their_words(visit: Callable[[], Page]) -> None:
    nora = visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    path = publish(nora, "Zither Weekend")
    page = visit()
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
