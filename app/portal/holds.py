"""Tickets that wait for a payment: confirmed or released by the organizer, one or many."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Template

from app.domain.accounts import Caller
from app.domain.attendees import Attendee, attendees_with
from app.domain.cancelling import Reason
from app.domain.holds import ConfirmIn, Decided, Refused, confirm_tickets, held_tickets, lapsed_tickets, release_tickets
from app.domain.lists import from_cursor
from app.domain.workspace import own_event
from app.errors import AppError, Conflict, FieldError, Invalid, Unavailable
from app.form_request import form_of
from app.language import gettext, ngettext, translated
from app.parts import Parts
from app.portal.flash import see_other
from app.portal.forms import by_field, text_in
from app.portal.workspace import EventId, frame
from app.validation import read, several

ON_A_PAGE, NAMED, LONG = 50, 3, 60
Cursor = Annotated[str | None, QueryParameter(required=False)]


class ReleaseForm(ConfirmIn, frozen=True, kw_only=True):
    reason: Reason


@get("/projects/{event_id:int}/held", opt={"role": "organizer"})
async def held(
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    event_id: EventId,
    cursor: Cursor = None,
    lapsed: Cursor = None,
) -> Template:
    return await held_page(parts, who, event_id, cursor, lapsed)


async def held_page(
    parts: Parts,
    who: Caller,
    event_id: int,
    cursor: str | None,
    lapsed: str | None,
    refusal: AppError | None = None,
    typed: dict[str, Any] | None = None,
) -> Template:
    """`cursor` is the place in the list of those held, `lapsed` in that of those too late."""
    event = await own_event(parts.database, who, event_id)
    context = frame(
        event,
        "attendees",
        tab="held",
        page=await held_tickets(parts.database, who, event_id, ON_A_PAGE, from_cursor(cursor)),
        late=await lapsed_tickets(parts.database, who, event_id, ON_A_PAGE, from_cursor(lapsed)),
        cursor=cursor,
        lapsed=lapsed,
        refusal=refusal,
        errors=by_field(refusal.fields) if refusal else {},
        values=typed or {"ticket_numbers": [], "decision": ""},
    )
    return Template("holds/page.html", context=context, status_code=refusal.status if refusal else 200)


@post("/projects/{event_id:int}/held", opt={"role": "organizer", "limit": "submit", "keep_typed": True})
async def decide_held(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    event_id: EventId,
    cursor: Cursor = None,
    lapsed: Cursor = None,
) -> Response[Any]:
    typed = typed_in(await form_of(request))
    decide = release if typed["decision"] == "release" else confirm
    try:
        said, decided = await decide(parts, who, event_id, typed)
    except (Conflict, Invalid, Unavailable) as refusal:
        return await held_page(parts, who, event_id, cursor, lapsed, refusal, typed)
    not_done = await refused_in_words(parts, event_id, decided.refused)
    return see_other(f"/projects/{event_id}/held", " ".join([said, *not_done]), "bad" if not_done else "good")


def typed_in(form: dict[str, Any]) -> dict[str, Any]:
    texts = {name: text_in(form, name) or "" for name in ("decision", "reason")}
    return {"ticket_numbers": [number_in(one) for one in several(form.get("ticket_numbers"))], **texts}


def number_in(value: Any) -> Any:
    """What is no number stays as it came, to be refused with the others."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20 else value


async def confirm(parts: Parts, who: Caller, event_id: int, typed: dict[str, Any]) -> tuple[str, Decided]:
    require_ticked(typed)
    chosen = read(ConfirmIn, typed, form=True)
    decided = await confirm_tickets(parts.database, who, event_id, chosen.ticket_numbers)
    said = ngettext("%(num)s payment is confirmed.", "%(num)s payments are confirmed.", len(decided.done))
    return said % {"num": len(decided.done)}, decided


async def release(parts: Parts, who: Caller, event_id: int, typed: dict[str, Any]) -> tuple[str, Decided]:
    require_ticked(typed)
    chosen = read(ReleaseForm, typed, form=True)
    decided = await release_tickets(parts.database, who, event_id, chosen.ticket_numbers, chosen.reason)
    said = ngettext("%(num)s ticket is released.", "%(num)s tickets are released.", len(decided.done))
    return said % {"num": len(decided.done)}, decided


def require_ticked(typed: dict[str, Any]) -> None:
    if not typed["ticket_numbers"]:
        raise Invalid([FieldError("ticket_numbers", "tick at least one")], "Tick at least one ticket.")


async def refused_in_words(parts: Parts, event_id: int, refused: Sequence[Refused]) -> list[str]:
    """The first few by name; how many more there are."""
    named = refused[:NAMED]
    people = await attendees_with(parts.database, event_id, [one.ticket_number for one in named]) if named else {}
    said = [f"{named_ticket(people, one.ticket_number)}: {translated(one.detail)}" for one in named]
    if more := len(refused) - len(named):
        said.append(ngettext("%(num)s more was refused.", "%(num)s more were refused.", more) % {"num": more})
    return said


def named_ticket(people: Mapping[int, Attendee], number: int) -> str:
    one = people.get(number)
    if one is None:
        return gettext("No. %(number)s") % {"number": number}
    return f"{one.full_name if len(one.full_name) <= LONG else one.full_name[:LONG] + '…'} ({one.code})"


routes = [held, decide_held]
