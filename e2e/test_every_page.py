"""Whoever opens any page at all finds it accessible, in light and in dark."""

import asyncio
import io
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from e2e.conftest import PHONE
from e2e.steps import accessible, fits, longest_motion, publish, sign_up, stored_event
from tests.every_page import NOT_THERE, one_of_each, pages
from tests.process import Server


async def all_of(url: str, path: str, email: str) -> list[str]:
    connection = await asyncpg.connect(url)
    user_id = await connection.fetchval("SELECT id FROM users WHERE email = $1", email)
    named = await one_of_each(connection, user_id, int(path.rpartition("/")[2]))
    await connection.close()
    return pages(named)


def test_every_page_is_accessible(visit: Callable[[], Page], site: Server) -> None:
    nora = visit()
    email = sign_up(nora, "Nora", company="Lantern Fields e.V.")
    path = publish(nora, "Lantern Fields")
    with ThreadPoolExecutor(1) as elsewhere:  # there is an event loop here already
        addresses = elsewhere.submit(asyncio.run, all_of(site.database_url, path, email)).result()
    for address in addresses:
        is_fine(nora, address)
    for address in NOT_THERE:
        is_fine(nora, address, status=404)


def test_the_style_page_is_accessible(visit: Callable[[], Page], demo: Server) -> None:
    is_fine(visit(), f"{demo.url}/styleguide")


@pytest.fixture(scope="module")
def demo() -> Iterator[Server]:
    """A site with the demo, which alone has the style page."""
    with tempfile.TemporaryDirectory(prefix="es-") as folder:
        server = Server(Path(folder), EVENTSTREAM_DEMO="1")
        server.start()
        server.wait_until_ready()
        yield server
        server.stop()


@pytest.mark.parametrize("visit", [("desktop", True)], ids=["desktop"], indirect=True)
def test_no_part_moves_for_who_asks_for_no_motion(visit: Callable[[], Page], demo: Server) -> None:
    page = visit()
    page.goto(f"{demo.url}/styleguide")
    assert longest_motion(page) > 1
    page.emulate_media(reduced_motion="reduce")
    assert longest_motion(page) == 0


def is_fine(page: Page, address: str, status: int = 200) -> None:
    # Colours do not depend on the width, and widths not on the colours: each scheme is looked at in one of the two.
    page.emulate_media(color_scheme="light" if page.viewport_size == PHONE else "dark")
    answer = page.goto(address)
    assert answer is not None
    assert answer.status == status, address
    fits(page)
    accessible(page)


def test_who_reads_in_colours_of_their_own_sees_where_they_are_and_what_is_chosen(
    browser: Browser, site: Server
) -> None:
    context = browser.new_context(base_url=site.url, forced_colors="active")
    page = context.new_page()
    sign_up(page, "Nora", company="Lantern Fields e.V.")
    kinds = [{"name": "Weekend", "price": "40"}, {"name": "Friday", "price": "20"}]
    event = stored_event(page, ticket_types=kinds)
    page.goto(f"/projects/{event}/held")
    assert line_of(page, ".side [aria-current]") != line_of(page, ".side a:not([aria-current])")
    assert line_of(page, ".tabs [aria-current]") != line_of(page, ".tabs a:not([aria-current])")
    page.goto("/projects/new")
    page.get_by_label("What is it called?").fill("Slow Boats")
    page.get_by_role("button", name="Begin").click()
    assert line_of(page, ".steps [aria-current]") != line_of(page, ".steps a")
    page.goto(f"/events/{event}")
    assert line_of(page, ".option:has(:checked)") != line_of(page, ".option:not(:has(:checked))")
    context.close()


def test_who_reads_in_colours_of_their_own_sees_how_full_a_meter_is(browser: Browser, demo: Server) -> None:
    context = browser.new_context(base_url=demo.url, forced_colors="active")
    page = context.new_page()
    page.goto("/styleguide")
    for one in ("meter", "progress"):
        drawn = Image.open(io.BytesIO(page.locator(one).first.screenshot())).convert("RGB")
        full, empty = [drawn.getpixel((drawn.width * percent // 100, drawn.height // 2)) for percent in (10, 90)]
        assert full != empty, one
    context.close()


def line_of(page: Page, which: str) -> str:
    return str(page.locator(which).first.evaluate("one => getComputedStyle(one).borderBottomColor"))
