"""What belongs to a person: tickets and their files, the account, and leaving."""

import io
import re
from collections.abc import Callable

import zxingcpp
from PIL import Image
from playwright.sync_api import Page, expect

from e2e.steps import PASSWORD, email_of, looks_right, scriptless, sign_up

NEW_PASSWORD = "eleven paper boats"
SCANNABLE = 240
"""Pixels of a page: what a camera at arm's length reads without trying."""


def announced(page: Page, title: str) -> str:
    """An event of the organizer on this page, straight over the API; its path."""
    event = {
        "title": title, "description": "Three days.", "location": "Uckermark", "date": "2031-07-04", "price": "49.90",
        "start_time": "2031-07-04T18:00", "end_time": "2031-07-06T23:00", "timezone": "Europe/Berlin", "capacity": 100,
    }  # fmt: skip
    answer = page.request.post("/api/v1/event", data=event, headers={"Prefer": "wait=20"})
    assert answer.status == 201, answer.text()
    return f"/events/{answer.json()['core_event_data']['event_id']}"


def sign_in(page: Page, email: str, password: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def saved(page: Page, link: str) -> bytes:
    with page.expect_download() as download:
        page.get_by_role("link", name=link).click()
    return download.value.path().read_bytes()


def test_the_account_menu_opens_closes_and_leads_out(visit: Callable[[], Page]) -> None:
    bob = visit()
    sign_up(bob, "Bob")
    menu, out = bob.locator("summary", has_text="Account menu"), bob.get_by_role("button", name="Sign out")
    menu.click()
    expect(out).to_be_visible()
    looks_right(bob)
    if bob.context not in scriptless:
        bob.mouse.click(4, 500)
        expect(out).to_be_hidden()
        menu.press("Enter")
        expect(out).to_be_visible()
        out.press("Escape")
        expect(out).to_be_hidden()
        expect(menu).to_be_focused()
        menu.click()
    out.click()
    expect(bob.get_by_role("link", name="Sign in")).to_be_visible()


def scanned(picture: bytes) -> str:
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))
    text: str = found.text
    return text


def test_bob_finds_his_ticket_and_takes_it_along(visit: Callable[[], Page]) -> None:
    nora, bob = visit(), visit()
    sign_up(nora, "Nora", company="Lantern Fields e.V.")
    path = announced(nora, "مهرجان 日本 🎪 <b>")
    sign_up(bob, "Bob")
    bob.goto(path)
    bob.get_by_role("button", name="Buy").first.click()
    expect(bob.get_by_role("button", name="Buy a ticket")).to_have_count(0)
    bob.goto("/tickets")
    looks_right(bob)
    bob.get_by_role("link", name="مهرجان 日本 🎪 <b>").click()
    code = bob.get_by_role("img", name="QR code of your ticket")
    expect(code).to_be_visible()
    says = bob.request.get(bob.url.replace("/tickets/", "/api/v1/tickets/")).json()["qr_text"]
    assert scanned(code.screenshot()) == says
    box = code.bounding_box()
    assert box
    assert min(box["width"], box["height"]) >= SCANNABLE
    looks_right(bob)
    assert saved(bob, "PDF").startswith(b"%PDF-")
    entry = saved(bob, "Add to calendar").decode()
    assert "SUMMARY:مهرجان 日本 🎪 <b>" in entry
    assert "DTSTART;TZID=Europe/Berlin:2031" in entry


def test_bob_changes_his_password_and_the_phone_he_lost_is_out(visit: Callable[[], Page]) -> None:
    bob, lost = visit(), visit()
    sign_up(bob, "Bob")
    email = email_of(bob)
    looks_right(bob)
    sign_in(lost, email, PASSWORD)
    expect(lost.get_by_text("Account menu")).to_be_attached()
    bob.goto("/account/sessions")
    looks_right(bob)
    bob.get_by_role("button", name=re.compile("^Sign out Chrome")).click()
    expect(bob.get_by_text("That device is signed out.")).to_be_visible()
    lost.goto("/tickets")
    expect(lost).to_have_url(re.compile("/sign-in"))

    bob.goto("/account/password")
    bob.get_by_label("Password now").fill("not it at all")
    bob.get_by_label("New password").fill(NEW_PASSWORD)
    bob.get_by_role("button", name="Change password").click()
    expect(bob.get_by_text("is not your password")).to_be_visible()
    looks_right(bob)
    bob.get_by_label("Password now").fill(PASSWORD)
    bob.get_by_label("New password").fill(NEW_PASSWORD)
    bob.get_by_role("button", name="Change password").click()
    expect(bob.get_by_text("Your password is changed")).to_be_visible()
    sign_in(lost, email, NEW_PASSWORD)
    expect(lost.get_by_text("Account menu")).to_be_attached()


def test_bob_makes_a_key_for_a_program_and_revokes_it(visit: Callable[[], Page]) -> None:
    bob = visit()
    sign_up(bob, "Bob")
    bob.goto("/account/api-keys")
    looks_right(bob)
    bob.get_by_label("Name").fill("box office")
    bob.get_by_role("button", name="Make the key").click()
    expect(bob.get_by_text("it is not shown again")).to_be_visible()
    looks_right(bob)
    secret = bob.locator("p.code").inner_text()
    if bob.context not in scriptless:
        bob.context.grant_permissions(["clipboard-read", "clipboard-write"])
        bob.get_by_role("button", name="Copy").click()
        expect(bob.get_by_role("button", name="Copied")).to_be_focused()
        assert bob.evaluate("navigator.clipboard.readText()") == secret
    program = {"Authorization": f"Bearer {secret}"}
    assert bob.request.get("/api/v1/me", headers=program).status == 200
    bob.get_by_text("Revoke", exact=True).click()
    bob.get_by_role("button", name="Revoke the key").click()
    expect(bob.get_by_text("The key is revoked.")).to_be_visible()
    bob.context.clear_cookies()
    assert bob.request.get("/api/v1/me", headers=program).status == 401


def test_bob_leaves_for_good(visit: Callable[[], Page]) -> None:
    bob = visit()
    sign_up(bob, "Bob")
    email = email_of(bob)
    bob.goto("/account/deletion")
    looks_right(bob)
    bob.get_by_label("Your password").fill(PASSWORD)
    bob.get_by_role("button", name="Delete my account for good").click()
    expect(bob.get_by_text("Your account is deleted.")).to_be_visible()
    sign_in(bob, email, PASSWORD)
    expect(bob.get_by_text("E-mail and password do not match.")).to_be_visible()
