"""The panel that shows how far a submission is, and its button for another try."""

import re

import httpx
import pytest

from app.portal.submissions import TRIES
from tests.cast import Stage, picture, project_fields
from tests.lost_uploads import uploads_lost
from tests.waiting import eventually

HTMX = {"HX-Request": "true"}


async def submitted(alice: httpx.AsyncClient, **changes: str) -> str:
    """The address of the panel of a new project."""
    answer = await alice.post(
        "/api/v1/new-project", data=project_fields(**changes), files={"images": ("a.jpg", picture())}
    )
    return f"/projects/submissions/{answer.json()['submission_id']}"


async def test_a_submission_on_its_way_is_asked_for_again_until_it_gives_up(
    stage: Stage, alice: httpx.AsyncClient
) -> None:
    for task in stage.parts.tasks:
        await task.stop()
    panel = await submitted(alice)
    page = (await alice.get(panel)).text
    assert f'hx-get="{panel}/fan-out?attempt=2"' in page
    assert "Your event is on its way" in page
    last = (await alice.get(f"{panel}/fan-out?attempt=30")).text
    assert "hx-get" not in last
    assert "takes longer than usual" in last
    early = (await alice.get(f"{panel}/fan-out?attempt=2")).text
    assert spoken(last) == "This takes longer than usual. Nothing is lost."
    assert spoken(early) is None


async def test_without_javascript_a_page_asks_again_until_it_gives_up(stage: Stage, alice: httpx.AsyncClient) -> None:
    for task in stage.parts.tasks:
        await task.stop()
    address, visits = await submitted(alice), 0
    while address:
        visits += 1
        page = (await alice.get(address)).text
        again = re.search(r'<noscript>\s*<meta http-equiv="refresh"\s*content="2; url=([^"]+)"', page)
        address = again[1] if again and visits < 100 else ""
    assert visits == TRIES
    assert "takes longer than usual" in page


async def test_the_heading_says_how_the_submission_ended(stage: Stage, alice: httpx.AsyncClient) -> None:
    stored, lost = await submitted(alice), "A part of your event could not be stored"
    await eventually(lambda: says(alice, stored, "Your event is stored"))
    pictures = next(task for task in stage.parts.tasks if task.name == "eventstream-s3")
    await pictures.stop()
    failing = await submitted(alice)
    async with uploads_lost(stage, failing.rpartition("/")[2]):
        pictures.stopping = False
        pictures.start()
        await eventually(lambda: says(alice, failing, lost))
        await eventually(lambda: speaks(alice, failing, lost))  # once all stores have answered
    assert await speaks(alice, stored, "Your event is stored")
    for panel in (stored, failing):
        assert not await says(alice, panel, "on its way</h1>")
        assert not await says(alice, panel, "safely received")


@pytest.mark.parametrize(("status", "next_step"), [("draft", "Check and publish it"), ("published", "Manage it")])
async def test_what_is_stored_leads_on_to_its_workspace(alice: httpx.AsyncClient, status: str, next_step: str) -> None:
    panel = await submitted(alice, status=status)
    await eventually(lambda: says(alice, panel, "Your event is stored"))
    page = (await alice.get(panel)).text
    links = dict(re.findall(r'<a class="button[^"]*"\s+href="([^"]+)">([^<]+)</a>', page.partition("fan-out")[2]))
    event_id = next(iter(links)).rpartition("/")[2]
    assert links == {f"/projects/{event_id}": next_step, f"/events/{event_id}": "See the page of your event"}
    assert (next(iter(links)) == f"/projects/{event_id}") == (status == "draft"), "what comes next stands first"
    assert ("Only you see this event." in page) == (status == "draft")


def spoken(fragment: str) -> str | None:
    """What a fragment puts into the standing line for ears; the part that is replaced is none that is read out."""
    assert "aria-live" not in fragment
    found = re.search(r'<p id="news" hx-swap-oob="innerHTML">([^<]*)</p>', fragment)
    return found and found[1]


async def speaks(client: httpx.AsyncClient, panel: str, words: str) -> bool:
    return spoken((await client.get(f"{panel}/fan-out")).text) == words


async def says(client: httpx.AsyncClient, panel: str, words: str) -> bool:
    """In the fragment and in the page alike, under one heading."""
    page, fragment = (await client.get(panel)).text, (await client.get(f"{panel}/fan-out")).text
    assert page.count("<h1") == fragment.count("<h1") == 1
    return words in page and words in fragment


async def test_a_store_that_failed_is_told_in_words_and_tried_again_by_a_button(
    stage: Stage, alice: httpx.AsyncClient, bob: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    pictures = next(task for task in stage.parts.tasks if task.name == "eventstream-s3")
    await pictures.stop()
    panel = await submitted(alice)

    async def failed() -> bool:
        return "The pictures could not be stored" in (await alice.get(f"{panel}/fan-out")).text

    async def stored() -> bool:
        return "See the page of your event" in (await alice.get(f"{panel}/fan-out")).text

    async with uploads_lost(stage, panel.rpartition("/")[2]):
        pictures.stopping = False
        pictures.start()
        await eventually(failed)
        assert f'action="{panel}/retry"' in (await alice.get(panel)).text
        assert (await bob.post(f"{panel}/retry")).status_code == 403
        assert (await charlie.post(f"{panel}/retry")).status_code == 404
    again = await alice.post(f"{panel}/retry", headers=HTMX)
    assert again.text.lstrip().startswith('<div id="fan-out"')
    await eventually(stored)
    refused = await alice.post(f"{panel}/retry")
    assert refused.status_code == 409
    assert "No part of it has failed." in refused.text
