"""Whoever opens any page at all finds it accessible, in light and in dark."""

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest
from playwright.sync_api import Page

from e2e.conftest import PHONE
from e2e.steps import accessible, fits, publish, sign_up
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


def is_fine(page: Page, address: str, status: int = 200) -> None:
    # Colours do not depend on the width, and widths not on the colours: each scheme is looked at in one of the two.
    page.emulate_media(color_scheme="light" if page.viewport_size == PHONE else "dark")
    answer = page.goto(address)
    assert answer is not None
    assert answer.status == status, address
    fits(page)
    accessible(page)
