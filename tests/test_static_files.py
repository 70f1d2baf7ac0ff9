"""The files that pages load: small, packed, and kept by browsers until they change."""

import gzip

import httpx
import pytest

from app.static_files import FILES, OWN, static
from tests.cast import Stage, stored_event
from tests.every_page import more_of_each, one_of_each, pages

PAGE_BYTES, SCRIPT_BYTES = 50 * 1024, 6 * 1024  # as they travel; the promise is 100 KiB


async def test_every_page_with_all_that_it_loads_but_pictures_stays_under_its_budget(
    stage: Stage, alice: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice, capacity=1000)
    user_id: int = alice.user_id  # type: ignore[attr-defined]
    async with stage.parts.database.connection() as connection:
        named = await one_of_each(connection, user_id, event_id)
        await more_of_each(connection, user_id, event_id, 30)
    own_scripts = {static(path.name): path.stat().st_size for path in OWN.glob("*.js")}
    too_heavy = {}
    for address in pages(named):
        async with alice.stream("GET", address, headers={"Accept-Encoding": "gzip"}, follow_redirects=True) as answer:
            sent = b"".join([chunk async for chunk in answer.aiter_raw()])
        page = gzip.decompress(sent) if "content-encoding" in answer.headers else sent
        files = [file for name, file in FILES.items() if name.encode() in page]
        assert len(files) >= 4, address
        script = sum(size for name, size in own_scripts.items() if name.encode() in page)
        assert 0 < script <= SCRIPT_BYTES, address
        assert (b"data-countdown" in page) <= (static("sale.js").encode() in page), address
        if (weight := len(sent) + sum(len(file.packed) for file in files)) >= PAGE_BYTES:
            too_heavy[address] = weight
    assert too_heavy == {}


async def test_a_file_under_its_present_address_is_kept_for_good(visitor: httpx.AsyncClient) -> None:
    kept = await visitor.get(static("style.css"))
    assert "immutable" in kept.headers["cache-control"]
    for address in ("/static/style.css", "/static/style.css?v=old"):
        assert "immutable" not in (await visitor.get(address)).headers["cache-control"]
    assert (await visitor.get("/static/nope.css")).status_code == 404


@pytest.mark.parametrize("path", ["/static/style.css", "/", "/sign-up"])
async def test_text_comes_packed_for_those_who_take_it(stage: Stage, path: str) -> None:
    browser = await stage.client(headers={"Accept-Encoding": "gzip"})
    plain = await stage.client(headers={"Accept-Encoding": "identity"})
    async with browser.stream("GET", path) as answer:
        packed = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    assert "accept-encoding" in answer.headers["vary"].lower()
    whole = await plain.get(path)
    assert "content-encoding" not in whole.headers
    assert gzip.decompress(packed) == whole.content
