"""Attendees buy the last place, wait for another, and find what they have."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from e2e.steps import accessible, fits, publish, sign_up


def test_one_buys_the_last_place_and_the_other_waits(visit: Callable[[], Page]) -> None:
    nora, bob, ben = visit(), visit(), visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    path = publish(nora, "One Chair Concert", capacity=1)

    bob.goto(path)
    bob.get_by_role("link", name="Sign up", exact=True).last.click()
    sign_up(bob, "Bob")
    sign_up(ben, "Ben")
    for page in (bob, ben):
        page.goto(path)
        expect(page.get_by_text("1 of 1 places left")).to_be_visible()
    accessible(bob)
    fits(bob)

    bob.get_by_role("button", name="Buy a ticket").click()
    expect(bob.get_by_text("You have a ticket")).to_be_visible()
    accessible(bob)
    bob.goto("/tickets")
    expect(bob.get_by_role("heading", name="One Chair Concert")).to_be_visible()
    accessible(bob)
    fits(bob)

    ben.goto(path)
    ben.get_by_role("button", name="Join the waiting list").click()
    expect(ben.get_by_text("You are number 1 on the waiting list")).to_be_visible()
    ben.goto("/tickets")
    expect(ben.get_by_text("You are number 1")).to_be_visible()
    accessible(ben)


def test_long_and_strange_titles_do_not_break_the_page(visit: Callable[[], Page]) -> None:
    nora = visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    for title in ("W" * 200, "<script>alert(1)</script> مهرجان 🎪"):
        path = publish(nora, title)
        for address in (path, "/", "/projects"):
            nora.goto(address)
            fits(nora)


def test_every_page_for_strangers(visit: Callable[[], Page]) -> None:
    page = visit()
    for path in ("/", "/sign-in", "/sign-up", "/sign-up/organizer", "/schema"):
        page.goto(path)
        accessible(page)
        fits(page)
