"""The core data of an event as a form; who was slower than somebody else is told, and keeps what was typed."""

import datetime as dt
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.response import Template

from app.domain.accounts import Caller, Name
from app.domain.event_changes import EventPatch, change_event
from app.domain.events import EventIn, tags_in
from app.domain.money import money
from app.domain.ticket_types import price_is_followed, ticket_types_of
from app.domain.workspace import own_event
from app.errors import AppError, Conflict, Invalid, Stale, Unavailable
from app.form_request import form_of
from app.language import current_locale, gettext, translated
from app.parts import Parts
from app.portal.draft_forms import TIMEZONES, currency_choices, words_for
from app.portal.flash import see_other
from app.portal.forms import by_field, differences, revision_in, shown, touched
from app.portal.workspace import EventId, frame
from app.validation import local_amount, read

FIELDS = tuple(name for name in EventPatch.__struct_fields__ if name != "status")
WITHOUT_PRICE = {"price": "0"}
"""The form has no price where each ticket type has its own."""
MOMENTS = ("start_time", "end_time", "returns_until")
BESIDE = {"capacity-taken": "capacity", "tickets-sold": "currency"}
"""Conflicts that are about one field."""


class SettingsForm(EventIn, frozen=True, kw_only=True):
    organized_by: Name | None = None


@get("/projects/{event_id:int}/settings", opt={"role": "organizer"})
async def settings_page(parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: EventId) -> Template:
    event = await own_event(parts.database, who, event_id)
    return Template("settings/page.html", context=await context_of(parts, event, stored(event)))


@post(
    "/projects/{event_id:int}/settings",
    opt={"role": "organizer", "limit": "submit", "keep_typed": True},
)
async def change_settings(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: EventId
) -> Response[Any]:
    form = await form_of(request)
    sure = "ends_waiting" in form
    try:
        given = read(SettingsForm, WITHOUT_PRICE | form, form=True, defaults=parts.settings.event_defaults)
        patch = EventPatch(**{name: getattr(given, name) for name in meant(form)})
        try:
            await change_event(parts.database, who, event_id, patch, revision_in(form), ends_waiting=sure)
        except Stale:
            event = await own_event(parts.database, who, event_id)
            if differences(stored(event), meant(form), form):
                raise
            await change_event(parts.database, who, event_id, patch, event["rev"], ends_waiting=sure)
    except (Invalid, Conflict, Stale, Unavailable) as refusal:
        return await refused(parts, who, event_id, form, refusal)
    if patch.timezone and await sells_by_the_clock(parts, event_id):
        note = gettext("The changes are saved. The times of ticket types are the same moments as before: look at them.")
        return see_other(f"/projects/{event_id}/ticket-types", note)
    return see_other(f"/projects/{event_id}/settings", gettext("The changes are saved."))


async def sells_by_the_clock(parts: Parts, event_id: int) -> bool:
    async with parts.database.connection() as connection:
        kinds = await ticket_types_of(connection, event_id, everything=True)
    return any(kind.sale_opens_at or kind.sale_closes_at or kind.hidden_until for kind in kinds if not kind.archived)


def meant(form: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that somebody touched; times are read off the clock of the place, so another place is other times."""
    typed = {name: form[name] for name in FIELDS if name in form}
    changed = touched(typed, form)
    return changed | {name: typed[name] for name in MOMENTS if name in typed and "timezone" in changed}


async def refused(parts: Parts, who: Caller, event_id: int, form: Mapping[str, Any], refusal: AppError) -> Template:
    """What was typed with what is wrong; the next press of the button replaces what is stored by then."""
    event = await own_event(parts.database, who, event_id)
    typed = {name: value for name, value in meant(form).items() if isinstance(value, str)}
    errors = by_field(refusal.fields)
    if refusal.type in BESIDE:
        errors[BESIDE[refusal.type]] = translated(refusal.detail)
    now = stored(event)
    context = await context_of(parts, event, now | typed) | {"errors": errors, "refusal": refusal}
    if isinstance(refusal, Stale):
        context["meanwhile"] = [(words_for(name), now[name]) for name in differences(now, meant(form), form)]
    return Template("settings/page.html", context=context, status_code=refusal.status)


async def context_of(parts: Parts, event: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    return frame(
        event,
        "settings",
        values=values,
        asks_price=await price_is_followed(parts.database, event["id"]),
        errors={},
        refusal=None,
        rev=event["rev"],
        shows=shown(stored(event)),
        meanwhile=[],
        currencies=currency_choices(current_locale()),
        timezones=sorted({*TIMEZONES, event["timezone"]}),
    )


def stored(event: Mapping[str, Any]) -> dict[str, str]:
    """The event as its form has it: moments on the clock of the place."""
    values = {name: "" if event[name] is None else str(event[name]) for name in FIELDS}
    values["tags"] = ", ".join(tags_in(event["tags"]))
    values["price"] = local_amount(money(event["price"], event["currency"]))
    zone = ZoneInfo(event["timezone"])
    for name in MOMENTS:
        values[name] = on_the_clock(event[name], zone) if event[name] else ""
    return values


def on_the_clock(at: dt.datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).replace(tzinfo=None).isoformat(timespec="seconds" if at.second else "minutes")


routes = [settings_page, change_settings]
