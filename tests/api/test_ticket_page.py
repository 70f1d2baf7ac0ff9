"""One ticket: its data, its QR code, its files, and that nobody else gets them."""

import httpx
import pypdfium2
import pytest
import zxingcpp

from app.domain.ticket_codes import PublicKey, TicketCode, verified
from tests.cast import Stage, stored_event

DOTS_PER_INCH = 100
FILES = {"qr.svg": "image/svg+xml", "ticket.pdf": "application/pdf", "event.ics": "text/calendar; charset=utf-8"}


async def bought(person: httpx.AsyncClient, event_id: int) -> int:
    answer = await person.post(f"/api/v1/attendee/buy-ticket/{event_id}")
    assert answer.status_code == 201, answer.text
    number: int = answer.json()["ticket_number"]
    return number


async def set_status(stage: Stage, number: int, status: str) -> None:
    async with stage.parts.database.connection() as connection:
        await connection.execute(
            "UPDATE tickets SET status = $2, held_until = now() + interval '1 day' WHERE id = $1", number, status
        )


async def test_bob_reads_his_ticket_and_its_code_is_proven_by_the_public_keys(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice)
    number = await bought(bob, event_id)
    ticket = (await bob.get(f"/api/v1/tickets/{number}")).json()
    assert (ticket["title"], ticket["holder"], ticket["company_name"]) == ("Lantern Fields", "Bob", "Alice e.V.")
    assert (ticket["price"], ticket["currency"], ticket["timezone"]) == ("49.90", "EUR", "Europe/Berlin")
    keys = [PublicKey(**one) for one in (await visitor.get("/api/v1/ticket-keys")).json()["items"]]
    says = TicketCode(event_id=event_id, ticket_number=number, code=ticket["code"])
    assert verified(keys, ticket["qr_text"]) == says


@pytest.mark.parametrize(("name", "kind"), FILES.items())
async def test_files_of_a_ticket(alice: httpx.AsyncClient, bob: httpx.AsyncClient, name: str, kind: str) -> None:
    number = await bought(bob, await stored_event(alice))
    for base in ("/api/v1/tickets", "/tickets"):
        answer = await bob.get(f"{base}/{number}/{name}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
        assert answer.headers["cache-control"] == "private, no-cache"
    begins = {"qr.svg": b"<svg", "ticket.pdf": b"%PDF-", "event.ics": b"BEGIN:VCALENDAR\r\n"}
    assert answer.content.startswith(begins[name])


async def test_the_code_in_the_file_can_be_scanned_and_is_that_of_the_ticket(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    number = await bought(bob, await stored_event(alice))
    ticket = (await bob.get(f"/api/v1/tickets/{number}")).json()
    file = (await bob.get(f"/api/v1/tickets/{number}/ticket.pdf")).content
    page = pypdfium2.PdfDocument(file)[0].render(scale=DOTS_PER_INCH / 72).to_pil()
    (found,) = zxingcpp.read_barcodes(page)
    assert found.text == ticket["qr_text"]
    corners = found.position
    assert (corners.top_right.x - corners.top_left.x) / DOTS_PER_INCH * 25.4 > 50, "millimetres"


async def test_a_name_that_mixes_directions_stands_apart_from_the_price_in_the_file(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice, ticket_types=[{"name": "VIP כרטיס", "price": "40"}])
    number = await bought(bob, event_id)
    file = (await bob.get(f"/api/v1/tickets/{number}/ticket.pdf")).content
    lines = pypdfium2.PdfDocument(file)[0].get_textpage().get_text_range().splitlines()
    assert f"€40.00 · No. {number}" in lines
    assert any(line.startswith("VIP ") for line in lines)


async def test_all_valid_tickets_for_an_event_are_one_file_with_a_page_for_each(
    stage: Stage, alice: httpx.AsyncClient, bob: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    kinds = [{"name": "Day", "price": "9", "per_attendee_limit": 4}]
    event_id = await stored_event(alice, ticket_types=kinds, returns_until="2099-01-01T00:00:00Z")
    bought = (await bob.post(f"/api/v1/attendee/buy-ticket/{event_id}", json={"quantity": 4})).json()
    first, returned, *_ = [one["ticket_number"] for one in bought["tickets"]]
    await bob.post(f"/api/v1/tickets/{returned}/cancellation")
    for base in ("/api/v1/event", "/events"):
        answer = await bob.get(f"{base}/{event_id}/tickets.pdf")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
        assert answer.content.count(b"/Type /Page\n") == 3
        assert (await charlie.get(f"{base}/{event_id}/tickets.pdf")).status_code == 404
    page = (await bob.get(f"/tickets/{first}")).text
    assert f'href="/events/{event_id}/tickets.pdf"' in page
    assert "All 3 as one PDF" in page
    assert (await bob.get(f"/api/v1/tickets/{first}")).json()["valid_for_event"] == 3
    assert "tickets.pdf" not in (await bob.get(f"/tickets/{returned}")).text
    leaving = (await bob.get("/account/deletion")).text
    assert leaving.count(f'href="/events/{event_id}/tickets.pdf"') == 1
    assert "3 tickets" in leaving


@pytest.mark.parametrize("name", ["", *(f"/{name}" for name in FILES)])
async def test_what_is_not_yours_is_not_there(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient, charlie: httpx.AsyncClient, name: str
) -> None:
    number = await bought(bob, await stored_event(alice))
    for stranger in (alice, charlie):
        for base in ("/api/v1/tickets", "/tickets"):
            assert (await stranger.get(f"{base}/{number}{name}")).status_code == 404
    assert (await bob.get(f"/api/v1/tickets/999{name}")).status_code == 404
    assert (await bob.get(f"/api/v1/tickets/99999999999999999999{name}")).status_code == 404


@pytest.mark.parametrize("status", ["held", "cancelled"])
async def test_a_ticket_that_lets_nobody_in_has_no_code(
    stage: Stage, alice: httpx.AsyncClient, bob: httpx.AsyncClient, status: str
) -> None:
    number = await bought(bob, await stored_event(alice))
    await set_status(stage, number, status)
    assert (await bob.get(f"/api/v1/tickets/{number}")).json()["qr_text"] is None
    refused = await bob.get(f"/api/v1/tickets/{number}/qr.svg")
    assert refused.status_code == 409
    assert refused.json()["type"].endswith("admits-nobody")
    assert (await bob.get(f"/api/v1/tickets/{number}/ticket.pdf")).status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "أحمد بن محمد",
        "山田太郎",
        "김철수",
        "שלום",
        "श्रीमान",
        "สวัสดี",
        "👩‍👩‍👧 Family",
        "\U000f0000",
        "𐍈",
        "<b>",
        "W" * 200,
    ],
)
async def test_a_name_in_any_script_is_printed(
    stage: Stage, alice: httpx.AsyncClient, bob: httpx.AsyncClient, name: str
) -> None:
    event_id = await stored_event(alice, title=name, location=name)
    number = await bought(bob, event_id)
    async with stage.parts.database.connection() as connection:
        await connection.execute("UPDATE users SET full_name = $1", name)
    answer = await bob.get(f"/api/v1/tickets/{number}/ticket.pdf")
    assert answer.status_code == 200
    assert answer.content.startswith(b"%PDF-")
    assert len(answer.content) < 100_000


async def test_the_qr_code_needs_no_style_that_the_policy_forbids(
    alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    number = await bought(bob, await stored_event(alice))
    picture = (await bob.get(f"/api/v1/tickets/{number}/qr.svg")).text
    assert "style" not in picture
    assert "<script" not in picture
    assert 'viewBox="0 0 ' in picture


async def test_a_key_that_reads_gets_the_files_too(
    stage: Stage, alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    number = await bought(bob, await stored_event(alice))
    created = await bob.post("/api/v1/api-keys", json={"name": "printer", "scopes": ["read"]})
    program = await stage.client(headers={"Authorization": f"Bearer {created.json()['api_key']}"})
    assert (await program.get(f"/api/v1/tickets/{number}/ticket.pdf")).status_code == 200


async def test_too_many_who_print_at_once_are_asked_to_come_again(
    stage: Stage, alice: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    number = await bought(bob, await stored_event(alice))
    stage.parts.printer.waiting = 100
    answer = await bob.get(f"/api/v1/tickets/{number}/ticket.pdf")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    stage.parts.printer.waiting = 0
    assert (await bob.get(f"/api/v1/tickets/{number}/ticket.pdf")).status_code == 200
