"""How far a submission is."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.api.answers import problems
from app.domain.accounts import Caller
from app.domain.progress import Progress, progress
from app.parts import Parts


class SubmissionFound(Progress, frozen=True, kw_only=True):
    success: str = "Data found"


@get("/submissions/{submission_id:str}", summary="The state of a submission in each store", responses=problems(404))
async def read_submission(
    parts: NamedDependency[Parts], who: NamedDependency[Caller], submission_id: FromPath[str]
) -> SubmissionFound:
    return await found_submission(parts, who, submission_id)


@post(
    "/submissions/{submission_id:str}/retry", status_code=202, opt={"role": "organizer", "limit": "submit"},
    summary="Send a submission again to the stores that failed", responses=problems(404, 409),
)  # fmt: skip
async def retry_submission(
    parts: NamedDependency[Parts], who: NamedDependency[Caller], submission_id: FromPath[str]
) -> Response[SubmissionFound]:
    await parts.submissions.retry(who, submission_id)
    found = await found_submission(parts, who, submission_id)
    return Response(found, status_code=202, headers={"Location": f"/api/v1/submissions/{submission_id}"})


async def found_submission(parts: Parts, who: Caller, submission_id: str) -> SubmissionFound:
    async with parts.database.connection() as connection:
        found = await progress(connection, who, submission_id)
    values: dict[str, Any] = {name: getattr(found, name) for name in Progress.__struct_fields__}
    return SubmissionFound(**values)


routes = [read_submission, retry_submission]
