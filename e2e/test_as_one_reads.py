"""What a reader asks for is what they get: no motion, paper, a picture no larger than its place."""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from e2e.conftest import DESKTOP, PHONE
from e2e.steps import buy, longest_motion, publish, sign_up, stored_event
from tests.process import Server

MOVED = "addEventListener('pagereveal', ({ viewTransition }) => { window.moved = viewTransition !== null })"
SHEET = {"width": 794, "height": 1123}  # A4
CENTIMETRE = 96 / 2.54


@contextmanager
def reader(browser: Browser, site: Server, **wishes: object) -> Iterator[Page]:
    context = browser.new_context(base_url=site.url, **wishes)  # type: ignore[arg-type]
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_nothing_moves_for_who_asks_for_no_motion(browser: Browser, site: Server, motion: str) -> None:
    moves = motion != "reduce"
    with reader(browser, site, reduced_motion=motion) as nora, reader(browser, site) as bob:
        nora.add_init_script(MOVED)
        sign_up(nora, "Nora", company="Lantern Fields e.V.")
        event_id = stored_event(nora)
        buy(bob, "Bob", event_id)
        for address in ("/", f"/events/{event_id}", f"/projects/{event_id}/attendees"):
            nora.goto(address)
            assert (longest_motion(nora) > 0) is moves, address
        nora.get_by_role("button", name=re.compile("Check in")).click()
        expect(nora.locator(".toast")).to_be_visible()
        assert (nora.locator(".toast").evaluate("one => getComputedStyle(one).animationName") != "none") is moves
        assert moves or nora.evaluate("document.getAnimations().length") == 0
        crossed = [moved(nora, name) for name in ("Overview", "Attendees", "Overview")]
        assert (True in crossed) is moves  # a browser that is busy may leave one out


def moved(page: Page, name: str) -> bool:
    """Whether one sees the change to that page of the event."""
    link = page.locator(".side").get_by_role("link", name=name)
    link.click()
    expect(link).to_have_attribute("aria-current", "page")
    found: bool = page.evaluate("window.moved")
    return found


def on_paper(page: Page, *left_out: str) -> None:
    """Each of them is on the screen, and none on the sheet."""
    for one in left_out:
        expect(page.locator(one).locator("visible=true").first).to_be_visible()
    page.set_viewport_size(SHEET)  # type: ignore[arg-type]
    page.emulate_media(media="print")
    for one in left_out:
        expect(page.locator(one).locator("visible=true")).to_have_count(0)


def test_a_ticket_on_paper_is_itself_and_its_code(browser: Browser, site: Server) -> None:
    with reader(browser, site, viewport=PHONE) as nora, reader(browser, site, viewport=PHONE) as bob:
        sign_up(nora, "Nora", company="Lantern Fields e.V.")
        event_id = stored_event(nora, title="Paper Boats")
        buy(bob, "Bob", event_id)
        number = bob.request.get("/api/v1/tickets").json()["items"][0]["ticket_number"]
        bob.goto(f"/tickets/{number}")
        on_paper(bob, ".top", ".foot", "button, .button", ".crumbs")
        expect(bob.locator(".ticket")).to_contain_text("Paper Boats")
        expect(bob.locator(".ticket .code")).to_be_visible()
        code = bob.locator(".qr svg").bounding_box()
        assert code
        assert code["width"] > 5 * CENTIMETRE
        assert code["height"] > 5 * CENTIMETRE


def sold_to_ada(nora: Page, ada: Page) -> int:
    """An event of Nora's for which Ada Moss has a ticket."""
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    event_id = stored_event(nora)
    buy(ada, "Ada Moss", event_id)
    return event_id


def test_a_door_list_on_paper_is_nothing_but_the_list(browser: Browser, site: Server) -> None:
    with reader(browser, site) as nora, reader(browser, site) as bob:
        nora.goto(f"/projects/{sold_to_ada(nora, bob)}/door-list")
        on_paper(nora, ".top", ".foot", ".crumbs", ".no-print")
        expect(nora.get_by_role("row").filter(has_text="Ada Moss")).to_be_visible()


def test_a_list_of_attendees_on_paper_has_nothing_to_press(browser: Browser, site: Server) -> None:
    with reader(browser, site) as nora, reader(browser, site) as bob:
        nora.goto(f"/projects/{sold_to_ada(nora, bob)}/attendees")
        nora.get_by_role("button", name=re.compile("Check in")).click()
        on_paper(nora, ".top", ".foot", ".toast", ".tabs", ".side", ".toolbar", "button, .button")
        expect(nora.get_by_role("row").filter(has_text="Ada Moss")).to_be_visible()


@pytest.mark.parametrize("visit", [("desktop", True)], ids=["desktop"], indirect=True)
def test_a_phone_loads_a_smaller_picture_than_a_desktop(
    browser: Browser, site: Server, visit: Callable[[], Page]
) -> None:
    nora = visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    path = publish(nora, "Three Sizes")
    loaded = []
    for viewport in (PHONE, DESKTOP):
        with reader(browser, site, viewport=viewport) as page:
            page.goto(path, wait_until="load")
            hero = page.locator(".hero img")
            source = hero.evaluate("async (one) => { await one.decode(); return one.currentSrc; }")
            picture = page.request.get(source).body()
            loaded.append((Image.open(io.BytesIO(picture)).width, len(picture)))
            offered = re.findall(r"(\d+)w", hero.get_attribute("srcset") or "")
            assert offered == ["480", "960", "1920"]
            assert hero.get_attribute("sizes")
    (phone, phone_bytes), (desktop, desktop_bytes) = loaded
    assert phone == 480
    assert desktop > 2 * phone
    assert phone_bytes < desktop_bytes
