"""What people do on the pages, in their words."""

import io
import itertools
import re
from collections import deque

from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

from tests.cast import event_body

PASSWORD = "seven paper lanterns"
numbers = itertools.count(1)
scriptless: set[BrowserContext] = set()
"""Contexts without JavaScript: axe and measuring need it in the page."""
cut_off: set[Page] = set()
"""Pages whose connection was cut."""


def accessible(page: Page) -> None:
    """No finding of axe for WCAG 2.2 AA."""
    if page.context not in scriptless:
        options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
        results = Axe().run(page, options=options)
        assert results.violations_count == 0, results.generate_report()


STICKING_OUT = """() => [...document.querySelectorAll('.field > :is(input, select, textarea)')].filter(
    (one) => one.getBoundingClientRect().right > one.parentElement.getBoundingClientRect().right + 1
).map((one) => one.name)"""


def fits(page: Page) -> None:
    """Nothing sticks out sideways, neither of the page nor of its place in a form."""
    if page.context not in scriptless:
        assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth"), page.url
        assert page.evaluate(STICKING_OUT) == [], (page.url, page.viewport_size)


LONGEST = """() => Math.max(...[...document.querySelectorAll('*')].flatMap((one) =>
    ['', '::before', '::after'].flatMap((part) => {
        const { transitionDuration, animationName, animationDuration } = getComputedStyle(one, part);
        return [transitionDuration, animationName === 'none' ? '0s' : animationDuration];
    })).flatMap((durations) => durations.split(', ').map(parseFloat)))"""


def longest_motion(page: Page) -> float:
    """The seconds of the longest transition or animation that anything on the page has."""
    return float(page.evaluate(LONGEST))


def looks_right(page: Page) -> None:
    accessible(page)
    fits(page)


def height(one: Locator) -> float:
    box = one.bounding_box()
    assert box
    return box["height"]


def in_one_line(button: Locator) -> bool:
    """Whether it stands within its sentence: the paragraph around it is no higher than two lines."""
    box, around = button.bounding_box(), button.locator("xpath=..").bounding_box()
    return bool(box and around and around["height"] < 2 * box["height"] and around["width"] > box["width"])


class HeldBack:
    """What is asked of an address from now on, to be answered later: the first asked first."""

    def __init__(self, page: Page, address: str) -> None:
        self._page, self._routes, self._holds = page, deque[Route](), True
        page.route(re.compile(address), self._asked)

    def _asked(self, route: Route) -> None:
        self._routes.append(route) if self._holds else route.continue_()

    def __bool__(self) -> bool:
        return bool(self._routes)

    def next(self) -> Route:
        """Waits until it is asked."""
        while not self._routes:
            self._page.evaluate("() => 'what was asked by now is known when this is answered'")
        return self._routes.popleft()

    def let_go(self) -> None:
        """Of what is held now and of what is asked later."""
        self._holds = False
        while self._routes:
            self._routes.popleft().continue_()


def cut(route: Route) -> None:
    """No answer comes, and the console may say so."""
    cut_off.add(route.request.frame.page)
    route.abort()


def listen(page: Page) -> None:
    """To the line for ears as it stands now: `heard` means the same one."""
    if page.context not in scriptless:
        page.locator("#news").evaluate("line => { line.dataset.stood = '' }")


def heard(page: Page, words: str) -> None:
    if page.context not in scriptless:
        expect(page.locator("#news[data-stood]")).to_have_text(words, timeout=20_000)


def look_again(page: Page, what: Locator) -> None:
    """Until it is there; with JavaScript it comes by itself."""
    for _ in range(400):
        if page.context not in scriptless or what.is_visible():
            break
        page.reload()
    expect(what).to_be_visible(timeout=20_000)


def stored_event(organizer: Page, **changes: object) -> int:
    """An event of theirs, straight over the API."""
    body = event_body(**changes)
    answer = organizer.request.post("/api/v1/event", data=body, headers={"Prefer": "wait=20"}, timeout=60_000)
    assert answer.status == 201, answer.text()
    event_id: int = answer.json()["core_event_data"]["event_id"]
    return event_id


def sign_up(page: Page, name: str, company: str | None = None) -> str:
    """The e-mail address of the new account."""
    email = f"{name.lower()}{next(numbers)}@example.org"
    page.goto("/sign-up/organizer" if company else "/sign-up")
    page.get_by_label("Your name").fill(name)
    if company:
        page.get_by_label("Company or association").fill(company)
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_text("Account menu")).to_be_attached()
    return email


def poster() -> dict[str, object]:
    out = io.BytesIO()
    Image.new("RGB", (1200, 675), "teal").save(out, "JPEG")
    return {"name": "poster.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


def begin(page: Page, title: str) -> None:
    """To the first step of a new event."""
    page.goto("/projects/new")
    page.get_by_label("What is it called?").fill(title)
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_label("Title")).to_have_value(title)


def go_on(page: Page, heading: str) -> None:
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name=heading)).to_be_visible()


def fill_basics(page: Page) -> None:
    page.get_by_label("Place", exact=True).fill("Uckermark")
    page.get_by_label("Begins").fill("2031-07-04T18:00")
    page.get_by_label("Ends").fill("2031-07-06T23:00")
    page.get_by_label("Timezone of the place").select_option("Europe/Berlin")


def fill_tickets(page: Page, capacity: int = 100) -> None:
    page.get_by_label("Places in all").fill(str(capacity))
    page.get_by_label("Price", exact=True).first.fill("49.90")


def add_picture(page: Page) -> None:
    page.get_by_label("Add pictures").set_input_files(poster())
    if page.context in scriptless:
        page.get_by_role("button", name="Upload").click()
    expect(page.get_by_label("What it shows").last).to_be_visible(timeout=30_000)


def fill_details(page: Page) -> None:
    page.get_by_label("Description").fill("Three days between the **lime trees** and the lake.")
    expect(page.get_by_label("Organized by")).to_have_value("Lantern Fields e.V.")


def fill_draft(page: Page, title: str, capacity: int = 100) -> None:
    """A whole draft, up to its review."""
    begin(page, title)
    fill_basics(page)
    go_on(page, "Tickets and places")
    fill_tickets(page, capacity)
    go_on(page, "Pictures")
    add_picture(page)
    go_on(page, "What to expect")
    fill_details(page)
    go_on(page, "Ready?")


def publish(page: Page, title: str, capacity: int = 100) -> str:
    """From the first step to the page of the event; its path."""
    fill_draft(page, title, capacity)
    page.get_by_role("button", name="Submit").click()
    page.get_by_role("link", name="See the page of your event").click(timeout=30_000)
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
    found = re.search(r"/events/\d+", page.url)
    assert found
    return found.group()


def email_of(page: Page) -> str:
    page.goto("/account")
    return page.get_by_label("E-mail").input_value()


def buy(person: Page, name: str, event_id: int) -> None:
    account = {"full_name": name, "email": f"guest{next(numbers)}@example.org", "password": PASSWORD}
    for path, body in (
        ("attendee/sign-up", account),
        ("sign-in", account),
        (f"attendee/buy-ticket/{event_id}", {}),
    ):
        answer = person.request.post(f"/api/v1/{path}", data=body)
        assert answer.ok, answer.text()


def two_kinds(organizer: Page, title: str, **friday: object) -> int:
    weekend = {"name": "Weekend", "price": "120", "per_attendee_limit": 4}
    return stored_event(organizer, title=title, ticket_types=[weekend, {"name": "Friday", "price": "40", **friday}])


def kind(page: Page, name: str) -> Locator:
    return page.get_by_role("radio", name=re.compile(name))
