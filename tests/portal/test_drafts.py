"""The project builder without a browser: steps, complaints, what is kept, and the way to a submission."""

import html
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.backdoor import silent_log
from tests.cast import Stage, picture, staged
from tests.forms import form_in
from tests.waiting import eventually

BASICS = {
    "title": "Lantern Fields",
    "location": "Uckermark",
    "start_time": "2031-07-04T18:00",
    "end_time": "2031-07-06T23:00",
    "timezone": "Europe/Berlin",
}
TICKETS = {
    "currency": "EUR",
    "capacity": "100",
    "payment": "instant",
    "returns_until": "2031-06-27T20:00",
    "ticket_types[0].name": "Weekend",
    "ticket_types[0].description": "With a pitch\r\nfor a tent",
    "ticket_types[0].price": "49.90",
    "ticket_types[1].name": "Friday",
    "ticket_types[1].price": "19.50",
    "ticket_types[1].places": "40",
}
DETAILS = {
    "description": "# Friday\n\nThree *days*.",
    "company_name": "Lantern Fields e.V.",
    "type": "poster",
    "tags": "music, lake",
    "date": "",
}
HTMX = {"HX-Request": "true"}


async def begun(alice: httpx.AsyncClient, title: str = "Lantern Fields") -> str:
    """The address of a new draft."""
    answer = await alice.post("/projects/drafts", data={"title": title})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"]).rpartition("/")[0]


async def filled(alice: httpx.AsyncClient, **changes: str) -> str:
    """The address of a draft that is ready to be submitted."""
    draft = await begun(alice)
    for step, fields in (("basics", BASICS), ("tickets", TICKETS), ("details", DETAILS)):
        answer = await alice.post(f"{draft}/{step}", data={**fields, **changes})
        assert answer.status_code == 303, answer.text
    await upload(alice, draft)
    return draft


async def upload(alice: httpx.AsyncClient, draft: str, content: bytes = b"", **options: Any) -> httpx.Response:
    files = [("images", ("a.jpg", content or picture(), "image/jpeg"))]
    return await alice.post(f"{draft}/pictures", files=files, **options)


def rev_of(page: httpx.Response) -> str:
    found = re.search(r'name="rev"\s+value="(\d+)"', page.text)
    assert found
    return found.group(1)


async def test_five_steps_lead_from_a_title_to_a_published_event(
    alice: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    assert "What is it called?" in (await alice.get("/projects/new")).text
    draft = await begun(alice)
    for step, fields, following in (
        ("basics", BASICS, "tickets"), ("tickets", TICKETS, "media"), ("media", {}, "details"),
        ("details", DETAILS, "review"),
    ):  # fmt: skip
        if step == "media":
            await upload(alice, draft)
        assert (await alice.get(f"{draft}/{step}")).status_code == 200
        answer = await alice.post(f"{draft}/{step}", data=fields)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{draft}/{following}")
    review = (await alice.get(f"{draft}/review")).text
    assert "Everything is there" in review
    assert "<h2>Friday</h2>" in review
    sent = [await alice.post(f"{draft}/submission", data={"status": "published"}) for _ in range(2)]
    assert sent[0].headers["location"] == sent[1].headers["location"]
    panel = sent[0].headers["location"]

    async def arrived() -> bool:
        return "See the page of your event" in (await alice.get(f"{panel}/fan-out")).text

    await eventually(arrived)
    assert "hx-trigger" not in (await alice.get(f"{panel}/fan-out")).text
    event = re.search(r"/events/\d+", (await alice.get(panel)).text)
    assert event
    page = (await visitor.get(event.group())).text
    assert "Lantern Fields" in page
    assert f"<bdi>{DETAILS['company_name']}</bdi>" in page
    for tag in map(str.strip, DETAILS["tags"].split(",")):
        assert f'<a href="/?q={quote(tag)}"><bdi>{tag}</bdi></a>' in page
        assert event.group() in (await visitor.get("/", params={"q": tag})).text
    read = (await alice.get(f"/api/v1{event.group().replace('events', 'event')}")).json()
    assert [(one["name"], one["description"], one["price"], one["places"]) for one in read["ticket_types"]] == [
        ("Weekend", "With a pitch\nfor a tent", "49.90", None),
        ("Friday", "", "19.50", 40),
    ]
    assert read["core_event_data"]["returns_until"] == "2031-06-27T18:00:00Z"
    assert (await alice.get(draft)).headers["location"] == panel or (await alice.get(f"{draft}/basics")).headers[
        "location"
    ] == panel
    assert "Drafts" not in (await alice.get("/projects")).text


@pytest.mark.parametrize(("typed", "shown"), [("Alice e.V.", "Alice & Sons"), ("Kollektiv", "Kollektiv")])
async def test_an_event_is_by_whom_was_typed_and_follows_the_company_where_that_is_the_same(
    alice: httpx.AsyncClient, visitor: httpx.AsyncClient, typed: str, shown: str
) -> None:
    draft = await filled(alice, company_name=typed)
    sent = await alice.post(f"{draft}/submission", data={"status": "published"})
    panel = sent.headers["location"]

    async def there() -> bool:
        return "/events/" in (await alice.get(panel)).text

    await eventually(there)
    event = re.search(r"/events/\d+", (await alice.get(panel)).text)
    assert event
    assert f"<bdi>{typed}</bdi>" in (await visitor.get(event.group())).text
    await alice.patch("/api/v1/me", json={"company_name": "Alice & Sons"})
    assert f"<bdi>{html.escape(shown)}</bdi>" in (await visitor.get(event.group())).text


async def test_dates_that_are_past_are_named_before_it_is_sent(alice: httpx.AsyncClient) -> None:
    draft = await begun(alice)
    for year, named in (("2020", True), ("2031", False)):
        typed = {name: value.replace("2031", year) for name, value in BASICS.items()}
        assert (await alice.post(f"{draft}/basics", data=typed)).status_code == 303
        assert ("By these dates it is over already" in (await alice.get(f"{draft}/review")).text) == named


async def test_a_sale_that_is_over_is_named_before_it_is_sent_and_shown(alice: httpx.AsyncClient) -> None:
    sentence = "By these dates the sale of “<bdi>Weekend</bdi>” is over already: nobody can buy it."
    for year, named in (("2024", True), ("2031", False)):
        draft = await filled(alice, **{"ticket_types[0].sale_closes_at": f"{year}-05-01T12:00"})
        page = html.unescape((await alice.get(f"{draft}/review")).text)
        assert ((sentence in page), ("Sale closed" in page)) == (named, named)


async def test_a_type_with_more_places_than_there_are_in_all_is_named_before_it_is_sent(
    alice: httpx.AsyncClient,
) -> None:
    for places, named in (("101", True), ("100", False), ("", False)):
        draft = await filled(alice, **{"capacity": "100", "ticket_types[0].places": places})
        page = html.unescape((await alice.get(f"{draft}/review")).text)
        assert ("“<bdi>Weekend</bdi>” has more places than there are in all" in page) == named


async def test_a_price_that_will_be_refused_is_none_in_the_preview(alice: httpx.AsyncClient) -> None:
    draft = await begun(alice)
    page = (await alice.post(f"{draft}/tickets", data=TICKETS | {"ticket_types[0].price": "1200.505"})).text
    assert "<bdi>Weekend</bdi> <strong>–</strong>" in page[page.index("preview-types") :]


async def test_the_preview_has_what_buyers_see_and_when_its_sale_begins(alice: httpx.AsyncClient) -> None:
    draft = await filled(
        alice,
        **{
            "ticket_types[0].sale_opens_at": "2031-05-01T12:00",
            "ticket_types[1].hidden_until": "2031-06-01T12:00",
            "ticket_types[2].name": "Early bird",
            "ticket_types[2].price": "15",
            "ticket_types[2].sale_opens_at": "2024-05-01T12:00",
            "ticket_types[2].hidden_until": "2024-05-01T12:00",
        },
    )
    page = html.unescape((await alice.get(f"{draft}/review")).text)
    shown = page[page.index("preview-types") :].partition("</ul>")[0]
    assert re.findall("<bdi>(.*)</bdi>", shown) == ["Weekend", "Early bird"]
    assert shown.count("On sale from") == 1
    assert "On sale from Thu 1 May 2031, 12:00" in shown
    assert "1 more type is hidden until later." in shown


async def test_a_description_may_be_as_long_in_any_script(alice: httpx.AsyncClient) -> None:
    draft = await begun(alice)
    answer = await alice.post(f"{draft}/details", data={**DETAILS, "description": "🎪" * 20_000})
    assert answer.status_code == 303, answer.text


async def test_every_currency_that_one_can_pay_with_is_there_by_name(alice: httpx.AsyncClient) -> None:
    page = (await alice.get(f"{await begun(alice)}/tickets")).text
    assert '<option value="EUR" selected>EUR · Euro</option>' in page
    assert '<option value="BRL">BRL · Brazilian Real</option>' in page
    assert "DEM" not in page


async def test_a_step_with_mistakes_comes_back_with_all_that_was_typed(alice: httpx.AsyncClient) -> None:
    draft = await begun(alice)
    typed = {**BASICS, "title": "x" * 201, "end_time": "2031-07-01T10:00", "location": "<script>alert(1)</script>"}
    answer = await alice.post(f"{draft}/basics", data=typed)
    assert answer.status_code == 422
    assert "must have 1 to 200 characters" in complaint(answer, "title")
    assert "must not be before the start" in complaint(answer, "end_time")
    assert complaint(answer, "timezone") == ""
    assert "x" * 201 in answer.text
    assert "&lt;script&gt;alert(1)" in answer.text
    assert "<script>alert" not in answer.text
    assert answer.text.count("autofocus") == 1
    assert "x" * 201 in (await alice.get(f"{draft}/basics")).text


def complaint(answer: httpx.Response, field: str) -> str:
    """What stands beside a field."""
    found = re.search(rf'id="{re.escape(field)}-error">(.*?)</p>', answer.text, re.DOTALL)
    assert found, answer.text
    return " ".join(re.sub("<[^>]+>", " ", found.group(1)).split())


async def test_going_back_and_leaving_keep_what_is_typed_however_wrong(alice: httpx.AsyncClient) -> None:
    draft = await begun(alice)
    back = await alice.post(f"{draft}/tickets", data={**TICKETS, "capacity": "many", "go": "basics"})
    assert (back.status_code, back.headers["location"]) == (303, f"{draft}/basics")
    assert 'value="many"' in (await alice.get(f"{draft}/tickets")).text
    left = await alice.post(f"{draft}/basics", data={"title": "Later", "go": "leave"})
    assert (left.status_code, left.headers["location"]) == (303, "/projects")
    listed = (await alice.get("/projects")).text
    assert "The draft is saved." in listed
    assert "Later" in listed
    assert (await alice.get(draft)).headers["location"] == f"{draft}/basics"


async def test_ticket_types_are_added_and_removed_by_buttons(alice: httpx.AsyncClient) -> None:
    draft = await begun(alice)
    added = await alice.post(f"{draft}/tickets", data={**TICKETS, "add": "1"})
    assert (added.status_code, added.headers["location"]) == (303, f"{draft}/tickets#ticket_types%5B2%5D.name")
    page = (await alice.get(f"{draft}/tickets")).text
    assert 'name="ticket_types[2].price"' in page
    for removed, place in (("1", 0), ("x" * 5000, 1), ("0", 0)):
        answer = await alice.post(f"{draft}/tickets", data={**TICKETS, "remove": removed})
        assert answer.headers["location"].endswith(f"#ticket_types%5B{place}%5D.name")
    page = (await alice.get(f"{draft}/tickets")).text
    assert 'value="Friday"' in page
    assert 'value="Weekend"' not in page
    wrong = await alice.post(f"{draft}/tickets", data={**TICKETS, "ticket_types[1].price": "dear"})
    assert "must be an amount" in complaint(wrong, "ticket_types[1].price")
    assert complaint(wrong, "ticket_types[0].price") == ""


@pytest.mark.parametrize(
    ("region", "typed", "meant"),
    [
        ("de-DE", "49,90", "49.90"),
        ("de-DE", "1.249,90", "1249.90"),
        ("de-DE", "24.500", "24500"),
        ("fr-FR", "1 234,50", "1234.50"),
        ("en-US", "1,249", "1249"),
        ("en-US", "12,50", "12.50"),
    ],
)
async def test_prices_are_typed_as_the_region_writes_them(
    alice: httpx.AsyncClient, region: str, typed: str, meant: str
) -> None:
    alice.headers["Accept-Language"] = region
    draft = await begun(alice)
    both = {"ticket_types[0].price": typed, "ticket_types[1].price": typed}
    answer = await alice.post(f"{draft}/tickets", data={**TICKETS, **both})
    assert answer.status_code == 303
    alice.headers["Accept-Language"] = "en-GB"
    page = await alice.get(f"{draft}/tickets?all=1")
    assert page.text.count(f'value="{meant}"') == 2
    assert complaint(page, "ticket_types[0].price") == complaint(page, "ticket_types[1].price") == ""


@pytest.mark.parametrize(
    ("currency", "typed", "complained"), [("KWD", "1,234", False), ("EUR", "1,235", True), ("EUR", "24.500", False)]
)
async def test_a_price_means_the_same_when_its_field_is_sent_back(
    alice: httpx.AsyncClient, currency: str, typed: str, complained: bool
) -> None:
    alice.headers["Accept-Language"] = "de-DE"
    draft = await begun(alice)
    sent = {**TICKETS, "currency": currency, "ticket_types[0].price": typed}
    for _ in range(3):
        await alice.post(f"{draft}/tickets", data=sent)
        page = await alice.get(f"{draft}/tickets?all=1")
        tag = next(tag for tag in re.findall(r"<input[^>]*>", page.text) if 'name="ticket_types[0].price"' in tag)
        found = re.search(r'value="([^"]*)"', tag)
        assert found
        assert found[1] in {typed, typed.replace(".", "")}
        assert bool(complaint(page, "ticket_types[0].price")) == complained
        sent["ticket_types[0].price"] = found[1]


@pytest.mark.parametrize(
    ("region", "typed"),
    [
        ("en-GB", "49,9,0"),
        ("de-DE", "-4,9"),
        ("de-DE", "NaN"),
        ("de", "1e3"),
        ("de", "1,0e40"),
        ("en", "1," + "0" * 40),
    ],
)
async def test_prices_that_are_none_are_said(alice: httpx.AsyncClient, region: str, typed: str) -> None:
    alice.headers["Accept-Language"] = region
    draft = await begun(alice)
    answer = await alice.post(f"{draft}/tickets", data={**TICKETS, "ticket_types[0].price": typed})
    assert "must be an amount" in complaint(answer, "ticket_types[0].price")


async def test_while_one_types_it_is_kept_judged_and_shown(alice: httpx.AsyncClient) -> None:
    draft = await begun(alice)
    rev = rev_of(await alice.get(f"{draft}/basics"))
    typed = {**BASICS, "rev": rev, "title": "Typed 🎪", "end_time": "2031-07-01T10:00", "location": ""}
    answer = await alice.post(f"{draft}/basics/check", data=typed, headers=HTMX)
    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert "must not be before the start" in answer.text
    assert "is required" not in answer.text
    assert "Typed 🎪" in answer.text
    assert "Saved." in answer.text
    assert "Typed 🎪" in (await alice.get(f"{draft}/basics")).text


async def test_a_timezone_that_one_chooses_while_typing_is_no_longer_guessed(alice: httpx.AsyncClient) -> None:
    address = f"{await begun(alice)}/basics"
    form = form_in((await alice.get(address)).text)
    assert form["timezone"] == "UTC", "which nobody chose, though it is what an event has without a word"
    assert " data-here" in (await alice.get(address)).text
    await alice.post(f"{address}/check", data=form, headers=HTMX)
    page = (await alice.get(address)).text
    assert " data-here" not in page
    assert form_in(page)["timezone"] == "UTC"


async def test_a_check_that_comes_late_changes_nothing_and_says_so(alice: httpx.AsyncClient) -> None:
    draft = await begun(alice)
    rev = rev_of(await alice.get(f"{draft}/basics"))
    await alice.post(f"{draft}/basics", data=BASICS)
    late = await alice.post(f"{draft}/basics/check", data={**BASICS, "rev": rev, "title": "Late"}, headers=HTMX)
    assert late.status_code == 200
    assert "changed in another window" in late.text
    assert "Late" not in (await alice.get(f"{draft}/basics")).text


async def test_two_windows_keep_what_each_of_them_changed(alice: httpx.AsyncClient) -> None:
    draft = await begun(alice)
    for step, one, other in (
        ("basics", {"location": "Uckermark"}, {"start_time": "2031-07-04T18:00"}),
        ("tickets", {"payment": "organizer_confirms"}, {"capacity": "250"}),
        ("details", {"tags": "lake"}, {"description": "Line\r\nLine"}),
    ):
        address = f"{draft}/{step}"
        windows = [form_in((await alice.get(address)).text) for _ in range(2)]
        for window, typed in [*zip(windows, (one, other), strict=True), (windows[0], one)]:
            saved = await alice.post(f"{address}/check", data={**window, **typed}, headers=HTMX)
            assert "Saved." in saved.text
            window["shown"] = form_in(saved.text)["shown"]
        now = form_in((await alice.get(address)).text)
        assert {name: now[name] for name in one | other} == one | {n: t.replace("\r\n", "\n") for n, t in other.items()}
        await alice.post(address, data={**windows[0], **one})
        late = await alice.post(f"{address}/check", data={**windows[1], **other}, headers=HTMX)
        assert "changed in another window" in late.text
        await alice.post(address, data={**windows[1], **other, "go": step})
        assert form_in((await alice.get(address)).text)[next(iter(one))] == next(iter(one.values()))


async def test_what_is_typed_and_taken_back_is_taken_back(alice: httpx.AsyncClient) -> None:
    """The page learns what is kept by now, else it would take the first text for an untouched one."""
    draft = await begun(alice)
    window = form_in((await alice.get(f"{draft}/basics")).text)
    for text in ("Uckermark", ""):
        saved = await alice.post(f"{draft}/basics/check", data={**window, "location": text}, headers=HTMX)
        window["shown"] = form_in(saved.text)["shown"]
        assert form_in((await alice.get(f"{draft}/basics")).text)["location"] == text


@pytest.mark.parametrize("verb", ["", "/check"])
async def test_a_letter_no_database_takes_is_a_complaint_and_the_rest_stays_typed(
    alice: httpx.AsyncClient, verb: str
) -> None:
    draft = await begun(alice)
    rev = rev_of(await alice.get(f"{draft}/basics"))
    answer = await alice.post(f"{draft}/basics{verb}", data={**BASICS, "rev": rev, "title": "a\0b"})
    assert answer.status_code == 422
    assert "must not have control characters" in answer.text
    assert "Uckermark" in answer.text


async def test_empty_fields_are_complained_about_only_where_one_asks_for_it(alice: httpx.AsyncClient) -> None:
    draft = await begun(alice)
    assert "is required" not in (await alice.get(f"{draft}/basics")).text
    assert "is required" in (await alice.get(f"{draft}/basics?all=1")).text
    review = (await alice.get(f"{draft}/review")).text
    assert f'href="{draft}/media?all=1"' in review
    assert "Ticket type 1: Price" in review


async def test_a_draft_that_lacks_something_is_not_submitted(alice: httpx.AsyncClient, stage: Stage) -> None:
    draft = await begun(alice)
    answer = await alice.post(f"{draft}/submission", data={"status": "draft"})
    assert answer.status_code == 422
    assert "A few things are missing" in answer.text
    assert re.search(r'value="draft"\s+checked', answer.text)
    async with stage.parts.database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM submissions") == 0


async def test_a_log_that_is_away_is_said_and_the_button_goes_on(database_url: str, tmp_path: Path) -> None:
    async with staged(database_url, tmp_path, PUBLISH_SECONDS="0.3") as stage:
        alice = await stage.person("Alice", organizer=True)
        draft = await filled(alice)
        async with silent_log(stage.parts):
            refused = await alice.post(f"{draft}/submission", data={"status": "published"})
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert "we do not know yet whether it arrived" in refused.text
        assert "Sent, outcome unknown" in (await alice.get("/projects")).text
        assert (await alice.get(f"{draft}/basics")).headers["location"] == f"{draft}/review"
        again = await alice.post(f"{draft}/submission")
        assert again.status_code == 303
        async with stage.parts.database.connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM submissions") == 1


async def test_pictures_come_described_moved_and_removed(alice: httpx.AsyncClient) -> None:
    draft = await begun(alice)
    assert (await upload(alice, draft)).headers["location"] == f"{draft}/media"
    shown = await upload(alice, draft, headers=HTMX)
    assert shown.status_code == 200
    assert shown.text.count('class="thumb"') == 2
    first, second = re.findall(r'id="picture-(\d+)"', shown.text)
    source = re.findall(r'<img src="([^"]*drafts/[^"]+)"', shown.text)[0]
    assert (await alice.get(html.unescape(source))).headers["content-type"] == "image/webp"

    details = {"alt": "A lake", "focal_x": "30", "focal_y": "0"}
    assert (await alice.post(f"{draft}/pictures/{second}", data=details)).status_code == 303
    moved = await alice.post(f"{draft}/pictures/{second}", data={"position": "0"}, headers=HTMX)
    assert re.findall(r'id="picture-(\d+)"', moved.text) == [second, first]
    assert 'alt="A lake"' in moved.text
    assert "fx-3 fy-0" in moved.text
    undescribed = "Some pictures have no description"
    assert undescribed in (await alice.get(f"{draft}/review")).text
    await alice.post(f"{draft}/pictures/{first}", data={"alt": "A tent"})
    assert undescribed not in (await alice.get(f"{draft}/review")).text
    cleared = await alice.post(f"{draft}/pictures/{second}", data={**details, "alt": ""}, headers=HTMX)
    assert 'alt="A lake"' not in cleared.text
    bad = await alice.post(f"{draft}/pictures/{second}", data={"focal_x": "101"}, headers=HTMX)
    assert bad.status_code == 422
    long = await alice.post(f"{draft}/pictures/{second}", data={"alt": "A lake " * 72})
    assert long.status_code == 422
    assert f'value="{"A lake " * 72}"' in long.text
    assert "must have at most 500 characters" in complaint(long, f"alt-{second}")
    gone = await alice.post(f"{draft}/pictures/{second}/removal", headers=HTMX)
    assert re.findall(r'id="picture-(\d+)"', gone.text) == [first]
    assert (await alice.post(f"{draft}/pictures/{second}/removal")).status_code == 404


async def test_every_file_that_is_no_picture_is_said_and_spoils_no_other(alice: httpx.AsyncClient) -> None:
    draft = await begun(alice)
    files = [("images", (name, content)) for name, content in (("a.jpg", b"<svg/>"), ("b.jpg", picture()), ("c", b""))]
    answer = await alice.post(f"{draft}/pictures", files=files)
    no_picture = "is not a JPEG, PNG or WebP picture"
    assert answer.status_code == 422
    assert complaint(answer, "images") == f"a.jpg {no_picture}; c {no_picture}"
    assert answer.text.count('class="thumb"') == 1


async def test_what_is_no_picture_is_said_by_name(alice: httpx.AsyncClient) -> None:
    draft = await begun(alice)
    for options in ({"headers": HTMX}, {}):
        answer = await upload(alice, draft, b"<svg/>", **options)
        assert answer.status_code == 422
        assert complaint(answer, "images") == "a.jpg is not a JPEG, PNG or WebP picture"
    nothing = await alice.post(f"{draft}/pictures", files={"images": ("", b"")})
    assert complaint(nothing, "images") == "is required: choose at least one picture"


async def test_a_draft_is_deleted_by_its_owner_alone(
    alice: httpx.AsyncClient, charlie: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    draft = await begun(alice)
    paths = [draft, f"{draft}/basics", f"{draft}/review"]
    posts = [
        f"{draft}/basics",
        f"{draft}/basics/check",
        f"{draft}/submission",
        f"{draft}/pictures/1",
        f"{draft}/removal",
    ]
    for person, status in ((charlie, 404), (bob, 403)):
        assert {(await person.get(path)).status_code for path in paths} == {status}
        assert {(await person.post(path, data={"rev": "0"})).status_code for path in posts} == {status}
        assert (await upload(person, draft)).status_code == status
    assert (await alice.get(f"{draft}/nonsense")).status_code == 404
    assert (await alice.post(f"{draft}/nonsense")).status_code == 404
    assert (await alice.post(f"{draft}/removal")).headers["location"] == "/projects"
    assert (await alice.get(draft)).status_code == 404


async def test_an_empty_title_begins_nothing(alice: httpx.AsyncClient) -> None:
    answer = await alice.post("/projects/drafts", data={"title": "x" * 201})
    assert answer.status_code == 422
    assert "must have 1 to 200 characters" in answer.text
    assert "x" * 201 in answer.text, "what was typed is still there"
    answer = await alice.post("/projects/drafts", data={"title": "  "})
    assert answer.status_code == 422
    assert "is required" in complaint(answer, "title")


async def test_what_was_typed_while_the_session_ended_is_kept_and_leads_back_to_the_step(
    stage: Stage, alice: httpx.AsyncClient
) -> None:
    draft = await begun(alice)
    stranger = await stage.client(headers={"Referer": f"http://testserver{draft}/basics"})
    for verb, headers in (("", {}), ("/check", HTMX)):
        kept = await stranger.post(f"{draft}/basics{verb}", data=BASICS, headers=headers)
        assert kept.status_code == 401
        assert 'name="kept"' in kept.text
        assert f'value="{draft}/basics"' in kept.text
    uploaded = await upload(stranger, draft, headers=HTMX)
    assert uploaded.headers["hx-redirect"] == f"/sign-in?next={draft}/basics&ended=true"
    sent = await alice.post(f"{draft}/basics/check", data={**BASICS, "title": "Kept", "rev": "0"})
    assert (sent.status_code, sent.headers["location"]) == (303, f"{draft}/basics")
    assert 'value="Kept"' in (await alice.get(f"{draft}/basics")).text


async def test_a_check_that_is_refused_leaves_the_form_and_says_so(alice: httpx.AsyncClient) -> None:
    draft = await begun(alice)
    page = (await alice.get(f"{draft}/basics")).text
    assert 'hx-headers=\'{"X-Look": "saving"}\'' in page
    await alice.post(f"{draft}/removal")
    refused = await alice.post(f"{draft}/basics/check", data=BASICS, headers={"HX-Request": "true", "X-Look": "saving"})
    assert (refused.status_code, refused.headers["hx-reswap"]) == (404, "none")
    assert "hx-retarget" not in refused.headers
    assert re.search(r'<div hx-swap-oob="innerHTML:#saved">There is no such draft\.', refused.text, re.DOTALL)
