"""A festival sells out: one buys the last place, another waits, is offered one and takes it."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from e2e.conftest import PHONE
from e2e.steps import (
    accessible,
    buy,
    fits,
    heard,
    in_one_line,
    listen,
    look_again,
    looks_right,
    publish,
    scriptless,
    sign_up,
    stored_event,
    two_kinds,
)


def apart(one: Locator, other: Locator) -> bool:
    upper, lower = sorted(
        (box["y"], box["y"] + box["height"]) for box in (one.bounding_box(), other.bounding_box()) if box
    )
    return upper[1] <= lower[0]


def counts_down(page: Page) -> None:
    """Whatever the page says is left of an offer is less a second later."""
    if page.context not in scriptless:
        left = page.locator("[data-countdown]").first
        left.evaluate("time => { time.dateTime = new Date(Date.now() + 90_000).toISOString() }")
        expect(left).to_have_text(re.compile("1 minute 2[0-9] seconds"))


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
    watching = ben.context.new_page()
    waits_at = ben.request.get("/api/v1/waiting-list-entries").json()["items"][0]["waitlist_id"]
    watching.goto(f"/waiting-list-entries/{waits_at}")
    mine = ben.context.new_page()
    mine.goto("/tickets")
    for page in (ben, watching, mine):
        listen(page)
    number = bob.request.get("/api/v1/tickets").json()["items"][0]["ticket_number"]
    freed = nora.request.post(f"/api/v1/tickets/{number}/cancellation", data={"reason": "Asked for it"})
    assert freed.ok, freed.text()

    look_again(ben, ben.locator("#buy").get_by_text("A place is yours to take."))
    heard(ben, "A place is yours to take.")
    accessible(ben)
    for page in (watching, mine):
        page.bring_to_front()
        look_again(page, page.get_by_role("button", name="Take it"))
        heard(page, "A place is offered to you.")
        accessible(page)
        counts_down(page)
        page.close()
    ben.bring_to_front()
    ben.get_by_role("link", name="Answer the offer").click()
    accessible(ben)
    ben.get_by_role("button", name=re.compile("Take|Accept")).first.click()
    expect(ben.get_by_text("It is yours.")).to_be_visible()
    ben.goto(path)
    expect(ben.get_by_text("You have a ticket").first).to_be_visible()


def test_what_is_open_stays_open_while_a_page_looks_again_and_closes_with_its_offer(visit: Callable[[], Page]) -> None:
    nora, cat, dan = visit(), visit(), visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    kinds = [{"name": name, "price": "10", "places": 1} for name in ("Saturday", "Sunday")]
    both = stored_event(nora, title="Two Days", capacity=2, ticket_types=kinds)
    other = stored_event(nora, title="Elsewhere", capacity=1)
    for person, name in ((cat, "Cat"), (dan, "Dan")):
        sign_up(person, name)
    saturday, sunday = nora.request.get(f"/api/v1/event/{both}/ticket-types").json()["items"]
    numbers = [bought(cat, both, one["ticket_type_id"]) for one in (saturday, sunday)]
    bought(nora, other)
    entries = [joined(person, event_id) for person, event_id in ((cat, other), (dan, other), (dan, both))]
    for number in numbers:
        assert nora.request.post(f"/api/v1/tickets/{number}/cancellation", data={"reason": "ill"}).ok
    dan.goto("/tickets")
    dan.locator("summary", has_text="Let the next one have it").click()
    sure = dan.get_by_role("button", name="Give it up")
    expect(sure).to_be_visible()
    if dan.context in scriptless:
        return
    assert cat.request.delete(f"/api/v1/waiting-list-entries/{entries[0]}").ok
    expect(dan.get_by_text("You are number 1")).to_be_visible(timeout=20_000)
    expect(sure).to_be_visible()
    address = f"/api/v1/ticket-types/{saturday['ticket_type_id']}?ends_waiting=true"
    gone = nora.request.delete(address, headers={"If-Match": "*"})
    assert gone.ok, gone.text()
    expect(dan.locator(".offer").get_by_text("Sunday").first).to_be_visible(timeout=20_000)
    expect(sure).to_be_hidden()


def bought(person: Page, event_id: int, ticket_type_id: int | None = None) -> int:
    answer = person.request.post(
        f"/api/v1/attendee/buy-ticket/{event_id}", data={"ticket_type_id": ticket_type_id} if ticket_type_id else {}
    )
    assert answer.status == 201, answer.text()
    number: int = answer.json()["ticket_number"]
    return number


def joined(person: Page, event_id: int) -> int:
    answer = person.request.post("/api/v1/attendee/join-waiting-list", data={"event_id": event_id})
    assert answer.ok, answer.text()
    number: int = answer.json()["waitlist_id"]
    return number


@pytest.mark.parametrize("form", ["settings", "ticket-types"])
def test_a_date_typed_wrong_ends_nobodys_waiting(visit: Callable[[], Page], form: str) -> None:
    nora, ada, ben = visit(), visit(), visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    event_id = stored_event(nora, title="Wrong Year", capacity=1)
    buy(ada, "Ada", event_id)
    sign_up(ben, "Ben")
    ben.goto(f"/events/{event_id}")
    ben.get_by_role("button", name="Join the waiting list").click()
    nora.goto(f"/projects/{event_id}/{form}")
    moments = {"Sale closes": "2021-07-06T23:00"}
    if form == "settings":
        moments = {"Begins": "2021-07-04T18:00", "Ends": "2021-07-06T23:00"}
    else:
        nora.get_by_role("link", name="General admission").click()
    for label, moment in moments.items():
        nora.get_by_label(label).fill(moment)
    save = nora.get_by_role("button", name="Save", exact=True)
    warning = nora.get_by_text("what people wait for or are offered. People concerned: 1")
    for press in (save.click, lambda: nora.get_by_label(re.compile("Title|^Name")).press("Enter")):
        with nora.expect_response(lambda answer: answer.request.method == "POST"):
            press()
        expect(warning).to_be_in_viewport()
        expect(nora.get_by_role("alert")).to_be_focused()
        for label, moment in moments.items():
            expect(nora.get_by_label(label)).to_have_value(moment)
        looks_right(nora)
        ben.goto("/tickets")
        expect(ben.get_by_text("You are number 1").first).to_be_visible()
    nora.get_by_role("button", name="Save it all the same").click()
    expect(nora.get_by_text("The changes are saved.").first).to_be_visible()
    ben.goto("/tickets")
    expect(ben.get_by_text("You are number 1")).to_have_count(0)
    assert ben.request.get("/api/v1/waiting-list-entries").json()["items"][0]["status"] == "closed"


def test_a_type_that_people_wait_for_is_not_stopped_by_the_way(visit: Callable[[], Page]) -> None:
    nora, ben = visit(), visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    event_id = two_kinds(nora, "Still Wanted", places=1)
    friday = nora.request.get(f"/api/v1/event/{event_id}").json()["ticket_types"][1]["ticket_type_id"]
    bought(nora, event_id, friday)
    sign_up(ben, "Ben")
    assert ben.request.post(
        "/api/v1/attendee/join-waiting-list", data={"event_id": event_id, "ticket_type_ids": [friday]}
    ).ok
    nora.goto(f"/projects/{event_id}/ticket-types/{friday}")
    nora.locator("summary", has_text="Stop selling it").click()
    expect(nora.get_by_text("Offers of it end, and who waits for nothing else leaves")).to_be_visible()
    looks_right(nora)
    nora.get_by_role("button", name="Stop selling it", exact=True).click()
    expect(nora.get_by_text("what people wait for or are offered. People concerned: 1")).to_be_in_viewport()
    looks_right(nora)
    assert ben.request.get("/api/v1/waiting-list-entries").json()["items"][0]["status"] == "waiting"
    nora.get_by_role("button", name="Stop selling it all the same").click()
    expect(nora.get_by_text("It is not sold any more; tickets that are out stay good.").first).to_be_visible()
    assert ben.request.get("/api/v1/waiting-list-entries").json()["items"][0]["status"] == "closed"
