"""Request bodies: read whole by `app.validation`, described in OpenAPI by their struct."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from litestar import Request
from litestar.dto import AbstractDTO

from app.domain.accounts import Caller
from app.domain.picture_files import check_pictures
from app.errors import Forbidden, Invalid
from app.form_request import FormRequest, form_of
from app.phrases import Phrase
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
        return self.judged(parse_json(value))

    def decode_builtins(self, value: dict[str, Any]) -> Any:
        return self.judged(value, form=True, local=False)

    def judged(self, sent: Mapping[str, Any], **how: bool) -> Any:
        found = read(self.kind, sent, defaults=self.defaults, **how)
        require_own_ids(self.asgi_connection.scope["user"], sent)
        return found

    @property
    def defaults(self) -> dict[str, str]:
        settings: Settings = self.asgi_connection.app.state.parts.settings
        return settings.event_defaults

    @property
    def kind(self) -> Any:
        return self.asgi_connection.route_handler.parsed_data_field.annotation


def require_own_ids(who: Caller | None, sent: Mapping[str, Any]) -> None:
    """Raises `Forbidden` for a body that says it comes from somebody else; who it comes from is known without it."""
    if who is None:
        return
    for name, own in ("user_id", who.user_id), ("uploaded_by", who.user_id), ("organizer_id", who.organizer_id):
        if sent.get(name) not in (None, "", own, str(own)):
            raise Forbidden(Phrase("%(name)s is not yours.", name=name))


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
