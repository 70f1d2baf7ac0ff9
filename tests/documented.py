"""What the API answers in any test is what its OpenAPI document says: the status, the kind of content and its shape."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import httpx
from jsonschema import Draft202012Validator
from litestar import Litestar
from litestar.serialization import decode_json, encode_json

NO_ROUTE = {404, 405}
"""Where nothing is described, and nothing is there."""
HEADERS = {"ETag", "Idempotent-Replayed", "Location", "Retry-After"}


class Document:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self.components = document["components"]
        self.operations = {
            (method.upper(), path): operation
            for path, operations in sorted(document["paths"].items(), key=lambda one: "{" in one[0])
            for method, operation in operations.items()
        }
        self.validator = cache(self.new_validator)

    async def check(self, answer: httpx.Response) -> None:
        """A hook for the client: fails the test whose request has an answer that is not described."""
        method, path = answer.request.method, answer.request.url.path
        if not path.startswith("/api/v1/") or method not in {"GET", "POST", "PUT", "PATCH", "DELETE"}:
            return
        route, status = self.route(method, path), str(answer.status_code)
        if route is None:
            assert answer.status_code in NO_ROUTE, f"{method} {path} is not described"
            return
        described = self.operations[route]["responses"]
        assert status in described, f"{route} is not said to answer {status}"
        told = set(described[status].get("headers", ()))
        headers = {name for name in HEADERS if name in answer.headers}
        assert headers <= told, f"{route} is not said to answer {status} with {headers - told}"
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if kind.endswith("json"):
            assert kind in described[status]["content"], f"{route} is not said to answer {status} with {kind}"
            await answer.aread()
            self.validator(route, status, kind).validate(answer.json())

    def route(self, method: str, path: str) -> tuple[str, str] | None:
        """The operation that is meant; paths without parameters come first."""
        return next((one for one in self.operations if one[0] == method and pattern(one[1]).fullmatch(path)), None)

    def new_validator(self, route: tuple[str, str], status: str, kind: str) -> Draft202012Validator:
        schema = self.operations[route]["responses"][status]["content"][kind]["schema"]
        return Draft202012Validator({**schema, "components": self.components})


@cache
def document_of(app: Litestar) -> Document:
    return Document(decode_json(encode_json(app.openapi_schema.to_schema())))


@cache
def pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{[^}]*\}", "[^/]+", path))
