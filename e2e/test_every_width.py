"""However wide a window is, nothing is scrolled sideways: long names, long kinds of ticket, a lot of money."""

from playwright.sync_api import Browser, Page

from e2e.steps import PASSWORD, accessible, fits, numbers, stored_event
from tests.process import Server

LONG_NAME = "Anastasia Papadopoulou-Konstantinidou"
EVERY_WIDTH = range(320, 1401, 20)
WITH_FINDINGS = (790, 1040)
TOO_WIDE = """() => [...document.querySelectorAll('.table:not([tabindex])')].some(
    (one) => one.scrollWidth > one.clientWidth
)"""
ORDINARY = [
    {"name": "Early-bird weekend with camping", "price": "1250", "per_attendee_limit": 18},
    {"name": "Four-day pass including parking", "price": "2480", "per_attendee_limit": 18},
    {"name": "Children and companions", "price": "0"},
]
LONGEST = [
    {"name": "W" * 100, "price": "6172839.45", "per_attendee_limit": 18},
    {"name": "Lanterns " * 11, "price": "12480", "per_attendee_limit": 18},
]


def member(browser: Browser, site: Server, full_name: str, company: str = "") -> Page:
    page = browser.new_context(base_url=site.url).new_page()
    who = {"full_name": full_name, "email": f"long{next(numbers)}@example.org", "password": PASSWORD}
    address, more = ("sign-up", {"company_name": company}) if company else ("attendee/sign-up", {})
    answer = page.request.post(f"/api/v1/{address}", data={**who, **more})
    assert answer.ok, answer.text()
    assert page.request.post("/api/v1/sign-in", data=who).ok
    return page


def sold_well(organizer: Page, attendee: Page, kinds: list[dict[str, object]]) -> int:
    event_id = stored_event(organizer, capacity=1000, currency="CHF", ticket_types=kinds)
    for kind in organizer.request.get(f"/api/v1/event/{event_id}").json()["ticket_types"][:2]:
        wanted = {"ticket_type_id": kind["ticket_type_id"], "quantity": 18}
        answer = attendee.request.post(f"/api/v1/attendee/buy-ticket/{event_id}", data=wanted)
        assert answer.ok, answer.text()
    return event_id


def fits_every_width(page: Page, address: str) -> None:
    page.goto(address)
    too_wide = []
    for width in EVERY_WIDTH:
        page.set_viewport_size({"width": width, "height": 800})
        fits(page)
        if page.evaluate(TOO_WIDE):
            too_wide.append(width)
        if width in WITH_FINDINGS:
            accessible(page)
    assert too_wide == [], address


def test_a_long_name_has_room_in_the_header(browser: Browser, site: Server) -> None:
    nora = member(browser, site, LONG_NAME, "Lantern Fields e.V.")
    fits_every_width(nora, "/dashboard")
    bob = member(browser, site, "W" * 200)
    fits_every_width(bob, "/tickets")
    for page in (nora, bob):
        page.context.close()


def test_sales_have_room_whatever_the_tickets_are_called(browser: Browser, site: Server) -> None:
    nora, bob = member(browser, site, "Nora", "Lantern Fields e.V."), member(browser, site, LONG_NAME)
    fits_every_width(nora, f"/projects/{sold_well(nora, bob, ORDINARY)}")
    longest = f"/projects/{sold_well(nora, bob, LONGEST)}"
    fits_every_width(nora, longest)
    fits_every_width(nora, f"{longest}/attendees")
    fits_every_width(nora, "/dashboard")
    for page in (nora, bob):
        page.context.close()
