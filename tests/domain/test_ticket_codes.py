"""The text in a QR code: signed by us, unchanged, and provable after the key has changed."""

import base64

import pytest

from app.domain.ticket_codes import TEXT, TicketCode, newest_key, public_keys, rotate_key, signed, verified
from app.engines.database import Database
from app.errors import Invalid

TICKET = TicketCode(event_id=12, ticket_number=41, code="VN2FCD5HGFMR")


async def test_a_gate_with_the_public_keys_alone_learns_which_ticket_it_is(database: Database) -> None:
    async with database.connection() as connection:
        text = signed(await newest_key(connection), TICKET)
        assert verified(await public_keys(connection), text) == TICKET
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789."), "QR codes pack only these densely"
    assert len(text) < 160


async def test_no_part_of_the_text_can_be_changed(database: Database) -> None:
    async with database.connection() as connection:
        text = signed(await newest_key(connection), TICKET)
        keys = await public_keys(connection)
    for place, letter in enumerate(text[:-1]):  # the last letter carries bits that mean nothing
        changed = text[:place] + ("7" if letter != "7" else "6") + text[place + 1 :]
        with pytest.raises(Invalid) as refusal:
            verified(keys, changed)
        assert refusal.value.type == "not-a-ticket"


@pytest.mark.parametrize("text", ["", "ES1", "ES2.1.2.3.X." + "A" * 103, "https://evil.example", "ES1.1.1.1.X.é", "\0"])
async def test_what_is_no_ticket_is_refused_in_words(database: Database, text: str) -> None:
    async with database.connection() as connection:
        with pytest.raises(Invalid, match="not a ticket of ours"):
            verified(await public_keys(connection), text)


async def test_a_new_key_signs_and_the_old_one_goes_on_proving(database: Database) -> None:
    async with database.connection() as connection:
        old = signed(await newest_key(connection), TICKET)
        kid = await rotate_key(database)
        new = signed(await newest_key(connection), TICKET)
        keys = await public_keys(connection)
    assert TEXT.fullmatch(new)[2] == str(kid)  # type: ignore[index]
    assert new != old
    assert verified(keys, old) == verified(keys, new) == TICKET
    with pytest.raises(Invalid):
        verified([key for key in keys if key.kid == kid], old)


async def test_public_keys_hold_nothing_to_sign_with(database: Database) -> None:
    async with database.connection() as connection:
        key = await newest_key(connection)
        (public,) = await public_keys(connection)
    assert base64.b64decode(public.public_key) != key.private_key
    assert len(base64.b64decode(public.public_key)) == 32
