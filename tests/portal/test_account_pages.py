"""The pages of one's own account, without a browser."""

import html
import re
import time
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import httpx
import pytest
from litestar._parsers import parse_query_string, parse_url_encoded_form_data

from app.domain.password_resets import new_reset
from tests.cast import PASSWORD, Stage, stored_event
from tests.guests import sell_to
from tests.waiting import eventually

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NEW = "eleven paper boats"
PAGES = ("/account", "/account/password", "/account/sessions", "/account/api-keys", "/account/deletion")


async def test_every_page_of_the_account_is_there(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    for person in (alice, bob):
        for path in PAGES:
            answer = await person.get(path)
            assert answer.status_code == 200
            assert f'href="{path}" aria-current="page"' in answer.text
    assert "Company or association" in (await alice.get("/account")).text
    assert "Company or association" not in (await bob.get("/account")).text


def complained_of(answer: httpx.Response) -> list[str]:
    """The fields that something stands beside."""
    beside = re.findall(r'id="(\w+)-error">(.*?)</p>', answer.text, re.DOTALL)
    return [name for name, words in beside if re.sub("<[^>]+>", "", words).strip()]


async def test_bob_changes_his_name(bob: httpx.AsyncClient) -> None:
    form = {"full_name": "Bo <b>", "email": bob.email, "current_password": ""}  # type: ignore[attr-defined]
    answer = await bob.post("/account", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert "Bo &lt;b&gt;" in (await bob.get("/account")).text


async def test_a_name_that_is_blank_is_a_mistake_and_no_wish_to_keep_it(alice: httpx.AsyncClient) -> None:
    form = {"full_name": "Alice", "email": alice.email, "company_name": "Moss", "bio": ""}  # type: ignore[attr-defined]
    for name in ("full_name", "email", "company_name"):
        for blank in ("", "  "):
            answer = await alice.post("/account", data={**form, name: blank})
            assert answer.status_code == 422
            assert complained_of(answer) == [name]


async def test_a_bad_profile_comes_back_as_typed_but_for_the_password(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    form = {"full_name": "", "email": "nonsense", "current_password": "secret words", "company_name": "", "bio": "Keep"}
    answer = await alice.post("/account", data=form)
    assert answer.status_code == 422
    assert sorted(complained_of(answer)) == ["company_name", "email", "full_name"]
    assert "Some fields need your attention." in answer.text
    assert "Please check" not in answer.text
    assert "nonsense" in answer.text
    assert "Keep" in answer.text
    assert "secret words" not in answer.text
    taken = {"full_name": "Bo", "email": alice.email, "current_password": PASSWORD}  # type: ignore[attr-defined]
    answer = await bob.post("/account", data=taken)
    assert answer.status_code == 409
    assert "already signed up" in answer.text


async def test_an_organizer_takes_the_bio_away(alice: httpx.AsyncClient) -> None:
    form = {"full_name": "Alice", "email": alice.email, "company_name": "Moss", "bio": "Since 2009."}  # type: ignore[attr-defined]
    for bio in ("Since 2009.", ""):
        await alice.post("/account", data={**form, "bio": bio})
        assert (await alice.get("/api/v1/me")).json()["bio"] == (bio or None)
    assert re.search(r'<textarea[^>]*id="bio"[^>]*></textarea>', (await alice.get("/account")).text)


async def test_changing_the_password_keeps_this_browser_and_signs_others_out(
    stage: Stage, bob: httpx.AsyncClient
) -> None:
    other = await stage.client()
    await other.post("/api/v1/sign-in", json={"email": bob.email, "password": PASSWORD})  # type: ignore[attr-defined]
    wrong = await bob.post("/account/password", data={"current_password": "not it", "new_password": NEW})
    assert wrong.status_code == 422
    assert 'id="current_password-error"' in wrong.text
    assert NEW not in wrong.text
    right = await bob.post("/account/password", data={"current_password": PASSWORD, "new_password": NEW})
    assert right.status_code == 303
    assert "Your password is changed" in (await bob.get("/account/password")).text
    assert (await other.get("/tickets")).status_code == 303


async def test_a_device_is_signed_out_and_then_all_others(
    stage: Stage, bob: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    devices = [
        await stage.client(headers={"User-Agent": f"Mozilla/5.0 ({system}) Firefox/140.0"})
        for system in ("Android", "iPad", "Windows")
    ]
    for device in devices:
        await device.post("/sign-in", data={"email": bob.email, "password": PASSWORD})  # type: ignore[attr-defined]
    page = (await bob.get("/account/sessions")).text
    for words in ("Firefox on Android", "Firefox on iPad", "Firefox on Windows", "This device"):
        assert words in page
    ending = re.findall(r'action="(/account/sessions/\d+/ending)"', page)
    assert len(ending) == 3
    assert (await charlie.post(ending[0])).status_code == 404
    assert (await bob.get(ending[0])).headers["location"] == "/account/sessions", "opened again"
    assert (await bob.post(ending[0])).status_code == 303
    assert sorted([(await device.get("/tickets")).status_code for device in devices]) == [200, 200, 303]
    assert (await bob.post("/account/sessions/endings")).status_code == 303
    assert [(await device.get("/tickets")).status_code for device in devices] == [303] * 3
    assert (await bob.get("/tickets")).status_code == 200


async def test_a_key_is_shown_once_and_sending_the_form_again_makes_no_second_one(
    stage: Stage, bob: httpx.AsyncClient
) -> None:
    page = (await bob.get("/account/api-keys")).text
    form = {"key": re.search(r'name="key"\s+value="([^"]+)"', page)[1], "name": "box office", "writes": "1"}  # type: ignore[index]
    made = await bob.post("/account/api-keys", data=form)
    secret = re.search(r"es_[0-9a-f]{12}_[0-9a-f]{64}", made.text)
    assert secret
    program = await stage.client(headers={"Authorization": f"Bearer {secret[0]}"})
    assert (await program.get("/api/v1/me")).status_code == 200
    again = await bob.post("/account/api-keys", data=form)
    assert "shown already" in again.text
    assert secret[0] not in again.text
    listed = (await bob.get("/account/api-keys")).text
    (revocation,) = re.findall(r'action="(/account/api-keys/\d+/revocation)"', listed)
    assert (await bob.get(revocation)).headers["location"] == "/account/api-keys"
    assert "reads and writes" in listed
    assert (await bob.post(revocation)).status_code == 303
    assert (await program.get("/api/v1/me")).status_code == 401
    nameless = await bob.post("/account/api-keys", data={**form, "key": "other", "name": " "})
    assert nameless.status_code == 422
    assert 'id="name-error"' in nameless.text


async def test_the_page_says_what_deleting_means_and_does_it(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, title="Still to come")
    await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    page = (await bob.get("/account/deletion")).text
    assert "You hold a ticket for an event to come" in page
    assert "You give up" not in page
    assert "Still to come" in page
    assert "Still to come" in (await alice.get("/account/deletion")).text
    assert 'name="current_password"' not in (await alice.get("/account/deletion")).text
    assert (await alice.post("/account/deletion", data={"current_password": PASSWORD})).status_code == 409
    wrong = await bob.post("/account/deletion", data={"current_password": "not it"})
    assert wrong.status_code == 422
    right = await bob.post("/account/deletion", data={"current_password": PASSWORD})
    assert (right.status_code, right.headers["location"]) == (303, "/")
    assert "Your account is deleted" in (await bob.get("/")).text
    assert (await bob.get("/tickets")).status_code == 303


async def test_a_link_sets_a_new_password_on_a_page(
    stage: Stage, bob: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    token = await new_reset(stage.parts.database, bob.email)  # type: ignore[attr-defined]
    address = f"/password-resets/{token}"
    page = await visitor.get(address)
    assert bob.email in page.text  # type: ignore[attr-defined]
    assert page.headers["cache-control"] == "no-store"
    bad = await visitor.post(address, data={"new_password": "short"})
    assert bad.status_code == 422
    assert 'id="new_password-error"' in bad.text
    done = await visitor.post(address, data={"new_password": NEW})
    assert (done.status_code, done.headers["location"]) == (303, "/sign-in")
    assert (await bob.get("/tickets")).status_code == 303
    for path in (address, "/password-resets/nonsense"):
        gone = await visitor.get(path)
        assert gone.status_code == 404
        assert "Ask the people who run this site for a new one." in gone.text
        assert (await visitor.post(path, data={"new_password": NEW})).status_code == 404


async def end_session(stage: Stage, person: httpx.AsyncClient) -> None:
    async with stage.parts.database.connection() as connection:
        await connection.execute("DELETE FROM sessions WHERE user_id = $1", person.user_id)  # type: ignore[attr-defined]


@pytest.mark.parametrize("whole", [True, False])
async def test_what_cannot_be_undone_says_so_before_it_is_sent_after_all(
    stage: Stage, alice: httpx.AsyncClient, whole: bool
) -> None:
    event_id = await stored_event(alice, title="Moon <b>")
    async with stage.parts.database.connection() as connection:
        (ticket,) = await sell_to(connection, event_id, ["Hal <i>"])
        code = await connection.fetchval("SELECT code FROM tickets WHERE id = $1", ticket)
    await alice.post("/sign-out")
    path = f"/projects/{event_id}/cancellation" if whole else f"/projects/{event_id}/attendees/{ticket}/cancellation"
    page = await alice.post(path, data={"reason": "A storm", "typed": "Lantern Fields", "key": "k"})
    kept = html.unescape(re.search(r'name="kept"\s+value="([^"]*)"', page.text)[1])  # type: ignore[index]
    signed_in = {"email": alice.email, "password": PASSWORD, "kept": kept}  # type: ignore[attr-defined]
    back = await alice.post("/sign-in", data=signed_in)
    named = "the whole event" if whole else f"the ticket {code} of <bdi>Hal &lt;i&gt;</bdi>"
    assert f"This cancels {named} for good." in " ".join(back.text.split())
    assert "<bdi>Moon &lt;b&gt;</bdi>" in back.text
    for shown in ("A storm", "Lantern Fields"):
        assert shown in re.sub("<input[^>]*>", "", back.text)


async def test_what_was_typed_when_the_session_ended_is_sent_after_signing_in_again(
    stage: Stage, bob: httpx.AsyncClient
) -> None:
    await end_session(stage, bob)
    form = {"full_name": 'Bo "Reed" <b>', "email": bob.email, "current_password": "secret words"}  # type: ignore[attr-defined]
    page = await bob.post("/account", data=form)
    assert page.status_code == 401
    assert "what you typed is kept" in page.text
    assert "secret words" not in page.text
    kept = html.unescape(re.search(r'name="kept"\s+value="([^"]*)"', page.text)[1])  # type: ignore[index]
    wrong = await bob.post("/sign-in", data={"email": bob.email, "password": "not it", "kept": kept})  # type: ignore[attr-defined]
    assert wrong.status_code == 401
    assert 'name="kept"' in wrong.text
    back = await bob.post("/sign-in", data={"email": bob.email, "password": PASSWORD, "kept": kept})  # type: ignore[attr-defined]
    assert back.status_code == 200
    assert "Bo &#34;Reed&#34; &lt;b&gt;" in back.text
    names = re.findall(r'type="hidden" name="(\w+)"', back.text)
    assert sorted(names) == ["email", "full_name"]
    sent = await bob.post("/account", data={"full_name": form["full_name"], "email": form["email"]})
    assert sent.status_code == 303
    assert (await bob.get("/api/v1/me")).json()["full_name"] == 'Bo "Reed" <b>'


async def test_what_ends_the_waiting_of_others_is_asked_about_again(stage: Stage, alice: httpx.AsyncClient) -> None:
    path = f"/projects/{await stored_event(alice)}/settings"
    await end_session(stage, alice)
    page = await alice.post(path, data={"title": "Second Name", "ends_waiting": "true"})
    kept = html.unescape(re.search(r'name="kept"\s+value="([^"]*)"', page.text)[1])  # type: ignore[index]
    assert "Second Name" in kept
    assert "ends_waiting" not in kept


async def test_what_was_typed_comes_back_to_nobody_else(
    stage: Stage, alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    await end_session(stage, bob)
    page = await bob.post("/account", data={"full_name": "Bo Reed", "email": bob.email})  # type: ignore[attr-defined]
    kept = html.unescape(re.search(r'name="kept"\s+value="([^"]*)"', page.text)[1])  # type: ignore[index]
    form = {"email": alice.email, "password": PASSWORD, "kept": kept, "next": "/account"}  # type: ignore[attr-defined]
    other = await bob.post("/sign-in", data=form)
    assert (other.status_code, other.headers["location"]) == (303, "/")
    home = (await bob.get("/")).text
    assert "What somebody else had typed here before you signed in is dropped." in home
    assert "Bo Reed" not in home


@pytest.mark.parametrize("kind", ["event", "draft"])
async def test_what_was_typed_about_something_of_somebody_else_is_dropped_where_no_cookie_says_who_typed(
    alice: httpx.AsyncClient, charlie: httpx.AsyncClient, kind: str
) -> None:
    path = f"/projects/{await stored_event(alice)}/settings"
    if kind == "draft":
        path = (await alice.post("/projects/drafts", data={"title": "Mine"})).headers["location"]
    await alice.post("/sign-out")
    page = await alice.post(path, data={"title": "Secret plans", "location": "Here", "price": "12"})
    kept = html.unescape(re.search(r'name="kept"\s+value="([^"]*)"', page.text)[1])  # type: ignore[index]
    other = await alice.post("/sign-in", data={"email": charlie.email, "password": PASSWORD, "kept": kept})  # type: ignore[attr-defined]
    assert (other.status_code, other.headers["location"]) == (303, "/")
    assert "What somebody else had typed here" in (await alice.get("/")).text
    back = await alice.post("/sign-in", data={"email": alice.email, "password": PASSWORD, "kept": kept})  # type: ignore[attr-defined]
    assert "Secret plans" in back.text


async def test_what_was_typed_is_shown_in_the_words_of_its_form(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    await end_session(stage, alice)
    form = {
        "rev": "8", "title": "Lantern Lake", "start_time": "2031-07-04T18:00", "date": "2031-07-05",
        "payment": "instant", "price": "7",
    }  # fmt: skip
    page = await alice.post(f"/projects/{event_id}/settings", data=form)
    kept = html.unescape(re.search(r'name="kept"\s+value="([^"]*)"', page.text)[1])  # type: ignore[index]
    back = await alice.post("/sign-in", data={"email": alice.email, "password": PASSWORD, "kept": kept})  # type: ignore[attr-defined]
    shown = re.findall(r"<dt>(.*?)</dt>\s*<dd[^>]*>\s*(.*?)\s*</dd>", back.text)
    assert shown == [("Title", "Lantern Lake"), ("Begins", "Fri 4 Jul 2031, 18:00"),
                     ("Date on the poster", "Sat 5 Jul 2031"), ("Payment", "Sold at once"),
                     ("Price", "7 EUR")]  # fmt: skip
    assert 'name="rev" value="8"' in back.text


async def test_who_has_sold_nothing_takes_the_events_off_the_site_and_goes(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    sold, waited = [await stored_event(alice, title=title, capacity=1) for title in ("Sold", "Waited for")]
    unsold = await stored_event(alice, title="Unsold")
    for event_id in (sold, waited):
        await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    await alice.post("/api/v1/attendee/join-waiting-list", json={"event_id": waited})
    unwanted, wanted = (await alice.get("/account/deletion")).text.split("People count on these events")
    assert "Take each of them off the site first:" in unwanted
    assert "Unsold" in unwanted
    assert re.findall("<bdi>(Sold|Waited for|Unsold)</bdi>", wanted) == ["Sold", "Waited for"]
    assert 'value="draft"' in (await alice.get(f"/projects/{unsold}")).text
    for event_id in (sold, waited):
        await alice.post(f"/api/v1/event/{event_id}/cancellation", json={"reason": "Storm"})
    refused = await alice.post("/account/deletion", data={"current_password": PASSWORD})
    assert refused.status_code == 409
    assert "make those that nobody has a ticket for drafts again" in refused.text
    await alice.post(f"/projects/{unsold}/publication", data={"status": "draft"})
    assert (await alice.post("/account/deletion", data={"current_password": PASSWORD})).status_code == 303


async def test_who_deletes_an_account_is_told_of_the_places_that_are_held(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice, title="To be paid", payment="organizer_confirms")
    await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    page = (await bob.get("/account/deletion")).text
    assert "You give up a place that is held for you." in page
    assert "To be paid" in page
    assert "You hold a ticket" not in page


async def test_who_deletes_an_account_is_told_of_an_offer_that_goes_to_the_next(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice, capacity=1)
    ticket = await alice.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    await bob.post("/api/v1/attendee/join-waiting-list", json={"event_id": event_id})
    page = (await bob.get("/account/deletion")).text
    assert "You leave a waiting list." in page
    assert "You give up an offer" not in page
    await alice.post(f"/api/v1/tickets/{ticket.json()['ticket_number']}/cancellation", json={"reason": "ill"})

    async def told() -> bool:
        page = (await bob.get("/account/deletion")).text
        return "You give up an offer of the waiting list: it goes to whoever waits next." in page

    await eventually(told, 3)
    assert "You leave a waiting list." not in (await bob.get("/account/deletion")).text


async def test_what_was_ticked_when_the_session_ended_is_kept(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    async with stage.parts.database.connection() as connection:
        numbers = await sell_to(connection, event_id, ["Hal", "Ida"], status="held")
        rows = await connection.fetch("SELECT code FROM tickets WHERE id = ANY($1) ORDER BY id", numbers)
        codes = zip(["Hal", "Ida"], [row["code"] for row in rows], strict=True)
    await end_session(stage, alice)
    form = {"decision": "confirm", "ticket_numbers": [str(number) for number in numbers], "reason": ""}
    page = await alice.post(f"/projects/{event_id}/held", data=form)
    kept = html.unescape(re.search(r'name="kept"\s+value="([^"]*)"', page.text)[1])  # type: ignore[index]
    back = await alice.post("/sign-in", data={"email": alice.email, "password": PASSWORD, "kept": kept})  # type: ignore[attr-defined]
    shown = re.findall(r"<dt>(.*?)</dt>\s*<dd[^>]*>\s*(.*?)\s*</dd>", back.text)
    assert sorted(shown) == sorted(
        [("What to do", "Confirm the payments"), *(("Ticket", f"<bdi>{name}</bdi>, {code}") for name, code in codes)]
    )
    sent = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', back.text)
    done = await alice.post(f"/projects/{event_id}/held", content=urlencode(sent), headers=FORM)
    assert done.status_code == 303
    assert "2 payments are confirmed." in (await alice.get(done.headers["location"])).text


async def test_htmx_gets_the_sign_in_form_in_place_of_the_page(stage: Stage, bob: httpx.AsyncClient) -> None:
    await end_session(stage, bob)
    answer = await bob.post("/account", data={"full_name": "Bo"}, headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["hx-retarget"] == "#main"
    assert 'name="kept"' in answer.text


@pytest.mark.parametrize(
    "kept",
    [
        "", "{", "[]", '{"action":"https://evil.example/","fields":[]}', '{"action":"//evil.example","fields":[]}',
        '{"x":' + "[" * 3000 + "]" * 3000 + "}",
    ],
)  # fmt: skip
async def test_a_kept_form_that_is_none_of_ours_is_forgotten(bob: httpx.AsyncClient, kept: str) -> None:
    form = {"email": bob.email, "password": PASSWORD, "kept": kept, "next": "/tickets"}  # type: ignore[attr-defined]
    answer = await bob.post("/sign-in", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/tickets")


TEXT_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/sign-in", "a=1&" * 5_000, "at most 2000 fields"),
        ("/sign-in", "&".join(f"a{n}=1" for n in range(3_000)), "at most 2000 fields"),
        ("/sign-up", "email=" + "x" * 1_000_000, "at most 1000000 bytes"),
    ],
)
async def test_a_form_that_would_take_long_to_be_taken_apart_is_too_large(
    visitor: httpx.AsyncClient, path: str, body: str, said: str
) -> None:
    answer = await visitor.post(path, content=body, headers=TEXT_FORM)
    assert answer.status_code == 413
    assert said in answer.text, answer.text[answer.text.index("<main") :]


async def test_a_form_that_does_not_say_its_length_is_too_large(visitor: httpx.AsyncClient) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"email=a@b.example"

    answer = await visitor.post("/sign-in", content=body(), headers=TEXT_FORM)
    assert answer.status_code == 413
    assert "must say its length" in answer.text


async def test_fields_that_come_often_are_read_at_once(visitor: httpx.AsyncClient) -> None:
    began = time.monotonic()
    answer = await visitor.post("/sign-in", content="email=1&" * 1_900, headers=TEXT_FORM)
    assert answer.status_code == 422
    assert time.monotonic() - began < 1


async def test_no_form_is_remembered_with_its_password(visitor: httpx.AsyncClient) -> None:
    await visitor.post("/sign-in", data={"email": "bob@example.org", "password": "secret-of-bob"})
    assert parse_url_encoded_form_data.cache_info().currsize == 0


@pytest.mark.parametrize("strange", ['a="' + "\\" * 50_000 + '"', "a=" + "x" * 10_000, 'm="x\\054y"'])
async def test_cookies_that_are_none_of_ours_are_no_matter(bob: httpx.AsyncClient, strange: str) -> None:
    began = time.monotonic()
    mine = "; ".join(f"{name}={value}" for name, value in bob.cookies.items())
    answer = await bob.get("/account", headers={"Cookie": f"{strange}; {mine}"})
    assert answer.status_code == 200
    assert time.monotonic() - began < 2


async def test_no_long_address_is_remembered(visitor: httpx.AsyncClient) -> None:
    assert (await visitor.get("/sign-in?" + "a&" * 10_000)).status_code == 200
    assert parse_query_string.cache_info().currsize == 0


async def test_who_has_an_account_to_buy_is_told_how_to_sell(alice: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    assert "sign up here with another e-mail address" in (await bob.get("/sign-up/organizer")).text
    assert "another e-mail address" not in (await alice.get("/sign-up/organizer")).text
