"""By somebody who has keys alone: the builder, from its first step to its last, and a purchase."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from e2e.steps import poster, sign_up, stored_event

MOST_TABS = 60


def tab_to(page: Page, control: Locator) -> None:
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if control.evaluate("(one) => one === document.activeElement"):
            return
    raise AssertionError(f"Tab never comes to {control}")


def type_into(page: Page, label: str, text: str) -> None:
    tab_to(page, page.get_by_label(label, exact=True).first)
    page.keyboard.type(text)


def type_moment(page: Page, label: str, day: str, hour: str) -> None:
    """A year may have six digits, so the next part is gone to by a key."""
    type_into(page, label, day)
    page.keyboard.press("ArrowRight")
    page.keyboard.type(hour)


def press(page: Page, control: Locator) -> None:
    tab_to(page, control)
    page.keyboard.press("Enter")


def go_on(page: Page, heading: str) -> None:
    """To the next step, past what stands above it on every page."""
    press(page, page.get_by_role("button", name="Continue").last)
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    skip(page)


def skip(page: Page) -> None:
    press(page, page.get_by_role("link", name="Skip to the content"))
    expect(page.locator("main")).to_be_focused()


def add_described_picture(page: Page) -> None:
    tab_to(page, page.get_by_label("Add pictures"))
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(poster())
    expect(page.locator(".thumb")).to_have_count(1, timeout=30_000)
    type_into(page, "What it shows", "Lanterns on a lake")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".thumb circle")).to_have_attribute("cx", "40%")
    expect(page.get_by_label("Focus from the left")).to_be_focused()
    expect(page.locator("#preview img")).to_have_attribute("alt", "Lanterns on a lake")


@pytest.mark.parametrize("visit", [("phone", True), ("desktop", True)], ids=["phone", "desktop"], indirect=True)
def test_a_festival_is_published_by_keys_alone(visit: Callable[[], Page]) -> None:
    page = visit()
    page.on("filechooser", lambda _: None)  # the browser hears of the first listener a moment later
    sign_up(page, "Nora", company="Lantern Fields e.V.")
    page.goto("/projects/new")
    skip(page)
    type_into(page, "What is it called?", "Keys Alone")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Title")).to_have_value("Keys Alone")
    skip(page)
    type_into(page, "Place", "Uckermark")
    type_moment(page, "Begins", "07042031", "0600P")
    type_moment(page, "Ends", "07062031", "1100P")
    type_into(page, "Timezone of the place", "Europe/Berlin")
    go_on(page, "Tickets and places")
    type_into(page, "Places in all", "100")
    type_into(page, "Price", "49.90")
    go_on(page, "Pictures")
    add_described_picture(page)
    go_on(page, "What to expect")
    type_into(page, "Description", "Three days between the lime trees and the lake.")
    go_on(page, "Ready?")
    expect(page.get_by_text("Everything is there")).to_be_visible()
    press(page, page.get_by_role("button", name="Submit"))
    there = page.get_by_role("link", name="See the page of your event")
    expect(there).to_be_visible(timeout=30_000)
    press(page, there)
    expect(page.get_by_role("heading", name="Keys Alone", level=1)).to_be_visible()
    expect(page.get_by_text("Jul 4, 2031").first).to_be_visible()


@pytest.mark.parametrize("visit", [("phone", True), ("desktop", True)], ids=["phone", "desktop"], indirect=True)
def test_enter_that_is_pressed_once_more_does_not_buy_once_more(visit: Callable[[], Page]) -> None:
    nora, bob = visit(), visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    tickets = [{"name": "Weekend", "price": "10", "per_attendee_limit": 4}]
    path = f"/events/{stored_event(nora, ticket_types=tickets)}"
    sign_up(bob, "Bob")
    bob.goto(path)
    type_into(bob, "How many", "2")
    sent: list[str] = []
    bob.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    press(bob, bob.get_by_role("button", name="Buy tickets"))
    expect(bob.locator("#buy")).to_be_focused()
    expect(bob.get_by_text("You have 2 tickets.").first).to_be_visible()
    bob.keyboard.press("Enter")
    expect(bob.get_by_label("How many")).to_have_value("1")
    assert len(sent) == 1
    assert len(bob.request.get("/api/v1/tickets").json()["items"]) == 2


LONG = "\n\n".join(f"Paragraph {number} with [link {number}](https://example.org/{number})." for number in range(60))
IN_SIGHT = """(one) => {
  const { left, top, width, height } = one.getBoundingClientRect();
  const there = document.elementFromPoint(left + width / 2, top + height / 2);
  return !!there && (one.contains(there) || there.contains(one));
}"""


def in_sight(page: Page) -> None:
    """What has the focus is in the window, and nothing lies over it."""
    page.wait_for_function(f"() => ({IN_SIGHT})(document.activeElement)", timeout=3_000)


@pytest.mark.parametrize("visit", [("phone", True)], ids=["phone"], indirect=True)
def test_the_bar_of_a_phone_hides_nothing_that_has_the_focus(visit: Callable[[], Page]) -> None:
    page = visit()
    sign_up(page, "Nora", company="Lantern Fields e.V.")
    page.goto(f"/events/{stored_event(page, title='Long Story', description=LONG)}")
    tab_to(page, page.get_by_role("link", name="link 0", exact=True))
    for _ in range(40):
        page.keyboard.press("Tab")
        in_sight(page)


@pytest.mark.parametrize("visit", [("desktop", True)], ids=["desktop"], indirect=True)
@pytest.mark.parametrize(
    ("kinds", "words", "height"),
    [(3, "", 800), (3, "Three days. " * 25, 800), (7, "", 800), (7, "Three days.", 600), (3, "", 600)],
    ids=["low", "wordy", "high", "higher", "low in a low window"],
)
def test_all_of_a_box_can_be_come_to_however_high_it_is(
    visit: Callable[[], Page], kinds: int, words: str, height: int
) -> None:
    page = visit()
    sign_up(page, "Nora", company="Lantern Fields e.V.")
    types = [{"name": f"Kind {number}", "price": "40", "description": words} for number in range(kinds)]
    page.set_viewport_size({"width": 1280, "height": height})
    page.goto(f"/events/{stored_event(page, title='Many Kinds', description=LONG, ticket_types=types)}")
    buy = page.get_by_role("button", name="Buy a ticket")
    tab_to(page, buy)
    in_sight(page)
    page.keyboard.press("Shift+Tab")
    in_sight(page)
    page.mouse.wheel(0, 3000)
    if (kinds, words, height) == (3, "", 800):
        expect(buy).to_be_in_viewport()


@pytest.mark.parametrize("visit", [("desktop", True)], ids=["desktop"], indirect=True)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_has_the_focus_looks_like_it(visit: Callable[[], Page], scheme: str) -> None:
    page = visit(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[call-arg]
    sign_up(page, "Nora", company="Lantern Fields e.V.")
    types = [{"name": name, "price": "40", "per_attendee_limit": 3} for name in ("Day", "Night")]
    event_id = stored_event(page, title="Rings", ticket_types=types)
    for address, names in (
        (f"/events/{event_id}", ("#type-", "#quantity", "#buy-now", ".top a", "summary")),
        ("/", ("#q", ".event a", ".finder button")),
        (f"/projects/{event_id}/settings", ("#title", "#description", "#currency", "main form button", "[type=radio]")),
    ):
        page.goto(address)
        for name in names:
            control = page.locator("[id^=type-]" if name == "#type-" else name).locator("visible=true").first
            page.evaluate("document.activeElement.blur()")
            plain = shown(page, control)
            page.keyboard.press("Tab")  # from here on the browser takes the focus for one of the keys
            control.focus()
            assert shown(page, control) != plain, f"{name} of {address}"


def shown(page: Page, control: Locator) -> bytes:
    control.scroll_into_view_if_needed()
    return page.screenshot(animations="disabled")
