"""A sale in phases: what is to come is said as the page, the catalogue and the sale desk know it, and alike."""

import re
from typing import Any

import httpx
import pytest

from tests.cast import stored_event
from tests.portal.test_pages import key_in
from tests.portal.test_shop import at, look_again, wait

Type = dict[str, Any]
NEXT, NOTHING, CLOSED = "The next tickets go on sale on", "No tickets are on sale at the moment.", "The sale is closed."


def early(**more: Any) -> Type:
    return {"name": "Early", "price": "10", **more}


def regular(**more: Any) -> Type:
    return {"name": "Regular", "price": "20", **more}


def sold_out_and_to_open() -> list[Type]:
    return [early(places=1), regular(sale_opens_at=at(24))]


def over_and_to_open() -> list[Type]:
    return [early(sale_closes_at=at(-1)), regular(sale_opens_at=at(24))]


def over_and_to_be_shown() -> list[Type]:
    return [early(sale_closes_at=at(-1)), regular(hidden_until=at(24))]


def to_be_shown() -> list[Type]:
    return [regular(hidden_until=at(24))]


def over() -> list[Type]:
    return [early(sale_closes_at=at(-1)), regular(sale_closes_at=at(-2))]


@pytest.mark.parametrize(
    ("types", "capacity", "page", "card", "refusal"),
    [
        (sold_out_and_to_open, 100, NEXT, ["€20.00", "From"], "sold-out"),
        (sold_out_and_to_open, 1, "Sold out.", ["€20.00", "Sold out"], "sold-out"),
        (over_and_to_open, 100, NEXT, ["€20.00", "From"], "sale-not-open"),
        (over_and_to_be_shown, 100, NOTHING, ["Not on sale now"], "sale-not-open"),
        (to_be_shown, 100, NOTHING, ["Not on sale now"], "sale-not-open"),
        (over, 100, CLOSED, ["from €10.00", "Sale closed"], "sale-closed"),
    ],
)
async def test_between_two_phases_everything_says_the_same(
    alice: httpx.AsyncClient,
    bob: httpx.AsyncClient,
    charlie: httpx.AsyncClient,
    types: Any,
    capacity: int,
    page: str,
    card: list[str],
    refusal: str,
) -> None:
    event_id = await stored_event(alice, ticket_types=types(), capacity=capacity)
    if types is sold_out_and_to_open:
        assert (await charlie.post(f"/api/v1/attendee/buy-ticket/{event_id}")).status_code == 201
    box = (await bob.get(f"/events/{event_id}")).text.split('id="buy"')[1].split("</aside>")[0]
    assert [one for one in (NEXT, NOTHING, CLOSED, "Sold out.") if one in box] == [page]
    line = (await bob.get("/")).text.split(f'href="/events/{event_id}"')[1].split("</li>")[0]
    words = re.sub(r"<[^>]*>", " ", line)
    assert all(one in words for one in card), words
    assert ("€" in words) == (page != NOTHING)
    refused = await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (409, refusal)


async def test_each_type_says_where_it_stands_while_another_is_to_open(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice, ticket_types=sold_out_and_to_open())
    await charlie.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    page = (await bob.get(f"/events/{event_id}")).text
    states = re.findall(r'<small id="left-\d+"\s*>\s*(.*?)\s*</small>\s*</span>\s*<strong>(.*?)</strong>', page)
    assert [(words[:12], price) for words, price in states] == [("Sold out", "€10.00"), ("On sale from", "€20.00")]
    (listed,) = (await bob.get("/api/v1/events")).json()["items"]
    assert listed["price_from"] == "20.00"


async def test_who_comes_before_a_type_is_shown_can_wait_and_sees_it_come(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, stage: Any
) -> None:
    event_id = await stored_event(alice, ticket_types=to_be_shown())
    page = (await bob.get(f"/events/{event_id}")).text
    assert "When the sale opens, those who wait are offered places first" in page
    joined = await wait(bob, event_id, key=key_in(page))
    assert joined.status_code == 200, joined.text
    assert "You are number 1 on the waiting list." in joined.text
    assert "Join the waiting list" not in joined.text
    async with stage.parts.database.connection() as connection:
        await connection.execute("UPDATE ticket_types SET hidden_until = now() WHERE event_id = $1", event_id)
        await connection.execute("UPDATE events SET due_at = now() WHERE id = $1", event_id)
    assert "A place is yours to take." in await look_again(bob, joined.text)
