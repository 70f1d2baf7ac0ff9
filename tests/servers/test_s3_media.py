"""What only a real S3 server that hangs can do: take a picture's connection and keep whoever sent it waiting."""

import asyncio
import time

import httpx

from tests.cast import picture, project_fields
from tests.servers.fleet import Fleet
from tests.servers.outage import paused

PICTURE = picture(width=64, height=36)
LONGEST_ANSWER_SECONDS = 12


async def test_pictures_are_refused_soon_and_say_when_to_come_back_while_s3_hangs(alice: httpx.AsyncClient) -> None:
    assert (await alice.post("/api/v1/new-media", files={"media_file": ("a.jpg", PICTURE)})).is_success
    async with paused(Fleet().s3):
        began = time.monotonic()
        answers = await asyncio.gather(
            alice.post("/api/v1/new-media", files={"media_file": ("a.jpg", PICTURE)}),
            alice.post("/api/v1/new-project", data=project_fields(), files={"images": ("a.jpg", PICTURE)}),
        )
        took = time.monotonic() - began
    assert [answer.status_code for answer in answers] == [503, 503]
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers)
    assert took < LONGEST_ANSWER_SECONDS
    assert (await alice.post("/api/v1/new-media", files={"media_file": ("a.jpg", PICTURE)})).is_success
