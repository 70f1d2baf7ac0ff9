"""Metadata of events: submit and delete."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, delete, post
from litestar.di import NamedDependency
from litestar.params import Body

from app.api.answers import PathId, accepted, idempotent_json, preferred_wait, problems, until_settled
from app.api.body import WholeBody
from app.domain import metadata
from app.domain.accounts import Caller
from app.domain.metadata import MetadataIn
from app.parts import Parts


class MetadataAccepted(msgspec.Struct, frozen=True):
    success: str
    metadata_id: int
    submission_id: str


@post(
    "/metadata", dto=WholeBody, return_dto=None, status_code=202, opt={"role": "organizer", "limit": "submit"},
    summary="Submit metadata of your event", responses=problems(400, 404, 413, 422),
)  # fmt: skip
async def submit_metadata(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    data: Annotated[MetadataIn, Body()],
) -> Response[MetadataAccepted]:
    key = await idempotent_json(request)
    submitted = await metadata.submit_metadata(parts.database, parts.submissions, who, data, key)
    number = submitted.answer["metadata_id"]
    content = MetadataAccepted("New metadata details sent to kafka", number, submitted.submission_id)
    answer = accepted(submitted, content)
    if seconds := preferred_wait(request):
        found = await until_settled(parts.database, who, submitted.submission_id, seconds)
        if found.state == "stored":
            answer.status_code = 201
            answer.headers["Preference-Applied"] = f"wait={seconds:g}"
    return answer


@delete(
    "/metadata/{metadata_id:int}", status_code=202, opt={"role": "organizer", "limit": "submit"},
    summary="Delete metadata of your event", responses=problems(404),
)  # fmt: skip
async def delete_metadata(
    parts: NamedDependency[Parts], who: NamedDependency[Caller], metadata_id: PathId
) -> Response[MetadataAccepted]:
    submitted = await metadata.submit_metadata_removal(parts.database, parts.submissions, who, metadata_id)
    content = MetadataAccepted("Removal of metadata sent to kafka", metadata_id, submitted.submission_id)
    return accepted(submitted, content)


routes = [submit_metadata, delete_metadata]
