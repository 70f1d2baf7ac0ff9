"""Forms: what was typed, and the same form again with the complaints beside the fields."""

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from litestar import Request
from litestar.response import Template

from app.domain.cancelling import Reason
from app.errors import AppError, FieldError
from app.language import translated
from app.validation import Input


class ReasonForm(Input, frozen=True, kw_only=True):
    reason: Reason


def new_key() -> str:
    """For a hidden field: the form that has it, sent twice, does what it does once."""
    return secrets.token_urlsafe(16)


def text_in(form: Mapping[str, Any], name: str) -> str | None:
    """A field of ours that was sent once and as text, as our own pages send it."""
    value = form.get(name)
    return value if isinstance(value, str) else None


def revision_in(form: Mapping[str, Any]) -> int:
    """Of what the form was made from; one that nothing has where it does not say."""
    rev = text_in(form, "rev") or ""
    return int(rev) if rev.isdecimal() and len(rev) < 19 else -1


def again(
    request: Request[Any, Any, Any], template: str, refusal: AppError, form: Mapping[str, Any], **more: Any
) -> Template:
    """The form as it was sent, but for passwords and files, which browsers do not take back."""
    values = {name: value for name, value in form.items() if "password" not in name and isinstance(value, str)}
    errors = by_field(refusal.fields)
    context = {"visitor": request.user, "values": values, "errors": errors, "refusal": refusal, **more}
    return Template(template, context=context, status_code=refusal.status, headers=retry_headers(refusal))


def empty(
    request: Request[Any, Any, Any], template: str, values: Mapping[str, Any] | None = None, **more: Any
) -> Template:
    context = {"visitor": request.user, "values": values or {}, "errors": {}, "refusal": None, **more}
    return Template(template, context=context)


def by_field(complaints: Iterable[FieldError]) -> dict[str, str]:
    """What a form says beside each field, in the language of the reader."""
    said: dict[str, list[str]] = {}
    for bad in complaints:
        said.setdefault(bad.field, []).append(translated(bad.message))
    return {field: "; ".join(messages) for field, messages in said.items()}


def retry_headers(refusal: AppError) -> dict[str, str]:
    headers = dict(refusal.headers)
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(refusal.retry_after)))
    return headers
