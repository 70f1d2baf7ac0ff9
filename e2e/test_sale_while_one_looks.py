"""A sale that opens, changes and sells out in front of somebody who is about to choose."""

import datetime as dt
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from e2e.steps import (
    accessible,
    fits,
    heard,
    kind,
    listen,
    look_again,
    publish,
    scriptless,
    sign_up,
    stored_event,
    two_kinds,
)
from tests.process import Server


def in_seconds(count: float) -> str:
    return (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=count)).isoformat()


def opens(organizer: Page, event_id: int, name: str, at: str) -> None:
    """The sale of a type, moved by its organizer."""
    kinds = organizer.request.get(f"/api/v1/event/{event_id}").json()["ticket_types"]
    found = next(one for one in kinds if one["name"] == name)
    said = {field: found[field] for field in ("name", "price", "per_attendee_limit")}
    address = f"/api/v1/ticket-types/{found['ticket_type_id']}"
    changed = organizer.request.put(address, data={**said, "sale_opens_at": at}, headers={"If-Match": "*"})
    assert changed.ok, changed.text()


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


def test_a_kind_comes_on_sale_while_somebody_chooses(visit: Callable[[], Page]) -> None:
    nora, bob = visit(), visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    kinds = [
        {"name": "Weekend", "price": "120"},
        {"name": "Friday", "price": "40", "per_attendee_limit": 4},
        {"name": "Cabin", "price": "90", "sale_opens_at": in_seconds(3600)},
    ]
    event_id = stored_event(nora, title="Cabins Later", ticket_types=kinds)
    sign_up(bob, "Bob")
    bob.goto(f"/events/{event_id}")
    expect(kind(bob, "Cabin")).to_be_disabled()
    many = bob.get_by_label("How many", exact=True)
    expect(many).to_have_attribute("max", "4" if bob.context in scriptless else "1")
    kind(bob, "Friday").check()
    many.fill("2")
    listen(bob)

    opens(nora, event_id, "Cabin", in_seconds(2))
    look_again(bob, bob.locator("label", has_text="Cabin").get_by_text("100 left"))
    expect(kind(bob, "Cabin")).to_be_enabled()
    heard(bob, "“Cabin” is on sale.")
    if bob.context not in scriptless:
        expect(kind(bob, "Friday")).to_be_checked()
        expect(many).to_have_value("2")
        expect(many).to_have_attribute("max", "4")
        expect(many).to_be_focused()
    accessible(bob)
    fits(bob)


def test_a_kind_sells_out_under_who_chose_it_and_no_other_is_taken_for_it(visit: Callable[[], Page]) -> None:
    nora, bob = visit(), visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    event_id = two_kinds(nora, "One Friday", places=1)
    sign_up(bob, "Bob")
    bob.goto(f"/events/{event_id}")
    kind(bob, "Friday").check()
    listen(bob)

    kinds = nora.request.get(f"/api/v1/event/{event_id}").json()["ticket_types"]
    wanted = {"ticket_type_id": kinds[1]["ticket_type_id"]}
    assert nora.request.post(f"/api/v1/attendee/buy-ticket/{event_id}", data=wanted).ok
    look_again(bob, bob.locator("label", has_text="Friday").get_by_text("Sold out"))
    heard(bob, "“Friday” is sold out.")
    expect(kind(bob, "Friday")).to_be_disabled()
    if bob.context not in scriptless:
        expect(kind(bob, "Weekend")).not_to_be_checked()
        expect(bob.locator("#buy:focus-within")).to_be_visible()


def test_who_is_too_late_for_a_kind_reads_so_and_waits_for_it_with_one_press(visit: Callable[[], Page]) -> None:
    nora, bob = visit(), visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    event_id = two_kinds(nora, "Last Friday", places=1, description="Bring a lantern. " * 60)
    sign_up(bob, "Bob")
    bob.goto(f"/events/{event_id}")
    kind(bob, "Friday").check()
    kinds = nora.request.get(f"/api/v1/event/{event_id}").json()["ticket_types"]
    wanted = {"ticket_type_id": kinds[1]["ticket_type_id"]}
    assert nora.request.post(f"/api/v1/attendee/buy-ticket/{event_id}", data=wanted).ok
    with bob.expect_response(lambda response: response.request.method == "POST"):
        bob.get_by_role("button", name="Buy tickets").click()
    refusal = bob.get_by_role("alert").filter(has_text="These tickets are sold out")
    expect(refusal).to_be_in_viewport()
    if bob.context not in scriptless:
        expect(refusal).to_be_focused()
    expect(kind(bob, "Weekend")).not_to_be_checked()
    accessible(bob)
    fits(bob)
    bob.get_by_role("button", name="Wait for “Friday”").click()
    expect(bob.get_by_text("You are number 1 on the waiting list. It may be: Friday.").first).to_be_visible()
    accessible(bob)


def test_a_sale_counts_down_and_opens_by_itself(visit: Callable[[], Page]) -> None:
    nora, bob = visit(), visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    event_id = two_kinds(nora, "Not Before", per_attendee_limit=2)
    opens(nora, event_id, "Friday", in_seconds(90))
    opens(nora, event_id, "Weekend", in_seconds(3600))
    sign_up(bob, "Bob")
    bob.goto(f"/events/{event_id}")
    expect(bob.get_by_text("The sale opens on")).to_be_visible()
    if bob.context not in scriptless:
        expect(bob.locator(".countdown")).to_have_text(re.compile("^(1 minute )?[0-9]+ seconds?$"))
    accessible(bob)
    fits(bob)

    opens(nora, event_id, "Friday", in_seconds(4))
    bob.reload()
    expect(bob.get_by_role("button", name=re.compile("^Buy"))).to_have_count(0)
    listen(bob)
    look_again(bob, bob.get_by_role("button", name="Buy tickets"))
    heard(bob, "The sale is open.")
    expect(kind(bob, "Weekend")).to_be_disabled()
    bob.get_by_role("button", name="Buy tickets").click()
    expect(bob.get_by_text("You have a ticket").first).to_be_visible()


def test_the_last_place_goes_while_somebody_looks(visit: Callable[[], Page]) -> None:
    nora, bob = visit(), visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    event_id = stored_event(nora, title="One Seat", capacity=1)
    bob.goto(f"/events/{event_id}")
    listen(bob)
    assert nora.request.post(f"/api/v1/attendee/buy-ticket/{event_id}").ok
    look_again(bob, bob.get_by_role("button", name="Sign in to join the waiting list"))
    heard(bob, "Sold out.")


@pytest.mark.parametrize("visit", [("phone", True)], ids=["phone"], indirect=True)
def test_the_bar_of_a_phone_says_what_the_box_does(visit: Callable[[], Page]) -> None:
    nora, bob = visit(), visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    event_id = stored_event(nora, title="Short of Boats", capacity=1, price="40")
    bob.set_viewport_size({"width": 390, "height": 500})
    bob.goto(f"/events/{event_id}")
    bar = bob.locator(".buy-bar")
    expect(bar).to_have_text(re.compile(r"€40.00\s+To the tickets"))
    expect(bar).to_be_visible()
    dearer = nora.request.patch(f"/api/v1/event/{event_id}", data={"price": "55"}, headers={"If-Match": "*"})
    assert dearer.ok, dearer.text()
    expect(bar).to_have_text(re.compile(r"€55.00\s+To the tickets"), timeout=20_000)
    assert nora.request.post(f"/api/v1/attendee/buy-ticket/{event_id}").ok
    expect(bar).to_be_hidden(timeout=20_000)
    accessible(bob)

    sign_up(bob, "Bob")
    kinds = [{"name": "Day", "price": "40", "per_attendee_limit": 2}]
    bob.goto(f"/events/{stored_event(nora, title='Boats for Two', ticket_types=kinds)}")
    expect(bar).to_be_visible()
    bob.get_by_role("button", name="Buy").click()
    expect(bob.get_by_role("button", name="Buy another ticket")).to_be_visible()
    expect(bar).to_be_hidden()


def test_it_is_cancelled_while_somebody_looks(visit: Callable[[], Page]) -> None:
    nora, bob = visit(), visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    event_id = stored_event(nora, title="Storm to Come")
    bob.goto(f"/events/{event_id}")
    listen(bob)
    assert nora.request.post(f"/api/v1/event/{event_id}/cancellation", data={"reason": "A storm"}).ok
    look_again(bob, bob.get_by_text("The organizer says why: A storm"))
    heard(bob, "This festival is cancelled.")
    expect(bob.get_by_text("Cancelled", exact=True)).to_be_visible()
    expect(bob.get_by_role("heading", name="Storm to Come")).to_have_count(1)
    expect(bob.get_by_role("link", name="To the tickets")).to_be_hidden()
    accessible(bob)


def test_the_times_are_said_on_the_clock_of_who_reads(browser: Browser, site: Server) -> None:
    context = browser.new_context(base_url=site.url, timezone_id="Asia/Tokyo", locale="en-GB")
    page = context.new_page()
    sign_up(page, "Nora", company="Lantern Fields e.V.")
    times = {"start_time": "2031-07-04T16:00:00Z", "end_time": "2031-07-06T21:00:00Z"}
    page.goto(f"/events/{stored_event(page, timezone='Europe/Berlin', **times)}")
    here = page.locator(".facts .here-time")
    expect(here).to_have_text(re.compile(r"^5 Jul 2031, 01:00\s–\s7 Jul 2031, 06:00 in your timezone$"))
    same = stored_event(page, timezone="Asia/Tokyo", **times)
    page.goto(f"/events/{same}")
    expect(here).to_have_count(0)
    context.close()


@pytest.mark.parametrize("status", [200, 429])
@pytest.mark.parametrize("visit", [("desktop", True)], ids=["desktop"], indirect=True)
def test_what_a_proxy_says_in_our_place_is_no_part_of_a_page(visit: Callable[[], Page], status: int) -> None:
    nora, looks = visit(), re.compile(r"/places\?|/\?q=")
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    nora.goto(publish(nora, "Three Boats", capacity=3))
    nora.route(looks, lambda route: route.fulfill(status=status, body="<h1>Backend fetch failed</h1>"))
    for _ in range(2):  # it asks again
        with nora.expect_response(looks, timeout=20_000):
            expect(nora.get_by_text("3 of 3 places left")).to_be_visible()
    expect(nora.get_by_text("No answer came")).to_have_count(0)

    nora.goto("/")
    events = nora.get_by_role("heading", level=2)
    shown = events.all_inner_texts()
    nora.get_by_label("What").press_sequentially("boats")
    expect(nora.get_by_text("No answer came. Please try again.")).to_be_visible()
    assert events.all_inner_texts() == shown != []
    nora.unroute_all()
    nora.get_by_label("What").press_sequentially("qq")
    expect(nora.get_by_role("heading", name="Nothing found")).to_be_visible()
    expect(nora.get_by_text("Backend fetch failed")).to_have_count(0)
    expect(nora.get_by_text("No answer came")).to_have_count(0)


def test_a_kind_that_is_stopped_while_somebody_has_chosen_it_leaves_no_empty_choice(
    visit: Callable[[], Page],
) -> None:
    nora, bob = visit(), visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    kinds = [{"name": name, "price": "9", "places": 1} for name in ("Day", "Evening", "Night")]
    event_id = stored_event(nora, title="Three Kinds", ticket_types=kinds)
    stored = nora.request.get(f"/api/v1/event/{event_id}").json()["ticket_types"]
    for one in stored:
        wanted = {"ticket_type_id": one["ticket_type_id"]}
        assert nora.request.post(f"/api/v1/attendee/buy-ticket/{event_id}", data=wanted).ok
    sign_up(bob, "Bob")
    bob.goto(f"/events/{event_id}")
    choice = bob.get_by_label("Wait for")
    choice.select_option(label="Evening")
    address = f"/api/v1/ticket-types/{stored[1]['ticket_type_id']}"
    assert nora.request.delete(address, headers={"If-Match": "*"}).ok
    if bob.context in scriptless:
        bob.reload()
    expect(choice.get_by_role("option")).to_have_text(["Any kind of ticket", "Day", "Night"], timeout=20_000)
    expect(choice.locator("option:checked")).to_have_text("Any kind of ticket")
