"""What answers have in common: listed problems, replays, and waiting for the stores where the caller prefers to."""

import asyncio
import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request, Response
from litestar.openapi import ResponseSpec
from litestar.params import PathParameter
from litestar.types import Receive, Scope, Send

from app.domain.accounts import Caller
from app.domain.idempotency import Idempotent, idempotent, replay_headers
from app.domain.progress import Progress, progress
from app.domain.submissions import Submitted
from app.engines.database import Database
from app.errors import NotFound
from app.problems import Problem

T = TypeVar("T")

encoder = msgspec.json.Encoder()

LAST_ID = 2**63 - 1
PathId = Annotated[int, PathParameter(ge=0, le=LAST_ID)]


def event_in_path(request: Request[Any, Any, Any]) -> int:
    """`PathId` for who comes before Litestar judges it; raises `NotFound` as it does."""
    event_id: int = request.path_params["event_id"]
    if not 0 <= event_id <= LAST_ID:
        raise NotFound("There is no such event.")
    return event_id


LONGEST_WAIT = 30.0
WAIT = re.compile(r'(?:^|[,;\s])wait\s*=\s*"?([0-9]{1,9})"?(?:$|[,;\s])', re.IGNORECASE)
LOOK_AGAIN_SECONDS = 0.05

DESCRIPTIONS = {
    400: "The request cannot be read",
    401: "Not signed in",
    403: "Not allowed",
    404: "No such thing, or not yours",
    409: "Cannot be done now; `type` says why",
    412: "Changed by somebody else meanwhile",
    413: "Too large",
    416: "No such range",
    422: "Bad fields, all of them in `errors`",
    428: "Send `If-Match`",
    429: "Too many requests",
    503: "A dependency is away; repeat later",
}


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """The errors of a route, for OpenAPI; 401, 403, 429 and 503 go without saying."""
    return {
        status: ResponseSpec(Problem, description=DESCRIPTIONS[status], media_type="application/problem+json")
        for status in sorted({401, 403, 429, 503, *statuses})
    }


def public_problems(*statuses: int) -> dict[int, ResponseSpec]:
    return {status: spec for status, spec in problems(*statuses).items() if status not in {401} - set(statuses)}


async def idempotent_json(request: Request[Any, Any, Any]) -> Idempotent | None:
    """The key of a request with a JSON body."""
    return idempotent(request.headers.get("idempotency-key"), request.scope["path"], await request.body())


class Ready(Response[T]):
    """An answer that is bytes already. Litestar's own goes through its headers, cookies and media types each time."""

    def __init__(self, content: T, status_code: int, headers: Mapping[str, str]) -> None:
        self.encoded = encoder.encode(content)
        self.start = {
            "type": "http.response.start",
            "status": status_code,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(self.encoded)).encode()),
                *((name.encode(), value.encode()) for name, value in headers.items()),
            ],
        }

    def to_asgi_response(self, *_: Any, **__: Any) -> Any:
        return self.send

    async def send(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(self.start)  # type: ignore[arg-type]
        await send({"type": "http.response.body", "body": self.encoded, "more_body": False})


def accepted(submitted: Submitted, content: Any) -> Response[Any]:
    location = f"/api/v1/submissions/{submitted.submission_id}"
    headers = {"Location": location, **replay_headers(submitted.replayed)}
    return Response(content, status_code=202, headers=headers)


def preferred_wait(request: Request[Any, Any, Any]) -> float:
    """Seconds out of `Prefer: wait=5` (RFC 7240); 0 without."""
    found = WAIT.search(request.headers.get("prefer", ""))
    return min(float(found.group(1)), LONGEST_WAIT) if found else 0.0


async def until_settled(database: Database, who: Caller, submission_id: str, seconds: float) -> Progress:
    """How far it is once every store is done, or after `seconds`."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        async with database.connection() as connection:
            found = await progress(connection, who, submission_id)
        if found.settled or asyncio.get_running_loop().time() > deadline:
            return found
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
