"""What the pages of the builder show of a draft, and how their forms name what is typed."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from babel import Locale
from babel.numbers import get_currency_name

from app.domain.draft_pictures import DraftPicture
from app.domain.draft_submission import complaints
from app.domain.drafts import STEPS, ProjectDraft, step_of
from app.domain.metadata import KINDS
from app.domain.money import CURRENCIES
from app.domain.zones import ZONES
from app.language import current_locale, gettext
from app.parts import Parts
from app.portal.draft_preview import preview_of
from app.portal.forms import by_field
from app.portal.pictures import shown_draft_pictures
from app.validation import local_amount, plain_amount

TIMEZONES = sorted(zone for zone in ZONES if "/" in zone or zone == "UTC")

TYPE_FIELDS = (
    "name", "description", "price", "places", "per_attendee_limit", "sale_opens_at", "sale_closes_at", "hidden_until",
)  # fmt: skip
TYPE_FIELD = re.compile(r"ticket_types\[(\d{1,2})\]\.(\w+)")
ORDER = tuple(STEPS)
USUAL = {"payment": "instant", "status": "published"}
"""What is chosen on the pages of the builder before anybody has chosen."""


def typed_in(form: Mapping[str, Any], step: str) -> dict[str, Any]:
    """The texts that belong to the step; ticket types in their order, one more or less where a button says so."""
    typed: dict[str, Any] = {name: form[name] for name in STEPS[step] if isinstance(form.get(name), str)}
    if step == "tickets":
        typed["ticket_types"] = types_in(form)
    return typed


def fields_of(draft: ProjectDraft, step: str) -> dict[str, Any]:
    """What the form of a step shows, as `typed_in` reads it back."""
    return {name: draft.typed.get(name, USUAL.get(name, "")) for name in STEPS[step]}


def types_in(form: Mapping[str, Any]) -> list[dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    for name, value in form.items():
        match = TYPE_FIELD.fullmatch(name)
        if match and match.group(2) in TYPE_FIELDS and isinstance(value, str):
            kept = plain_amount(value) if match.group(2) == "price" else value
            found.setdefault(int(match.group(1)), {})[match.group(2)] = kept
    removed = form.get("remove")
    types = [found[place] for place in sorted(found) if str(place) != removed]
    return [*types, {}] if "add" in form or not types else types


def type_to_see(form: Mapping[str, Any]) -> str:
    """Where the page goes on after a button about ticket types: at the new one, or at what came to the place."""
    if not {"add", "remove"} & set(form):
        return ""
    last = len(types_in(form)) - 1
    place = next((place for place in range(last) if str(place) == form.get("remove")), last)
    return f"#ticket_types%5B{place}%5D.name"


def flat(typed: Mapping[str, Any]) -> dict[str, str]:
    """By the names of form fields."""
    plain = {name: value for name, value in typed.items() if isinstance(value, str)}
    types = enumerate(typed.get("ticket_types", ()))
    return plain | {
        f"ticket_types[{place}].{name}": local_amount(text) if name == "price" else text
        for place, one in types
        for name, text in one.items()
    }


def field_names(typed: Mapping[str, Any], step: str) -> list[str]:
    """Every field that the page of a step has, ticket types spelt out."""
    plain = [name for name in STEPS[step] if name not in {"ticket_types", "images"}]
    count = len(typed.get("ticket_types", ())) if step == "tickets" else 0
    return plain + [f"ticket_types[{place}].{name}" for place in range(count) for name in TYPE_FIELDS]


def later_than(step: str) -> tuple[str, ...]:
    return ORDER[ORDER.index(step) + 1 :]


def following(step: str) -> str:
    return next(iter(later_than(step)), "review")


def draft_context(
    parts: Parts, draft: ProjectDraft, pictures: Sequence[DraftPicture], step: str, *, everything: bool = False
) -> dict[str, Any]:
    """`everything` complains about empty fields, too: nobody likes to be told off before having typed a word."""
    found = complaints(draft.typed, pictures, parts.settings.event_defaults)
    found.sort(key=lambda bad: ORDER.index(step_of(bad.field)))
    defaults = {name: parts.settings.event_defaults[name] for name in ("currency", "timezone")}
    values = USUAL | defaults | flat(draft.typed)
    missing = {step_of(bad.field) for bad in found}
    errors = by_field(bad for bad in found if step_of(bad.field) == step)
    return {
        "draft": draft,
        "step": step,
        "steps": [(name, name in missing) for name in ORDER],
        "values": values,
        "errors": errors if everything else {name: text for name, text in errors.items() if values.get(name)},
        "complaints": [(step_of(bad.field), words_for(bad.field), bad.message) for bad in found],
        "fields": field_names(draft.typed, step),
        "pictures": shown_draft_pictures(parts.media, pictures),
        "beyond_all": types_beyond_all(draft.typed),
        "preview": preview_of(parts.media, defaults | draft.typed, pictures),
        "refusal": None,
        "kinds": KINDS,
        "timezones": TIMEZONES,
        "currencies": currency_choices(current_locale()),
    }


def types_beyond_all(typed: Mapping[str, Any]) -> list[str]:
    """The names of those ticket types that were given more places than there are in all."""
    capacity = whole(typed.get("capacity"))
    return [
        one.get("name", "")
        for one in typed.get("ticket_types", ())
        if capacity and (whole(one.get("places")) or 0) > capacity
    ]


def whole(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if text.isdecimal() and len(text) < 10 else None


@cache
def currency_choices(locale: Locale) -> list[tuple[str, str]]:
    """Codes, each with its name."""
    return [(code, f"{code} · {get_currency_name(code, locale=locale)}") for code in sorted(CURRENCIES)]


def words_for(field: str) -> str:
    """The label of a field, as its step has it."""
    match = TYPE_FIELD.fullmatch(field)
    name = match.group(2) if match else field
    words = {
        "title": gettext("Title"),
        "location": gettext("Place"),
        "start_time": gettext("Begins"),
        "end_time": gettext("Ends"),
        "timezone": gettext("Timezone of the place"),
        "capacity": gettext("Places in all"),
        "currency": gettext("Currency"),
        "payment": gettext("Payment"),
        "ticket_types": gettext("Ticket types"),
        "name": gettext("Name"),
        "price": gettext("Price"),
        "places": gettext("Places of this type"),
        "per_attendee_limit": gettext("At most per person"),
        "hidden_until": gettext("Hidden until"),
        "sale_opens_at": gettext("Sale opens"),
        "sale_closes_at": gettext("Sale closes"),
        "images": gettext("Pictures"),
        "description": gettext("Description"),
        "company_name": gettext("Organized by"),
        "organized_by": gettext("Organized by"),
        "type": gettext("Kind of pictures"),
        "tags": gettext("Tags"),
        "date": gettext("Date on the poster"),
        "hold_hours": gettext("Hours to pay in"),
        "offer_hours": gettext("Hours to take an offer in"),
        "returns_until": gettext("Tickets can be returned until"),
        "status": gettext("Who sees it?"),
    }.get(name, name)
    if match:
        return gettext("Ticket type %(number)s: %(field)s") % {"number": int(match.group(1)) + 1, "field": words}
    return words
