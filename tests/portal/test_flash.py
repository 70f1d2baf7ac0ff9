"""What a form did is said once."""

import base64

import httpx
import pytest

from app.portal.flash import read_flash, see_other


def cookie_of(text: str) -> str:
    return str(see_other("/", text).cookies[0].value)


async def test_it_is_said_on_the_next_page_and_then_never_again(visitor: httpx.AsyncClient) -> None:
    visitor.cookies.set("flash", cookie_of("The ticket <b>was</b> returned."))
    page = await visitor.get("/")
    assert "The ticket &lt;b&gt;was&lt;/b&gt; returned." in page.text
    assert page.headers["set-cookie"].startswith('flash=""; ')
    assert "Max-Age=0" in page.headers["set-cookie"]
    visitor.cookies.clear()
    assert "returned" not in (await visitor.get("/")).text


async def test_a_fragment_does_not_take_it_from_the_page(visitor: httpx.AsyncClient) -> None:
    visitor.cookies.set("flash", cookie_of("Saved."))
    await visitor.get("/media/nope")
    assert (await visitor.get("/static/app.js")).status_code == 200
    assert "Saved." in (await visitor.get("/")).text


LOUD = base64.urlsafe_b64encode(b'{"kind":"loud","text":"x"}').decode()


DEEP = base64.urlsafe_b64encode(b'{"x":' + b"[" * 3000 + b"]" * 3000 + b"}").decode()


@pytest.mark.parametrize("content", ["nonsense", "e30", LOUD, DEEP, "\xff"])
async def test_a_cookie_that_we_did_not_write_says_nothing(content: str) -> None:
    assert read_flash(content) is None
