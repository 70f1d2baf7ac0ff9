"""Reads a whole request body against a struct and names every bad field at once."""

import datetime as dt
import functools
import json
import re
import types
import typing
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import babel.numbers
import msgspec

from app.errors import FieldError, Invalid, Malformed
from app.language import current_locale
from app.phrases import Phrase

S = TypeVar("S", bound=msgspec.Struct)
FORBIDDEN = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
BLANK = re.compile(r"[\s\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\u3164\ufeff]*")
AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")
TYPED_AMOUNT = re.compile(r"[0-9.,'’\s]{1,20}")
DECIMAL_COMMA = re.compile(r"[0-9]{1,12},[0-9]{1,2}")
SPACED = re.compile(r"(?<=[0-9])\s(?=[0-9]{3}(?![0-9]))")
GROUPED = re.compile(r"[0-9]{1,3}(\.[0-9]{3})+")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
TIMESTAMP = re.compile(DATE.pattern + r"[Tt ][0-9]{2}(:[0-9]{2}){0,2}([.,][0-9]+)?([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)?")
FIRST_YEAR, LAST_YEAR = 1900, 2200


class Input(msgspec.Struct, kw_only=True, frozen=True):
    """A request body. `Meta(extra={"says": ...})` words the complaint about a field, `"raw"` keeps text as typed."""

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> Iterable[FieldError]:
        """Complaints about fields together; `values` holds only those that are good by themselves."""
        return ()


def parse_json(body: bytes) -> dict[str, Any]:
    """A JSON object, lone surrogates included, so that validation can name the field that has them."""
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        try:
            raw = json.loads(body, parse_constant=refuse_constant)
        except (ValueError, RecursionError) as error:
            raise Malformed("The body is not JSON, or is nested too deeply.") from error
    if not isinstance(raw, dict):
        raise Malformed("The body must be a JSON object.")
    return raw


def refuse_constant(name: str) -> None:
    raise ValueError(name)


def read(
    kind: type[S],
    raw: Mapping[str, Any],
    *,
    form: bool = False,
    local: bool = True,
    defaults: Mapping[str, Any] | None = None,
) -> S:
    """The struct, or `Invalid` with every complaint; in a form everything is text, and empty means left out.

    Amounts in a form are `local`, as the reader's region writes them, unless a program sends it.
    `defaults` are what fields will be when they are left out, for the complaints about fields together.
    """
    values: dict[str, Any] = {}
    bad: list[FieldError] = []
    for field, inner, optional in fields_of(kind):
        value = raw.get(field.encode_name, msgspec.UNSET)
        if form and (field.required or value is not msgspec.UNSET):
            value = from_form(value, inner, raw=bool(extra_of(field.type).get("raw")), local=local)
        if value is msgspec.UNSET or (value is None and left_out_by_none(field)):
            if field.required:
                bad.append(FieldError(field.encode_name, "is required"))
            continue
        try:
            values[field.name] = None if value is None and optional else one(value, field.type, inner)
        except ValueError as error:
            bad.append(FieldError(field.encode_name, error.args[0]))
    if issubclass(kind, Input):
        bad += kind.check({**(defaults or {}), **{name: one for name, one in values.items() if one is not None}})
    if bad:
        raise Invalid(bad)
    return kind(**values)


def left_out_by_none(field: msgspec.structs.FieldInfo) -> bool:
    """Where a field may be left out and None says something else, its default is UNSET."""
    return not field.required and field.default is not msgspec.UNSET


@functools.cache
def fields_of(kind: type[msgspec.Struct]) -> list[tuple[msgspec.structs.FieldInfo, Any, bool]]:
    """Each field with its plain type and whether it may be None; looking them up anew costs more than the reading."""
    return [(field, *without_none(field.type)) for field in msgspec.structs.fields(kind)]


def from_form(value: Any, kind: Any, *, raw: bool, local: bool) -> Any:
    if typing.get_origin(kind) is list:
        return json_list(value) if typing.get_origin(typing.get_args(kind)[0]) is dict else several(value)
    if isinstance(value, list):
        value = value[-1] if value else msgspec.UNSET
    if isinstance(value, str) and not (value if raw else value.strip()):
        return msgspec.UNSET
    if kind is int and isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]{1,18}\s*", value):
        return int(value)
    return plain_amount(value) if local and kind is Decimal and isinstance(value, str) else value


def plain_amount(text: str) -> str:
    """An amount as the reader's region writes it, `1.234,50`, as we do; any other text as it is.

    `24.500` is asked of the region: it may be twenty-four and a half, or a thousand times that. `12,50` is clear.
    """
    text = SPACED.sub("", text.strip())
    if not TYPED_AMOUNT.fullmatch(text) or (AMOUNT.fullmatch(text) and not GROUPED.fullmatch(text)):
        return text
    try:
        return str(babel.numbers.parse_decimal(text, locale=current_locale(), strict=True))
    except ValueError:
        return text.replace(",", ".") if DECIMAL_COMMA.fullmatch(text) else text


def local_amount(text: str) -> str:
    """A plain amount as the reader's region types it, so that it means the same when it is sent back; else the text."""
    return text.replace(".", babel.numbers.get_decimal_symbol(current_locale())) if AMOUNT.fullmatch(text) else text


def json_list(value: Any) -> Any:
    """A list of objects, which a form has as JSON text."""
    if value in (msgspec.UNSET, ""):
        return msgspec.UNSET
    try:
        return msgspec.json.decode(value) if isinstance(value, str) else value
    except (msgspec.DecodeError, RecursionError):
        return value


def several(value: Any) -> list[Any]:
    """Repeated fields, or one text with commas; empty ones do not count."""
    if value is msgspec.UNSET or value is None:
        return []
    parts = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else [value]
    return [part for part in parts if not isinstance(part, str) or part.strip()]


def one(value: Any, annotated: Any, kind: Any) -> Any:
    extra = extra_of(annotated)
    says = extra.get("says")
    if isinstance(value, str):
        value = clean(value, raw=bool(extra.get("raw")))
    elif isinstance(value, list):
        value = [clean(part) if isinstance(part, str) else part for part in value]
    if kind is dt.datetime:
        return timestamp(value)
    if kind is dt.date:
        return date(value)
    if kind is Decimal:
        return amount(value)
    try:
        return msgspec.convert(value, annotated)
    except msgspec.ValidationError as error:
        raise ValueError(says or plain(str(error))) from error


def clean(text: str, *, raw: bool = False) -> str:
    if FORBIDDEN.search(text):
        raise ValueError(Phrase("must not have control characters or broken letters"))
    return text if raw else "" if BLANK.fullmatch(text) else text.strip()


def timestamp(value: Any) -> dt.datetime:
    """RFC 3339 or `2020-06-22 19:10:25-07`; without an offset it is left naive, for the event's timezone."""
    complaint = Phrase("must be a date and time such as 2026-06-22T19:10:00+02:00")
    if not isinstance(value, str) or not TIMESTAMP.fullmatch(value):
        raise ValueError(complaint)
    try:
        moment = dt.datetime.fromisoformat(value.upper())
        told = moment.astimezone(dt.UTC) if moment.tzinfo else moment
    except (ValueError, OverflowError) as error:
        raise ValueError(complaint) from error
    in_years(told)
    return moment


def date(value: Any) -> dt.date:
    if not isinstance(value, str) or not DATE.fullmatch(value):
        raise ValueError(Phrase("must be a date such as 2026-06-22"))
    try:
        day = dt.date.fromisoformat(value)
    except ValueError as error:
        raise ValueError(Phrase("must be a date that the calendar has")) from error
    return in_years(day)


def in_the_years(first: int, last: int) -> Phrase:
    return Phrase("must lie in the years %(first)s to %(last)s", first=first, last=last)


D = TypeVar("D", dt.date, dt.datetime)


def in_years(moment: D) -> D:
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(in_the_years(FIRST_YEAR, LAST_YEAR))
    return moment


def amount(value: Any) -> Decimal:
    text = str(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else ""
    if not AMOUNT.fullmatch(text):
        raise ValueError(Phrase("must be an amount such as 7400 or 49.90"))
    return Decimal(text)


def without_none(kind: Any) -> tuple[Any, bool]:
    """The plain type behind `Annotated` and `| None`, and whether None is allowed."""
    optional = False
    while True:
        if typing.get_origin(kind) is typing.Annotated:
            kind = typing.get_args(kind)[0]
        elif typing.get_origin(kind) in (typing.Union, types.UnionType):
            arms = [arm for arm in typing.get_args(kind) if arm is not type(None)]
            optional = optional or len(arms) < len(typing.get_args(kind))
            kind = arms[0]
        else:
            return kind, optional


def extra_of(kind: Any) -> dict[str, Any]:
    """The `extra` of the first `Meta` in the annotation, also inside `| None`."""
    if typing.get_origin(kind) is typing.Annotated:
        for part in typing.get_args(kind)[1:]:
            if isinstance(part, msgspec.Meta) and part.extra:
                return part.extra
        return extra_of(typing.get_args(kind)[0])
    for arm in typing.get_args(kind) if typing.get_origin(kind) in (typing.Union, types.UnionType) else ():
        if found := extra_of(arm):
            return found
    return {}


PLAINLY = (
    (re.compile(r"Expected `int`, got"), Phrase("must be a whole number")),
    (re.compile(r"Expected `bool`, got"), Phrase("must be true or false")),
    (re.compile(r"Expected `str`, got"), Phrase("must be text")),
    (re.compile(r"Expected `array( \| null)?`, got"), Phrase("must be a list")),
    (re.compile(r"Expected `\w+` >= (?P<least>\S+)"), Phrase("must be at least %(least)s")),
    (re.compile(r"Expected `\w+` <= (?P<most>\S+)"), Phrase("must be at most %(most)s")),
)

IN_A_LIST = re.compile(r" - at `\$\[(\d+)\]`$")


def plain(complaint: str) -> str:
    if found := IN_A_LIST.search(complaint):
        what = plain(complaint[: found.start()])
        return Phrase("%(complaint)s: number %(place)s of the list", complaint=what, place=int(found[1]) + 1)
    for pattern, words in PLAINLY:
        if (found := pattern.match(complaint)) and " - at " not in complaint:
            return Phrase(words, **found.groupdict())
    return complaint[0].lower() + complaint[1:].replace("`", "")
