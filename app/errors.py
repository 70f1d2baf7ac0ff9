"""Everything that can go wrong in a way the caller should hear about."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

import msgspec

from app.phrases import Phrase


class FieldError(msgspec.Struct, frozen=True):
    """One bad field of a request, and what to do about it."""

    field: str
    message: str


class AppError(Exception):
    """A refusal with a status and a stable type, rendered as problem+json or as a page."""

    status: ClassVar[int] = 500
    default_type: ClassVar[str] = "internal"
    title: ClassVar[str] = Phrase("Something went wrong")
    names_fields = False
    """Whether `detail` does no more than list fields by the names they have for programs."""

    def __init__(
        self,
        detail: str,
        *,
        type: str | None = None,
        fields: Sequence[FieldError] = (),
        retry_after: float | None = None,
        extra: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.type = type or self.default_type
        self.fields = tuple(fields)
        self.retry_after = retry_after
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})


class Malformed(AppError):
    status = 400
    default_type = "malformed"
    title = Phrase("The request cannot be read")


class NotSignedIn(AppError):
    status = 401
    default_type = "not-signed-in"
    title = Phrase("Sign in first")


class Forbidden(AppError):
    status = 403
    default_type = "forbidden"
    title = Phrase("You may not do this")


class NotFound(AppError):
    status = 404
    default_type = "not-found"
    title = Phrase("There is no such thing here")


class Conflict(AppError):
    status = 409
    default_type = "conflict"
    title = Phrase("This cannot be done now")


class Stale(AppError):
    status = 412
    default_type = "stale"
    title = Phrase("Somebody else changed it first")


class TooLarge(AppError):
    status = 413
    default_type = "too-large"
    title = Phrase("This is too large")


class Invalid(AppError):
    status = 422
    default_type = "invalid"
    title = Phrase("Some fields need your attention")

    def __init__(self, fields: Sequence[FieldError], detail: str | None = None) -> None:
        self.names_fields = detail is None
        named = ", ".join(dict.fromkeys(bad.field for bad in fields))
        super().__init__(detail or Phrase("Please check: %(fields)s.", fields=named), fields=fields)


class PreconditionRequired(AppError):
    status = 428
    default_type = "precondition-required"
    title = Phrase("Say which version you are changing")


class TooMany(AppError):
    status = 429
    default_type = "too-many-requests"
    title = Phrase("Too many tries")


class Unavailable(AppError):
    """A dependency is away: nothing is wrong with the request, and it may be repeated."""

    status = 503
    default_type = "unavailable"
    title = Phrase("Please try again in a moment")


def with_cause(error: AppError) -> str:
    """What it says, and what the engine behind it said; for those who run the server."""
    cause: BaseException = error
    while cause.__cause__ is not None and not isinstance(cause.__cause__, asyncio.CancelledError):
        cause = cause.__cause__
    return error.detail if cause is error else f"{error.detail.rstrip('.')}: {without_passwords(first_line(cause))}"


def without_passwords(text: str) -> str:
    return re.sub(r"(?<=://)[^/\s]*@", "", text)


def first_line(error: BaseException) -> str:
    """Class and first line: further down the errors of a database name the very values, e-mails among them.

    What is wrong with a value itself (`DataError`, of drivers that this module does not know) is told by class alone.
    """
    about_a_value = any(kind.__name__ == "DataError" for kind in type(error).__mro__)
    said = "" if about_a_value else str(error).partition("\n")[0]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
