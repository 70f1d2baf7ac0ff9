"""The API documentation as one plain page, out of the OpenAPI document: no script, nothing from elsewhere."""

from typing import Any

import jinja2
from litestar import Request
from litestar.openapi.plugins import OpenAPIRenderPlugin

METHODS = ("get", "post", "patch", "put", "delete")


class PlainPage(OpenAPIRenderPlugin):
    def __init__(self, environment: jinja2.Environment) -> None:
        super().__init__(path="/")
        self.environment = environment

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        template = self.environment.get_template("schema/page.html")
        return template.render(request=request, info=openapi_schema["info"], routes=routes_of(openapi_schema)).encode()


def routes_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Method, path, summary, body fields and answers of each route."""
    found = []
    for path, operations in sorted(document["paths"].items()):
        for method in METHODS:
            if operation := operations.get(method):
                answers = {code: answer["description"] for code, answer in sorted(operation["responses"].items())}
                found.append(
                    {
                        "method": method.upper(),
                        "path": path,
                        "summary": operation.get("summary", ""),
                        "fields": fields_of(document, operation) + headers_of(operation),
                        "answers": answers,
                    }
                )
    return found


def fields_of(document: dict[str, Any], operation: dict[str, Any]) -> list[dict[str, Any]]:
    content = operation.get("requestBody", {}).get("content", {})
    body: dict[str, Any] = next(iter(content.values()), {})
    schema = body.get("schema", {})
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    required = schema.get("required", [])
    return [
        {"name": name, "type": type_of(field), "required": name in required}
        for name, field in schema.get("properties", {}).items()
    ]


def headers_of(operation: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": one["name"], "type": f"header: {one.get('description', '')}", "required": one.get("required", False)}
        for one in operation.get("parameters", [])
        if one["in"] == "header"
    ]


def type_of(field: dict[str, Any]) -> str:
    if "oneOf" in field:
        return " or ".join(type_of(one) for one in field["oneOf"])
    if "enum" in field:
        return ", ".join(map(str, field["enum"]))
    if field.get("type") == "array":
        return f"list of {type_of(field.get('items', {}))}"
    return str(field.get("format") or field.get("type") or field.get("$ref", "value").rsplit("/", 1)[-1])
