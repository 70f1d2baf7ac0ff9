"""A sale in phases: what is to come is said as the page, the catalogue and the sale desk know it, and alike."""

import datetime as dt
import re
from typing import Any

import httpx
import pytest

from tests.cast import Stage, stored_event
from tests.portal.test_pages import key_in
from tests.portal.test_shop import at, buy, look_again, said, type_of, wait

Type = dict[str, Any]
DAY = dt.timedelta(days=1)
NEXT, NOTHING, CLOSED = "The next tickets go on sale on", "No tickets are on sale at the moment.", "The sale is closed."


def early(**more: Any) -> Type:
    return {"name": "Early", "price": "10", **more}


def regular(**more: Any) -> Type:
    return {"name": "Regular", "price": "20", **more}


def sold_out_and_to_open() -> list[Type]:
    return [early(places=1), regular(sale_opens_at=at(24))]


def sold_out_and_to_be_shown() -> list[Type]:
    return [early(places=1), regular(hidden_until=at(24))]


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
        (sold_out_and_to_open, 100, NEXT, ["€20.00", "From"], "sale-not-open"),
        (sold_out_and_to_be_shown, 100, NOTHING, ["Not on sale now"], "sale-not-open"),
        (sold_out_and_to_be_shown, 1, "Sold out.", ["€10.00", "Sold out"], "sold-out"),
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
    if types in (sold_out_and_to_open, sold_out_and_to_be_shown):
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
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, stage: Stage
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


async def test_who_can_have_nothing_that_is_to_come_is_not_sent_to_wait_and_a_group_waits_together(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, charlie: httpx.AsyncClient, stage: Stage
) -> None:
    event_id = await stored_event(alice, ticket_types=[regular(per_attendee_limit=3)])
    await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}", json={"quantity": 3})
    async with stage.parts.database.connection() as connection:
        await connection.execute("UPDATE ticket_types SET hidden_until = $1", dt.datetime.now(dt.UTC) + DAY)
    full = (await bob.get(f"/events/{event_id}")).text
    assert NOTHING in full
    assert "Join the waiting list" not in full
    page = (await charlie.get(f"/events/{event_id}")).text
    assert re.search(r'id="wait-quantity"\s+name="quantity"\s+min="1"\s+max="3"', page)
    joined = await wait(charlie, event_id, quantity="3")
    assert "You are number 1 on the waiting list." in joined.text


async def test_a_type_that_is_over_is_not_said_to_be_the_whole_sale(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, stage: Stage
) -> None:
    event_id = await stored_event(alice, ticket_types=[early(), regular()])
    first = await type_of(bob, event_id, "Early")
    async with stage.parts.database.connection() as connection:
        await connection.execute("UPDATE ticket_types SET sale_closes_at = now() WHERE id = $1", first)
    for refused in (await buy(bob, event_id, ticket_type_id=first), await wait(bob, event_id, ticket_type_id=first)):
        assert refused.status_code == 409
        assert "These tickets are not sold any more." in refused.text
        assert "The sale" not in refused.text
        assert "Buy a ticket" in refused.text


async def test_who_looks_hears_that_the_next_phase_is_to_come_and_sees_its_moment_move(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, charlie: httpx.AsyncClient, stage: Stage
) -> None:
    event_id = await stored_event(alice, ticket_types=sold_out_and_to_open())
    page = (await bob.get(f"/events/{event_id}")).text
    await charlie.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    changed = await look_again(bob, page)
    assert said(changed) == "The next tickets are not on sale yet."
    async with stage.parts.database.connection() as connection:
        await connection.execute(
            "UPDATE ticket_types SET sale_opens_at = sale_opens_at - interval '20 hours' WHERE sale_opens_at > now()"
        )
    moved = await look_again(bob, changed)
    assert re.search(r"3 hours 59 minutes|4 hours", moved), moved


async def test_a_cancelled_event_of_hidden_types_is_cancelled(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, ticket_types=to_be_shown())
    await alice.post(f"/api/v1/event/{event_id}/cancellation", json={"reason": "Storm"})
    refused = await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (409, "event-cancelled")


async def test_what_is_sold_out_before_it_is_shown_can_be_waited_for(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, stage: Stage
) -> None:
    event_id = await stored_event(
        alice, ticket_types=[early(sale_closes_at=at(-1)), regular(hidden_until=at(24), places=1)]
    )
    async with stage.parts.database.connection() as connection:
        await connection.execute("UPDATE ticket_types SET sold = places WHERE places = 1")
    page = (await bob.get(f"/events/{event_id}")).text
    assert "Sold out." in page
    joined = await wait(bob, event_id, key=key_in(page))
    assert "You are number 1 on the waiting list." in joined.text
