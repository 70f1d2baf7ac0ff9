"""The pages of an organizer who runs an event: what they show, and to whom."""

import datetime as dt
import re

import httpx
import pytest

from app.domain.reconcile import sales_drifts
from app.portal.charts import HEIGHT, WIDTH, bars
from tests.cast import Stage, stored_event
from tests.guests import sell_to
from tests.waiting import eventually

PAGES = (
    "", "/attendees", "/attendees.csv", "/door-list", "/held", "/waiting-list", "/waiting-list/log", "/copy",
    "/copy?start_time=2032-07-02T18:00", "/cancellation",
)  # fmt: skip


async def test_every_page_opens_for_its_organizer_and_nobody_else(
    stage: Stage, alice: httpx.AsyncClient, bob: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice)
    async with stage.parts.database.connection() as connection:
        (number, *_) = await sell_to(connection, event_id, ["Ann", "Ben"])
        await sell_to(connection, event_id, ["Hal"], status="held")
    for page in (*PAGES, f"/attendees/{number}"):
        answer = await alice.get(f"/projects/{event_id}{page}")
        assert answer.status_code == 200, (page, answer.text)
        assert (await charlie.get(f"/projects/{event_id}{page}")).status_code == 404, page
        assert (await bob.get(f"/projects/{event_id}{page}")).status_code == 403, page
    assert (await alice.get("/dashboard")).status_code == 200


async def html(client: httpx.AsyncClient, address: str) -> str:
    answer = await client.get(address)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_the_overview_says_what_is_sold_and_draws_it_with_a_table(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    assert "Nothing sold yet" in await html(alice, f"/projects/{event_id}")
    async with stage.parts.database.connection() as connection:
        await sell_to(connection, event_id, ["Ann", "Ben"])
        await sell_to(connection, event_id, ["Hal"], status="held")
    page = await html(alice, f"/projects/{event_id}")
    assert "of 100, 1 held or offered, 97 left" in page
    assert "€99.80" in page
    assert page.count('<rect class="bar"') == 2  # one day, one ticket type
    assert re.findall(r'<rect class="bar"[^>]* height="([\d.]+)"', page) == ["160.0", "8"], (
        "the best day fills the chart"
    )
    assert re.findall(r'<rect class="bar" width="([\d.]+)" height="8"', page) == ["4.0"], "2 of 100, of 200"
    assert re.search(r'<th scope="row">[^<]*\d{4}</th>\s*<td class="number">2</td>', page)
    below = page.partition("<figcaption")[2].partition("</figcaption>")[0]
    assert len(re.findall(r"\w{3} \d+ \w{3} \d{4}", below)) == 1, "one day is said once"
    assert "1 ticket waits for your confirmation" in page


@pytest.mark.parametrize(
    ("last", "rows"),
    [
        ("2031-01-12", [("Fri 10 Jan 2031", 1), ("Sat 11 Jan 2031", 0), ("Sun 12 Jan 2031", 2)]),
        ("2031-03-12", [("Fri 10 Jan 2031 – Sat 11 Jan 2031", 1), ("Tue 11 Mar 2031 – Wed 12 Mar 2031", 2)]),
    ],
)
async def test_the_table_of_the_chart_has_each_day_with_its_sales(
    stage: Stage, alice: httpx.AsyncClient, last: str, rows: list[tuple[str, int]]
) -> None:
    event_id = await stored_event(alice, end_time="2035-01-01T00:00:00Z")
    async with stage.parts.database.connection() as connection:
        await sell_to(connection, event_id, ["Ann", "Ben", "Cat"])
        await connection.execute(
            """UPDATE tickets SET created_at = CASE WHEN id = (SELECT min(id) FROM tickets)
                                                    THEN timestamptz '2031-01-10 12:00Z' ELSE $1 END""",
            dt.datetime.fromisoformat(f"{last}T12:00Z"),
        )
    page = await html(alice, f"/projects/{event_id}")
    found = re.findall(r'<th scope="row">([^<]*\d{4})</th>\s*<td class="number">(\d+)</td>', page)
    assert [row for row in found if row[1] != "0" or len(found) == 3] == [(day, str(sold)) for day, sold in rows]


async def test_what_one_can_do_is_not_printed(alice: httpx.AsyncClient) -> None:
    page = await html(alice, f"/projects/{await stored_event(alice)}")
    assert '<section class="section no-print" aria-labelledby="more">' in page


async def test_an_event_is_published_and_taken_back_until_it_sells(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, status="draft")
    address = f"/projects/{event_id}"
    assert "Only you see this event" in await html(alice, address)
    for status, said in (
        ("published", "on the site now"),
        ("draft", "Only you see it now"),
        ("published", "on the site"),
    ):
        answer = await alice.post(f"{address}/publication", data={"status": status})
        assert (answer.status_code, answer.headers["location"]) == (303, address)
        assert said in await html(alice, address)
        assert (await alice.get(f"/api/v1/event/{event_id}")).json()["core_event_data"]["status"] == status
    await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    await alice.post(f"{address}/publication", data={"status": "draft"})
    assert "cannot become a draft again" in await html(alice, address)
    assert (await alice.post(f"{address}/publication", data={"status": "lost"})).status_code == 422


async def test_the_dashboard_shows_all_events_and_what_needs_attention(stage: Stage, alice: httpx.AsyncClient) -> None:
    assert "Your first festival" in await html(alice, "/dashboard")
    event_id = await stored_event(alice, title="<script>alert(1)</script> & more")
    await stored_event(alice, title="Long over", start_time="2020-06-22T19:00:00Z", end_time="2020-06-22T20:00:00Z")
    async with stage.parts.database.connection() as connection:
        await sell_to(connection, event_id, ["Ann", "Ben"])
        await sell_to(connection, event_id, ["<b>Hal</b>"])
        await sell_to(connection, event_id, ["Ida"], status="held")
    page = await html(alice, "/dashboard")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in page
    assert "&lt;b&gt;Hal&lt;/b&gt;" in page
    assert "Needs your attention" in page
    assert f'href="/projects/{event_id}/held"' in page
    assert "Long over" not in page
    assert "Long over" in await html(alice, "/dashboard?past=true")


async def test_times_of_other_places_are_told_with_their_zone(
    stage: Stage, alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice, timezone="Asia/Tokyo", capacity=2)
    async with stage.parts.database.connection() as connection:
        await sell_to(connection, event_id, ["Ann"])
        await sell_to(connection, event_id, ["Hal"], status="held")
    assert (await bob.post("/api/v1/attendee/join-waiting-list", json={"event_id": event_id})).status_code == 201
    assert re.search(r"Bought.*Tokyo time", await html(alice, "/dashboard"))
    for page in ("held", "waiting-list"):
        assert "All times: Tokyo time" in await html(alice, f"/projects/{event_id}/{page}"), page


async def test_places_of_drafts_and_cancelled_events_are_not_there_to_be_sold(alice: httpx.AsyncClient) -> None:
    await stored_event(alice, capacity=1_000)
    await stored_event(alice, capacity=20, status="draft")
    cancelled = await stored_event(alice, capacity=4_000)
    await alice.post(f"/api/v1/event/{cancelled}/cancellation", json={"reason": "storm"})
    assert "of 1,000 in published events" in await html(alice, "/dashboard")


async def test_a_cancelled_event_shows_its_settings_and_tickets_without_forms_that_could_only_fail(
    alice: httpx.AsyncClient,
) -> None:
    event_id = await stored_event(alice)
    settings, types = f"/projects/{event_id}/settings", f"/projects/{event_id}/ticket-types"
    before = await html(alice, settings)
    assert "> Save<" in re.sub(r"</svg>\s*", "> ", before)
    assert "disabled" not in before
    assert f'href="{types}/new"' in await html(alice, types)
    await alice.post(f"/api/v1/event/{event_id}/cancellation", json={"reason": "storm"})
    after = await html(alice, settings)
    assert "What stands here stays as it is." in after
    assert "> Save<" not in re.sub(r"</svg>\s*", "> ", after)
    assert after.count('<fieldset class="card form" disabled>') == 2
    listed = await html(alice, types)
    assert "What stands here stays as it is." in listed
    assert "General admission" in listed
    assert f'href="{types}/' not in listed


async def test_door_list_and_waiting_list_of_a_cancelled_event_promise_nobody_anything(
    alice: httpx.AsyncClient,
) -> None:
    event_id = await stored_event(alice)
    await alice.post(f"/api/v1/event/{event_id}/cancellation", json={"reason": "storm"})
    doors = await html(alice, f"/projects/{event_id}/door-list")
    assert "The event is cancelled: nobody has a ticket any more." in doors
    assert "Nobody has a ticket yet" not in doors
    waiting = await html(alice, f"/projects/{event_id}/waiting-list")
    assert "The event is cancelled, and its waiting list is closed." in waiting
    assert "When an event is sold out" not in waiting


async def test_typing_the_title_cancels_the_event_and_shows_how_far_it_is(
    stage: Stage, alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice, title="Gone with the wind")
    await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    address = f"/projects/{event_id}/cancellation"
    form = {"reason": "A storm is coming", "typed": "Gone with the", "key": "k"}
    for bad, field in ((form, "typed"), ({**form, "typed": "Gone with the wind", "reason": " "}, "reason")):
        answer = await alice.post(address, data=bad)
        assert answer.status_code == 422
        assert f'id="{field}-error"' in answer.text
        assert "Gone with the" in answer.text
    assert (await alice.get(f"/api/v1/event/{event_id}")).json()["core_event_data"]["status"] == "published"
    for _ in range(2):
        answer = await alice.post(address, data={**form, "typed": "Gone with the wind"})
        assert (answer.status_code, answer.headers["location"]) == (303, address)

    async def settled() -> bool:
        part = await html(alice, f"{address}/progress")
        assert "A storm is coming" in part
        assert ('hx-swap-oob="innerHTML">Done.<' in part) == ("hx-trigger" not in part)
        assert "aria-live" not in part
        return "1 ticket is cancelled" in part

    await eventually(settled, 30)
    page = await html(alice, address)
    assert "waiting list." not in page, "nobody left one"
    assert "1 ticket is cancelled" in page
    assert "hx-get" not in page.partition('id="progress"')[2]
    assert "This event is cancelled" in await html(alice, f"/projects/{event_id}")


async def test_before_an_event_is_cancelled_it_is_told_what_ends_and_an_offer_is_no_ticket(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice, capacity=1)
    address = f"/projects/{event_id}/cancellation"
    number = (await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")).json()["ticket_number"]
    await charlie.post("/api/v1/attendee/join-waiting-list", json={"event_id": event_id})
    page = await html(alice, address)
    assert "1 ticket becomes invalid. 1 person leaves the waiting list. The page" in " ".join(page.split())
    await alice.post(f"/api/v1/tickets/{number}/cancellation", json={"reason": "asked for it"})
    page = await html(alice, address)
    assert "invalid" not in page, "what is held is an offer"
    assert "1 person leaves the waiting list." in page


@pytest.mark.parametrize(
    ("title", "typed", "same"),
    [
        ("Night 2027 – 🎶 “Fest”", 'night 2027 - "Fest"', True),
        ("It’s  on", "It's on", True),
        ("Lantern Fields", "Lantern Field", False),
        ("🎶", " 🎶 ", True),
        ("🎶", "🎷", False),
    ],
)
async def test_the_title_is_typed_as_the_keyboard_has_it(
    alice: httpx.AsyncClient, title: str, typed: str, same: bool
) -> None:
    event_id = await stored_event(alice, title=title)
    form = {"reason": "x", "typed": typed, "key": "k"}
    answer = await alice.post(f"/projects/{event_id}/cancellation", data=form)
    assert answer.status_code == (303 if same else 422)


async def test_a_copy_to_an_hour_that_the_clocks_skip_is_refused_before_and_after_the_preview(
    alice: httpx.AsyncClient,
) -> None:
    address = f"/projects/{await stored_event(alice)}/copy"
    typed = {"title": "Again", "start_time": "2032-03-28T02:30"}
    for answer in (await alice.get(address, params=typed), await alice.post(address, data={**typed, "key": "k"})):
        assert answer.status_code == 422
        assert "does not exist there: clocks go forward past it that day" in answer.text
        assert 'value="2032-03-28T02:30"' in answer.text


async def test_a_copy_that_would_be_over_already_is_told_so_and_not_refused(alice: httpx.AsyncClient) -> None:
    address = f"/projects/{await stored_event(alice)}/copy"
    for year, told in (("2024", True), ("2032", False)):
        page = await html(alice, f"{address}?start_time={year}-07-02T18:00")
        plan = page[page.index('id="plan"') :]
        assert ("By these dates it is over already" in plan) == told
    made = await alice.post(address, data={"title": "Again", "start_time": "2024-07-02T18:00", "key": "k"})
    assert (made.status_code, made.headers["location"][:22]) == (303, "/projects/submissions/")


async def test_the_preview_of_a_copy_says_what_moves_what_comes_along_and_what_stays(
    stage: Stage, alice: httpx.AsyncClient
) -> None:
    kinds = [{"name": "כרטיס", "price": "40", "sale_closes_at": "2031-07-01T10:00:00Z"}, {"name": "Day", "price": "9"}]
    when = {"start_time": "2031-07-04T18:00", "end_time": "2031-07-06T23:00", "date": "2031-07-04"}
    event_id = await stored_event(alice, capacity=1200, ticket_types=kinds, **when)
    async with stage.parts.database.connection() as connection:
        await sell_to(connection, event_id, ["Ann"])
    page = await html(alice, f"/projects/{event_id}/copy?start_time=2032-07-02T18:00")
    plan = page[page.index('id="plan"') :]
    moves = re.findall(r'<th scope="row">(.*?)</th>\s*<td [^>]*>(.*?)</td>\s*<td [^>]*>(.*?)</td>', plan)
    assert moves == [
        ("Start", "Fri 4 Jul 2031, 18:00", "Fri 2 Jul 2032, 18:00"),
        ("End", "Sun 6 Jul 2031, 23:00", "Sun 4 Jul 2032, 23:00"),
        ("Sale closes: <bdi>כרטיס</bdi>", "Tue 1 Jul 2031, 12:00", "Tue 29 Jun 2032, 12:00"),
        ("Date on the poster", "Fri 4 Jul 2031", "Fri 2 Jul 2032"),
    ]
    copied, left = (
        [" ".join(one.split()) for one in re.findall(r"<li>(.*?)</li>", part, re.DOTALL)]
        for part in plan.partition("Left behind")[::2]
    )
    assert copied == ["Description, place and how it is sold", "1,200 places", "2 kinds of tickets"]
    assert left[:1] == ["1 ticket that is sold or held"]


async def test_an_event_that_is_over_is_called_so(alice: httpx.AsyncClient) -> None:
    past = {"start_time": "2020-06-22T19:00:00Z", "end_time": "2020-06-22T20:00:00Z"}
    assert "It was over on Mon 22 Jun 2020" in await html(alice, f"/projects/{await stored_event(alice, **past)}")
    assert "It was over" not in await html(alice, f"/projects/{await stored_event(alice)}")


async def test_held_places_are_told_beside_those_that_are_sold(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    assert "held" not in (await html(alice, f"/projects/{event_id}")).partition('class="stats"')[2]
    async with stage.parts.database.connection() as connection:
        await sell_to(connection, event_id, ["Hal", "Ida"], status="held")
    assert "2 held</span>" in await html(alice, f"/projects/{event_id}")


async def test_who_is_offered_something_is_not_counted_among_those_who_wait(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice, capacity=1)
    number = (await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")).json()["ticket_number"]
    await charlie.post("/api/v1/attendee/join-waiting-list", json={"event_id": event_id})
    waiting = re.compile(r"<dt>Waiting</dt>\s*<dd><strong>(\d+)")
    assert waiting.findall(await html(alice, f"/projects/{event_id}")) == ["1"]
    await alice.post(f"/api/v1/tickets/{number}/cancellation", json={"reason": "asked for it"})
    assert waiting.findall(await html(alice, f"/projects/{event_id}")) == ["0"]


async def test_a_draft_cannot_be_cancelled(alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, title="Draft", status="draft")
    form = {"reason": "x", "typed": "Draft", "key": "k"}
    answer = await alice.post(f"/projects/{event_id}/cancellation", data=form)
    assert answer.status_code == 409
    assert "never published" in answer.text


async def test_a_cancelled_event_keeps_the_figures_that_its_organizer_pays_back_by(
    stage: Stage, alice: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice)
    async with stage.parts.database.connection() as connection:
        numbers = await sell_to(connection, event_id, ["Ann", "Ben", "Cem"])
        await sell_to(connection, event_id, ["Hal"], status="held")
    await alice.post(f"/api/v1/tickets/{numbers[0]}/cancellation", json={"reason": "asked for it"})
    await alice.post(f"/projects/{event_id}/attendees/{numbers[1]}/use")
    await alice.post(f"/api/v1/event/{event_id}/cancellation", json={"reason": "storm"})

    async def cancelled() -> bool:
        return (await alice.get(f"/api/v1/event/{event_id}/cancellation")).json()["finished_at"] is not None

    await eventually(cancelled, 30)
    page = await html(alice, f"/projects/{event_id}")
    assert "<strong>2</strong><span>that were sold, of 100</span>" in page
    assert "<strong>€99.80</strong><span>for the cancelled tickets</span>" in page
    assert page.count('<rect class="bar"') == 2, "one day, one ticket type"
    assert "othing" not in page.partition("<h1")[2]
    listed = await html(alice, f"/projects/{event_id}/attendees?status=cancelled")
    assert (listed.count("Paid: €49.90"), listed.count("Never paid")) == (3, 1), "one was asked for, two were sold"
    assert "Paid: €49.90" in await html(alice, f"/projects/{event_id}/attendees/{numbers[1]}")
    for path in ("/projects", f"/projects/{event_id}/ticket-types"):
        assert not re.search("taken|[0-9] sold", (await html(alice, path)).partition("<h1")[2]), path
    row = (await html(alice, "/dashboard")).partition("<tbody>")[2].partition("</tr>")[0]
    assert "2 of 100" in row
    assert "€99.80" in row
    assert await sales_drifts(stage.parts.database) == []
    untouched = await stored_event(alice)
    await alice.post(f"/api/v1/event/{untouched}/cancellation", json={"reason": "storm"})
    assert "Nothing was sold." in await html(alice, f"/projects/{untouched}")


async def test_nothing_of_a_draft_is_on_sale(alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, status="draft")
    assert (await alice.get(f"/api/v1/event/{event_id}")).json()["on_sale"] is False
    for page in (f"/projects/{event_id}", f"/projects/{event_id}/ticket-types"):
        shown = (await alice.get(page)).text
        assert "Not yet on sale" in shown
        assert ">On sale<" not in "".join(shown.split("\n"))


def test_bars_are_as_high_as_what_they_stand_for() -> None:
    drawn = bars([0, 1, 4, 1000])
    assert [bar.height for bar in drawn] == [0, 1.5, 1.5, HEIGHT], "what was sold at all is seen"
    assert [bar.height for bar in bars([1, 3, 4])] == [HEIGHT / 4, HEIGHT * 3 / 4, HEIGHT]
    assert all(bar.y + bar.height == HEIGHT for bar in drawn), "they stand on the ground"
    assert sorted(drawn, key=lambda bar: bar.x) == drawn
    assert drawn[-1].x + drawn[-1].width <= WIDTH
