"""At the door: the first scan wins, and mistakes can be undone."""

import asyncio

import pytest

from app.domain.cancelling import cancel_ticket
from app.domain.door import undo_use, use_by_code, use_ticket
from app.errors import Conflict, NotFound
from tests.box_office import EVENT, BoxOffice


async def test_the_first_of_many_scans_wins(office: BoxOffice) -> None:
    await office.open()
    (bob,) = await office.people("bob")
    number = (await office.bought(bob)).ticket_number
    scans = await asyncio.gather(
        *(use_ticket(office.database, office.alice, number) for _ in range(5)), return_exceptions=True
    )
    assert sorted(getattr(scan, "type", "used") for scan in scans) == ["already-used"] * 4 + ["used"]
    assert (await office.facts()).count("TicketUsed") == 1
    assert await office.places() == (1, 0)


async def test_a_use_is_undone_and_done_again(office: BoxOffice) -> None:
    await office.open()
    (bob,) = await office.people("bob")
    bought = await office.bought(bob)
    with pytest.raises(Conflict) as refusal:
        await undo_use(office.database, office.alice, bought.ticket_number)
    assert refusal.value.type == "not-used"
    used = await use_by_code(office.database, office.alice, EVENT, f" {bought.code.lower()} ")
    assert used.used_at is not None
    undone = await undo_use(office.database, office.alice, bought.ticket_number)
    assert (undone.status, undone.used_at) == ("sold", None)
    assert (await use_ticket(office.database, office.alice, bought.ticket_number)).status == "used"
    assert (await office.facts())[1:] == ["TicketUsed", "TicketUseUndone", "TicketUsed"]


async def test_what_is_not_paid_or_not_valid_lets_nobody_in(office: BoxOffice) -> None:
    await office.open(payment="organizer_confirms")
    bob, ben = await office.people("bob", "ben")
    held, cancelled = [(await office.bought(who)).ticket_number for who in (bob, ben)]
    await cancel_ticket(office.database, office.alice, cancelled, "x")
    for number, kind in ((held, "not-paid"), (cancelled, "not-live")):
        for refused in (use_ticket, undo_use):
            with pytest.raises(Conflict) as refusal:
                await refused(office.database, office.alice, number)
            assert refusal.value.type == kind
    await office.hours_pass(200)
    with pytest.raises(Conflict, match="not paid in time"):
        await use_ticket(office.database, office.alice, held)


async def test_only_tickets_of_ones_own_event(office: BoxOffice) -> None:
    await office.open()
    (bob,) = await office.people("bob")
    bought = await office.bought(bob)
    for stranger in (bob, office.charlie):
        for refused in (use_ticket, undo_use):
            with pytest.raises(NotFound):
                await refused(office.database, stranger, bought.ticket_number)
        with pytest.raises(NotFound):
            await use_by_code(office.database, stranger, EVENT, bought.code)
    with pytest.raises(NotFound):
        await use_by_code(office.database, office.alice, EVENT, "NOSUCHCODE")
