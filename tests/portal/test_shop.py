"""The page that sells an event: every end of a purchase, and what changes while one looks."""

import datetime as dt
import html
import re
from typing import Any

import httpx
import pytest

from app.domain.accounts import Caller
from app.domain.cancellations import cancel_event
from tests.cast import Stage, event_body, stored_event
from tests.forms import form_in
from tests.portal.test_pages import key_in
from tests.queries import counted_queries
from tests.waiting import eventually

HX = {"HX-Request": "true"}


def at(hours: float) -> str:
    return (dt.datetime.now(dt.UTC) + dt.timedelta(hours=hours)).isoformat()


async def places(visitor: httpx.AsyncClient, event_id: int, seen: str) -> httpx.Response:
    return await visitor.get(f"/events/{event_id}/places", params={"seen": seen}, headers=HX)


async def look_again(visitor: httpx.AsyncClient, page: str) -> str:
    """What the box asks for by itself."""
    (address,) = re.findall(r'hx-get="([^"]+)" hx-trigger="every', page)
    return (await visitor.get(html.unescape(address), headers=HX)).text


def seen_in(page: str) -> str:
    found = re.search(r"/places\?seen=([^\"&]+)[\"&]", page)
    assert found, page
    return found.group(1)


async def type_of(client: httpx.AsyncClient, event_id: int, name: str) -> int:
    kinds = (await client.get(f"/api/v1/event/{event_id}")).json()["ticket_types"]
    return next(kind["ticket_type_id"] for kind in kinds if kind["name"] == name)


async def buy(person: httpx.AsyncClient, event_id: int, **form: Any) -> httpx.Response:
    key = key_in((await person.get(f"/events/{event_id}")).text)
    return await person.post(f"/events/{event_id}/purchase", data={"key": key, **form}, headers=HX)


async def wait(person: httpx.AsyncClient, event_id: int, **form: Any) -> httpx.Response:
    key = key_in((await person.get(f"/events/{event_id}")).text)
    return await person.post(f"/events/{event_id}/waiting-list-entry", data={"key": key, **form}, headers=HX)


async def test_a_type_and_a_quantity_are_bought_together(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    kinds = [{"name": "Weekend", "price": "120"}, {"name": "Friday", "price": "40", "per_attendee_limit": 4}]
    event_id = await stored_event(alice, ticket_types=kinds)
    page = (await bob.get(f"/events/{event_id}")).text
    assert page.index("Weekend") < page.index("Friday")
    assert 'max="4"' in page
    assert re.findall(r'data-most="(\d+)"', page) == ["1", "4"]
    assert re.findall(r"(\d+) at most for you", page) == ["1", "4"]
    answer = await buy(bob, event_id, ticket_type_id=await type_of(bob, event_id, "Friday"), quantity=3)
    assert answer.status_code == 200
    assert "You have 3 tickets." in answer.text
    assert 'hx-swap-oob="innerHTML"' in answer.text
    assert len(re.findall(r'class="code" href="/tickets/\d+"', answer.text)) == 3
    too_many = await buy(bob, event_id, ticket_type_id=await type_of(bob, event_id, "Friday"), quantity=2)
    assert too_many.status_code == 409
    assert "more than one person can have" in too_many.text
    assert "It is 4 at most, together with what you have." in too_many.text


async def test_who_has_all_of_a_type_reads_so_and_has_the_next_one_chosen(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    event_id = await stored_event(
        alice, ticket_types=[{"name": "Friday", "price": "40"}, {"name": "Day", "price": "9"}]
    )
    page = (await bob.get(f"/events/{event_id}")).text
    friday, day = re.findall(r'id="type-(\d+)"', page)
    assert re.findall(r'value="(\d+)"[^>]*checked', page) == [friday]
    assert "all that one person can have" not in page
    await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}", json={"ticket_type_id": int(friday)})
    page = (await bob.get(f"/events/{event_id}")).text
    assert re.findall(r'value="(\d+)"[^>]*checked', page) == [day]
    assert page.count("You have all that one person can have") == 1


@pytest.mark.parametrize(("change", "shown"), [({"price": "2000"}, "€2,000.00"), ({"currency": "GBP"}, "£20.00")])
async def test_nobody_buys_at_another_price_than_was_shown(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, change: dict[str, str], shown: str
) -> None:
    event_id = await stored_event(alice, price="20")
    page = (await bob.get(f"/events/{event_id}")).text
    form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page))
    await alice.patch(f"/api/v1/event/{event_id}", json=change, headers={"If-Match": "*"})
    late = await bob.post(f"/events/{event_id}/purchase", data=form, headers=HX)
    assert late.status_code == 409
    assert "The price has changed meanwhile." in late.text
    assert shown in late.text
    form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', late.text))
    assert "You have a ticket." in (await bob.post(f"/events/{event_id}/purchase", data=form, headers=HX)).text


@pytest.mark.parametrize("quantity", ["0", "many", "-1", "1.5", "101"])
async def test_a_quantity_that_cannot_be_is_refused_in_words(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, quantity: str
) -> None:
    event_id = await stored_event(alice, ticket_types=[{"name": "Friday", "price": "40", "per_attendee_limit": 4}])
    answer = await buy(bob, event_id, quantity=quantity)
    assert answer.status_code == 422
    assert "Some fields need your attention." in answer.text
    field = answer.text.split('<label for="quantity">')[1].split("</form>")[0]
    assert f'value="{quantity}"' in field
    assert 'aria-invalid="true"' in field
    assert "must be a whole number from 1 to 100" in field
    assert "100 of 100 places left" in answer.text


async def test_a_page_that_was_sent_already_with_another_choice_says_so(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice, ticket_types=[{"name": "Day", "price": "20", "per_attendee_limit": 5}])
    key = key_in((await bob.get(f"/events/{event_id}")).text)
    address = f"/events/{event_id}/purchase"
    await bob.post(address, data={"key": key, "quantity": "1"})
    again = await bob.post(address, data={"key": key, "quantity": "2"})
    assert again.status_code == 422
    assert "This page was sent before, with something else in it." in again.text
    assert key_in(again.text) != key
    assert (await bob.post(address, data={"key": key_in(again.text), "quantity": "2"})).status_code == 303


async def test_a_field_that_comes_twice_is_refused(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    answer = await buy(bob, event_id, ticket_type_id=["1", "1"], quantity="3")
    assert answer.status_code in (409, 422)


async def test_a_type_that_is_gone_is_said_in_the_box(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    answer = await buy(bob, event_id, ticket_type_id=999)
    assert answer.status_code == 404
    assert answer.text.lstrip().startswith('<section class="card buy"')
    assert (await bob.post("/events/999999/purchase", data={"key": "k"})).status_code == 404


async def test_a_held_place_says_until_when_to_pay(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, payment="organizer_confirms", hold_hours=48)
    answer = await buy(bob, event_id)
    assert "A place is held for you." in answer.text
    assert "Pay <bdi>Alice e.V.</bdi> €49.90, and they confirm it." in " ".join(answer.text.split())
    assert re.search("data-countdown>1 day 23 hours<", answer.text)


async def test_who_has_less_time_to_pay_hears_of_the_end_of_the_sale(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    kinds: list[dict[str, Any]] = [
        {"name": "Day", "price": "40"},
        {"name": "Early", "price": "10", "sale_closes_at": at(2)},
        {"name": "Child", "price": "0", "sale_closes_at": at(2)},
    ]
    event_id = await stored_event(alice, payment="organizer_confirms", hold_hours=168, ticket_types=kinds)
    page = " ".join((await bob.get(f"/events/{event_id}")).text.split())
    assert "for 7 days at most. <br> “<bdi>Early</bdi>” only until its sale ends: <time" in page
    assert page.count("only until its sale ends") == 1, "one has time, and the other has nothing to pay"
    for name in ("Day", "Early"):
        last = await buy(bob, event_id, ticket_type_id=await type_of(alice, event_id, name))
    assert "2 places are held for you." in last.text
    assert re.search("data-countdown>1 hour 59 minutes</time></strong>, for the first of them", last.text)


async def test_a_sale_to_come_counts_down_and_opens_by_itself(
    stage: Stage, alice: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice, ticket_types=[{"name": "Early", "price": "10", "sale_opens_at": at(2)}])
    page = (await visitor.get(f"/events/{event_id}")).text
    assert "The sale opens on" in page
    assert 'hx-trigger="due"' in page
    async with stage.parts.database.transaction() as connection:
        await connection.execute("UPDATE ticket_types SET sale_opens_at = now() - interval '1 second'")
    opened = await places(visitor, event_id, seen_in(page))
    assert opened.headers["hx-retarget"] == "#buy"
    assert "Sign in to buy" in opened.text


async def test_whether_a_ticket_can_be_given_back_is_said_before_it_is_bought(
    stage: Stage, alice: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    moments = {"returns_until": "2031-06-27T20:00", "start_time": "2031-07-04T18:00", "end_time": "2031-07-06T18:00"}
    event_id = await stored_event(alice, **moments)
    page = (await visitor.get(f"/events/{event_id}")).text
    assert re.search(r"given back until <time[^>]*>Fri 27 Jun 2031, 20:00 <.*>Berlin time</span></time>", page)
    async with stage.parts.database.connection() as connection:
        for past in ("now()", "NULL"):
            await connection.execute(f"UPDATE events SET returns_until = {past}")
            assert "Tickets cannot be given back." in (await visitor.get(f"/events/{event_id}")).text


async def test_sold_out_is_one_press_from_the_waiting_list(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, capacity=1)
    await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    page = (await bob.get(f"/events/{event_id}")).text
    assert "Sold out." in page
    entry = {"key": key_in(page)}
    joined = await bob.post(f"/events/{event_id}/waiting-list-entry", data=entry, headers=HX)
    assert "You are number 1 on the waiting list." in joined.text
    assert "Join the waiting list" not in joined.text


async def test_who_waits_where_there_is_one_type_waits_for_that_one(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    """Else a dearer one that is added later would be offered, and the turn for this one be lost with it."""
    event_id = await stored_event(alice, capacity=1)
    number = (await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}")).json()["ticket_number"]
    form = form_in((await bob.get(f"/events/{event_id}")).text.partition('id="buy"')[2])
    joined = await bob.post(f"/events/{event_id}/waiting-list-entry", data=form, headers=HX)
    assert "It may be: <bdi>General admission</bdi>." in joined.text
    general = await type_of(alice, event_id, "General admission")
    anyhow = {"If-Match": "*"}
    same = {"name": "General admission", "price": "49.90", "places": 1}
    assert (await alice.put(f"/api/v1/ticket-types/{general}", json=same, headers=anyhow)).status_code == 200
    lounge = {"name": "VIP lounge", "price": "300"}
    assert (await alice.post(f"/api/v1/event/{event_id}/ticket-types", json=lounge)).status_code == 201
    assert (await alice.patch(f"/api/v1/event/{event_id}", json={"capacity": 9}, headers=anyhow)).status_code == 200
    entries = "/api/v1/waiting-list-entries"
    assert [one["status"] for one in (await bob.get(entries)).json()["items"]] == ["waiting"]
    assert (await alice.post(f"/api/v1/tickets/{number}/cancellation", json={"reason": "ill"})).status_code == 201
    (entry,) = (await bob.get(entries)).json()["items"]
    assert (entry["status"], entry["offer"]["ticket_type"]) == ("offered", "General admission")


async def test_who_waits_for_whatever_comes_reads_that(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    kinds = [{"name": "Cabin", "price": "120", "places": 1}, {"name": "Meadow", "price": "40", "places": 1}]
    event_id = await stored_event(alice, ticket_types=kinds)
    for name in ("Cabin", "Meadow"):
        wanted = {"ticket_type_id": await type_of(bob, event_id, name)}
        await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}", json=wanted)
    form = form_in((await bob.get(f"/events/{event_id}")).text.partition('id="buy"')[2])
    whatever = form | {"ticket_type_id": ""}
    joined = await bob.post(f"/events/{event_id}/waiting-list-entry", data=whatever, headers=HX)
    assert "It may be: any kind of ticket." in joined.text
    entry = (await bob.get("/api/v1/waiting-list-entries")).json()["items"][0]["waitlist_id"]
    assert "It may be: any kind of ticket." in (await bob.get(f"/waiting-list-entries/{entry}")).text


async def test_who_waits_where_something_is_hidden_chooses_whether_to_wait_for_that_too(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    field = {"name": "Field", "price": "10", "places": 2, "per_attendee_limit": 2}
    meadow = {"name": "Meadow", "price": "10", "places": 1}
    sky = {"name": "Sky", "price": "500", "places": 6, "per_attendee_limit": 6, "hidden_until": at(48)}
    event_id = await stored_event(alice, ticket_types=[field, meadow, sky])
    number, other = await type_of(bob, event_id, "Field"), await type_of(bob, event_id, "Meadow")
    await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}", json={"ticket_type_id": number, "quantity": 2})
    await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}", json={"ticket_type_id": other})
    page = (await bob.get(f"/events/{event_id}")).text.partition('id="buy"')[2]
    first, _, last = re.findall(r"<option[^>]*>[^<]*", page)
    assert first == f'<option value="{number}">Field', "which is chosen unless somebody chooses"
    assert last == '<option value="">Any kind, also what is not shown yet'
    assert "Sky" not in page
    assert "When the sale opens" not in page, "what is shown is sold out for good"
    for wanted, most, chosen in ((number, 2, f'{number}" selected'), ("", 6, '" selected')):
        refused = await wait(bob, event_id, quantity="7", ticket_type_id=wanted)
        assert f"You can wait for {most} at most." in refused.text
        assert f'<option value="{chosen}>' in refused.text
    away = await visitor.post(
        f"/events/{event_id}/waiting-list-entry", data={"key": key_in(page), "ticket_type_id": ""}, headers=HX
    )
    assert away.headers["hx-redirect"].endswith("%3Fticket_type_id%3D")
    assert '<option value="" selected>' in (await bob.get(f"/events/{event_id}?ticket_type_id=")).text
    assert f'<option value="{number}">' in (await bob.get(f"/events/{event_id}?ticket_type_id=77")).text
    joined = await wait(bob, event_id, ticket_type_id="")
    assert "It may be: any kind of ticket." in joined.text


async def test_one_type_can_be_waited_for_while_others_sell(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    kinds = [{"name": "Cabin", "price": "120", "places": 1}, {"name": "Meadow", "price": "40"}]
    event_id = await stored_event(alice, ticket_types=kinds)
    cabin = await type_of(bob, event_id, "Cabin")
    await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}", json={"ticket_type_id": cabin})
    page = (await bob.get(f"/events/{event_id}")).text
    assert "<span>Wait for “<bdi>Cabin</bdi>”</span>" in page, "spaces around what is no part of a whole are wide"
    assert f'form="wait-{cabin}"' in page
    assert "Not enough left for you?" not in page
    bought, waits = re.findall(r'name="key"\s+value="([^"]+)"', page)
    sold = await buy(bob, event_id, key=bought, ticket_type_id=await type_of(bob, event_id, "Meadow"))
    assert sold.status_code == 200, sold.text
    form = {"key": waits, "ticket_type_id": cabin}
    joined = await bob.post(f"/events/{event_id}/waiting-list-entry", data=form, headers=HX)
    assert joined.status_code == 200, "one form is not taken for the other sent again: " + joined.text
    assert "You are number 1 on the waiting list." in joined.text
    assert "It may be: <bdi>Cabin</bdi>." in joined.text


async def test_what_is_sold_out_under_a_buyer_is_said_and_no_other_type_chosen(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    kinds = [{"name": "Meadow", "price": "40"}, {"name": "Cabin", "price": "120", "places": 1}]
    event_id = await stored_event(alice, ticket_types=kinds)
    cabin = await type_of(bob, event_id, "Cabin")
    await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}", json={"ticket_type_id": cabin})
    refused = await buy(bob, event_id, ticket_type_id=cabin)
    assert refused.status_code == 409
    assert "These tickets are sold out" in refused.text
    assert not re.findall(r'type="radio"[^>]*checked', refused.text)
    assert re.search(r'role="alert" tabindex="-1" autofocus', refused.text)


async def test_one_can_wait_for_a_sale_to_open(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    kinds = [{"name": "Early", "price": "10", "sale_opens_at": at(2), "per_attendee_limit": 4}]
    event_id = await stored_event(alice, ticket_types=kinds)
    page = (await bob.get(f"/events/{event_id}")).text
    assert "Join the waiting list" in page
    assert "When the sale opens, those who wait are offered places first" in page
    joined = await wait(bob, event_id, quantity=3)
    assert "You are number 1 on the waiting list." in joined.text
    assert "Join the waiting list" not in joined.text
    (entry,) = (await bob.get("/api/v1/waiting-list-entries")).json()["items"]
    assert entry["quantity"] == 3


async def test_who_waits_for_a_type_to_open_is_not_told_that_others_are_few(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    kinds = [{"name": "Now", "price": "10"}, {"name": "Soon", "price": "10", "sale_opens_at": at(2)}]
    page = (await bob.get(f"/events/{await stored_event(alice, ticket_types=kinds)}")).text
    assert "<span>Wait for “<bdi>Soon</bdi>”</span>" in page
    assert "When its sale opens, those who wait are offered places first." in page
    assert "Not enough left for you?" not in page


async def test_a_group_that_finds_too_few_places_waits_from_there(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    kinds = [{"name": "Group", "price": "10", "per_attendee_limit": 4}]
    event_id = await stored_event(alice, capacity=5, ticket_types=kinds)
    assert "/waiting-list-entry" not in (await bob.get(f"/events/{event_id}")).text, "all one can have is there"
    await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}", json={"quantity": 4})
    refused = await buy(bob, event_id, quantity=2)
    assert refused.status_code == 409
    assert "or join the waiting list" in refused.text
    assert re.search(r'id="wait-quantity"\s+name="quantity"\s+min="2"\s+max="4"\s+value="2"', refused.text)
    assert '<details id="more" open>' in refused.text
    wrong = await wait(bob, event_id, quantity="many")
    assert wrong.status_code == 422
    form = wrong.text.split('<label for="wait-quantity">')[1]
    assert 'value="many"' in form
    assert 'aria-invalid="true"' in form
    assert "must be a whole number from 1 to 100" in form
    joined = await wait(bob, event_id, quantity=2)
    assert "You are number 1 on the waiting list." in joined.text


async def test_a_group_waits_for_a_type_of_its_choice(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    kinds: list[dict[str, Any]] = [
        {"name": "Cabin", "price": "120", "places": 2, "per_attendee_limit": 2},
        {"name": "Tent", "price": "60", "places": 1},
        {"name": "Meadow", "price": "40"},
    ]
    event_id = await stored_event(alice, ticket_types=kinds)
    cabin, tent = [await type_of(bob, event_id, name) for name in ("Cabin", "Tent")]
    for kind, quantity in ((cabin, 2), (tent, 1)):
        wanted = {"ticket_type_id": kind, "quantity": quantity}
        assert (await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}", json=wanted)).status_code == 201
    page = (await bob.get(f"/events/{event_id}")).text
    assert re.findall(r'<option value="(\d*)"', page) == [str(cabin), str(tent)]
    assert "Sign in to join the waiting list" in (await visitor.get(f"/events/{event_id}")).text
    joined = await wait(bob, event_id, ticket_type_id=cabin, quantity=2)
    assert joined.status_code == 200, joined.text
    (entry,) = (await bob.get("/api/v1/waiting-list-entries")).json()["items"]
    assert (entry["quantity"], entry["ticket_types"]) == (2, ["Cabin"])


async def test_a_ticket_does_not_hide_the_waiting_list(
    stage: Stage, alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    kinds = [{"name": "Group", "price": "10", "per_attendee_limit": 2}]
    event_id = await stored_event(alice, capacity=2, ticket_types=kinds, returns_until="2099-01-01T00:00:00Z")
    bought = await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    await buy(bob, event_id)
    page = (await bob.get(f"/events/{event_id}")).text
    assert "You have a ticket." in page
    assert "Join the waiting list" in page, "one more is within his limit"
    joined = await wait(bob, event_id)
    assert "You have a ticket." in joined.text
    assert "You are number 1 on the waiting list." in joined.text
    await alice.post(f"/api/v1/tickets/{bought.json()['ticket_number']}/cancellation", json={})

    async def has_offer() -> bool:
        page = (await bob.get(f"/events/{event_id}")).text
        return "You have a ticket." in page and "Answer the offer" in page

    await eventually(has_offer)


async def test_a_cancelled_festival_says_so_and_sells_nothing(
    stage: Stage, alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice)
    who = Caller(alice.user_id, "organizer", alice.organizer_id, "Alice")  # type: ignore[attr-defined]
    assert "The organizer says why" not in (await bob.get(f"/events/{event_id}")).text
    await cancel_event(stage.parts.database, who, event_id, "Storm <b>ahead</b>")
    page = (await bob.get(f"/events/{event_id}")).text
    assert "This festival is cancelled." in page
    assert "The organizer says why: <bdi>Storm &lt;b&gt;ahead&lt;/b&gt;</bdi>" in page
    assert "If you have paid for a ticket, <bdi>Alice e.V.</bdi> decides about your money: please ask them." in page
    assert "/purchase" not in page
    read = (await bob.get(f"/api/v1/event/{event_id}")).json()
    assert read["core_event_data"]["cancel_reason"] == "Storm <b>ahead</b>"


async def test_where_all_tickets_were_free_nobody_is_told_about_money(
    alice: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice, price=0)
    await alice.post(f"/api/v1/event/{event_id}/cancellation", json={"reason": "Storm"})
    page = (await visitor.get(f"/events/{event_id}")).text
    assert "The organizer says why: <bdi>Storm</bdi>" in page
    assert "If you have paid" not in page


async def test_the_page_of_a_draft_shows_its_owner_a_sale_that_nobody_can_use(alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, status="draft")
    box = (await alice.get(f"/events/{event_id}")).text.partition('id="buy"')[2].partition("</section>")[0]
    assert "Nobody can buy before the event is published." in box
    before, disabled, within = box.partition('<fieldset class="form" disabled')
    assert disabled
    assert "<button" not in before
    assert "<button" in within
    await alice.post(f"/projects/{event_id}/publication", data={"status": "published"})
    page = (await alice.get(f"/events/{event_id}")).text
    assert "Nobody can buy" not in page
    assert "disabled" not in page


@pytest.mark.parametrize("form", ["purchase", "waiting-list-entry"])
async def test_the_address_of_a_form_opened_again_is_that_of_its_page(
    alice: httpx.AsyncClient, visitor: httpx.AsyncClient, form: str
) -> None:
    event_id = await stored_event(alice)
    answer = await visitor.get(f"/events/{event_id}/{form}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/events/{event_id}")
    assert (await visitor.get(f"/api/v1/attendee/buy-ticket/{event_id}")).status_code == 405, "to programs it is said"


async def test_what_is_left_comes_without_a_reload_and_only_when_it_changed(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    kinds = [{"name": "Weekend", "price": "120"}, {"name": "Friday", "price": "40"}]
    event_id = await stored_event(alice, capacity=2, ticket_types=kinds)
    seen = seen_in((await visitor.get(f"/events/{event_id}")).text)
    assert (await places(visitor, event_id, seen)).status_code == 204
    await buy(bob, event_id)
    changed = await places(visitor, event_id, seen)
    assert "1 of 2 places left" in changed.text
    assert changed.text.count('hx-swap-oob="true"') == 2
    assert "/purchase" not in changed.text
    await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    gone = await places(visitor, event_id, seen_in(changed.text))
    assert gone.headers["hx-retarget"] == "#buy"
    assert "Sold out." in gone.text


async def test_an_offer_comes_without_a_reload_and_nobody_else_pays_for_the_look(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice, capacity=1)
    await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    await bob.post("/api/v1/attendee/join-waiting-list", json={"event_id": event_id})
    costs = {}
    for name, person in (("visitor", visitor), ("alice", alice), ("bob", bob)):
        seen = seen_in((await person.get(f"/events/{event_id}")).text)
        with counted_queries() as statements:
            assert (await places(person, event_id, seen)).status_code == 204
        costs[name] = sum("waiting_list" in one and "attendee_id" in one for one in statements)
    assert costs == {"visitor": 0, "alice": 0, "bob": 1}

    (ticket,) = (await alice.get("/api/v1/tickets")).json()["items"]
    await alice.post(f"/api/v1/tickets/{ticket['ticket_number']}/cancellation", json={"reason": "x"})
    offered = await places(bob, event_id, seen)
    assert offered.headers["hx-retarget"] == "#buy"
    assert "<strong>A place is yours to take.</strong>" in offered.text
    assert said(offered.text) == "A place is yours to take."
    seen = seen_in(offered.text)
    assert (await places(bob, event_id, seen)).status_code == 204
    (entry,) = (await bob.get("/api/v1/waiting-list-entries")).json()["items"]
    await bob.delete(f"/api/v1/waiting-list-entries/{entry['waitlist_id']}")
    assert said((await places(bob, event_id, seen)).text) == "The sale is open."


async def test_who_has_an_offer_is_led_to_it_and_not_to_a_place_beside_it(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice, capacity=1)
    address = f"/events/{event_id}"
    await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    await bob.post("/api/v1/attendee/join-waiting-list", json={"event_id": event_id})
    await alice.patch(f"/api/v1/event/{event_id}", json={"capacity": 3}, headers={"If-Match": "*"})
    page = (await bob.get(address)).text
    assert "A place is yours to take." in page
    assert "Answer the offer" in page
    assert f'action="{address}/purchase' not in page
    assert "You have all that one person can have" not in page
    pressed = await bob.post(f"{address}/purchase", data={"key": "pressed-before"})
    assert pressed.status_code == 409
    assert "take those, or give them up first" in pressed.text
    (entry,) = (await bob.get("/api/v1/waiting-list-entries")).json()["items"]
    await bob.post(f"/api/v1/waiting-list-entries/{entry['waitlist_id']}/refusal")
    assert f'action="{address}/purchase' in (await bob.get(address)).text


async def set_types(stage: Stage, name: str, change: str) -> None:
    async with stage.parts.database.transaction() as connection:
        await connection.execute(f"UPDATE ticket_types SET {change} WHERE name = $1", name)


def said(fragment: str) -> str | None:
    """What a fragment says into the line for ears."""
    found = re.search(r'<p id="news" hx-swap-oob="innerHTML">(.*?)</p>', fragment, re.DOTALL)
    return " ".join(found.group(1).split()) if found else None


async def test_a_type_that_changes_its_state_brings_the_whole_box_and_a_word(
    stage: Stage, alice: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    kinds: list[dict[str, Any]] = [
        {"name": "Weekend", "price": "120"},
        {"name": "Cabin", "price": "90", "sale_opens_at": at(2), "places": 1},
    ]
    event_id = await stored_event(alice, ticket_types=kinds)
    seen = seen_in((await visitor.get(f"/events/{event_id}")).text)
    await set_types(stage, "Cabin", "sale_opens_at = now() - interval '1 second'")
    opened = await places(visitor, event_id, seen)
    assert opened.headers["hx-retarget"] == "#buy"
    assert said(opened.text) == "“Cabin” is on sale."
    cabin = await type_of(alice, event_id, "Cabin")
    await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}", json={"ticket_type_id": cabin})
    gone = await places(visitor, event_id, seen_in(opened.text))
    assert gone.headers["hx-retarget"] == "#buy"
    assert re.search(rf'value="{cabin}"\s+required disabled', gone.text)
    assert said(gone.text) == "“Cabin” is sold out."
    await set_types(stage, "Cabin", "sale_closes_at = now() - interval '1 second'")
    assert said((await places(visitor, event_id, seen_in(gone.text))).text) == "“Cabin” is no longer sold."
    assert (await places(visitor, event_id, "")).status_code == 200


async def test_a_price_that_changes_while_one_looks_is_said_in_the_box(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    kinds = [{"name": "Weekend", "price": "120"}, {"name": "Tent <b>", "price": "60"}]
    event_id = await stored_event(alice, ticket_types=kinds)
    seen = seen_in((await bob.get(f"/events/{event_id}")).text)
    tent = await type_of(alice, event_id, "Tent <b>")
    rev = {"If-Match": "*"}
    await alice.put(f"/api/v1/ticket-types/{tent}", json={"name": "Tent <b>", "price": "1200"}, headers=rev)
    changed = await places(bob, event_id, seen)
    assert changed.headers["hx-retarget"] == "#buy"
    alert = " ".join(changed.text.partition('role="alert"')[2].partition("</p>")[0].split())
    assert "The price of “<bdi>Tent &lt;b&gt;</bdi>” has changed: it is €1,200.00 now." in alert
    assert "Weekend" not in alert
    assert "has changed" not in (await bob.get(f"/events/{event_id}")).text


async def test_a_price_that_has_changed_is_said_until_somebody_does_something(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    kinds: list[dict[str, Any]] = [
        {"name": "Weekend", "price": "120", "per_attendee_limit": 2, "places": 3},
        {"name": "Tent", "price": "60"},
    ]
    event_id = await stored_event(alice, ticket_types=kinds)
    page = (await bob.get(f"/events/{event_id}")).text
    weekend, tent = [await type_of(alice, event_id, name) for name in ("Weekend", "Tent")]
    rev = {"If-Match": "*"}
    await alice.put(f"/api/v1/ticket-types/{tent}", json={"name": "Tent", "price": "75"}, headers=rev)
    box = await look_again(bob, page)
    assert "changed: it is €75.00 now." in box
    assert 'role="alert"' in box
    for _ in range(2):  # the count alone, and then what he can choose
        await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}", json={"ticket_type_id": weekend})
        box = await look_again(bob, box)
    assert "changed: it is €75.00 now." in box
    assert 'role="alert"' not in box, "it was read out before"
    await alice.put(f"/api/v1/ticket-types/{tent}", json={"name": "Tent", "price": "80"}, headers=rev)
    assert "changed: it is €80.00 now." in await look_again(bob, box)
    assert "it is €80.00 now" not in (await buy(bob, event_id, ticket_type_id=weekend)).text


async def test_what_was_bought_stays_chosen_while_one_can_have_more(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    kinds: list[dict[str, Any]] = [
        {"name": "Weekend", "price": "120", "per_attendee_limit": 2},
        {"name": "Tent", "price": "60", "per_attendee_limit": 2},
    ]
    event_id = await stored_event(alice, ticket_types=kinds)
    weekend, tent = [await type_of(alice, event_id, name) for name in ("Weekend", "Tent")]
    once = await buy(bob, event_id, ticket_type_id=tent)
    assert re.findall(r'value="(\d+)"\s+required checked', once.text) == [str(tent)]
    twice = await buy(bob, event_id, ticket_type_id=tent)
    assert re.findall(r'value="(\d+)"\s+required checked', twice.text) == [str(weekend)]


async def test_what_one_person_can_have_is_said_before_and_after(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice)
    assert "One for each person." in (await bob.get(f"/events/{event_id}")).text
    bought = await buy(bob, event_id)
    assert "One for each person." not in bought.text
    assert "You have all that one person can have." in bought.text


async def test_how_one_pays_is_said_before_one_buys(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    for price, hours, said in (
        ("20", 168, "for 7 days at most."),
        ("20", 27, "for 1 day 3 hours at most."),
        ("0", 168, None),
    ):
        event_id = await stored_event(alice, payment="organizer_confirms", hold_hours=hours, price=price)
        page = " ".join((await bob.get(f"/events/{event_id}")).text.split())
        assert ("by bank transfer or cash." in page) == bool(said)
        assert said is None or said in page


async def test_fewer_than_one_person_can_have_brings_the_whole_box_without_a_word(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    kinds: list[dict[str, Any]] = [
        {"name": "Weekend", "price": "120"},
        {"name": "Tent", "price": "60", "places": 5, "per_attendee_limit": 4},
    ]
    event_id = await stored_event(alice, ticket_types=kinds)
    seen = seen_in((await bob.get(f"/events/{event_id}")).text)
    wanted = {"ticket_type_id": await type_of(alice, event_id, "Tent"), "quantity": 2}
    await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}", json=wanted)
    fewer = await places(bob, event_id, seen)
    assert fewer.headers["hx-retarget"] == "#buy"
    assert re.findall(r"(\d+) at most for you", fewer.text) == ["1", "3"]
    assert said(fewer.text) is None


async def test_the_state_of_the_sale_is_said_when_it_changes_and_not_each_count(
    stage: Stage, alice: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice, capacity=2, ticket_types=[{"name": "Early", "price": "1"}])
    await set_types(stage, "Early", "sale_opens_at = now() + interval '1 hour'")
    page = (await visitor.get(f"/events/{event_id}")).text
    assert re.search(r'<p id="news" class="visually-hidden" role="status">\s*</p>', page)
    await set_types(stage, "Early", "sale_opens_at = NULL, per_attendee_limit = 2")
    opened = await places(visitor, event_id, seen_in(page))
    assert said(opened.text) == "The sale is open."
    for words in (None, "Sold out."):
        await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}")
        changed = await places(visitor, event_id, seen_in(opened.text))
        assert said(changed.text) == words
    seen = seen_in(changed.text)
    await set_types(stage, "Early", "sale_closes_at = now() - interval '1 second'")
    assert said((await places(visitor, event_id, seen)).text) == "The sale is closed."
    who = Caller(alice.user_id, "organizer", alice.organizer_id, "Alice")  # type: ignore[attr-defined]
    await cancel_event(stage.parts.database, who, event_id, "Storm")
    assert said((await places(visitor, event_id, seen)).text) == "This festival is cancelled."


async def test_why_it_is_cancelled_is_said_to_who_looks_at_that_moment(
    alice: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice)
    page = (await visitor.get(f"/events/{event_id}")).text
    await alice.post(f"/api/v1/event/{event_id}/cancellation", json={"reason": "Storm"})
    head = (await look_again(visitor, page)).partition('<header id="event" hx-swap-oob="true">')[2]
    assert "The organizer says why: <bdi>Storm</bdi>" in head
    assert "Cancelled" in head
    assert '<header id="event">' in page


async def test_a_sale_that_is_over_is_not_asked_about_again(
    alice: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    over = await stored_event(alice, start_time="2020-06-22T19:00:00Z", end_time="2020-06-22T20:00:00Z")
    page = (await visitor.get(f"/events/{over}")).text
    assert "The sale is closed." in page
    assert "every 5s" not in page
    assert (await visitor.get("/events/999999/places")).status_code == 404


async def test_when_the_outcome_is_unknown_the_same_key_comes_back(
    stage: Stage, alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice)
    key = key_in((await bob.get(f"/events/{event_id}")).text)
    await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    await stage.parts.sale_desk.close()
    answer = await bob.post(f"/events/{event_id}/purchase", data={"key": key}, headers=HX)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert key_in(answer.text) == key


async def test_who_could_not_join_at_this_moment_has_the_same_key_again(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    event_id = await stored_event(alice, capacity=1)
    await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    key = key_in((await bob.get(f"/events/{event_id}")).text)
    monkeypatch.setattr("app.turns.MOST", 0)
    answer = await bob.post(f"/events/{event_id}/waiting-list-entry", data={"key": key}, headers=HX)
    assert (answer.status_code, key_in(answer.text)) == (503, key)


async def test_time_and_place_are_said_for_people(alice: httpx.AsyncClient, visitor: httpx.AsyncClient) -> None:
    times = {"start_time": "2031-07-04T18:00:00+02:00", "end_time": "2031-07-06T23:00:00+02:00"}
    event_id = await stored_event(alice, location="Lake & Barn, Uckermark", **times)
    page = (await visitor.get(f"/events/{event_id}")).text
    assert "Fri 4 Jul 2031, 18:00 – Sun 6 Jul 2031, 23:00" in page
    assert "Berlin time" in page
    assert 'data-local="Europe/Berlin"' in page
    assert "https://www.openstreetmap.org/search?query=Lake%20%26%20Barn%2C%20Uckermark" in page
    german = await visitor.get(f"/events/{event_id}", headers={"Accept-Language": "de-DE"})
    assert "49,90\xa0€" in german.text


async def test_a_description_is_markdown_and_not_more(alice: httpx.AsyncClient, visitor: httpx.AsyncClient) -> None:
    text = "**Loud**\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1))"
    page = (await visitor.get(f"/events/{await stored_event(alice, description=text)}")).text
    assert "<strong>Loud</strong>" in page
    assert "<script>alert" not in page
    assert 'href="javascript' not in page


QUERIES: dict[str, int] = {"/": 1, "/events/{}": 3, "/events/{}/places?seen={}": 2, "/events/{}/places": 5}


@pytest.mark.parametrize("path", QUERIES)
async def test_a_page_asks_the_database_a_fixed_number_of_times(
    stage: Stage, alice: httpx.AsyncClient, visitor: httpx.AsyncClient, path: str
) -> None:
    kinds = [{"name": f"Kind {number}", "price": "10"} for number in range(8)]
    event_id = await stored_event(alice, ticket_types=kinds)
    for _ in range(5):
        await alice.post("/api/v1/event", json=event_body())
    for task in stage.parts.tasks:
        await task.stop()
    fewer = seen_in((await visitor.get(f"/events/{event_id}")).text).partition("~")[0] + "~0"
    statements: list[str] = []
    pool = stage.parts.database.pool
    for connection in [await pool.acquire() for _ in range(pool.get_max_size())]:
        connection.add_query_logger(lambda record: statements.append(record.query))
        await pool.release(connection)
    assert (await visitor.get(path.format(event_id, fewer))).status_code == 200
    ours = [one for one in statements if "jit" not in one]  # how the driver learns of a type, once per connection
    assert len(ours) == QUERIES[path], ours
