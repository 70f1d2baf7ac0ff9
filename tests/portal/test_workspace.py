"""The pages of an organizer who runs an event: what they show, and to whom."""

import httpx

from tests.box_office import sell_to
from tests.cast import Stage, stored_event

PAGES = (
    "", "/attendees", "/attendees.csv", "/door-list", "/held", "/waiting-list", "/waiting-list/log", "/copy",
    "/copy?start_time=2032-07-02T18:00", "/cancellation",
)  # fmt: skip


async def test_every_page_opens_for_its_organizer_and_nobody_else(
    stage: Stage, alice: httpx.AsyncClient, bob: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice)
    async with stage.parts.database.connection() as connection:
        (number, *_) = await sell_to(connection, event_id, ["Ann", "Ben"])
        await sell_to(connection, event_id, ["Hal"], status="held")
    for page in (*PAGES, f"/attendees/{number}"):
        answer = await alice.get(f"/projects/{event_id}{page}")
        assert answer.status_code == 200, (page, answer.text)
        assert (await charlie.get(f"/projects/{event_id}{page}")).status_code == 404, page
        assert (await bob.get(f"/projects/{event_id}{page}")).status_code == 403, page
    assert (await alice.get("/dashboard")).status_code == 200
