"""What people type may run from right to left: a page keeps it apart from the words around it."""

import json
import re
from html.parser import HTMLParser

import httpx
import pytest

from tests.cast import PASSWORD, Stage, stored_event
from tests.every_page import more_of_each, one_of_each, pages

TYPED = re.compile(r"[\u0590-\u05ff]+")
TITLE, PLACE, KIND, PERSON, COMPANY = "פסטיבל", "ירושלים", "כרטיס", "נועה לוי", "חברת פנס"
OFFERED = json.dumps({"quantity": 1, "ticket_type": KIND, "until": "2031-07-04T18:00:00+00:00"})
OFFER = """
    UPDATE waiting_list w SET status = 'offered', offer_until = now() + interval '1 hour', offered_type_id = k.id
    FROM ticket_types k WHERE k.event_id = w.event_id AND k.position = 1 AND w.event_id > 1
"""
ALONE = {"title", "option", "textarea", "script"}
"""What is laid out by itself, so nothing stands around it."""
VOID = {"meta", "link", "img", "input", "br", "hr", "wbr", "source", "use", "rect", "circle", "line", "path"}


class Bare(HTMLParser):
    """The texts from right to left that nothing keeps apart, each with its line."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, bool]] = []
        self.found: list[str] = []
        self.apart = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append((tag, tag in ALONE | {"bdi"} or ("dir", "auto") in attrs))

    def handle_endtag(self, tag: str) -> None:
        while tag not in VOID and self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not TYPED.search(data):
            return
        if any(apart for _, apart in self.open):
            self.apart += 1
        else:
            self.found.append(" ".join(data.split()))


@pytest.fixture
async def noa(stage: Stage) -> httpx.AsyncClient:
    """An organizer whose every name runs from right to left."""
    client = await stage.client()
    body = {"full_name": PERSON, "email": "noa@example.org", "password": PASSWORD, "company_name": COMPANY}
    client.user_id = (await client.post("/api/v1/sign-up", json=body)).json()["user_id"]  # type: ignore[attr-defined]
    await client.post("/api/v1/sign-in", json={"email": body["email"], "password": PASSWORD})
    return client


async def test_every_typed_name_stands_apart_from_the_words_around_it(stage: Stage, noa: httpx.AsyncClient) -> None:
    event_id = await stored_event(noa, title=TITLE, location=PLACE, description=TITLE, capacity=1000)
    async with stage.parts.database.connection() as connection:
        named = await one_of_each(connection, noa.user_id, event_id)  # type: ignore[attr-defined]
        await more_of_each(connection, noa.user_id, event_id, 3)  # type: ignore[attr-defined]
        await connection.execute("UPDATE ticket_types SET name = $1, description = $1", KIND)
        await connection.execute("UPDATE users SET full_name = $1", PERSON)
        await connection.execute("UPDATE api_keys SET name = $1", KIND)
        await connection.execute("UPDATE drafts SET typed = typed || jsonb_build_object('title', $1::text)", TITLE)
        await connection.execute(OFFER)
        await connection.execute("UPDATE waiting_list_log SET what = 'offered', detail = $1", OFFERED)
        await connection.execute("UPDATE tickets SET cancel_reason = $1 WHERE status = 'cancelled'", TITLE)
    bare, apart = {}, 0
    for address in pages(named):
        page = Bare()
        page.feed((await noa.get(address)).text)
        apart += page.apart
        if page.found:
            bare[address] = page.found
    assert bare == {}
    assert apart > 100
