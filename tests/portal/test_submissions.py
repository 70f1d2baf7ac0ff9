"""The panel that shows how far a submission is, and its button for another try."""

import re

import httpx

from tests.cast import Stage, picture, project_fields
from tests.lost_uploads import uploads_lost
from tests.waiting import eventually

HTMX = {"HX-Request": "true"}


async def submitted(alice: httpx.AsyncClient) -> str:
    """The address of the panel of a new project."""
    answer = await alice.post("/api/v1/new-project", data=project_fields(), files={"images": ("a.jpg", picture())})
    return f"/projects/submissions/{answer.json()['submission_id']}"


async def test_a_submission_on_its_way_is_asked_for_again_until_it_gives_up(
    stage: Stage, alice: httpx.AsyncClient
) -> None:
    for task in stage.parts.tasks:
        await task.stop()
    panel = await submitted(alice)
    page = (await alice.get(panel)).text
    assert f'hx-get="{panel}/fan-out?attempt=2"' in page
    assert re.search(r'<noscript>\s*<meta http-equiv="refresh"', page)
    last = (await alice.get(f"{panel}/fan-out?attempt=30")).text
    assert "hx-get" not in last
    assert "takes longer than usual" in last


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
