"""Every page there is: it opens, and what it asks of the database does not grow with what there is."""

import re

import httpx

from tests.cast import Stage, stored_event
from tests.every_page import addresses, more_of_each, one_of_each, pages
from tests.queries import counted_queries

MOST = 12


async def counts(client: httpx.AsyncClient, named: dict[str, object]) -> dict[str, int]:
    found = {}
    for address in addresses(named):
        with counted_queries() as queries:
            answer = await client.get(address)
        assert answer.status_code in {200, 303} or address.endswith("/progress"), (address, answer.text)
        found[address] = len(queries)
    return found


async def test_no_page_asks_the_database_more_often_when_it_has_more_to_show(
    stage: Stage, alice: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice, capacity=1000)
    user_id: int = alice.user_id  # type: ignore[attr-defined]
    for task in stage.parts.tasks:
        await task.stop()  # what they ask is not the page's
    async with stage.parts.database.connection() as connection:
        named = await one_of_each(connection, user_id, event_id)
    await counts(alice, named)  # each connection asks once what it has to know
    few = await counts(alice, named)
    async with stage.parts.database.connection() as connection:
        await more_of_each(connection, user_id, event_id, 30)
    assert await counts(alice, named) == few
    assert max(few.values()) <= MOST, few


async def test_what_pages_say_by_and_by_is_heard(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    user_id: int = alice.user_id  # type: ignore[attr-defined]
    async with stage.parts.database.connection() as connection:
        named = await one_of_each(connection, user_id, event_id)
    fields = 0
    for address in pages(named):
        page = (await alice.get(address, follow_redirects=True)).text
        (toasts,) = re.findall('<div id="toasts"[^>]*>', page)
        assert 'role="status"' in toasts, address
        assert 'aria-live="polite"' in toasts, address
        described = set(re.findall(r'aria-describedby="(?:[^"]* )?([^" ]+-error)"', page))
        places = {name: tag for tag, name in re.findall('(<[^>]* id="([^"]+-error)"[^>]*>)', page)}
        assert described <= places.keys(), address
        assert [name for name, tag in places.items() if 'aria-live="polite"' not in tag] == [], address
        fields += len(described)
    assert fields > 20
