"""Where the network is slow, the words come first."""

from playwright.sync_api import Browser

from e2e.conftest import PHONE
from tests.process import Server

# WebPageTest's: 400 kbit/s, 400 ms there and back.
SLOW_3G = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
MOST_MILLISECONDS = 3000
PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def test_the_page_of_an_event_shows_its_text_on_slow_3g(browser: Browser, festival: str, site: Server) -> None:
    context = browser.new_context(viewport=PHONE, base_url=site.url)
    page = context.new_page()
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", SLOW_3G)
    page.goto(festival, wait_until="domcontentloaded")
    painted = page.wait_for_function(PAINTED).json_value()
    assert painted < MOST_MILLISECONDS
    assert page.get_by_role("heading", level=1).is_visible()
    context.close()
