"""My tickets, the page of one, and my places on waiting lists."""

import datetime as dt
import re
from html import unescape
from typing import Any

import httpx
import pytest

from app.domain.waiting_list_log import REASONS, WHYS
from app.portal.environment import environment
from tests.cast import Stage, stored_event
from tests.waiting import eventually

OVER = {"start_time": "2020-06-22T19:00:00Z", "end_time": "2020-06-22T20:00:00Z"}
HX = {"HX-Request": "true"}
RETURNABLE = {"returns_until": "2099-01-01T00:00:00Z"}


async def bought(person: httpx.AsyncClient, event_id: int) -> int:
    answer = await person.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    assert answer.status_code == 201, answer.text
    number: int = answer.json()["ticket_number"]
    return number


async def over(stage: Stage, event_id: int) -> None:
    async with stage.parts.database.connection() as connection:
        await connection.execute(
            "UPDATE events SET start_time = '2020-06-22T19:00Z', end_time = '2020-06-22T20:00Z' WHERE id = $1", event_id
        )


async def offered(alice: httpx.AsyncClient, bob: httpx.AsyncClient, **event: Any) -> int:
    """An entry of Bob's with an open offer."""
    event_id = await stored_event(alice, title="Small Room", capacity=1, **RETURNABLE, **event)
    number = await bought(alice, event_id)
    joined = await bob.post("/api/v1/attendee/join-waiting-list", json={"event_id": event_id})
    await alice.post(f"/api/v1/tickets/{number}/cancellation", json={})
    waitlist_id: int = joined.json()["waitlist_id"]

    async def has_offer() -> bool:
        return "Offered to you" in (await bob.get("/tickets")).text

    await eventually(has_offer)
    return waitlist_id


def key_in(page: str) -> str:
    found = re.search(r'name="key"\s+value="([^"]+)"', page)
    assert found, page
    return found.group(1)


async def test_what_comes_stands_first_by_when_it_is_and_what_is_over_below(
    stage: Stage, alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    later = await stored_event(alice, title="Later", start_time="2032-01-01T18:00Z", end_time="2032-01-02T02:00Z")
    sooner = await stored_event(alice, title="Sooner", start_time="2031-01-01T18:00Z", end_time="2031-01-02T02:00Z")
    gone = await stored_event(alice, title="Long over")
    for event_id in (later, gone, sooner):
        await bought(bob, event_id)
    await over(stage, gone)
    page = (await bob.get("/tickets")).text
    assert page.index("Sooner") < page.index("Later") < page.index("Past and cancelled") < page.index("Long over")
    assert "Long over" in (await bob.get("/tickets/past")).text
    assert "Sooner" not in (await bob.get("/tickets/past")).text


async def test_pages_of_tickets_show_each_once(stage: Stage, alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    for number in range(30):
        await bought(bob, await stored_event(alice, title=f"Night {number} of them"))
    for first, rule in (
        ("/tickets", ""),
        ("/tickets/past", "UPDATE events SET end_time = start_time, status = 'cancelled'"),
    ):
        if rule:
            async with stage.parts.database.connection() as connection:
                await connection.execute(rule)
        seen: list[str] = []
        address = first
        while address:
            page = (await bob.get(address)).text
            seen += re.findall(r">\s*(Night \d+) of them", page)
            more = re.search(rf'href="({first}\?cursor=[^"]+)"\s+rel="next"', page)
            address = more.group(1) if more else ""
        assert sorted(seen) == sorted(f"Night {number}" for number in range(30))


async def test_the_page_of_a_ticket_has_its_code_and_its_files(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    number = await bought(bob, await stored_event(alice, title="<script>alert(1)</script>"))
    page = (await bob.get(f"/tickets/{number}")).text
    assert "<svg" in page.split('class="qr"')[1][:200]
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    for name in ("ticket.pdf", "event.ics"):
        assert f'href="/tickets/{number}/{name}"' in page
    assert "Give it back" not in page, "the organizer takes nothing back"


async def test_bob_gives_his_ticket_back_once(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    number = await bought(bob, await stored_event(alice, **RETURNABLE))
    key = key_in((await bob.get(f"/tickets/{number}")).text)
    for _ in range(2):
        answer = await bob.post(f"/tickets/{number}/cancellation", data={"key": key})
        assert (answer.status_code, answer.headers["location"]) == (303, "/tickets")
    page = (await bob.get(f"/tickets/{number}")).text
    assert "You gave this ticket back." in page
    assert "Given back" in (await bob.get("/tickets/past")).text
    assert 'class="qr"' not in page
    assert "Add to calendar" not in page


async def test_whose_words_the_reason_of_a_cancelled_ticket_is_in_is_said(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice)
    number = (await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")).json()["ticket_number"]
    await alice.post(f"/api/v1/tickets/{number}/cancellation", json={"reason": "Storm <b>"})
    page = (await bob.get(f"/tickets/{number}")).text
    assert "The organizer says why: <bdi>Storm &lt;b&gt;</bdi>" in page


async def test_too_late_to_give_back_is_said_on_the_ticket(
    stage: Stage, alice: httpx.AsyncClient, bob: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice, **RETURNABLE)
    number = await bought(bob, event_id)
    async with stage.parts.database.connection() as connection:
        await connection.execute("UPDATE events SET returns_until = now()")
    answer = await bob.post(f"/tickets/{number}/cancellation", data={"key": "k"})
    assert answer.status_code == 409
    assert "cannot be returned any more" in answer.text
    assert "It could be given back until" in (await bob.get(f"/tickets/{number}")).text
    assert (await charlie.post(f"/tickets/{number}/cancellation", data={"key": "k"})).status_code == 404


async def test_until_when_is_never_after_the_end(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    number = await bought(bob, await stored_event(alice, **RETURNABLE))
    page = (await bob.get(f"/tickets/{number}")).text
    assert "Possible until" in page
    assert "2099" not in page


async def test_a_ticket_that_cannot_be_given_back_says_so(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    number = await bought(bob, await stored_event(alice))
    assert "Tickets cannot be given back." in (await bob.get(f"/tickets/{number}")).text


async def test_a_held_ticket_says_until_when_to_pay(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    """On the clock of the place, and which that is."""
    number = await bought(bob, await stored_event(alice, payment="organizer_confirms", timezone="Asia/Tokyo"))
    page = (await bob.get(f"/tickets/{number}")).text
    assert "not paid yet" in page
    assert 'class="qr"' not in page
    for shown in (page, mine := (await bob.get("/tickets")).text):
        assert re.search(r'Pay until <time[^>]*>[^<]* <span class="quiet">Tokyo time</span></time>', shown)
    assert "Reserved" in mine


async def test_bob_takes_what_he_is_offered_and_pressing_twice_is_one_ticket(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    waitlist_id = await offered(alice, bob)
    key = key_in((await bob.get("/tickets")).text)
    answers = [await bob.post(f"/waiting-list-entries/{waitlist_id}/acceptance", data={"key": key}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[0].headers["location"] == answers[1].headers["location"]
    assert "Small Room" in (await bob.get(answers[0].headers["location"])).text
    taken = (await bob.get(f"/waiting-list-entries/{waitlist_id}")).text
    assert re.search(r'You took the offer.*href="/tickets">.*To your tickets', taken, re.DOTALL)


async def test_pages_that_wait_for_an_offer_come_anew_when_there_is_one(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice, capacity=1)
    ticket = (await charlie.post(f"/api/v1/attendee/buy-ticket/{event_id}")).json()["ticket_number"]
    joined = await bob.post("/api/v1/attendee/join-waiting-list", json={"event_id": event_id})
    pages = ("/tickets", f"/waiting-list-entries/{joined.json()['waitlist_id']}")
    addresses = []
    for path in pages:
        found = re.search(r'id="mine"\s+hx-get="([^"]+)"', (await bob.get(path)).text)
        assert found, path
        addresses.append(unescape(found[1]))
        assert (await bob.get(addresses[-1], headers=HX)).status_code == 204
        assert (await bob.get(addresses[-1])).status_code == 200, "who signs in again gets there by a link"
    await alice.post(f"/api/v1/tickets/{ticket}/cancellation", json={"reason": "ill"})
    for address in addresses:
        assert "A place is offered to you." in (await bob.get(address, headers=HX)).text
    await bob.post(f"/api/v1/waiting-list-entries/{joined.json()['waitlist_id']}/refusal")
    assert 'id="mine"' in (over := (await bob.get(pages[1])).text)
    assert "hx-get" not in over.split('id="mine"')[1]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"payment": "organizer_confirms"}, "Do not pay for it any more."),
        ({"price": "0"}, "It stops being valid at once, and the place goes to somebody else."),
        ({}, "The organizer settles what you paid."),
    ],
)
async def test_what_giving_back_means_is_said_as_it_is(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, changes: dict[str, str], told: str
) -> None:
    number = await bought(bob, await stored_event(alice, **(RETURNABLE | changes)))
    page = (await bob.get(f"/tickets/{number}")).text
    assert told in page
    assert ("The organizer settles what you paid." in page) == (not changes)


async def test_an_offer_of_several_says_what_they_cost_together_and_all_are_shown(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    kinds = [{"name": "Weekend", "price": "20", "per_attendee_limit": 2}]
    event_id = await stored_event(alice, capacity=2, ticket_types=kinds)
    sold = (await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}", json={"quantity": 2})).json()
    await bob.post("/api/v1/attendee/join-waiting-list", json={"event_id": event_id, "quantity": 2})
    for ticket in sold["tickets"]:
        await alice.post(f"/api/v1/tickets/{ticket['ticket_number']}/cancellation", json={"reason": "x"})
    page = (await bob.get("/tickets")).text
    assert "€20.00 each, €40.00 together" in page
    assert "Give this offer up?" in page
    (waitlist_id,) = re.findall(r"/waiting-list-entries/(\d+)/acceptance", page)
    taken = await bob.post(f"/waiting-list-entries/{waitlist_id}/acceptance", data={"key": "k"})
    assert (taken.status_code, taken.headers["location"]) == (303, "/tickets")
    assert "You have 2 tickets." in (await bob.get("/tickets")).text


async def test_an_offer_is_taken_at_the_price_that_the_page_said(
    stage: Stage, alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    waitlist_id = await offered(alice, bob)
    page = (await bob.get("/tickets")).text
    form = {name: re.findall(rf'name="{name}" value="([^"]+)"', page)[0] for name in ("key", "price", "currency")}
    async with stage.parts.database.connection() as connection:
        await connection.execute("UPDATE ticket_types SET price = price + 1")
    late = await bob.post(f"/waiting-list-entries/{waitlist_id}/acceptance", data=form)
    assert late.status_code == 409
    assert "The price has changed meanwhile." in late.text
    async with stage.parts.database.connection() as connection:
        await connection.execute("UPDATE ticket_types SET price = price - 1")
    other = await bob.post(f"/waiting-list-entries/{waitlist_id}/acceptance", data=form | {"currency": "HUF"})
    assert other.status_code == 409
    odd = await bob.post(f"/waiting-list-entries/{waitlist_id}/acceptance", data={"key": "k", "price": "cheap"})
    assert odd.status_code == 422
    taken = await bob.post(f"/waiting-list-entries/{waitlist_id}/acceptance", data=form | {"key": "again"})
    assert taken.status_code == 303


async def test_an_offer_says_when_there_is_less_time_to_pay_than_usual(
    stage: Stage, alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    waitlist_id = await offered(alice, bob, payment="organizer_confirms", hold_hours=48)
    path = f"/waiting-list-entries/{waitlist_id}"
    assert "only until its sale ends" not in (await bob.get(path)).text
    async with stage.parts.database.connection() as connection:
        await connection.execute("UPDATE ticket_types SET sale_closes_at = now() + interval '30 hours'")
    assert "only until its sale ends: <time" in (await bob.get(path)).text
    offer = (await bob.get(f"/api/v1{path}")).json()["offer"]
    taken = await bob.post(f"{path}/acceptance", data={"key": "k"}, follow_redirects=True)
    assert taken.status_code == 200
    (ticket,) = (await bob.get("/api/v1/tickets")).json()["items"]
    assert ticket["held_until"] == offer["sale_closes_at"]


async def test_bob_lets_the_next_one_have_it_and_later_is_told_that_it_is_gone(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    waitlist_id = await offered(alice, bob)
    answer = await bob.post(f"/waiting-list-entries/{waitlist_id}/refusal")
    assert (answer.status_code, answer.headers["location"]) == (303, "/tickets")
    assert "Offered to you" not in (await bob.get("/tickets")).text
    late = await bob.post(f"/waiting-list-entries/{waitlist_id}/acceptance", data={"key": "k"})
    assert late.status_code == 409
    assert "You declined the offer" in late.text


async def test_an_offer_that_ran_out_is_over_before_the_clock_has_written_it(
    stage: Stage, alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    waitlist_id = await offered(alice, bob)
    async with stage.parts.database.connection() as connection:
        event_id = await connection.fetchval(
            "UPDATE waiting_list SET offer_until = now() - interval '1 second' RETURNING event_id"
        )
    mine = await bob.get("/tickets")
    assert mine.status_code == 200
    assert "Offered to you" not in mine.text
    assert "Offer expired" in mine.text
    event = await bob.get(f"/events/{event_id}")
    assert event.status_code == 200
    assert "Answer the offer" not in event.text
    entries = "/api/v1/waiting-list-entries"
    assert (await bob.get(entries, params={"open_only": True})).json()["items"] == []
    assert [one["waitlist_id"] for one in (await bob.get(entries)).json()["items"]] == [waitlist_id]


async def test_an_offer_that_is_taken_but_has_to_be_paid_is_only_held(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    event = {"payment": "organizer_confirms"}
    waitlist_id = await offered(alice, bob, **event)
    taken = await bob.post(f"/waiting-list-entries/{waitlist_id}/acceptance", data={"key": "k"})
    page = (await bob.get(taken.headers["location"])).text
    assert "A place is held for you." in page
    assert "It is yours" not in page


async def test_why_it_ended_is_found_under_the_past(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    waitlist_id = await offered(alice, bob)
    link = f'href="/waiting-list-entries/{waitlist_id}"'
    assert link not in (await bob.get("/tickets/past")).text
    await bob.post(f"/waiting-list-entries/{waitlist_id}/refusal")
    for address in ("/tickets", "/tickets/past", "/waiting-list-entries/past"):
        page = (await bob.get(address)).text
        assert link in page, address
        assert "Offer declined" in page
        assert link not in (await charlie.get(address)).text
    assert "The offer was declined" in (await bob.get(f"/waiting-list-entries/{waitlist_id}")).text


async def test_all_that_somebody_ever_waited_for_is_found_by_pages(
    stage: Stage, alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice)
    async with stage.parts.database.connection() as connection:
        await connection.execute(
            """INSERT INTO waiting_list (event_id, attendee_id, status, ended_at)
               SELECT $1, $2, (ARRAY['served', 'left', 'declined', 'expired', 'closed'])[1 + n % 5], now()
               FROM generate_series(1, 60) AS n""",
            event_id,
            bob.user_id,  # type: ignore[attr-defined]
        )
    assert 'href="/tickets/past"' in (await bob.get("/tickets")).text
    assert 'href="/waiting-list-entries/past"' in (await bob.get("/tickets/past")).text
    seen: list[str] = []
    address = "/waiting-list-entries/past"
    while address:
        page = (await bob.get(address)).text
        assert re.search(r'href="/tickets" aria-current="page"', page)
        seen += re.findall(r'href="/waiting-list-entries/(\d+)"', page)
        more = re.search(r'href="(/waiting-list-entries/past\?cursor=[^"]+)"\s+rel="next"', page)
        address = more.group(1) if more else ""
    assert len(seen) == len(set(seen)) == 60


async def test_an_offer_is_told_by_name_and_with_the_time_of_the_place(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    waitlist_id = await offered(alice, bob)
    own = (await bob.get(f"/waiting-list-entries/{waitlist_id}")).text
    event_id = re.search(r'href="/events/(\d+)"', own)[1]  # type: ignore[index]
    log = (await alice.get(f"/projects/{event_id}/waiting-list/log")).text
    assert "<bdi>Bob</bdi>" in log
    for page in (own, log):
        assert re.search(r"Offered 1 × <bdi>General admission</bdi> until \w{3} \d+ \w+ \d{4}, \d\d:\d\d\.", page), page


DETAILS = {"quantity": 2, "times": 1, "of": 3, "left": 1, "kept": 1, "ticket_type": "<Day>"}
WHY = environment().get_template("waiting_list/_why.html")


@pytest.mark.parametrize("what", sorted(set(WHYS) - {"offered", "shortened", "closed"}))
def test_pages_say_the_same_as_the_api(what: str) -> None:
    assert said({"what": what, "detail": DETAILS}) == WHYS[what].format_map({**DETAILS, "reason": ""}).strip()


@pytest.mark.parametrize("reason", REASONS)
def test_pages_say_why_an_entry_ended(reason: str) -> None:
    ended, skipped = (said({"what": what, "detail": {**DETAILS, "reason": reason}}) for what in ("closed", "skipped"))
    assert ended == REASONS[reason].format_map(DETAILS)
    assert skipped == f"<Day> was free, and was not offered. {ended}"


def said(line: dict[str, object]) -> str:
    return " ".join(unescape(re.sub("</?bdi>", "", WHY.render(line=line, timezone="Europe/Berlin"))).split())


async def test_who_waits_sees_the_position_and_why_and_leaves(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice, title="Small Room", capacity=1)
    await bought(alice, event_id)
    joined = await bob.post("/api/v1/attendee/join-waiting-list", json={"event_id": event_id})
    address = f"/waiting-list-entries/{joined.json()['waitlist_id']}"
    assert "You are number 1" in (await bob.get("/tickets")).text
    page = (await bob.get(address)).text
    assert "You are number 1 on the waiting list" in page
    assert "Joined the list for 1" in page
    assert (await charlie.get(address)).status_code == 404
    assert (await charlie.post(f"{address}/departure")).status_code == 404
    assert (await bob.post(f"{address}/departure")).status_code == 303
    assert "You are number" not in (await bob.get("/tickets")).text
    assert "You left this list" in (await bob.get(address)).text


async def test_who_waited_for_a_cancelled_event_reads_why_it_is_cancelled(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice, capacity=1)
    await bought(alice, event_id)
    joined = await bob.post("/api/v1/attendee/join-waiting-list", json={"event_id": event_id})
    await alice.post(f"/api/v1/event/{event_id}/cancellation", json={"reason": "Storm <b>ahead</b>"})
    address = f"/waiting-list-entries/{joined.json()['waitlist_id']}"

    async def closed() -> bool:
        return "Your waiting has ended." in (await bob.get(address)).text

    await eventually(closed)
    page = (await bob.get(address)).text
    assert "The organizer says why: <bdi>Storm &lt;b&gt;ahead&lt;/b&gt;</bdi>" in page


@pytest.mark.parametrize(
    ("payment", "price", "told"),
    [("organizer_confirms", "49.90", True), ("organizer_confirms", "0", False), ("instant", "49.90", False)],
)
async def test_an_offer_says_before_it_is_taken_that_it_has_to_be_paid(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, payment: str, price: str, told: bool
) -> None:
    waitlist_id = await offered(alice, bob, payment=payment, price=price, hold_hours=30)
    words = (
        "When you take it, you pay <bdi>Alice e.V.</bdi> yourself, by bank transfer or cash. "
        "Until then it is held for you, for 1 day 6 hours at most."
    )
    for address in ("/tickets", f"/waiting-list-entries/{waitlist_id}"):
        assert (words in (await bob.get(address)).text) == told
    offer = (await bob.get(f"/api/v1/waiting-list-entries/{waitlist_id}")).json()["offer"]
    assert offer["hold_hours"] == (30 if told else None)


@pytest.mark.parametrize("answer", ["acceptance", "refusal", "departure"])
async def test_who_cannot_be_answered_at_this_moment_keeps_the_page_of_the_offer(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    address = f"/waiting-list-entries/{await offered(alice, bob)}"
    key = key_in((await bob.get(address)).text)
    monkeypatch.setattr("app.turns.MOST", 0)
    busy = await bob.post(f"{address}/{answer}", data={"key": key})
    assert busy.status_code == 503
    assert "Too many requests wait for the same thing." in busy.text
    assert "An offer for you" in busy.text
    monkeypatch.undo()
    then = await bob.post(f"{address}/{answer}", data={"key": key})
    assert then.status_code == (409 if answer == "departure" else 303), "who has an offer answers that"


async def test_an_offer_of_another_type_is_not_taken_unseen(alice: httpx.AsyncClient, stage: Stage) -> None:
    kinds = [{"name": name, "price": "10", "places": 1} for name in ("Saturday", "Sunday")]
    event_id = await stored_event(alice, capacity=2, ticket_types=kinds)
    saturday, sunday = (await alice.get(f"/api/v1/event/{event_id}/ticket-types")).json()["items"]
    cat, bob = await stage.person("Cat"), await stage.person("Bo")
    numbers = []
    for one in (saturday, sunday):
        wanted = {"ticket_type_id": one["ticket_type_id"]}
        bought_one = await cat.post(f"/api/v1/attendee/buy-ticket/{event_id}", json=wanted)
        numbers.append(bought_one.json()["ticket_number"])
    joined = await bob.post("/api/v1/attendee/join-waiting-list", json={"event_id": event_id})
    path = f"/waiting-list-entries/{joined.json()['waitlist_id']}"
    for number in numbers:
        await alice.post(f"/api/v1/tickets/{number}/cancellation", json={"reason": "ill"})
    page = (await bob.get(path)).text
    assert "<bdi>Saturday</bdi>" in page
    seen = unescape(re.search(r'id="mine"\s+hx-get="([^"]+)"', page)[1])  # type: ignore[index]
    address = f"/api/v1/ticket-types/{saturday['ticket_type_id']}?ends_waiting=true"
    assert (await alice.delete(address, headers={"If-Match": "*"})).status_code == 204
    form = {"key": key_in(page), "ticket_type_id": saturday["ticket_type_id"], "price": "10.00"}
    for action in ("acceptance", "refusal"):
        refused = await bob.post(f"{path}/{action}", data=form)
        assert refused.status_code == 409
        assert "Something else is offered to you now. Please look again." in refused.text
        assert "<bdi>Sunday</bdi>" in refused.text
        over_the_api = await bob.post(f"/api/v1{path}/{action}", json={"ticket_type_id": saturday["ticket_type_id"]})
        assert over_the_api.json()["type"].endswith(":offer-changed")
    assert "<bdi>Sunday</bdi>" in (await bob.get(seen, headers=HX)).text, "the page that looks again shows it"
    theirs = await bob.post(f"/api/v1{path}/refusal", json={"user_id": 1})
    assert theirs.status_code == 403
    odd = await bob.post(f"{path}/refusal", data={"ticket_type_id": "x"})
    assert odd.status_code == 422
    taken = await bob.post(f"{path}/acceptance", data=form | {"ticket_type_id": sunday["ticket_type_id"], "key": "k2"})
    assert taken.status_code == 303


async def test_an_offer_that_is_cut_short_changes_the_pages_that_show_it(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    waitlist_id = await offered(alice, bob)
    path = f"/waiting-list-entries/{waitlist_id}"
    page = (await bob.get(path)).text
    address = unescape(re.search(r'id="mine"\s+hx-get="([^"]+)"', page)[1])  # type: ignore[index]
    event_id = (await bob.get(f"/api/v1{path}")).json()["event_id"]
    shop = (await bob.get(f"/events/{event_id}")).text
    looks = unescape(re.search(r'hx-get="([^"]+)" hx-trigger="every', shop)[1])  # type: ignore[index]
    (kind,) = (await alice.get(f"/api/v1/event/{event_id}/ticket-types")).json()["items"]
    soon = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)).isoformat()
    changed = {"name": kind["name"], "price": kind["price"], "places": kind["places"], "sale_closes_at": soon}
    answer = await alice.put(f"/api/v1/ticket-types/{kind['ticket_type_id']}", json=changed, headers={"If-Match": "*"})
    assert answer.status_code == 200, answer.text
    for one in (address, looks):
        again = await bob.get(one, headers=HX)
        assert again.status_code == 200
        assert re.search(r"data-countdown>(59 minutes|1 hour)", again.text), again.text


async def test_who_leaves_a_list_does_not_give_up_an_offer_unseen(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    waitlist_id = await offered(alice, bob)  # while the page still said where they stood
    refused = await bob.post(f"/waiting-list-entries/{waitlist_id}/departure")
    assert refused.status_code == 409
    assert "A place is offered to you by now: take it, or let the next one have it." in refused.text
    assert "Take it" in refused.text
    assert (await bob.delete(f"/api/v1/waiting-list-entries/{waitlist_id}")).status_code == 204


async def test_a_position_that_is_near_moves_on_a_page_that_looks_again(
    stage: Stage, alice: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice, capacity=1)
    await charlie.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    people = [await stage.person(name) for name in ("Dan", "Eve")]
    entries = [
        (await one.post("/api/v1/attendee/join-waiting-list", json={"event_id": event_id})).json()["waitlist_id"]
        for one in people
    ]
    page = (await people[1].get(f"/waiting-list-entries/{entries[1]}")).text
    seen = unescape(re.search(r'id="mine"\s+hx-get="([^"]+)"', page)[1])  # type: ignore[index]
    assert (await people[1].get(seen, headers=HX)).status_code == 204
    await people[0].post(f"/waiting-list-entries/{entries[0]}/departure")
    assert "You are number 1 on the waiting list." in (await people[1].get(seen, headers=HX)).text
