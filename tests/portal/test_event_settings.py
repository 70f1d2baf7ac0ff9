"""Core data of an event as a form: saved, refused, overtaken."""

import re

import httpx
import pytest

from tests.cast import stored_event
from tests.forms import form_in

FORM = {
    "title": "Lantern Fields",
    "description": "Three days.",
    "location": "Uckermark",
    "start_time": "2031-07-04T18:00",
    "end_time": "2031-07-06T23:00",
    "timezone": "Europe/Berlin",
    "date": "2031-07-04",
    "capacity": "100",
    "price": "49.90",
    "currency": "EUR",
    "payment": "instant",
    "hold_hours": "168",
    "offer_hours": "24",
    "returns_until": "",
}


def rev_of(page: httpx.Response) -> str:
    found = re.search(r'name="rev"\s+value="(\d+)"', page.text)
    assert found
    return found.group(1)


def value_of(page: httpx.Response, field: str) -> str:
    for tag in re.findall(r"<input[^>]+>", page.text):
        if f'name="{field}"' in tag:
            return re.search(r'value="([^"]*)"', tag).group(1)  # type: ignore[union-attr]
    raise AssertionError(field)


async def core(client: httpx.AsyncClient, event_id: int) -> dict[str, object]:
    data: dict[str, object] = (await client.get(f"/api/v1/event/{event_id}")).json()["core_event_data"]
    return data


async def test_the_form_shows_what_is_stored_and_saves_what_is_typed(alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, start_time="2031-07-04T16:00:00Z", end_time="2031-07-06T21:00:00Z")
    address = f"/projects/{event_id}/settings"
    page = await alice.get(address)
    assert value_of(page, "start_time") == "2031-07-04T18:00"
    assert value_of(page, "price") == "49.90"
    form = {**FORM, "rev": rev_of(page), "title": "Renamed", "payment": "organizer_confirms", "hold_hours": "48"}
    saved = await alice.post(address, data=form)
    assert (saved.status_code, saved.headers["location"]) == (303, address)
    assert "The changes are saved." in (await alice.get(address)).text
    now = await core(alice, event_id)
    assert (now["title"], now["payment"], now["hold_hours"]) == ("Renamed", "organizer_confirms", 48)
    assert now["start_time"] == "2031-07-04T16:00:00Z"


async def test_who_was_slower_undoes_nothing_they_did_not_touch(alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    address = f"/projects/{event_id}/settings"
    slow, fast = [form_in((await alice.get(address)).text) for _ in range(2)]
    await alice.post(address, data={**fast, "location": "Elsewhere", "capacity": "7"})
    saved = await alice.post(address, data={**slow, "description": "Four days."})
    assert saved.status_code == 303, "nobody else has touched that"
    now = await core(alice, event_id)
    assert (now["location"], now["capacity"], now["description"]) == ("Elsewhere", 7, "Four days.")

    refused = await alice.post(address, data={**slow, "title": "Mine", "description": "Five days."})
    assert refused.status_code == 412
    assert "Four days." in refused.text.partition('action="' + address)[0], "what stands there by now"
    assert form_in(refused.text)["location"] == "Elsewhere"
    await alice.post(address, data=form_in(refused.text))
    now = await core(alice, event_id)
    assert (now["title"], now["location"], now["description"]) == ("Mine", "Elsewhere", "Five days.")


async def test_another_timezone_keeps_the_times_on_the_clock(alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, start_time="2031-07-04T16:00:00Z", end_time="2031-07-06T21:00:00Z")
    address = f"/projects/{event_id}/settings"
    form = form_in((await alice.get(address)).text)
    saved = await alice.post(address, data={**form, "timezone": "Asia/Tokyo"})
    assert saved.headers["location"] == address
    assert (await core(alice, event_id))["start_time"] == "2031-07-04T09:00:00Z"


async def test_with_another_timezone_one_is_led_to_the_times_that_stay(alice: httpx.AsyncClient) -> None:
    kinds = [{"name": "Day", "price": "9", "sale_closes_at": "2031-01-01T00:00"}]
    event_id = await stored_event(alice, end_time="2031-07-06T21:00:00Z", ticket_types=kinds)
    form = form_in((await alice.get(f"/projects/{event_id}/settings")).text)
    saved = await alice.post(f"/projects/{event_id}/settings", data={**form, "timezone": "Asia/Tokyo"})
    assert saved.headers["location"] == f"/projects/{event_id}/ticket-types"
    assert "the same moments as before" in (await alice.get(saved.headers["location"])).text


async def test_by_whom_and_under_which_tags_is_asked_and_kept(alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, tags=["lake", "lanterns"], status="draft")
    address = f"/projects/{event_id}/settings"
    page = await alice.get(address)
    assert (value_of(page, "tags"), value_of(page, "organized_by")) == ("lake, lanterns", "")
    form = {**FORM, "tags": "lake, fire", "organized_by": "Moss & <Daughters>"}
    await alice.post(address, data={**form, "rev": rev_of(page)})
    await alice.post(f"/projects/{event_id}/publication", data={"status": "published"})
    shop = (await alice.get(f"/events/{event_id}")).text
    assert "<bdi>Moss &amp; &lt;Daughters&gt;</bdi>" in shop
    assert '<a href="/?q=fire"><bdi>fire</bdi></a>' in shop, "publishing takes nothing away"
    await alice.post(address, data={**FORM, "tags": "", "organized_by": "", "rev": rev_of(await alice.get(address))})
    shop = (await alice.get(f"/events/{event_id}")).text
    assert "<bdi>Alice e.V.</bdi>" in shop
    assert "More like this" not in shop
    refused = await alice.post(address, data={**form, "tags": "x" * 101, "rev": rev_of(await alice.get(address))})
    assert refused.status_code == 422
    assert value_of(refused, "tags") == "x" * 101


async def test_dates_that_are_past_are_saved_and_named(alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    address = f"/projects/{event_id}/settings"
    past = {**FORM, "start_time": "2020-07-04T18:00", "end_time": "2020-07-06T23:00"}
    for form, over in ((past, True), (FORM, False)):
        saved = await alice.post(address, data={**form, "rev": rev_of(await alice.get(address))})
        assert saved.status_code == 303
        page = (await alice.get(address)).text
        assert "The changes are saved." in page
        assert ("It was over on Mon 6 Jul 2020, 23:00" in page) == over


async def test_an_empty_field_stops_returns(alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, returns_until="2031-06-27T18:00:00Z")
    address = f"/projects/{event_id}/settings"
    page = await alice.get(address)
    assert value_of(page, "returns_until") == "2031-06-27T20:00"
    assert (await alice.post(address, data={**FORM, "rev": rev_of(page)})).status_code == 303
    assert (await core(alice, event_id))["returns_until"] is None


async def test_a_price_is_asked_for_while_it_is_that_of_a_ticket(alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, price="20", ticket_types=[{"name": "Weekend", "price": "120"}])
    address = f"/projects/{event_id}/settings"
    page = await alice.get(address)
    assert 'name="price"' not in page.text
    form = {name: value for name, value in FORM.items() if name != "price"}
    saved = await alice.post(address, data={**form, "rev": rev_of(page), "title": "Renamed"})
    assert saved.status_code == 303
    now = await core(alice, event_id)
    assert (now["title"], now["price"]) == ("Renamed", "120.00"), "that of the ticket"


async def test_a_currency_that_does_not_fit_is_said_beside_it(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    whole = await stored_event(alice, price="20", ticket_types=[{"name": "Weekend", "price": "12.50"}])
    broken = await stored_event(alice, price="20.50", ticket_types=[{"name": "Weekend", "price": "12"}])
    sold = await stored_event(alice, price="20", ticket_types=[{"name": "Weekend", "price": "12"}])
    await bob.post(f"/api/v1/attendee/buy-ticket/{sold}")
    form = {name: value for name, value in FORM.items() if name != "price"} | {"currency": "JPY"}
    address = f"/projects/{broken}/settings"
    assert (await alice.post(address, data={**form, "rev": rev_of(await alice.get(address))})).status_code == 303
    for event_id, said in ((whole, "the price of “Weekend”"), (sold, "its currency stays")):
        address = f"/projects/{event_id}/settings"
        refused = await alice.post(address, data={**form, "rev": rev_of(await alice.get(address))})
        assert refused.status_code in (409, 422)
        assert said in refused.text.split('id="currency-error"')[1].split("</div>")[0]


async def test_who_was_slower_is_told_what_changed_and_keeps_what_was_typed(alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    address = f"/projects/{event_id}/settings"
    old = rev_of(await alice.get(address))
    lines = {"description": "One.\r\nTwo."}
    await alice.post(address, data={**FORM, **lines, "rev": old})
    assert (await core(alice, event_id))["description"] == "One.\nTwo."
    await alice.patch(f"/api/v1/event/{event_id}", json={"location": "Lychen", **lines}, headers={"If-Match": "*"})
    late = await alice.post(address, data={**FORM, **lines, "rev": old, "title": "Typed late"})
    assert late.status_code == 412
    assert "<dt>Description</dt>" not in late.text
    assert "changed elsewhere after you last saw it" in late.text
    assert re.search(r"<dt>Place</dt>\s*<dd dir=\"auto\">\s*Lychen\s*</dd>", late.text)
    assert value_of(late, "title") == "Typed late"
    assert value_of(late, "location") == "Uckermark"
    assert (await core(alice, event_id))["title"] == "Lantern Fields"
    again = await alice.post(address, data={**FORM, "rev": rev_of(late), "title": "Typed late"})
    assert again.status_code == 303
    assert (await core(alice, event_id))["title"] == "Typed late"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("title", "x" * 201, "must have 1 to 200 characters"),
        ("title", " ", "is required"),
        ("end_time", "2031-07-01T10:00", "must not be before the start"),
        ("capacity", "many", "must be a whole number"),
        ("price", "1.005", "must have at most 2 decimals in EUR"),
        ("hold_hours", "0", "must be a whole number of hours"),
        ("timezone", "Mars/Olympus", "must be a timezone"),
    ],
)
async def test_a_bad_field_is_said_beside_it_and_nothing_is_changed(
    alice: httpx.AsyncClient, field: str, value: str, message: str
) -> None:
    event_id = await stored_event(alice)
    address = f"/projects/{event_id}/settings"
    before = await alice.get(address)
    refused = await alice.post(address, data={**FORM, "rev": rev_of(before), "location": "Kept", field: value})
    assert refused.status_code == 422
    said = re.search(rf'id="{field}-error">(.*?)</p>', refused.text, re.DOTALL)
    assert said
    assert message in said.group(1)
    assert value_of(refused, "location") == "Kept"
    assert rev_of(await alice.get(address)) == rev_of(before)


async def test_fewer_places_than_are_taken_are_refused_beside_the_places(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice, capacity=2)
    for buyer in (alice, bob):
        assert (await buyer.post(f"/api/v1/attendee/buy-ticket/{event_id}")).status_code == 201
    address = f"/projects/{event_id}/settings"
    form = {**FORM, "rev": rev_of(await alice.get(address)), "capacity": "1"}
    refused = await alice.post(address, data=form)
    assert refused.status_code == 409
    said = re.search(r'id="capacity-error">(.*?)</p>', refused.text, re.DOTALL)
    assert said
    assert "2 places are taken" in said.group(1)


async def test_settings_are_the_organizers_alone(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice)
    for address in (f"/projects/{event_id}/settings", f"/projects/{event_id}/media"):
        for person, status in ((bob, 403), (charlie, 404)):
            assert (await person.get(address)).status_code == status
            assert (await person.post(address, data={**FORM, "rev": "1"})).status_code == status
