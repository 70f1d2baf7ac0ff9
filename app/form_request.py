"""Requests whose forms hold text and files, and nothing that only looks like text."""

from typing import Any

from litestar.connection import Request
from litestar.datastructures import FormMultiDict

from app.errors import Malformed, TooLarge
from app.phrases import Phrase

TEXT_FORM = "application/x-www-form-urlencoded"
TEXT_BYTES, MOST_FIELDS = 1_000_000, 1_000
"""Of a form without files. One that has files has no more parts than `multipart_form_part_limit`."""


class FormRequest(Request[Any, Any, Any]):
    async def form(self) -> FormMultiDict:
        """Raises `Malformed` for letters that are none: each part of a multipart form may name a charset of its own.

        Some charsets decode to half a letter, which nothing that is shown or stored can have. Raises `TooLarge` for
        forms that would take seconds to be taken apart, or do not say that they would not.
        """
        kind, options = self.content_type
        if kind == TEXT_FORM:
            if self.content_length is None or self.content_length > TEXT_BYTES:
                raise TooLarge(
                    Phrase("A form without files must say its length, at most %(most)s bytes.", most=TEXT_BYTES)
                )
            if (await self.body()).count(b"&") >= MOST_FIELDS:
                raise TooLarge(Phrase("A form may have at most %(most)s fields.", most=MOST_FIELDS))
        if kind == "multipart/form-data" and not options.get("boundary"):
            raise Malformed("A multipart form must name its boundary.")
        try:
            form = await super().form()
            for value in form.values():
                if isinstance(value, str):
                    value.encode()
        except (ValueError, LookupError) as error:
            raise Malformed("The text of a form must be UTF-8.", type="not-utf-8") from error
        return form


async def form_of(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Fields by name; those that come several times are lists."""
    form = await request.form()
    values = {name: form.getall(name) for name in dict.fromkeys(form)}
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}
