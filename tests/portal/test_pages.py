"""The pages without a browser: what they say, and what they answer to forms."""

import datetime as dt
import re
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest

from app.portal.filters import moment, money, span
from app.same_origin import local_path
from tests.cast import PASSWORD, Stage, stored_event
from tests.guests import sell_to

START = dt.datetime(2031, 7, 4, 16, tzinfo=dt.UTC)


def key_in(page: str) -> str:
    found = re.search(r'name="key" value="([^"]+)"', page)
    assert found, page
    return found.group(1)


async def test_bob_buys_on_the_page_and_pressing_twice_is_one_ticket(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice)
    assert "Sign in to buy" in (await visitor.get(f"/events/{event_id}")).text
    key = key_in((await bob.get(f"/events/{event_id}")).text)
    for _ in range(2):
        answer = await bob.post(f"/events/{event_id}/purchase", data={"key": key})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/events/{event_id}")
    page = (await bob.get(f"/events/{event_id}")).text
    assert "You have a ticket" in page
    tickets = (await bob.get("/tickets")).text
    assert tickets.count('class="card ticket"') == 1
    assert "99 of 100 places left" in (await visitor.get(f"/events/{event_id}")).text


async def test_every_end_of_a_purchase_is_said_in_words(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, capacity=1)
    key = key_in((await bob.get(f"/events/{event_id}")).text)
    await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    late = await bob.post(f"/events/{event_id}/purchase", data={"key": key})
    assert late.status_code == 409
    assert "These tickets are sold out" in late.text
    joined = await bob.post(f"/events/{event_id}/waiting-list-entry", data={"key": key_in(late.text)})
    assert joined.status_code == 303
    assert "You are number 1 on the waiting list" in (await bob.get(f"/events/{event_id}")).text
    assert "You are number 1" in (await bob.get("/tickets")).text
    over = await stored_event(alice, start_time="2020-06-22T19:00:00Z", end_time="2020-06-22T20:00:00Z")
    assert "The sale is closed" in (await bob.get(f"/events/{over}")).text
    assert (await bob.post(f"/events/{over}/purchase", data={"key": "k"})).status_code == 409


@pytest.mark.parametrize("path", ["/events/{}/purchase", "/sign-in", "/sign-up", "/projects/drafts"])
async def test_fields_that_come_twice_are_no_error_of_ours(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, path: str
) -> None:
    event_id = await stored_event(alice)
    body = "key=a&key=b&next=/a&next=/b&email=a&email=b&title=a&title=b"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await alice.post(path.format(event_id), content=body, headers=form)
    assert answer.status_code in {303, 422}


async def test_htmx_gets_only_the_part_that_changed(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    key = key_in((await bob.get(f"/events/{event_id}")).text)
    answer = await bob.post(f"/events/{event_id}/purchase", data={"key": key}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert " ".join(answer.text.split()).startswith('<section class="card buy" id="buy"')
    assert "<html" not in answer.text


async def test_a_session_that_ended_leads_htmx_and_forms_to_the_sign_in(
    alice: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice)
    form = await visitor.post(f"/events/{event_id}/purchase", data={"key": "k"})
    assert (form.status_code, form.headers["location"]) == (303, f"/sign-in?next=/events/{event_id}")
    part = await visitor.post(f"/events/{event_id}/purchase", headers={"HX-Request": "true"})
    assert part.headers["hx-redirect"] == f"/sign-in?next=/events/{event_id}"
    over = await visitor.post(f"/events/{event_id}/purchase", headers={"Cookie": "session=over"})
    assert "Your session has ended" in (await visitor.get(over.headers["location"])).text
    page = f"/projects/{event_id}/attendees"
    for headers in ({}, {"HX-Request": "true"}):
        used = await visitor.post(f"{page}/1/use", headers={**headers, "Referer": f"http://testserver{page}"})
        where = used.headers.get("location") or used.headers["hx-redirect"]
        assert where.startswith(f"/sign-in?next={page}&"), where
        asked = (await visitor.get(where)).text
        assert "Your session has ended" in asked
        assert 'name="ended" value="true"' in asked
        wrong = await visitor.post("/sign-in", data={"email": "a@example.org", "password": "x", "ended": "true"})
        assert "what you did last was not done" in wrong.text
    looked = await visitor.get(page)
    assert "session has ended" not in (await visitor.get(looked.headers["location"])).text
    for headers in ({"Cookie": "session=over"}, {"HX-Request": "true"}):
        looked = await visitor.get(page, headers=headers)
        where = looked.headers.get("location") or looked.headers["hx-redirect"]
        assert "Your session has ended. Sign in to go on." in (await visitor.get(where)).text


async def test_a_part_of_a_page_leads_back_to_its_page_and_a_list_to_what_was_asked_of_it(
    alice: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    root = f"/projects/{await stored_event(alice)}"
    for part, page, back in (
        (f"{root}/cancellation/progress", f"{root}/cancellation", f"{root}/cancellation"),
        (f"{root}/attendees?q=ann", f"{root}/attendees?q=an", f"{root}/attendees?q=ann"),
    ):
        headers = {"HX-Request": "true", "Referer": f"http://testserver{page}"}
        refused = await visitor.get(part, headers=headers)
        assert refused.headers["hx-redirect"] == f"/sign-in?next={quote(back)}&ended=look"


async def test_a_page_stays_as_it_is_while_a_look_is_refused(
    alice: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice)
    page = (await visitor.get(f"/events/{event_id}")).text
    box = re.search(r'id="places"[^>]*', page)
    assert box
    assert 'hx-headers=\'{"X-Look": "again"}\'' in box[0]
    await alice.patch(f"/api/v1/event/{event_id}", json={"status": "draft"}, headers={"If-Match": "*"})
    address, look = f"/events/{event_id}/places", {"HX-Request": "true", "X-Look": "again"}
    refused = await visitor.get(address, headers=look)
    assert (refused.status_code, refused.text.strip(), refused.headers["hx-reswap"]) == (404, "", "none")
    assert refused.headers["hx-push-url"] == "false"
    assert "hx-retarget" not in refused.headers
    pressed = await visitor.get(address, headers={"HX-Request": "true"})
    assert (pressed.status_code, pressed.headers["hx-retarget"]) == (404, "#main")


async def test_whoever_signs_in_from_the_header_comes_back(
    alice: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice)
    for page in (f"/events/{event_id}", f"/sign-in?next=/events/{event_id}", f"/sign-up?next=/events/{event_id}"):
        header = (await visitor.get(page)).text.partition('class="guest-nav"')[2].partition("</nav>")[0]
        for where in ("/sign-in", "/sign-up"):
            assert f'href="{where}?next=/events/{event_id}"' in header, page
    for page in ("/", "/sign-up/organizer"):  # who signs up for buying is not led where only organizers may go
        header = (await visitor.get(page)).text.partition('class="guest-nav"')[2].partition("</nav>")[0]
        assert 'href="/sign-in"' in header
        assert 'href="/sign-up"' in header


async def test_an_organizer_who_came_from_nowhere_signs_in_to_the_dashboard(stage: Stage) -> None:
    for organizer, home in ((True, "/dashboard"), (False, "/")):
        person = await stage.person("Nora", organizer)
        account = {"email": (await person.get("/api/v1/me")).json()["email"], "password": PASSWORD}
        for form, where in (({}, home), ({"next": "/"}, home), ({"next": "/tickets"}, "/tickets")):
            answer = await person.post("/sign-in", data=account | form)
            assert (answer.status_code, answer.headers["location"]) == (303, where)


async def test_a_long_title_is_typed_as_far_as_one_may_be_asked_to(alice: httpx.AsyncClient) -> None:
    title = "The Very Long Night of Many Small Stages by the Harbour, with Brass and Lanterns"
    event_id = await stored_event(alice, title=title)
    address = f"/projects/{event_id}/cancellation"
    page = (await alice.get(address)).text
    assert "Type how the title begins to confirm" in page
    assert "<bdi>The Very Long Night of Many Small Stages</bdi>" in page
    typed = {"reason": "Storm", "key": "k"}
    refused = await alice.post(address, data=typed | {"typed": "The Very Long Night"})
    assert "must be the title of the event" in refused.text
    twice = await alice.post(address, data={"reason": "x" * 501, "typed": "nope", "key": "k"})
    assert "must be the title of the event" in twice.text
    assert "must have 1 to 500 characters" in twice.text
    assert (
        await alice.post(address, data=typed | {"typed": "the very long night of many small stages"})
    ).status_code == 303


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_page_that_is_refused_leads_back_to_where_one_was(bob: httpx.AsyncClient, method: str) -> None:
    for sender, back in (("http://testserver/tickets?x=1", True), ("https://evil.example/tickets?x=1", False)):
        answer = await bob.request(method, "/projects/1/settings", headers={"Referer": sender})
        assert answer.status_code == 403
        assert ('href="/tickets?x=1">Back</a>' in answer.text) == back
    for sender in ("http://testserver//evil.example/x", "http://testserver/projects/1/settings"):
        answer = await bob.get("/projects/1/settings", headers={"Referer": sender})
        assert ">Back</a>" not in answer.text


@pytest.mark.parametrize(("button", "page"), [({}, "/sign-in"), ({"account": "new"}, "/sign-up")])
@pytest.mark.parametrize("form", ["purchase", "waiting-list-entry"])
async def test_what_a_stranger_chose_is_chosen_when_they_come_back(
    alice: httpx.AsyncClient, visitor: httpx.AsyncClient, form: str, button: dict[str, str], page: str
) -> None:
    kinds = [{"name": "Weekend", "price": "120"}, {"name": "Saturday", "price": "40", "per_attendee_limit": 4}]
    event_id = await stored_event(alice, ticket_types=kinds)
    saturday = (await alice.get(f"/api/v1/event/{event_id}")).json()["ticket_types"][1]["ticket_type_id"]
    chosen = {"key": "k", "ticket_type_id": str(saturday), "quantity": "3", **button}
    answer = await visitor.post(f"/events/{event_id}/{form}", data=chosen)
    where = urlsplit(answer.headers["location"])
    assert where.path == page
    back = parse_qs(where.query)["next"][0]
    assert back == f"/events/{event_id}?ticket_type_id={saturday}&quantity=3"
    shown = (await alice.get(back)).text
    assert re.search(rf'value="{saturday}"\s+required checked', shown)
    assert re.search(r'<input class="quantity"[^>]*value="3"', shown)
    assert len(re.findall(r"\schecked\s", shown)) == 1


async def test_signing_up_on_the_page_signs_in_and_goes_where_one_came_from(stage: Stage) -> None:
    person = await stage.client()
    form = {"full_name": "Ben", "email": "ben@example.org", "password": PASSWORD, "next": "/tickets"}
    answer = await person.post("/sign-up", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/tickets")
    assert (await person.get("/tickets")).status_code == 200
    left = await person.post("/sign-out")
    assert (left.headers["location"], left.headers["clear-site-data"]) == ("/", '"cache"'), "Back leads to no form"
    assert (await person.get("/tickets")).status_code == 303
    again = await person.post("/sign-in", data=form)
    assert (again.status_code, again.headers["location"]) == (303, "/tickets")


async def test_a_bad_form_comes_back_with_what_was_typed(visitor: httpx.AsyncClient) -> None:
    form = {"full_name": "Ben <b>", "email": "nonsense", "password": "short", "company_name": ""}
    answer = await visitor.post("/sign-up/organizer", data=form)
    assert answer.status_code == 422
    assert "Ben &lt;b&gt;" in answer.text
    assert 'id="email-error"' in answer.text
    assert 'id="company_name-error"' in answer.text
    assert answer.text.count("autofocus") == 1
    assert "short" not in answer.text


async def test_wrong_password_and_too_many_tries_are_said_on_the_form(stage: Stage, visitor: httpx.AsyncClient) -> None:
    bob = await stage.person("Bob")
    form = {"email": bob.email, "password": "wrong wrong"}  # type: ignore[attr-defined]
    answers = [await visitor.post("/sign-in", data=form) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert "E-mail and password do not match" in answers[0].text
    assert "Try again in 15 minutes" in answers[5].text


async def test_what_people_type_is_text_everywhere(alice: httpx.AsyncClient, visitor: httpx.AsyncClient) -> None:
    title = "<script>alert(1)</script>\"'&"
    event_id = await stored_event(alice, title=title, description=title, location=title)
    for path in ("/", f"/events/{event_id}"):
        page = (await visitor.get(path)).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in (await alice.get("/projects")).text


@pytest.mark.parametrize("path", ["/nope", "/events/999", "/events/99999999999999999999", "/events/x"])
async def test_missing_pages_are_pages(visitor: httpx.AsyncClient, path: str) -> None:
    answer = await visitor.get(path)
    assert answer.status_code == 404
    assert "<h1>" in answer.text


@pytest.mark.parametrize("referer", ["http://[", "http://[::1", "//[x"])
async def test_a_page_before_that_is_no_address_is_none(
    visitor: httpx.AsyncClient, stage: Stage, alice: httpx.AsyncClient, referer: str
) -> None:
    event_id = await stored_event(alice)
    answer = await visitor.post(f"/events/{event_id}/purchase", headers={"Referer": referer})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?next=")
    async with stage.parts.database.connection() as connection:
        (number,) = await sell_to(connection, event_id, ["Guest"])
    used = await alice.post(f"/projects/{event_id}/attendees/{number}/use", headers={"Referer": referer})
    assert used.headers["location"] == f"/projects/{event_id}/attendees"


async def test_no_page_asks_to_sign_in_who_may_be_signed_in(bob: httpx.AsyncClient) -> None:
    page = (await bob.get("/nowhere/at/all")).text
    assert 'href="/account"' in page
    assert 'href="/sign-in"' not in page


async def test_an_attendee_has_no_organizer_pages(bob: httpx.AsyncClient) -> None:
    for path in ("/projects", "/projects/new"):
        assert (await bob.get(path)).status_code == 403


async def test_the_event_page_does_not_need_the_document_store(
    stage: Stage, alice: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice)
    async with stage.parts.database.transaction() as connection:
        await connection.execute("LOCK TABLE documents")
        assert (await visitor.get(f"/events/{event_id}")).status_code == 200


@pytest.mark.parametrize(
    ("text", "found"),
    [("/tickets", "/tickets"), ("//evil.example", "/"), ("/\\evil.example", "/"), ("https://evil.example", "/"),
     ("", "/"), (None, "/"), ("/a b", "/"), ("/events/1?x=1", "/events/1?x=1"), ("javascript:alert(1)", "/")],
)  # fmt: skip
def test_next_is_a_page_of_ours(text: str | None, found: str) -> None:
    assert local_path(text) == found


def test_money_and_moments_as_people_write_them() -> None:
    start = START
    assert money("0.00", "EUR") == "Free"
    assert money("7400", "JPY") == "JP¥7,400"
    assert moment(start, "Europe/Berlin") == "Fri 4 Jul 2031, 18:00"
    assert span(start, start + dt.timedelta(hours=2), "Europe/Berlin") == "Fri 4 Jul 2031, 18:00 – 20:00"
    assert span(start, start + dt.timedelta(hours=8), "Europe/Berlin").endswith("– Sat 5 Jul 2031, 02:00")


async def test_the_style_page_is_for_development_alone(visitor: httpx.AsyncClient) -> None:
    assert (await visitor.get("/styleguide")).status_code == 404
