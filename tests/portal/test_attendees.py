"""Attendees at the door, on pages: the first scan wins, every refusal is said, nothing typed is lost."""

import html
import re

import httpx
import pytest

from app.domain import offers
from app.domain.attendees import FEW_PEOPLE
from tests.cast import PASSWORD, Stage, stored_event
from tests.guests import sell_to

HTMX = {"HX-Request": "true"}


async def test_a_ticket_is_used_once_and_the_use_undone_and_htmx_gets_the_row(
    stage: Stage, alice: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    event_id, other = await stored_event(alice), await stored_event(alice)
    async with stage.parts.database.connection() as connection:
        (number,) = await sell_to(connection, event_id, ["Ann <b>"])
        (held,) = await sell_to(connection, event_id, ["Hal"], status="held")
    address = f"/projects/{event_id}/attendees/{number}"
    row = await alice.post(f"{address}/use", headers=HTMX)
    assert row.status_code == 200
    assert row.text.lstrip().startswith(f'<tr id="ticket-{number}">')
    assert "Checked in: Ann &lt;b&gt;" in row.text
    assert f"{address}/undo" in row.text
    async with stage.parts.database.connection() as connection:
        await connection.execute("UPDATE tickets SET used_at = '2031-07-04 22:39+00' WHERE id = $1", number)
    again = await alice.post(f"{address}/use", headers={**HTMX, "Accept-Language": "en-US"})
    assert "This ticket was used before: Sat Jul 5, 2031, 12:39\u202fAM." in again.text, "in the event's own timezone"
    assert "at 2031-07-04 22:39 UTC" in (await alice.post(f"/api/v1/tickets/{number}/use")).text
    unpaid = await alice.post(f"/projects/{event_id}/attendees/{held}/use", headers=HTMX)
    assert 'class="toast bad"' in unpaid.text
    undone = await alice.post(
        f"{address}/undo", headers={"Referer": f"http://testserver/projects/{event_id}/attendees?q=ann"}
    )
    assert (undone.status_code, undone.headers["location"]) == (303, f"/projects/{event_id}/attendees?q=ann")
    assert "Not checked in any more: Ann &lt;b&gt;" in (await alice.get(undone.headers["location"])).text
    elsewhere = await alice.post(f"{address}/undo", headers={"Referer": "https://evil.example/x"})
    assert elsewhere.headers["location"] == f"/projects/{event_id}/attendees"
    for path in ("use", "undo", "cancellation"):
        assert (await charlie.post(f"{address}/{path}", data={"reason": "x"})).status_code == 404
        foreign = f"/projects/{other}/attendees/{number}/{path}"
        assert (await alice.post(foreign, data={"reason": "x"})).status_code == 404


async def test_a_ticket_is_cancelled_with_a_reason_and_only_once(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    async with stage.parts.database.connection() as connection:
        (number,) = await sell_to(connection, event_id, ["Ann"])
        (used,) = await sell_to(connection, event_id, ["Ben"], status="used")
    address = f"/projects/{event_id}/attendees/{number}"
    long = "x" * 501
    for reason in ("", "  ", long):
        answer = await alice.post(f"{address}/cancellation", data={"reason": reason})
        assert answer.status_code == 422
        assert 'id="reason-error"' in answer.text
    assert f'value="{long}"' in answer.text
    done = await alice.post(f"{address}/cancellation", data={"reason": "=Doubled <b>"})
    assert (done.status_code, done.headers["location"]) == (303, address)
    page = (await alice.get(address)).text
    assert re.search(r'<dd dir="auto">\s*=Doubled &lt;b&gt;\s*</dd>', page), "not behind a line of its own for the time"
    assert "Cancel this ticket" not in page
    assert "'=Doubled <b>" in (await alice.get(f"/projects/{event_id}/attendees.csv")).text
    late = await alice.post(f"/projects/{event_id}/attendees/{used}/cancellation", data={"reason": "too late"})
    assert late.status_code == 409
    assert "This ticket has been used" in late.text


async def test_held_tickets_are_confirmed_or_released_as_ticked(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    async with stage.parts.database.connection() as connection:
        first, second, third = await sell_to(connection, event_id, ["Ann", "Ben", "Cem"], status="held")
    address = f"/projects/{event_id}/held"
    nobody = await alice.post(address, data={"decision": "confirm"})
    assert nobody.status_code == 422
    assert "Tick at least one ticket" in nobody.text
    assert re.search(r'<details class="confirm"\s+data-menu>', nobody.text), "nobody asked to give places back"
    done = await alice.post(address, data={"decision": "confirm", "ticket_numbers": [first, second]})
    assert done.status_code == 303
    assert "2 payments are confirmed." in (await alice.get(address)).text
    again = await alice.post(address, data={"decision": "confirm", "ticket_numbers": first})
    assert again.status_code == 409
    mixed = await alice.post(address, data={"decision": "release", "ticket_numbers": [first, third], "reason": "x"})
    assert mixed.status_code == 303
    page = (await alice.get(address)).text
    assert re.search(r"toast bad.*1 ticket is released\. Ann \([A-Z0-9-]+\): This ticket", page, re.DOTALL), page
    assert "No payment to confirm" in page
    overview = (await alice.get(f"/projects/{event_id}")).text
    assert "of 100, 98 left" in overview


async def test_the_first_tickets_that_were_refused_are_named_and_the_others_counted(
    stage: Stage, alice: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice)
    async with stage.parts.database.connection() as connection:
        numbers = await sell_to(connection, event_id, ["Ann", "B" * 200, "Cem", "Dora"], status="held")
    address = f"/projects/{event_id}/held"
    await alice.post(address, data={"decision": "confirm", "ticket_numbers": numbers[:3]})
    mixed = await alice.post(address, data={"decision": "confirm", "ticket_numbers": [999_999_999, *numbers]})
    page = html.unescape((await alice.get(mixed.headers["location"])).text)
    said = re.search(r"1 payment is confirmed\.[^<]*", page)[0]  # type: ignore[index]
    assert re.fullmatch(
        r"1 payment is confirmed\. No\. 999999999: There is no such ticket for this event\. Ann \(\S+\): [^.]+\."
        r" B{60}… \(\S+\): [^.]+\. 1 more was refused\.",
        said.strip(),
    ), said


async def test_places_are_given_back_with_a_reason_and_what_was_ticked_is_kept(
    stage: Stage, alice: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice)
    async with stage.parts.database.connection() as connection:
        numbers = await sell_to(connection, event_id, [f"Guest {number}" for number in range(60)], status="held")
    address = f"/projects/{event_id}/held"
    more = re.search(rf'href="({address}\?cursor=[^"]+)"', (await alice.get(address)).text)
    assert more
    second_page = more.group(1)
    for reason, complaint in (("", "is required"), ("  ", "is required"), ("x" * 501, "must have 1 to 500 characters")):
        form = {"decision": "release", "ticket_numbers": numbers[55:57], "reason": reason}
        answer = await alice.post(second_page, data=form)
        assert answer.status_code == 422
        assert complaint in answer.text.split('id="reason-error"')[1][:400]
        assert re.search(r'id="reason" name="reason" aria-invalid="true" autofocus', answer.text)
        assert f'value="{reason}"' in answer.text
        assert re.search(r'<details class="confirm"\s+data-menu open>', answer.text)
        assert re.findall(r'id="ticket-(\d+)" checked', answer.text) == [str(number) for number in numbers[55:57]]
    done = await alice.post(second_page, data={**form, "reason": "Nothing arrived"})
    assert done.status_code == 303
    assert "2 tickets are released." in (await alice.get(address)).text


async def test_ticket_numbers_are_refused_as_the_api_refuses_them(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    async with stage.parts.database.connection() as connection:
        (held,) = await sell_to(connection, event_id, ["Ann"], status="held")
    address = f"/projects/{event_id}/held"
    for numbers in (["9" * 30], ["9223372036854775808"], [held, "x"], ["0"], ["-1"], list(range(1, 1002))):
        answer = await alice.post(address, data={"decision": "confirm", "ticket_numbers": numbers})
        assert answer.status_code == 422, numbers
        assert "must be 1 to 1,000 ticket numbers" in answer.text
    assert "Ann" in (await alice.get(address)).text


async def test_a_payment_that_arrives_late_is_confirmed_if_a_place_is_left(
    stage: Stage, alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice, capacity=2)
    async with stage.parts.database.connection() as connection:
        names = ["Ann", "Ben", "Old"]
        late, later, old = await sell_to(connection, event_id, names, status="lapsed")
        await connection.execute("UPDATE tickets SET held_until = now() - interval '29 days'")
        await connection.execute("UPDATE tickets SET held_until = now() - interval '31 days' WHERE id = $1", old)
    address = f"/projects/{event_id}/held"
    page = (await alice.get(address)).text
    assert "Not paid in time" in page
    assert re.findall(r'id="ticket-(\d+)"', page) == [str(later), str(late)]
    done = await alice.post(address, data={"decision": "confirm", "ticket_numbers": late})
    assert done.status_code == 303
    assert "1 payment is confirmed." in (await alice.get(address)).text
    assert (await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")).status_code == 201
    full = await alice.post(address, data={"decision": "confirm", "ticket_numbers": later})
    assert full.status_code == 409
    assert "its place is sold, or kept for the waiting list" in full.text
    assert f'id="ticket-{later}" checked' in full.text


async def test_a_late_payment_is_not_confirmed_while_what_ended_with_it_is_being_written(
    stage: Stage, alice: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offers, "AT_ONCE", 1)
    monkeypatch.setattr(offers, "MOST_PARTS", 1)
    event_id = await stored_event(alice, capacity=9)
    async with stage.parts.database.connection() as connection:
        *_, last = await sell_to(connection, event_id, [f"Guest {number}" for number in range(5)], status="held")
        await connection.execute("UPDATE tickets SET held_until = now() - interval '1 minute'")
        await connection.execute("UPDATE events SET due_at = now() WHERE id = $1", event_id)
    later = await alice.post(f"/projects/{event_id}/held", data={"decision": "confirm", "ticket_numbers": last})
    assert later.status_code == 503
    assert "who waits comes first" in later.text
    async with stage.parts.database.connection() as connection:
        assert await connection.fetchval("SELECT status FROM tickets WHERE id = $1", last) == "held"


async def test_late_payments_are_found_by_pages(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    async with stage.parts.database.connection() as connection:
        numbers = await sell_to(connection, event_id, [f"Guest {number}" for number in range(60)], status="lapsed")
        await connection.execute("UPDATE tickets SET held_until = now()")
    first = (await alice.get(f"/projects/{event_id}/held")).text
    more = re.search(r'href="([^"]+\?lapsed=[^"]+)"', first)
    assert more
    last = (await alice.get(more.group(1))).text
    seen = [int(number) for page in (first, last) for number in re.findall(r'id="ticket-(\d+)"', page)]
    assert seen == numbers[::-1]
    missed = await alice.post(more.group(1), data={"decision": "confirm"})
    assert f'id="ticket-{numbers[0]}"' in missed.text, "the same page again"


async def test_the_door_list_has_everybody_who_may_come_in_by_name(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, capacity=2000)
    names = [f"Guest {number:04}" for number in range(1100)]
    async with stage.parts.database.connection() as connection:
        await sell_to(connection, event_id, list(reversed(names)))
        await sell_to(connection, event_id, ["zoe <script>"], status="held")
        await sell_to(connection, event_id, ["Nobody"], status="cancelled")
    page = (await alice.get(f"/projects/{event_id}/door-list")).text
    found = re.findall(r'<th scope="row"><bdi>(.*?)</bdi></th>', page)
    assert found == [*names, "zoe &lt;script&gt;"]
    assert page.rstrip().endswith("</html>")
    assert page.count("To be paid") == 1
    assert re.search(r"printed [^.]*\d\d:\d\d Berlin time\.", page)
    assert "Nobody has a ticket" not in page
    empty = await alice.get(f"/projects/{await stored_event(alice)}/door-list")
    assert "Nobody has a ticket yet." in empty.text


async def test_filters_that_a_form_sends_empty_or_wrong_do_not_fail(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    async with stage.parts.database.connection() as connection:
        await sell_to(connection, event_id, [f"Guest {number}" for number in range(60)])
    for query in ("q=&status=&type=", "status=lost&type=x", f"type={'9' * 30}"):
        page = (await alice.get(f"/projects/{event_id}/attendees?{query}")).text
        assert page.count('<tr id="ticket-') == 50, query
    more = re.search(r'href="(/projects/\d+/attendees\?[^"]*cursor=[^"]+)"', page)
    assert more
    last = (await alice.get(more.group(1).replace("&amp;", "&"))).text
    assert last.count('<tr id="ticket-') == 10
    assert "Nobody like that" in (await alice.get(f"/projects/{event_id}/attendees?q=zzz")).text
    assert (await alice.get(f"/projects/{event_id}/attendees?cursor=!")).status_code == 422


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["whole", "while one types"])
async def test_what_a_filter_finds_is_what_its_page_exports(
    stage: Stage, alice: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    event_id = await stored_event(alice)
    async with stage.parts.database.connection() as connection:
        await sell_to(connection, event_id, ["Ann & Ben", "Cem"])
        await sell_to(connection, event_id, ["Ann"], status="held")
    query = {"q": "ann &", "status": "sold"}
    page = (await alice.get(f"/projects/{event_id}/attendees", params=query, headers=headers)).text
    (swapped,) = re.findall(r'hx-select-oob="([^"]+)"', page)
    link = re.search(r'id="(\w+)"\s+href="([^"]+/attendees\.csv[^"]*)"', page)
    assert link
    assert f"#{link[1]}" in swapped.split(","), "what stands outside of the list comes along with it"
    exported = (await alice.get(html.unescape(link[2]))).text
    assert exported.count("@") == 1
    assert "Ann & Ben" in exported


async def test_of_words_that_many_have_the_newest_of_this_event_are_found(
    stage: Stage, alice: httpx.AsyncClient
) -> None:
    event_id, other = [await stored_event(alice, capacity=2 * FEW_PEOPLE) for _ in range(2)]
    async with stage.parts.database.connection() as connection:
        numbers = await sell_to(connection, event_id, [f"Visitor {number}" for number in range(FEW_PEOPLE + 1)])
        only = await sell_to(connection, other, ["Visitor of the other", "Ada"])
    first = (await alice.get(f"/projects/{event_id}/attendees?q=visi")).text
    assert re.findall(r'<tr id="ticket-(\d+)', first) == [str(number) for number in numbers[:-51:-1]]
    page = (await alice.get(f"/projects/{other}/attendees?q=visi")).text
    assert re.findall(r'<tr id="ticket-(\d+)', page) == [str(only[0])]


async def test_people_are_looked_up_by_words_in_their_index(stage: Stage) -> None:
    async with stage.parts.database.connection() as connection:
        plan = await connection.fetch("EXPLAIN SELECT id FROM users WHERE words @@ words_beginning('ann')")
    assert "users_words" in "\n".join(row[0] for row in plan)


async def test_of_a_cancelled_event_nothing_is_said_to_be_left(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    async with stage.parts.database.connection() as connection:
        await sell_to(connection, event_id, ["Ann"])
    page = f"/projects/{event_id}/attendees"
    assert "1 sold, 0 held" in (await alice.get(page)).text
    assert " sold, " not in (await alice.get(f"{page}?q=ann")).text, "the figures are those of everybody"
    await alice.post(f"/api/v1/event/{event_id}/cancellation", json={"reason": "storm"})
    for headers in ({}, HTMX):
        text = (await alice.get(page, headers=headers)).text
        assert "the event is cancelled" in text
        assert " sold, " not in text


async def test_nobody_is_written_to_whose_account_is_deleted(
    stage: Stage, alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice)
    number = (await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")).json()["ticket_number"]
    page = f"/projects/{event_id}/attendees/{number}"
    assert "mailto:" in (await alice.get(page)).text
    gone = await bob.post("/account/deletion", data={"current_password": PASSWORD})
    assert gone.headers["clear-site-data"] == '"cache"'
    assert gone.status_code == 303, gone.text
    text = (await alice.get(page)).text
    assert "mailto:" not in text
    assert "the account is deleted" in text


async def test_a_ticket_is_found_by_the_number_on_it(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id, other = await stored_event(alice), await stored_event(alice)
    async with stage.parts.database.connection() as connection:
        ann, *_ = await sell_to(connection, event_id, ["Ann", "Ben", "Dee"])
        (elsewhere,) = await sell_to(connection, other, [f"Guest {ann}"])
    for q in (f"{ann}", f"No. {ann}", f"no {ann}"):
        page = (await alice.get(f"/projects/{event_id}/attendees", params={"q": q})).text
        assert re.findall(r'<tr id="ticket-(\d+)', page) == [str(ann)], q
    page = (await alice.get(f"/projects/{event_id}/attendees", params={"q": f"{elsewhere}"})).text
    assert f'id="ticket-{elsewhere}"' not in page, "one of another event"
    page = (await alice.get(f"/projects/{other}/attendees", params={"q": f"{ann}"})).text
    assert f'id="ticket-{elsewhere}"' in page, "a name with that number"


async def test_a_payment_is_confirmed_where_its_ticket_was_found(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    async with stage.parts.database.connection() as connection:
        (number,) = await sell_to(connection, event_id, ["Hal"], status="held")
    address = f"/projects/{event_id}/attendees/{number}"
    page = (await alice.get(address)).text
    assert "Confirm the payment" in page
    action, name, value = re.findall(
        r'action="([^"]+/held)">\s*<input type="hidden"\s+name="(\w+)"\s+value="(\d+)"', page
    )[0]
    done = await alice.post(action, data={name: value, "decision": "confirm"})
    assert "1 payment is confirmed." in (await alice.get(done.headers["location"])).text
    assert "Confirm the payment" not in (await alice.get(address)).text
    async with stage.parts.database.connection() as connection:
        (late,) = await sell_to(connection, event_id, ["Ida"], status="held")
        await connection.execute("UPDATE tickets SET status = 'lapsed' WHERE id = $1", late)
        await connection.execute("UPDATE events SET held = 0")
        await connection.execute("UPDATE ticket_types SET held = 0")
    address = f"/projects/{event_id}/attendees/{late}"
    assert "Confirm the late payment" in (await alice.get(address)).text
    await alice.post(f"/api/v1/event/{event_id}/cancellation", json={"reason": "storm"})
    assert "Confirm the late payment" not in (await alice.get(address)).text
