"""Request bodies: read whole by `app.validation`, described in OpenAPI by their struct."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from litestar import Request
from litestar.dto import AbstractDTO

from app.domain.picture_files import check_pictures
from app.errors import Invalid
from app.form_request import FormRequest, form_of
from app.settings import Settings
from app.uploads import spooled
from app.validation import parse_json, read, several

T = TypeVar("T")


class WholeBody(AbstractDTO[T]):
    """Hands the body to `read`, which names every bad field; Litestar's own decoding stops at the first."""

    @classmethod
    def create_for_field_definition(cls, field_definition: Any, handler_id: str, backend_cls: Any = None) -> None:
        """There is nothing to generate."""

    @classmethod
    def create_openapi_schema(cls, field_definition: Any, handler_id: str, schema_creator: Any) -> Any:
        return schema_creator.for_field_definition(field_definition)

    @classmethod
    def generate_field_definitions(cls, model_type: type[Any]) -> Any:
        yield from ()

    @classmethod
    def detect_nested_field(cls, field_definition: Any) -> bool:
        return False

    def decode_bytes(self, value: bytes) -> Any:
        return read(self.kind, parse_json(value), defaults=self.defaults)

    def decode_builtins(self, value: dict[str, Any]) -> Any:
        return read(self.kind, value, form=True, local=False, defaults=self.defaults)

    @property
    def defaults(self) -> dict[str, str]:
        settings: Settings = self.asgi_connection.app.state.parts.settings
        return settings.event_defaults

    @property
    def kind(self) -> Any:
        return self.asgi_connection.route_handler.parsed_data_field.annotation


def form_with_pictures(field: str) -> Callable[[Request[Any, Any, Any]], Awaitable[None]]:
    """For `before_request` where a form is `data`, which is read past `FormRequest` but takes what this has read.

    A form whose fields are refused hears of its pictures in the same answer.
    """

    async def judge(request: Request[Any, Any, Any]) -> None:
        form = await form_of(request)
        try:
            WholeBody[Any](request).decode_builtins(form)
        except Invalid as refusal:
            if any(bad.field == field for bad in refusal.fields):
                raise
            try:
                async with spooled(several(form.get(field)), field) as files:
                    await check_pictures(request.app.state.parts.pictures, files, field)
            except Invalid as more:
                raise Invalid([*refusal.fields, *more.fields]) from more
            raise

    return judge


class ApiRequest(FormRequest):
    async def body(self) -> bytes:
        """An empty body means an empty object."""
        return await super().body() or b"{}"
