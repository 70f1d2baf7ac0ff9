"""The demo, however often its loading is ended."""

from pathlib import Path

import httpx
import pytest

from app.demo import ATTENDEE, ORGANIZER, accounts, load_festival, load_missing
from tests.cast import Stage
from tests.waiting import eventually


def password_in(folder: Path) -> str:
    organizer, attendee = (line.split() for line in (folder / "demo-accounts.txt").read_text().splitlines())
    assert (organizer[1], attendee[1], organizer[2]) == (ORGANIZER, ATTENDEE, attendee[2])
    return organizer[2]


async def signs_in(visitor: httpx.AsyncClient, email: str, password: str) -> bool:
    answer = await visitor.post("/api/v1/sign-in", json={"email": email, "password": password})
    return answer.status_code == 200


@pytest.mark.parametrize("before", [0, 1, 3])
async def test_a_start_goes_on_where_the_one_before_was_killed(
    stage: Stage, bob: httpx.AsyncClient, before: int
) -> None:
    organizer = await accounts(stage.parts)
    for number in range(before):
        await load_festival(stage.parts, organizer, number)
    assert await load_missing(stage.parts) == 3 - before

    async def titles() -> list[str]:
        items = (await bob.get("/api/v1/events")).json()["items"]
        return sorted(one["core_event_data"]["title"][:-5] for one in items)

    async def all_there() -> bool:
        return await titles() == ["Harbour Brass Picnic", "Lantern Fields", "Night of the Small Stages"]

    await eventually(all_there, 60)
    assert await load_missing(stage.parts) == 0


async def test_without_the_file_of_accounts_there_is_a_new_one_that_is_right(
    stage: Stage, visitor: httpx.AsyncClient
) -> None:
    folder = stage.parts.settings.data_dir
    await accounts(stage.parts)
    first = password_in(folder)
    await accounts(stage.parts)
    assert password_in(folder) == first
    (folder / "demo-accounts.txt").unlink()
    await accounts(stage.parts)
    second = password_in(folder)
    assert (folder / "demo-accounts.txt").stat().st_mode & 0o777 == 0o600
    for email in (ORGANIZER, ATTENDEE):
        assert await signs_in(visitor, email, second)
        assert not await signs_in(visitor, email, first)
