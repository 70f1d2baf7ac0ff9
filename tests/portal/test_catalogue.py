"""The first page: what is to come, and finding it."""

import re
from typing import Any

import httpx
import pytest

from app.domain.catalogue import ALL_WORDS, prefixes
from tests.cast import Stage, event_body, stored_event

MIDSUMMER = {"start_time": "2031-06-20T18:00:00+02:00", "end_time": "2031-06-22T23:00:00+02:00", "date": "2031-06-20"}


async def titles(visitor: httpx.AsyncClient, **search: Any) -> list[str]:
    answer = await visitor.get("/", params=search)
    assert answer.status_code == 200, answer.text
    return re.findall(r'<a href="/events/\d+">([^<]+)</a>', answer.text)


async def two_festivals(alice: httpx.AsyncClient) -> None:
    await stored_event(alice, title="Lantern Fields", location="Görlitz", price="89.00", **MIDSUMMER)
    later = {"start_time": "2031-09-05T18:00:00Z", "end_time": "2031-09-07T23:00:00Z", "date": "2031-09-05"}
    brass = "Trombones on barges, and **no** microphones."
    await stored_event(alice, title="Harbour Brass", location="Rostock", price="0", description=brass, **later)


async def test_it_shows_what_comes_and_hides_what_does_not(
    alice: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    assert "No festival is announced" in (await visitor.get("/")).text
    await stored_event(alice, title="Coming")
    await stored_event(alice, title="Hidden draft", status="draft")
    await stored_event(alice, title="Long over", start_time="2020-06-22T19:00:00Z", end_time="2020-06-22T20:00:00Z")
    page = (await visitor.get("/")).text
    assert "€49.90" in page
    assert "100 left" in page
    assert await titles(visitor) == ["Coming"]


async def test_it_pages_through_everything_once(alice: httpx.AsyncClient, visitor: httpx.AsyncClient) -> None:
    for count in range(30):
        await alice.post("/api/v1/event", json=event_body(title=f"Night {count}"))
    await stored_event(alice, title="Night 30")
    seen: list[str] = []
    address = "/?q=night"
    while address:
        page = (await visitor.get(address)).text
        assert 'href="/sign-in"' in page, "and not on to the next page"
        seen += re.findall(r">(Night \d+)</a>", page)
        more = re.search(r'href="(/\?q=night&amp;cursor=[^"]+)"', page)
        address = more.group(1).replace("&amp;", "&") if more else ""
    assert sorted(seen) == sorted(f"Night {count}" for count in range(31))
    assert 'href="/?q=night"' in page


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ({"q": "lant"}, ["Lantern Fields"]),
        ({"q": "FIELDS lantern"}, ["Lantern Fields"]),
        ({"q": "trombones"}, ["Harbour Brass"]),
        ({"q": "gorlitz"}, ["Lantern Fields"]),
        ({"q": "lantern rostock"}, []),
        ({"place": "gör"}, ["Lantern Fields"]),
        ({"place": "Fields"}, []),
        ({"price": "0"}, ["Harbour Brass"]),
        ({"price": "88.99"}, ["Harbour Brass"]),
        ({"price": "89"}, ["Lantern Fields", "Harbour Brass"]),
        ({"from": "2031-06-22", "to": "2031-06-22"}, ["Lantern Fields"]),
        ({"from": "2031-06-23"}, ["Harbour Brass"]),
        ({"to": "2031-09-04"}, ["Lantern Fields"]),
        ({"from": "2031-06-20", "to": "2031-09-05", "q": "bra"}, ["Harbour Brass"]),
        ({"q": "'"}, []),
        ({"q": "a' | 'b & !c \\ :* <->"}, []),
        ({"q": " ".join("lantern" for _ in range(20))}, ["Lantern Fields"]),
    ],
)
async def test_each_way_to_find_a_festival(
    alice: httpx.AsyncClient, visitor: httpx.AsyncClient, search: dict[str, str], found: list[str]
) -> None:
    await two_festivals(alice)
    assert await titles(visitor, **search) == found


async def test_a_price_is_searched_as_the_region_writes_it(
    alice: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    await two_festivals(alice)
    visitor.headers["Accept-Language"] = "de-DE"
    assert await titles(visitor, price="88,99") == ["Harbour Brass"]
    assert await titles(visitor, price="1.089,00") == ["Lantern Fields", "Harbour Brass"]


async def test_an_empty_result_offers_the_way_back(alice: httpx.AsyncClient, visitor: httpx.AsyncClient) -> None:
    await two_festivals(alice)
    page = (await visitor.get("/", params={"q": "zither"})).text
    assert "Nothing found" in page
    assert 'value="zither"' in page


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=tomorrow", "from"),
        ("from=2031-07-02&to=2031-07-01", "to"),
        ("price=cheap", "price"),
        ("price=-1", "price"),
        ("q=%00", "q"),
        ("q=" + "x" * 201, "q"),
    ],
)
async def test_a_search_that_cannot_be_is_said_beside_its_field(
    visitor: httpx.AsyncClient, query: str, field: str
) -> None:
    answer = await visitor.get(f"/?{query}")
    assert answer.status_code == 422
    assert re.search(rf'id="{field}-error">\s*<svg', answer.text)
    assert 'role="search"' in answer.text
    assert "Nothing found" not in answer.text
    assert f",#{field}-error:innerHTML" in answer.text, "without a reload it is brought there too"


@pytest.mark.parametrize("query", ["q=%ff", "q=%ed%a0%80", "from=&to=&price=&q=&place=", "q=a&q=b", "cursor=nonsense"])
async def test_odd_queries_are_no_error_of_ours(visitor: httpx.AsyncClient, query: str) -> None:
    assert (await visitor.get(f"/?{query}")).status_code in {200, 422}


async def test_an_address_that_is_none_of_ours_any_more_says_so_and_leads_to_the_beginning(
    visitor: httpx.AsyncClient,
) -> None:
    answer = await visitor.get("/?q=lake&cursor=nonsense")
    assert answer.status_code == 422
    results = answer.text.partition('id="results"')[2]
    assert "This address is none of ours any more" in results
    assert re.findall(r'href="([^"]+)">\s*From the beginning', results) == ["/?q=lake"]
    assert "Some fields need your attention" not in answer.text


async def test_prices_and_sales_of_all_types_count(alice: httpx.AsyncClient, visitor: httpx.AsyncClient) -> None:
    kinds = [
        {"name": "Weekend", "price": "120.00"},
        {"name": "Friday", "price": "40.00"},
        {"name": "Crew", "price": "0", "hidden_until": "2031-01-01T00:00:00Z"},
    ]
    await stored_event(alice, title="Several", ticket_types=kinds, **MIDSUMMER)
    soon = [{"name": "Early", "price": "10", "sale_opens_at": "2031-02-01T00:00:00Z"}]
    await stored_event(alice, title="Not yet", ticket_types=soon, **MIDSUMMER)
    page = (await visitor.get("/")).text
    assert "from €40.00" in page
    assert "From Sat 1 Feb 2031" in page
    assert await titles(visitor, price="39") == ["Not yet"]


async def test_a_card_names_prices_that_can_be_paid(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    kinds = [
        {"name": "Early bird", "price": "30", "sale_closes_at": "2020-02-01T00:00:00Z"},
        {"name": "Balcony", "price": "79", "places": 1},
        {"name": "Weekend", "price": "80"},
        {"name": "Late", "price": "95", "sale_opens_at": "2031-02-01T00:00:00Z"},
    ]
    event_id = await stored_event(alice, title="Several", ticket_types=kinds, **MIDSUMMER)
    assert "from €79.00" in (await visitor.get("/")).text
    balcony = (await alice.get(f"/api/v1/event/{event_id}")).json()["ticket_types"][1]["ticket_type_id"]
    await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}", json={"ticket_type_id": balcony})
    page = (await visitor.get("/")).text
    assert "€80.00" in page
    assert "from €" not in page, "only one kind is left"
    assert await titles(visitor, price="79.50") == []
    assert await titles(visitor, price="80") == ["Several"]


async def test_what_is_left_is_no_more_than_the_types_on_sale_have(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    kinds = [
        {"name": "Balcony", "price": "79", "places": 1},
        {"name": "Weekend", "price": "80", "places": 1200},
        {"name": "Late", "price": "95", "places": 500, "sale_opens_at": "2031-02-01T00:00:00Z"},
    ]
    event_id = await stored_event(alice, capacity=5000, ticket_types=kinds, **MIDSUMMER)
    for left in ("1,201", "1,200"):
        assert f"{left} left" in (await visitor.get("/")).text
        page = (await visitor.get(f"/events/{event_id}")).text
        assert f"<p>{left} places left</p>" in page
        assert "Places taken" not in page
        await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    only = await stored_event(alice, capacity=1000, ticket_types=[{"name": "Stalls", "price": "7", "places": 1}])
    assert "<p>1 place left</p>" in (await visitor.get(f"/events/{only}")).text
    assert "1 left" in (await visitor.get("/")).text


async def test_among_many_festivals_words_are_looked_up_in_their_index(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    async with stage.parts.database.transaction() as connection:
        await connection.execute(
            """CREATE TEMP TABLE more ON COMMIT DROP AS SELECT events.* FROM events, generate_series(1, 3000);
               UPDATE more SET id = nextval('event_id_seq'), title = 'Festival ' || ctid;
               INSERT INTO events SELECT * FROM more;
               ANALYZE events"""
        )
        await connection.execute("UPDATE events SET title = 'Zither days' WHERE id = $1", event_id)
        plan = await connection.fetch(
            f"""EXPLAIN SELECT id FROM events
                WHERE status = 'published' AND words({ALL_WORDS}) @@ to_tsquery('pg_catalog.simple', 'zither:*')"""
        )
    assert "events_words" in "\n".join(row[0] for row in plan)


def test_words_become_prefixes_without_accents_and_operators() -> None:
    assert prefixes("Görlitz  o'Neil \\") == "'Gorlitz':* & 'o''Neil':*"
    assert prefixes("  ") == ""


async def test_what_is_free_for_some_is_no_price_to_begin_from(
    alice: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    kinds = [{"name": "Child", "price": "0"}, {"name": "Grown-up", "price": "40"}]
    event_id = await stored_event(alice, ticket_types=kinds)
    for path in ("/", f"/events/{event_id}"):
        page = (await visitor.get(path)).text
        assert "Free and paid" in page
        assert "from Free" not in page
