"""The files that pages load: small, packed, and kept by browsers until they change."""

import gzip

import httpx
import pytest

from app.static_files import FILES, OWN, static
from tests.cast import Stage, stored_event

PAGE_BYTES, SCRIPT_BYTES = 100 * 1024, 6 * 1024


def test_own_scripts_stay_small() -> None:
    assert sum(path.stat().st_size for path in OWN.glob("*.js")) <= SCRIPT_BYTES


async def test_a_page_with_all_that_it_loads_stays_under_its_budget(
    alice: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice)
    for path in ("/", f"/events/{event_id}", "/sign-up/organizer"):
        page = (await visitor.get(path)).content
        files = [file for name, file in FILES.items() if name.encode() in page]
        assert len(files) >= 4
        assert len(page) + sum(len(file.content) for file in files) < PAGE_BYTES


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
