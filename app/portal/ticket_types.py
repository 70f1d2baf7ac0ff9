"""The ticket types of an event: listed, added, changed, taken off sale."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter
from litestar.response import Template

from app.domain.accounts import Caller
from app.domain.idempotency import idempotent
from app.domain.ticket_type_changes import archive_ticket_type, change_ticket_type, create_ticket_type, overtaken
from app.domain.ticket_types import TicketType, TicketTypeIn, ticket_types_of
from app.domain.workspace import own_event
from app.errors import AppError, Conflict, Invalid, NotFound, Stale, Unavailable
from app.form_request import form_of
from app.language import gettext, ngettext, translated
from app.parts import Parts
from app.portal.draft_forms import TYPE_FIELDS, words_for
from app.portal.event_settings import on_the_clock
from app.portal.filters import number
from app.portal.flash import see_other
from app.portal.forms import by_field, differences, revision_in, shown, text_in, touched
from app.portal.workspace import EventId, frame
from app.validation import local_amount, read

TypeId = Annotated[int, PathParameter(ge=0, le=2**63 - 1)]
BESIDE = {"places-taken": "places"}
"""Conflicts that are about one field."""
STOPPED = Conflict("This type is not sold any more. What you typed can be added as another one.", type="not-sold")


@get("/projects/{event_id:int}/ticket-types", opt={"role": "organizer"})
async def ticket_types(parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: EventId) -> Template:
    event, types = await own_types(parts, who, event_id)
    sold = [kind for kind in types if not kind.archived]
    return Template("ticket_types/list.html", context=frame(event, "ticket-types", types=sold))


@get("/projects/{event_id:int}/ticket-types/new", opt={"role": "organizer"})
async def new_ticket_type(parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: EventId) -> Template:
    event, _ = await own_types(parts, who, event_id)
    return form_page(event, None, {"key": secrets.token_urlsafe(16)})


@post("/projects/{event_id:int}/ticket-types", opt={"role": "organizer", "limit": "submit", "keep_typed": True})
async def add_ticket_type(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: EventId
) -> Response[Any]:
    event, _ = await own_types(parts, who, event_id)
    form = await form_of(request)
    try:
        given = read(TicketTypeIn, form, form=True)
        key = idempotent(text_in(form, "key"), request.scope["path"], repr(given))
        await create_ticket_type(parts.database, who, event_id, given, key)
    except (Invalid, Conflict, Unavailable) as refusal:
        return form_page(event, None, {**form, "key": secrets.token_urlsafe(16)}, refusal)
    return listed(event, given, gettext("The ticket type is added."))


@get("/projects/{event_id:int}/ticket-types/{type_id:int}", opt={"role": "organizer"})
async def ticket_type(
    parts: NamedDependency[Parts], who: NamedDependency[Caller], event_id: EventId, type_id: TypeId
) -> Template:
    event, types = await own_types(parts, who, event_id)
    kind = one_of(types, type_id)
    if kind.archived:
        raise gone()
    return form_page(event, kind, stored(kind, event))


@post(
    "/projects/{event_id:int}/ticket-types/{type_id:int}",
    opt={"role": "organizer", "limit": "submit", "keep_typed": True},
)
async def save_ticket_type(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    event_id: EventId,
    type_id: TypeId,
) -> Response[Any]:
    event, types = await own_types(parts, who, event_id)
    kind, form = one_of(types, type_id), await form_of(request)
    now, meant = stored(kind, event), touched({name: form[name] for name in TYPE_FIELDS if name in form}, form)
    both = differences(now, meant, form) if revision_in(form) != kind.rev else []
    try:
        if kind.archived:
            raise gone()
        if both:
            raise overtaken(kind.rev)
        given = read(TicketTypeIn, {**now, **meant, "position": str(kind.position)}, form=True)
        sure = "ends_waiting" in form
        await change_ticket_type(parts.database, who, type_id, given, kind.rev, ends_waiting=sure)
    except NotFound:  # what was typed is lost with it no more than with any other refusal
        return form_page(event, None, {**now, **meant, "key": secrets.token_urlsafe(16)}, STOPPED)
    except (Invalid, Conflict, Stale, Unavailable) as refusal:
        return form_page(event, kind, now | meant, refusal, [(words_for(name), now[name]) for name in both])
    return listed(event, given, gettext("The changes are saved."))


@post("/projects/{event_id:int}/ticket-types/{type_id:int}/removal", opt={"role": "organizer", "limit": "submit"})
async def remove_ticket_type(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    event_id: EventId,
    type_id: TypeId,
) -> Response[Any]:
    event, types = await own_types(parts, who, event_id)
    kind = one_of(types, type_id)
    form = await form_of(request)
    try:
        sure = "ends_waiting" in form
        await archive_ticket_type(parts.database, who, type_id, revision_in(form), ends_waiting=sure)
    except (Conflict, Stale, Unavailable) as refusal:
        return form_page(event, kind, stored(kind, event), refusal, removal=True)
    return see_other(
        f"/projects/{event_id}/ticket-types", gettext("It is not sold any more; tickets that are out stay good.")
    )


def listed(event: Mapping[str, Any], given: TicketTypeIn, done: str) -> Response[Any]:
    """Back at the list, which says what was done, and where there are fewer places in all than were typed."""
    too_many = too_many_places(event["capacity"], given.places)
    return see_other(
        f"/projects/{event['id']}/ticket-types", f"{done} {too_many}".strip(), "info" if too_many else "good"
    )


def too_many_places(capacity: int, places: int | None) -> str:
    """May be stored, since the capacity may grow."""
    if (places or 0) <= capacity:
        return ""
    said = ngettext(
        "The event has only %(num)s place in all, so no more of these can be sold.",
        "The event has only %(num)s places in all, so no more of these can be sold.",
        capacity,
    )
    return said % {"num": number(capacity)}


async def own_types(parts: Parts, who: Caller, event_id: int) -> tuple[Mapping[str, Any], list[TicketType]]:
    event = await own_event(parts.database, who, event_id)
    async with parts.database.connection() as connection:
        types = await ticket_types_of(connection, event_id, everything=True)
    return event, types


def one_of(types: list[TicketType], type_id: int) -> TicketType:
    for kind in types:
        if kind.ticket_type_id == type_id:
            return kind
    raise gone()


def gone() -> NotFound:
    return NotFound("There is no such ticket type.")


def stored(kind: TicketType, event: Mapping[str, Any]) -> dict[str, str]:
    """A type as its form has it: moments on the clock of the place."""
    zone = ZoneInfo(event["timezone"])
    values = {name: getattr(kind, name) for name in TYPE_FIELDS}
    texts = {
        name: "" if value is None else on_the_clock(value, zone) if hasattr(value, "tzinfo") else str(value)
        for name, value in values.items()
    }
    return texts | {"price": local_amount(texts["price"])}


def form_page(
    event: Mapping[str, Any],
    kind: TicketType | None,
    values: Mapping[str, Any],
    refusal: AppError | None = None,
    meanwhile: Sequence[tuple[str, str]] = (),
    removal: bool = False,
) -> Template:
    errors = by_field(refusal.fields) if refusal else {}
    if refusal and refusal.type in BESIDE:
        errors[BESIDE[refusal.type]] = translated(refusal.detail)
    context = frame(
        event,
        "ticket-types",
        kind=kind,
        values=values,
        too_many=too_many_places(event["capacity"], kind.places if kind else None),
        shows=shown(stored(kind, event)) if kind else "",
        errors=errors,
        refusal=refusal,
        meanwhile=meanwhile,
        removal=removal,
    )
    return Template("ticket_types/page.html", context=context, status_code=refusal.status if refusal else 200)


routes = [ticket_types, new_ticket_type, add_ticket_type, ticket_type, save_ticket_type, remove_ticket_type]
