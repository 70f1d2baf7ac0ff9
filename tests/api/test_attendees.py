"""Attendees over the API: found, filtered, paged and exported by the organizer alone."""

import csv
import io

import httpx
import pytest

from app.api.attendees import csv_stream
from app.domain import attendees
from app.domain.attendees import AttendeeFilter
from tests.cast import Stage, stored_event
from tests.guests import sell_to

NAMES = ["José Álvarez", "Anna-Lena Berg", "Anneliese Bergmann", 'O\'Neil "Neo" Tân', "مريم حسن", "李小龙"]


async def listed(client: httpx.AsyncClient, event_id: int, **query: object) -> list[str]:
    answer = await client.get(f"/api/v1/event/{event_id}/attendees", params=query)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return [one["full_name"] for one in answer.json()["items"]]


FOUND = {
    "jose alva": {"José Álvarez"},
    "ÁLVAREZ": {"José Álvarez"},
    "ann berg": {"Anna-Lena Berg", "Anneliese Bergmann"},
    "lena": {"Anna-Lena Berg"},
    "o'neil": {'O\'Neil "Neo" Tân'},
    "مريم": {"مريم حسن"},
    "李": {"李小龙"},
    "guests.example": set(NAMES),
    "lena jose": set(),
    "' & !| :*\\": set(),
    "🎪": set(),
}


async def test_people_are_found_by_the_beginnings_of_words(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id, other = await stored_event(alice), await stored_event(alice)
    async with stage.parts.database.connection() as connection:
        await sell_to(connection, event_id, NAMES)
        await sell_to(connection, other, NAMES)
    for q, found in FOUND.items():
        assert set(await listed(alice, event_id, q=q)) == found, q


@pytest.mark.parametrize("path", ["/api/v1/event/{}/attendees", "/projects/{}/attendees"])
async def test_what_nobody_can_type_is_refused_and_not_looked_for(alice: httpx.AsyncClient, path: str) -> None:
    event_id = await stored_event(alice)
    for ending in ("", ".csv"):
        answer = await alice.get(path.format(event_id) + ending, params={"q": "a\0b"})
        assert answer.status_code == 422
        assert "q" in answer.text


async def test_a_ticket_is_found_by_its_code_however_it_was_typed(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id, other = await stored_event(alice), await stored_event(alice)
    async with stage.parts.database.connection() as connection:
        await sell_to(connection, event_id, NAMES)
        (number,) = await sell_to(connection, event_id, ["Wanted"])
        code = await connection.fetchval(
            "UPDATE tickets SET code = '23456789ABCD' WHERE id = $1 RETURNING code", number
        )
    for typed in (code, code.lower(), f" {code[:4]}-{code[4:8]} {code[8:]} "):
        assert await listed(alice, event_id, q=typed) == ["Wanted"]
    assert await listed(alice, other, q=code) == []


async def test_pages_show_everybody_once_and_newest_first(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    async with stage.parts.database.connection() as connection:
        await sell_to(connection, event_id, [f"Guest {number}" for number in range(7)])
    seen: list[str] = []
    cursor = ""
    while True:
        answer = await alice.get(f"/api/v1/event/{event_id}/attendees", params={"limit": 3, "cursor": cursor})
        seen += [one["full_name"] for one in answer.json()["items"]]
        async with stage.parts.database.connection() as connection:  # newcomers do not shift the pages
            await sell_to(connection, event_id, ["Newcomer"])
        cursor = answer.json()["next_cursor"]
        if not cursor:
            break
    assert seen == [f"Guest {number}" for number in reversed(range(7))]


async def test_statuses_filter_and_combine_with_words(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice)
    async with stage.parts.database.connection() as connection:
        for status in ("held", "sold", "used", "cancelled"):
            await sell_to(connection, event_id, [f"{status} one", f"{status} two"], status)
    assert await listed(alice, event_id, status="used") == ["used two", "used one"]
    assert await listed(alice, event_id, status="held", q="two") == ["held two"]
    refused = await alice.get(f"/api/v1/event/{event_id}/attendees?status=lost")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "status")


@pytest.mark.parametrize("path", ["attendees", "attendees.csv"])
async def test_attendees_are_for_their_organizer_alone(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, charlie: httpx.AsyncClient, path: str
) -> None:
    event_id = await stored_event(alice)
    assert (await alice.get(f"/api/v1/event/{event_id}/{path}")).status_code == 200
    assert (await bob.get(f"/api/v1/event/{event_id}/{path}")).status_code == 403
    assert (await charlie.get(f"/api/v1/event/{event_id}/{path}")).status_code == 404
    assert (await alice.get(f"/api/v1/event/{event_id + 1000}/{path}")).status_code == 404


async def test_the_csv_has_everybody_and_no_formula(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, capacity=2000)
    nasty = ['=HYPERLINK("x")', "+1", "-1", "@SUM(A1)", "＝1", 'a "quoted", name', "<script>", "سارة"]
    async with stage.parts.database.connection() as connection:
        await sell_to(connection, event_id, [*nasty, *(f"Guest {number}" for number in range(1200))])
    answer = await alice.get(f"/api/v1/event/{event_id}/attendees.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="attendees-{event_id}.csv"'
    assert answer.content.startswith(b"\xef\xbb\xbfticket_number,code,status,full_name,")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == len({row["ticket_number"] for row in rows}) == 1200 + len(nasty)
    names = [row["full_name"] for row in rows[-len(nasty) :]][::-1]
    assert names == ["'" + name if name[0] in "=+-@＝" else name for name in nasty]
    assert {row["price"] for row in rows} == {"49.90"}
    assert rows[0]["bought_at"].endswith(("+01:00", "+02:00"))
    assert (await alice.get(f"/projects/{event_id}/attendees.csv")).headers["content-type"] == "text/csv; charset=utf-8"
    filtered = await alice.get(f"/api/v1/event/{event_id}/attendees.csv?q=guest&status=held")
    assert filtered.text.count("\r\n") == 1


async def test_the_csv_says_what_was_paid_for_also_where_it_is_cancelled(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice, payment="organizer_confirms")
    paid, never = [
        (await who.post(f"/api/v1/attendee/buy-ticket/{event_id}")).json()["ticket_number"] for who in (bob, charlie)
    ]
    await alice.post(f"/projects/{event_id}/held", data={"decision": "confirm", "ticket_numbers": str(paid)})

    async def told() -> dict[str, tuple[str, str]]:
        answer = await alice.get(f"/api/v1/event/{event_id}/attendees.csv")
        rows = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
        return {row["ticket_number"]: (row["status"], row["paid"]) for row in rows}

    assert await told() == {str(paid): ("sold", "yes"), str(never): ("held", "no")}
    for number in (paid, never):
        await alice.post(f"/api/v1/tickets/{number}/cancellation", json={"reason": "x"})
    assert await told() == {str(paid): ("cancelled", "yes"), str(never): ("cancelled", "no")}


async def test_a_file_is_sent_while_it_is_read(
    stage: Stage, alice: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attendees, "BATCH", 1)
    event_id = await stored_event(alice)
    for name in ("Ada", "Ben"):
        await (await stage.person(name)).post(f"/api/v1/attendee/buy-ticket/{event_id}")
    pieces = csv_stream(stage.parts, event_id, "UTC", AttendeeFilter()).iterator
    text = ""
    while "Ben" not in text:
        text += as_text(await anext(pieces))
    async with stage.parts.database.connection() as connection:
        await connection.execute("UPDATE users SET full_name = 'Ada Moss' WHERE full_name = 'Ada'")
    rest = "".join([as_text(piece) async for piece in pieces])
    assert "Ada Moss" in rest, "read when its turn came"


def as_text(piece: str | bytes) -> str:
    return piece if isinstance(piece, str) else piece.decode()
