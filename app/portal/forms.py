"""Forms: what was typed, and the same form again with the complaints beside the fields."""

import secrets
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

from litestar import Request
from litestar.response import Template

from app.domain.cancelling import Reason
from app.errors import AppError, FieldError
from app.language import translated
from app.validation import Input

FORGET = {"Clear-Site-Data": '"cache"'}
"""For who leaves: the browser forgets the forms that Back would lead to."""


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


def shown(values: Mapping[str, Any]) -> str:
    """For a hidden field: a mark of what each field shows, to tell what was touched when the form comes back."""
    return " ".join(f"{name}={mark(value)}" for name, value in values.items())


def touched(typed: Mapping[str, Any], form: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are not as they were shown, so that one window does not undo what another one has saved.

    All of them, where the form does not say what it showed.
    """
    marks = dict(one.split("=", 1) for one in (text_in(form, "shown") or "").split() if "=" in one)
    return {name: value for name, value in typed.items() if marks.get(name) != mark(value)}


def differences(now: Mapping[str, Any], meant: Mapping[str, Any], form: Mapping[str, Any]) -> list[str]:
    """Fields that somebody touched in this form and somebody else elsewhere, and not alike; `now` is what is stored."""
    elsewhere = touched(now, form)
    return [name for name, value in meant.items() if name in elsewhere and mark(value) != mark(elsewhere[name])]


def mark(value: Any) -> str:
    """The same for a text that a browser sends back in its own way, and for a ticket type without its empty fields."""
    if isinstance(value, list):
        value = [
            sorted((name, text) for name, text in one.items() if text) if isinstance(one, dict) else one
            for one in value
        ]
    text = value if isinstance(value, str) else repr(value)
    return blake2b(text.replace("\r\n", "\n").encode(errors="surrogatepass"), digest_size=6).hexdigest()


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
