"""Projects: an event with metadata and pictures in one request."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body

from app.api.answers import problems
from app.api.body import WholeBody, form_with_pictures
from app.api.events import EventAccepted, event_accepted
from app.domain.accounts import Caller
from app.domain.events import event_data
from app.domain.idempotency import Idempotent, idempotent
from app.domain.picture_files import PictureFile
from app.domain.projects import ProjectIn, submit_project
from app.parts import Parts
from app.uploads import MAX_REQUEST, Files, spooled


class ProjectForm(ProjectIn, frozen=True, kw_only=True):
    images: Files


@post(
    "/new-project", dto=WholeBody, return_dto=None, status_code=202, opt={"role": "organizer", "limit": "submit"},
    before_request=form_with_pictures("images"), request_max_body_size=MAX_REQUEST,
    summary="Submit an event, its metadata and its pictures together",
    responses=problems(400, 413, 422),
)  # fmt: skip
async def new_project(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    data: Annotated[ProjectForm, Body(media_type=RequestEncodingType.MULTI_PART)],
) -> Response[EventAccepted]:
    ready = event_data(data, parts.settings.currency, parts.settings.timezone)
    async with spooled(data.images, "images") as files:
        submitted = await submit_project(
            parts.database, parts.submissions, parts.media, parts.pictures, who, data, ready, files,
            key_of(request.headers.get("idempotency-key"), data, files),
        )  # fmt: skip
    return await event_accepted(request, parts, who, submitted, "Payload sent to consumer")


def key_of(key: str | None, given: ProjectIn, files: list[PictureFile]) -> Idempotent | None:
    """The same fields with the same pictures are the same request."""
    fields = {name: value for name, value in msgspec.structs.asdict(given).items() if name != "images"}
    return idempotent(key, "new-project", msgspec.json.encode(fields), *(file.sha256 for file in files))


routes = [new_project]
