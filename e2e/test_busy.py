"""What is pressed looks busy until its answer is there; what asks by itself makes nothing look so."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from e2e.steps import HeldBack, begin, buy, cut, kind, sign_up, stored_event, two_kinds

pytestmark = pytest.mark.parametrize(
    "visit", [("phone", True), ("desktop", True)], ids=["phone", "desktop"], indirect=True
)
READERS = [
    {"color_scheme": scheme, "reduced_motion": motion}
    for scheme in ("light", "dark")
    for motion in ("no-preference", "reduce")
]
GROUP = {"name": "Group", "price": "20", "per_attendee_limit": 6}
ADA = re.compile(r"/attendees\?q=ada")
LOOK = "(one) => [getComputedStyle(one).opacity, getComputedStyle(one).cursor]"
BUSY = f"""() => {{
    const busy = document.body.appendChild(document.createElement('button'));
    busy.disabled = true;  // as the style page shows it
    const look = ({LOOK})(busy);
    busy.remove();
    return look;
}}"""


def looks_busy(page: Page, pressed: Locator) -> None:
    """It does, and no other."""
    opacity, cursor = page.evaluate(BUSY)
    assert float(opacity) < 1
    expect(pressed).to_have_css("opacity", opacity)
    expect(pressed).to_have_css("cursor", cursor)
    assert len(busy_ones(page)) == 1


def busy_ones(page: Page) -> list[str]:
    """The words of those that look so; not of those that could not be pressed anyway."""
    busy = page.evaluate(BUSY)
    return [
        one.inner_text()
        for one in page.locator("button:enabled").all()
        if one.is_visible() and one.evaluate(LOOK) == busy
    ]


def full_friday(organizer: Page) -> int:
    """An event with one kind to buy and one to wait for."""
    event_id = two_kinds(organizer, "Full Friday", places=1)
    friday = organizer.request.get(f"/api/v1/event/{event_id}").json()["ticket_types"][1]["ticket_type_id"]
    wanted = {"ticket_type_id": friday}
    assert organizer.request.post(f"/api/v1/attendee/buy-ticket/{event_id}", data=wanted).ok
    return event_id


def before_a_full_friday(visit: Callable[[], Page]) -> Page:
    """The page of its event, in front of Bob."""
    nora, bob = visit(), visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    event_id = full_friday(nora)
    sign_up(bob, "Bob")
    bob.goto(f"/events/{event_id}")
    return bob


def test_what_one_presses_to_buy_looks_busy_until_it_is_bought(visit: Callable[[], Page]) -> None:
    nora, bob = visit(), visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    event_id = two_kinds(nora, "Slow Answers", per_attendee_limit=4)
    sign_up(bob, "Bob")
    bob.goto(f"/events/{event_id}")
    held = HeldBack(bob, "/purchase$")
    button = bob.get_by_role("button", name=re.compile("^Buy"))
    for bought, reader in enumerate(READERS, start=1):
        bob.emulate_media(**reader)  # type: ignore[arg-type]
        assert busy_ones(bob) == []
        kind(bob, "Friday").check()
        button.click()
        looks_busy(bob, button)
        held.next().continue_()
        expect(bob.get_by_text(f"{100 - bought} of 100 places left")).to_be_visible()
        assert busy_ones(bob) == []


def nine_left(visit: Callable[[], Page]) -> tuple[Page, Callable[[], None]]:
    """Bob, about to buy two of them, and somebody who buys four, so that there is less to choose."""
    nora, bob = visit(), visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    event_id = stored_event(nora, title="Nine Left", capacity=9, ticket_types=[GROUP])
    sign_up(bob, "Bob")
    bob.goto(f"/events/{event_id}")
    bob.get_by_label("How many", exact=True).fill("2")

    def four_are_sold() -> None:
        assert nora.request.post(f"/api/v1/attendee/buy-ticket/{event_id}", data={"quantity": 4}).ok

    return bob, four_are_sold


@pytest.mark.parametrize("looks_first", [True, False])
def test_a_purchase_is_told_though_what_is_sold_changes_before_its_answer(
    visit: Callable[[], Page], looks_first: bool
) -> None:
    (bob, four_are_sold), asked = nine_left(visit), re.compile("/places")
    looks, purchases = HeldBack(bob, "/places"), HeldBack(bob, "/purchase$")
    button = bob.get_by_role("button", name="Buy tickets")
    if looks_first:
        with bob.expect_request(asked):
            four_are_sold()
    button.click()
    if not looks_first:
        with bob.expect_request(asked):
            four_are_sold()
    looks_busy(bob, button)
    with bob.expect_response(asked):
        looks.next().continue_()
    looks_busy(bob, button)
    purchases.next().continue_()
    expect(bob.get_by_text("You have 2 tickets").first).to_be_visible()
    assert not purchases


@pytest.mark.parametrize("arrives", ["before the box has come anew", "afterwards"])
def test_a_purchase_whose_answer_was_lost_is_made_once_though_one_presses_again(
    visit: Callable[[], Page], arrives: str
) -> None:
    bob, four_are_sold = nine_left(visit)
    looks, purchases = HeldBack(bob, "/places"), HeldBack(bob, "/purchase$")
    bob.get_by_role("button", name="Buy tickets").click()
    expect(bob.locator("form.htmx-request")).to_be_attached()
    lost = purchases.next()
    sent = {"headers": lost.request.all_headers(), "data": lost.request.post_data}
    if arrives.startswith("before"):
        assert bob.request.post(lost.request.url, **sent).ok
    cut(lost)
    expect(bob.get_by_text("No answer came. Please try again.")).to_be_visible()
    with bob.expect_request(re.compile("/places")):
        four_are_sold()
    looks.let_go()
    purchases.let_go()
    expect(bob.get_by_text("of 9 places left")).to_have_text(re.compile("^[35] of 9"))
    expect(bob.get_by_text("No answer came.")).to_be_visible()
    if arrives == "afterwards":
        assert bob.request.post(lost.request.url, **sent).ok
    bob.get_by_role("button", name=re.compile("^Buy")).click()
    expect(bob.locator(".toast", has_text="You have 2 tickets")).to_be_visible()
    assert len(bob.request.get("/api/v1/tickets").json()["items"]) == 2


@pytest.mark.parametrize("how", ["a proxy", "cut"])
def test_what_enter_stands_for_looks_busy_and_no_more_after_a_failure(visit: Callable[[], Page], how: str) -> None:
    bob = before_a_full_friday(visit)
    held = HeldBack(bob, "/purchase$")
    bob.get_by_label("How many", exact=True).press("Enter")
    looks_busy(bob, bob.get_by_role("button", name="Buy tickets"))
    cut(held.next()) if how == "cut" else held.next().fulfill(status=409, body="of a proxy")
    expect(bob.get_by_text("No answer came.")).to_be_visible()
    assert busy_ones(bob) == []


def test_who_presses_to_wait_for_a_kind_sees_that_and_no_purchase(visit: Callable[[], Page]) -> None:
    bob = before_a_full_friday(visit)
    held = HeldBack(bob, "/waiting-list-entry$")
    wait = bob.get_by_role("button", name="Wait for “Friday”")
    wait.click()
    looks_busy(bob, wait)
    held.next().continue_()
    expect(bob.get_by_text("You are number 1 on the waiting list.").first).to_be_visible()
    assert busy_ones(bob) == []


def at_the_door(visit: Callable[[], Page]) -> tuple[Page, Locator]:
    """The list of Ada and Bo, and how Ada is checked in."""
    nora = visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    event_id = stored_event(nora, title="Two at the door")
    for name in ("Ada Moss", "Bo Reed"):
        buy(visit(), name, event_id)
    nora.goto(f"/projects/{event_id}/attendees")
    return nora, nora.get_by_role("button", name=re.compile("Check in.*Ada Moss"))


def searches_for_ada(nora: Page) -> HeldBack:
    """What is asked for that, held back."""
    asked = HeldBack(nora, ADA.pattern)
    with nora.expect_request(ADA):
        nora.get_by_label("Name, e-mail or code").fill("ada")
    expect(nora.locator(".toolbar.htmx-request")).to_be_attached()
    return asked


def test_at_the_door_the_person_who_is_checked_in_looks_busy_and_no_other(visit: Callable[[], Page]) -> None:
    nora, button = at_the_door(visit)
    held = HeldBack(nora, "/use$")
    button.click()
    looks_busy(nora, button)
    held.next().continue_()
    expect(nora.get_by_role("button", name=re.compile("Undo.*Ada Moss"))).to_be_visible()
    assert busy_ones(nora) == []


@pytest.mark.parametrize("how", ["found", "a proxy", "cut", "signed out", "not in the list"])
def test_how_a_check_in_ends_is_told_though_one_has_searched_meanwhile(visit: Callable[[], Page], how: str) -> None:
    nora, check_in = at_the_door(visit)
    asked = searches_for_ada(nora)
    uses = HeldBack(nora, "/use$")
    check_in.click()
    looks_busy(nora, check_in)
    with nora.expect_request(ADA):
        asked.next().continue_()
    looks_busy(nora, check_in)
    asked.next().continue_()
    expect(nora.get_by_role("link", name="Bo Reed")).to_have_count(0)
    use = uses.next()
    if how == "found":
        check_in.focus()
        use.continue_()
        expect(nora.get_by_text("Checked in: Ada Moss")).to_be_visible()
        expect(nora.get_by_role("button", name=re.compile("Undo.*Ada Moss"))).to_be_visible()
        expect(nora.get_by_role("row", name=re.compile("Ada Moss"))).to_be_focused()
    elif how in {"a proxy", "cut"}:
        cut(use) if how == "cut" else use.fulfill(status=409, body="of a proxy")
        expect(nora.get_by_text("No answer came.")).to_be_visible()
        nora.get_by_label("Name, e-mail or code").fill("reed")
        expect(nora.get_by_role("link", name="Bo Reed")).to_be_visible()
        expect(nora.get_by_text("No answer came.")).to_be_visible()
    elif how == "signed out":
        nora.context.clear_cookies()
        use.continue_(headers={**use.request.headers, "cookie": ""})
        nora.wait_for_url(re.compile("/sign-in"))
    else:
        nora.unroute(ADA)
        nora.get_by_label("Name, e-mail or code").fill("bo")
        expect(nora.get_by_role("link", name="Bo Reed")).to_be_visible()
        expect(nora.get_by_role("link", name="Ada Moss")).to_have_count(0)
        use.continue_()
        expect(nora.get_by_text("Checked in: Ada Moss")).to_be_visible()
        expect(nora.get_by_role("row")).to_have_count(2)
    expect(nora.locator("#toasts")).to_have_count(1)


def test_an_answer_from_before_somebody_was_checked_in_is_asked_for_again(visit: Callable[[], Page]) -> None:
    nora, check_in = at_the_door(visit)
    asked = searches_for_ada(nora)
    late = asked.next()
    old = late.fetch()
    check_in.click()
    expect(nora.get_by_text("Checked in: Ada Moss")).to_be_visible()
    with nora.expect_request(ADA):
        late.fulfill(response=old)
    expect(nora.locator(".toolbar.htmx-request")).to_be_attached()
    asked.next().continue_()
    expect(nora.get_by_role("link", name="Bo Reed")).to_have_count(0)
    expect(nora.get_by_role("button", name=re.compile("Undo.*Ada Moss"))).to_be_visible()


def nothing_looks_busy(page: Page, held: HeldBack) -> None:
    expect(page.locator(".htmx-request")).to_be_attached()
    assert busy_ones(page) == []
    held.next().continue_()


def test_nothing_flickers_while_one_searches(visit: Callable[[], Page]) -> None:
    nora = visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    nora.goto(f"/projects/{stored_event(nora)}/attendees")
    held = HeldBack(nora, r"/attendees\?")
    nora.get_by_label("Name, e-mail or code").fill("ada")
    nora.get_by_role("button", name="Find").focus()
    nothing_looks_busy(nora, held)
    expect(nora.get_by_text("Nobody like that").first).to_be_visible()


def test_nothing_flickers_while_a_draft_is_kept(visit: Callable[[], Page]) -> None:
    nora = visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    begin(nora, "Steady Lights")
    held = HeldBack(nora, "/check$")
    nora.get_by_label("Place", exact=True).fill("Uckermark")
    nora.get_by_role("button", name="Continue").last.focus()
    nothing_looks_busy(nora, held)
    expect(nora.locator("#saved")).to_have_text("Saved.")


def test_nothing_flickers_while_a_page_looks_how_many_are_left(visit: Callable[[], Page]) -> None:
    nora = visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    nora.goto(f"/events/{stored_event(nora)}")
    nora.get_by_role("button", name="Buy a ticket").focus()
    held = HeldBack(nora, "/places")
    with nora.expect_request(re.compile("/places")):
        pass
    nothing_looks_busy(nora, held)
