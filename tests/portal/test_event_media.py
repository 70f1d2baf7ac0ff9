"""Pictures of an event that is there: added, described, moved and removed."""

import re
from typing import Any
from unittest.mock import ANY

import httpx

from tests.cast import picture, stored_event

HTMX = {"HX-Request": "true"}


async def upload(alice: httpx.AsyncClient, address: str, *contents: bytes, **options: Any) -> httpx.Response:
    files = [("images", (f"{place}.jpg", content, "image/jpeg")) for place, content in enumerate(contents)]
    return await alice.post(address, files=files, **options)


def shown(answer: httpx.Response) -> list[str]:
    return re.findall(r'id="picture-(\d+)"', answer.text)


async def test_pictures_are_added_described_moved_and_removed(
    alice: httpx.AsyncClient, visitor: httpx.AsyncClient
) -> None:
    event_id = await stored_event(alice)
    address = f"/projects/{event_id}/media"
    assert (await upload(alice, address, picture(), picture(800))).headers["location"] == address
    added = await upload(alice, address, picture(900), headers=HTMX)
    assert added.text.lstrip().startswith('<div id="pictures"')
    one, two, three = shown(added)
    details = {"alt": "A lake", "focal_x": "0", "focal_y": "100"}
    assert (await alice.post(f"{address}/{three}", data=details)).status_code == 303
    moved = await alice.post(f"{address}/{three}", data={"position": "0"}, headers=HTMX)
    assert shown(moved) == [three, one, two]
    assert 'value="A lake"' in moved.text
    gone = await alice.post(f"{address}/{one}/removal", headers=HTMX)
    assert shown(gone) == [three, two]
    assert shown(await alice.get(address)) == [three, two]
    read = (await alice.get(f"/api/v1/event/{event_id}")).json()["media_files"]
    assert [(str(media["media_id"]), media["alt"], media["focal_x"]) for media in read] == [
        (three, "A lake", 0),
        (two, "", 50),
    ]
    page = (await visitor.get(f"/events/{event_id}")).text
    crops = re.findall(r'<img\s+class="(fx-\d+ fy-\d+)"', page)
    assert crops == ["fx-0 fy-10", "fx-5 fy-5"], "the first at the top, the other among more pictures"
    assert 'alt="A lake"' in page
    card = (await visitor.get("/")).text
    assert re.findall(r'<img\s+class="([^"]*)"\s+src="([^"]*)"', card) == [("fx-0 fy-10", ANY)]


async def test_bad_pictures_and_details_are_said_and_those_of_others_are_not_there(
    alice: httpx.AsyncClient, charlie: httpx.AsyncClient
) -> None:
    address = f"/projects/{await stored_event(alice)}/media"
    bad = await upload(alice, address, b"<svg/>", picture())
    assert bad.status_code == 422
    assert "0.jpg is not a JPEG, PNG or WebP picture" in bad.text
    (media_id,) = shown(bad)
    assert (await alice.post(f"{address}/{media_id}", data={"focal_x": "101"})).status_code == 422
    long = await alice.post(f"{address}/{media_id}", data={"alt": "A lake " * 72})
    assert long.status_code == 422
    assert f'value="{"A lake " * 72}"' in long.text
    assert "must have at most 500 characters" in long.text.split(f'id="alt-{media_id}-error"')[1][:400]
    theirs = f"/projects/{await stored_event(charlie)}/media/{media_id}"
    assert (await charlie.post(theirs, data={"alt": "Mine"})).status_code == 404
    assert (await charlie.post(f"{theirs}/removal")).status_code == 404
