"""Whoever opens any page at all finds it accessible, in light and in dark."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import asyncpg
from playwright.sync_api import Page

from e2e.conftest import PHONE
from e2e.steps import accessible, fits, publish, sign_up
from tests.every_page import one_of_each, pages
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
    # Colours do not depend on the width, and widths not on the colours: each scheme is looked at in one of the two.
    nora.emulate_media(color_scheme="light" if nora.viewport_size == PHONE else "dark")
    for address in addresses:
        answer = nora.goto(address)
        assert answer is not None
        assert answer.status == 200, address
        fits(nora)
        accessible(nora)
