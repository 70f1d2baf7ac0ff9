"""Requests whose forms hold text and files, and nothing that only looks like text."""

from collections.abc import AsyncGenerator, AsyncIterable
from typing import Any

from litestar._parsers import parse_url_encoded_form_data
from litestar.connection import Request
from litestar.datastructures import FormMultiDict
from multipart import MultipartError, MultipartSegment, PushMultipartParser  # type: ignore[import-untyped]

from app.errors import Malformed, TooLarge
from app.phrases import Phrase

TEXT_FORM, FORM_WITH_FILES = "application/x-www-form-urlencoded", "multipart/form-data"
TEXT_BYTES, MOST_FIELDS, MOST_PARTS = 1_000_000, 2_000, 200
"""Of the texts of a form together; of a form without files; of one that has files."""
UTF_8 = (None, "utf-8", "utf8", "us-ascii", "ascii")


class FormRequest(Request[Any, Any, Any]):
    async def form(self) -> FormMultiDict:
        """Raises `Malformed` for letters that are none, `TooLarge` for forms that would take seconds to take apart."""
        kind, options = self.content_type
        if kind == TEXT_FORM:
            await self.require_small()
        if kind == FORM_WITH_FILES and not options.get("boundary"):
            raise Malformed("A multipart form must name its boundary.")
        try:
            form = await super().form()
            for value in form.values():
                if isinstance(value, str):
                    value.encode()
        except (ValueError, LookupError) as error:
            raise not_utf_8() from error
        finally:
            parse_url_encoded_form_data.cache_clear()  # it would remember a thousand forms, passwords and all
        return form

    async def require_small(self) -> None:
        if self.content_length is None or self.content_length > TEXT_BYTES:
            raise TooLarge(Phrase("A form without files must say its length, at most %(most)s bytes.", most=TEXT_BYTES))
        if (await self.body()).count(b"&") >= MOST_FIELDS:
            raise TooLarge(Phrase("A form may have at most %(most)s fields.", most=MOST_FIELDS))

    def stream(self) -> AsyncGenerator[bytes, None]:
        kind, options = self.content_type
        if kind == FORM_WITH_FILES and options.get("boundary"):
            return judged(super().stream(), Texts(options["boundary"]))
        return super().stream()


class Texts:
    """Looks ahead of Litestar, which would take any amount of text in any charset, some of which take for ever.

    Others decode to half a letter, which nothing that is shown or stored can have.
    """

    def __init__(self, boundary: str) -> None:
        self.parser = PushMultipartParser(boundary, max_segment_count=MOST_PARTS)
        self.size = 0
        self.in_text = False

    def judge(self, chunk: bytes) -> None:
        """Raises `Malformed` and `TooLarge`."""
        try:
            for part in () if self.parser.closed else self.parser.parse(chunk):
                if isinstance(part, MultipartSegment):
                    self.in_text = not part.filename
                    if self.in_text and (part.charset and part.charset.lower()) not in UTF_8:
                        raise not_utf_8()
                elif part and self.in_text:
                    self.size += len(part)
        except MultipartError:
            self.parser.close(check_complete=False)  # Litestar will say what is wrong
        if self.size > TEXT_BYTES:
            raise TooLarge(Phrase("The texts of a form may have at most %(most)s bytes.", most=TEXT_BYTES))


async def judged(chunks: AsyncIterable[bytes], texts: Texts) -> AsyncGenerator[bytes, None]:
    async for chunk in chunks:
        texts.judge(chunk)
        yield chunk


def not_utf_8() -> Malformed:
    return Malformed("The text of a form must be UTF-8.", type="not-utf-8")


async def form_of(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Fields by name; those that come several times are lists. Lines end as in a text, not as browsers send them."""
    form = await request.form()
    values = {name: [as_typed(value) for value in form.getall(name)] for name in dict.fromkeys(form)}
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}


def as_typed(value: Any) -> Any:
    return value.replace("\r\n", "\n") if isinstance(value, str) else value
