"""What the OpenAPI document says beyond the signatures: headers, examples, security and the errors of every route."""

from collections.abc import Iterator, Mapping

from litestar.openapi.spec import (
    OpenAPI,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Parameter,
    Reference,
    RequestBody,
    Schema,
)
from litestar.openapi.spec.enums import OpenAPIType

from app.api.examples import add_examples

TEXT = Schema(type=OpenAPIType.STRING)
PREFERRING = {"/api/v1/event", "/api/v1/event/{event_id}/copies", "/api/v1/metadata", "/api/v1/new-project"}
TAGGED = {
    ("/api/v1/event/{event_id}", "200"),
    ("/api/v1/event/{event_id}", "412"),
    ("/api/v1/event/{event_id}/ticket-types", "201"),
    ("/api/v1/ticket-types/{ticket_type_id}", "200"),
    ("/api/v1/ticket-types/{ticket_type_id}", "412"),
}
PENDING = ("/api/v1/event/{event_id}", "404")
"""An accepted event that is not stored yet."""
ALWAYS = {"405": "The address does not take that method", "500": "Our fault; quote the request id"}


def header(name: str, text: str, required: bool = False) -> Parameter:
    return Parameter(name=name, param_in="header", description=text, required=required, schema=TEXT)


ONCE = "Repeating a request with its key repeats the answer and not the effect; each request has its own"
IDEMPOTENCY = header("Idempotency-Key", ONCE)
IF_MATCH = header("If-Match", "The ETag that was read, or `*`", required=True)
PREFER = header("Prefer", "`wait=5` waits up to that many seconds and answers 201 if every store has it")


def complete(document: OpenAPI) -> None:
    """Adds to the document, in place, what handlers cannot say in their signatures."""
    add_examples(document)
    schemas = document.components.schemas if document.components else {}
    for path, method, operation in operations(document):
        parameters = [*(operation.parameters or [])]
        if method == "post":
            parameters.append(IDEMPOTENCY)
        if "428" in (operation.responses or {}):
            parameters.append(IF_MATCH)
        if path in PREFERRING:
            parameters.append(PREFER)
        operation.parameters = parameters or None
        if isinstance(operation.request_body, RequestBody):
            operation.request_body.required = needs_something(operation.request_body, schemas)
        describe_answers(path, method, operation)
        if "401" in (operation.responses or {}) and path != "/api/v1/sign-in":
            operation.security = [{"session": []}, {"key": []}]
    for name in {"EventIn", "EventPatch", "ProjectForm", "TicketTypeIn"} & schemas.keys():
        number = Schema(type=OpenAPIType.NUMBER)
        what = "In major units" if name == "TicketTypeIn" else "In major units; once types have their own, it is theirs"
        (schemas[name].properties or {})["price"] = Schema(one_of=[TEXT, number], description=what)


def needs_something(body: RequestBody, schemas: Mapping[str, Schema]) -> bool:
    """An empty body is an empty object, which is enough where no field is required."""
    asked = [media.schema for media in body.content.values()]
    names = [one.ref.rpartition("/")[2] for one in asked if isinstance(one, Reference)]
    return len(names) < len(asked) or any(schemas[name].required for name in names)


def describe_answers(path: str, method: str, operation: Operation) -> None:
    answers = operation.responses = dict(operation.responses or {})
    if isinstance(bad := answers.get("400"), OpenAPIResponse) and "application/json" in (bad.content or {}):
        del answers["400"]  # the framework's own, which is answered as 422
    for status, text in ALWAYS.items():
        answers.setdefault(status, problem(text))
    if path in PREFERRING:
        stored = "EventFound" if path != "/api/v1/metadata" else "MetadataAccepted"
        answers["201"] = OpenAPIResponse(
            description="Stored everywhere, since the request preferred to wait",
            content={"application/json": OpenAPIMediaType(schema=Reference(ref=f"#/components/schemas/{stored}"))},
        )
    if path == "/health/ready":
        answers["503"] = OpenAPIResponse(
            description="Something vital is away",
            content={"application/json": OpenAPIMediaType(schema=Reference(ref="#/components/schemas/Readiness"))},
        )
    for status, answer in answers.items():
        if isinstance(answer, OpenAPIResponse) and (names := [*header_names(path, method, status)]):
            answer.headers = {name: OpenAPIHeader(schema=TEXT) for name in names}


def header_names(path: str, method: str, status: str) -> Iterator[str]:
    if status == "202" or (status == "201" and path in PREFERRING):
        yield "Location"
    if status in {"429", "503"} or (path, status) == PENDING:
        yield "Retry-After"
    if (path, status) in TAGGED:
        yield "ETag"
    if method == "post" and (status < "300" or status in {"404", "409"}):
        yield "Idempotent-Replayed"


def problem(text: str) -> OpenAPIResponse:
    content = {"application/problem+json": OpenAPIMediaType(schema=Reference(ref="#/components/schemas/Problem"))}
    return OpenAPIResponse(description=text, content=content)


def operations(document: OpenAPI) -> Iterator[tuple[str, str, Operation]]:
    for path, item in (document.paths or {}).items():
        for method in ("get", "post", "put", "patch", "delete"):
            if operation := getattr(item, method):
                yield path, method, operation
