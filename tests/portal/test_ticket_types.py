"""Ticket types of an event as their organizer manages them on pages."""

import re

import httpx

from tests.cast import stored_event
from tests.forms import form_in

FORM = {"name": "Friday", "price": "19.50", "description": "", "places": "40", "per_attendee_limit": "2",
        "sale_opens_at": "", "sale_closes_at": "", "hidden_until": ""}  # fmt: skip


def hidden(page: httpx.Response, name: str) -> str:
    found = re.search(rf'name="{name}"\s+value="([^"]*)"', page.text)
    assert found
    return found.group(1)


def type_form(page: str) -> dict[str, str]:
    return form_in(page.partition("data-unsaved")[2].partition("</form>")[0])


async def types_of(alice: httpx.AsyncClient, event_id: int) -> list[tuple[str, str, int | None]]:
    read = (await alice.get(f"/api/v1/event/{event_id}")).json()["ticket_types"]
    return [(one["name"], one["price"], one["places"]) for one in read if one["state"] != "archived"]


async def test_a_type_is_added_once_changed_and_taken_off_sale(alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    address = f"/projects/{event_id}/ticket-types"
    key = hidden(await alice.get(f"{address}/new"), "key")
    for _ in range(2):
        added = await alice.post(address, data={**FORM, "key": key})
        assert (added.status_code, added.headers["location"]) == (303, address)
    assert await types_of(alice, event_id) == [("General admission", "49.90", None), ("Friday", "19.50", 40)]
    listed = (await alice.get(address)).text
    one = re.findall(rf"{address}/(\d+)", listed)[-1]
    page = await alice.get(f"{address}/{one}")
    saved = await alice.post(
        f"{address}/{one}", data={**FORM, "rev": hidden(page, "rev"), "name": "Saturday", "places": ""}
    )
    assert saved.status_code == 303
    assert await types_of(alice, event_id) == [("General admission", "49.90", None), ("Saturday", "19.50", None)]
    page = await alice.get(f"{address}/{one}")
    gone = await alice.post(f"{address}/{one}/removal", data={"rev": hidden(page, "rev")})
    assert gone.status_code == 303
    assert await types_of(alice, event_id) == [("General admission", "49.90", None)]
    assert (await alice.get(f"{address}/{one}")).status_code == 404


async def test_who_is_slower_than_somebody_who_stops_a_type_is_told_and_loses_nothing(alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, ticket_types=[{"name": "Day", "price": "9"}, {"name": "Night", "price": "9"}])
    address = f"/projects/{event_id}/ticket-types"
    one = re.findall(rf"{address}/(\d+)", (await alice.get(address)).text)[-1]
    page = await alice.get(f"{address}/{one}")
    for _ in range(2):
        stopped = await alice.post(f"{address}/{one}/removal", data={"rev": hidden(page, "rev")})
        assert (stopped.status_code, stopped.headers["location"]) == (303, address)
    assert await types_of(alice, event_id) == [("Day", "9.00", None)]
    late = {**type_form(page.text), "description": "With the late show", "places": "12"}
    refused = await alice.post(f"{address}/{one}", data=late)
    assert refused.status_code == 409
    assert "This type is not sold any more." in refused.text
    form = type_form(refused.text)
    assert (form["name"], form["description"], form["places"]) == ("Night", "With the late show", "12")
    assert (await alice.post(address, data=form)).status_code == 303
    assert await types_of(alice, event_id) == [("Day", "9.00", None), ("Night", "9.00", 12)]


async def test_a_price_means_the_same_when_its_field_is_sent_back(alice: httpx.AsyncClient) -> None:
    """Of a type and in the settings; `1.234` would be more than a thousand in this region."""
    alice.headers["Accept-Language"] = "de-DE"
    event_id = await stored_event(alice, currency="KWD", price="1.234")
    address = f"/projects/{event_id}/ticket-types"
    (one,) = set(re.findall(rf"{address}/(\d+)", (await alice.get(address)).text))
    for form in (f"{address}/{one}", f"/projects/{event_id}/settings"):
        page = await alice.get(form)
        tags = [tag for tag in re.findall(r"<input[^>]*>", page.text) if 'name="price"' in tag]
        assert any('value="1,234"' in tag for tag in tags), form
    page = await alice.get(f"{address}/{one}")
    sent = {**FORM, "rev": hidden(page, "rev"), "name": "General admission", "price": "1,234", "places": ""}
    assert (await alice.post(f"{address}/{one}", data=sent)).status_code == 303
    assert await types_of(alice, event_id) == [("General admission", "1.234", None)]


async def test_bad_types_late_types_and_the_last_type_come_back_with_what_was_typed(alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    address = f"/projects/{event_id}/ticket-types"
    bad = await alice.post(address, data={**FORM, "key": "k", "price": "1.005", "name": "Kept"})
    assert bad.status_code == 422
    assert "must have at most 2 decimals" in bad.text
    assert 'value="Kept"' in bad.text
    (one,) = set(re.findall(rf"{address}/(\d+)", (await alice.get(address)).text))
    late = await alice.post(f"{address}/{one}", data={**FORM, "rev": "999999", "name": "Typed late"})
    assert late.status_code == 412
    assert "changed elsewhere after you last saw it" in late.text
    assert 'value="Typed late"' in late.text
    last = await alice.post(f"{address}/{one}/removal", data={"rev": hidden(late, "rev")})
    assert last.status_code == 409
    assert "An event needs a ticket type" in last.text


async def test_two_windows_change_different_fields_of_a_type_and_both_are_kept(alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    address = f"/projects/{event_id}/ticket-types"
    (one,) = set(re.findall(rf"{address}/(\d+)", (await alice.get(address)).text))
    assert "Price in EUR" in (await alice.get(f"{address}/{one}")).text
    slow, fast = [type_form((await alice.get(f"{address}/{one}")).text) for _ in range(2)]
    await alice.post(f"{address}/{one}", data={**fast, "price": "60", "places": "40"})
    saved = await alice.post(f"{address}/{one}", data={**slow, "name": "Weekend"})
    assert saved.status_code == 303, "nobody else has touched that"
    assert await types_of(alice, event_id) == [("Weekend", "60.00", 40)]

    refused = await alice.post(f"{address}/{one}", data={**slow, "price": "70", "name": "Weekend"})
    assert refused.status_code == 412
    assert re.search(r"<dt>Price</dt>\s*<dd dir=\"auto\">\s*60.00\s*</dd>", refused.text)
    assert "<dt>Name</dt>" not in refused.text, "changed alike"
    form = type_form(refused.text)
    assert (form["price"], form["places"]) == ("70", "40")
    assert (await alice.post(f"{address}/{one}", data=form)).status_code == 303
    assert await types_of(alice, event_id) == [("Weekend", "70.00", 40)]


async def test_more_places_than_the_event_has_are_stored_and_named(alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, capacity=1_000)
    address = f"/projects/{event_id}/ticket-types"
    said = "The event has only 1,000 places in all, so no more of these can be sold."
    for places, too_many in (("1000", False), ("1001", True)):
        form = {**FORM, "name": f"Kind {places}", "places": places}
        await alice.post(address, data={**form, "key": hidden(await alice.get(f"{address}/new"), "key")})
        page = (await alice.get(address)).text
        assert (f"The ticket type is added. {said}" in page) == too_many
        one = re.findall(rf"{address}/(\d+)", page)[-1]
        changed = await alice.get(f"{address}/{one}")
        beside = changed.text.split('id="places-hint">')[1].split("</p>")[0]
        assert (beside == said) == too_many
        await alice.post(f"{address}/{one}", data={**form, "rev": hidden(changed, "rev"), "price": "20"})
        assert (f"The changes are saved. {said}" in (await alice.get(address)).text) == too_many


async def test_types_are_their_organizers_alone(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice)
    address = f"/projects/{event_id}/ticket-types"
    (one,) = set(re.findall(rf"{address}/(\d+)", (await alice.get(address)).text))
    for person, status in ((bob, 403), (charlie, 404)):
        for path in (address, f"{address}/new", f"{address}/{one}"):
            assert (await person.get(path)).status_code == status
        for path in (address, f"{address}/{one}", f"{address}/{one}/removal"):
            assert (await person.post(path, data=FORM)).status_code == status
    theirs = f"/projects/{await stored_event(charlie)}/ticket-types/{one}"
    assert (await charlie.post(theirs, data=FORM)).status_code == 404
