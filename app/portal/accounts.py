"""Sign-up, sign-in and sign-out as pages."""

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Redirect, Template

from app.api.accounts import begin_session, end_session
from app.authentication import address_of
from app.domain import accounts
from app.domain.accounts import AttendeeSignUp, Caller, OrganizerSignUp, SignIn
from app.domain.attendees import attendees_with
from app.domain.drafts import draft_of
from app.domain.workspace import own_event
from app.errors import AppError, NotFound
from app.form_request import form_of
from app.kept_form import KeptForm, read_kept
from app.language import gettext
from app.parts import Parts
from app.portal.flash import see_other
from app.portal.forms import FORGET, again, empty, text_in
from app.same_origin import local_path
from app.validation import read

Next = Annotated[str | None, QueryParameter(name="next", required=False)]
Ended = Annotated[str, QueryParameter(required=False)]
"""Said to be there by `problems.py`, where a session was over when something was sent."""
KINDS: dict[str, type[AttendeeSignUp]] = {"attendee": AttendeeSignUp, "organizer": OrganizerSignUp}


@get("/sign-up", opt={"public": True})
async def sign_up_page(request: Request[Any, Any, Any], where: Next = None) -> Template:
    return empty(request, "accounts/sign_up.html", kind="attendee", next=local_path(where))


@get("/sign-up/organizer", opt={"public": True})
async def organizer_sign_up_page(request: Request[Any, Any, Any]) -> Template:
    return empty(request, "accounts/sign_up.html", kind="organizer", next="/projects")


@post("/sign-up", opt={"public": True})
async def sign_up(request: Request[Any, Any, Any], parts: NamedDependency[Parts]) -> Response[Any]:
    return await signed_up(request, parts, "attendee")


@post("/sign-up/organizer", opt={"public": True})
async def organizer_sign_up(request: Request[Any, Any, Any], parts: NamedDependency[Parts]) -> Response[Any]:
    return await signed_up(request, parts, "organizer")


async def signed_up(request: Request[Any, Any, Any], parts: Parts, kind: str) -> Response[Any]:
    form = await form_of(request)
    where = local_path(text_in(form, "next"), "/projects" if kind == "organizer" else "/")
    try:
        caller = await new_account(request, parts, read(KINDS[kind], form, form=True))
    except AppError as refusal:
        return again(request, "accounts/sign_up.html", refusal, form, kind=kind, next=where)
    return Redirect(where, status_code=303, cookies=[await begin_session(request, parts, caller)])


async def new_account(request: Request[Any, Any, Any], parts: Parts, person: AttendeeSignUp) -> Caller:
    limit = parts.settings.rate_limits.sign_up
    await parts.shared_limits.take([("sign-up", address_of(request, parts), limit)])
    async with parts.database.sessions.begin() as db:
        caller, _ = await accounts.sign_up(db, parts.passwords, person)
    return caller


@get("/sign-in", opt={"public": True})
async def sign_in_page(request: Request[Any, Any, Any], where: Next = None, ended: Ended = "") -> Template:
    return empty(request, "accounts/sign_in.html", {"ended": ended}, next=local_path(where))


@post("/sign-in", opt={"public": True})
async def sign_in(request: Request[Any, Any, Any], parts: NamedDependency[Parts]) -> Response[Any]:
    form = await form_of(request)
    where = local_path(text_in(form, "next"))
    try:
        caller = await accounts.check_sign_in(
            parts.database, parts.passwords, parts.shared_limits, parts.settings.rate_limits,
            read(SignIn, form, form=True), address_of(request, parts),
        )  # fmt: skip
    except AppError as refusal:
        return again(request, "accounts/sign_in.html", refusal, form, next=where)
    cookies = [await begin_session(request, parts, caller)]
    kept = read_kept(text_in(form, "kept"))
    if kept and kept.action == local_path(kept.action):
        request.scope["user"] = caller
        return await kept_page(parts, caller, kept, where, cookies)
    home = "/dashboard" if where == "/" and caller.organizer_id is not None else where
    return Redirect(home, status_code=303, cookies=cookies)


async def kept_page(
    parts: Parts, caller: Caller, kept: KeptForm, where: str, cookies: list[Cookie]
) -> Template | Redirect:
    """What was typed, with what it is for, to be sent; nothing of it where it is not the caller's to send."""
    try:
        known = await known_of(parts, caller, kept)
    except NotFound:
        note = gettext("What somebody else had typed here before you signed in is dropped.")
        return see_other("/", note, "info", cookies)
    return Template("accounts/kept.html", context={"kept": kept, "next": where, **known}, cookies=cookies)


async def known_of(parts: Parts, caller: Caller, kept: KeptForm) -> dict[str, Any]:
    """The title and the currency of what it is for, and the people whose tickets it is about."""
    if kept.typed_by not in (None, caller.user_id):
        raise NotFound("It is somebody else's.")
    known: dict[str, Any] = {"title": None, "currency": dict(kept.fields).get("currency"), "people": {}}
    kind, number = kept.of or (None, 0)
    if kind == "event":
        event = await own_event(parts.database, caller, number)
        known |= {"title": event["title"], "currency": known["currency"] or event["currency"]}
        known["people"] = await attendees_with(parts.database, number, kept.ticket_numbers)
    elif kind == "draft":
        async with parts.database.connection() as connection:
            known["title"] = (await draft_of(connection, caller, number)).typed.get("title")
    return known


@post("/sign-out")
async def sign_out(request: Request[Any, Any, Any], parts: NamedDependency[Parts]) -> Redirect:
    """The browser forgets what was typed into forms that were refused, too."""
    return Redirect("/", status_code=303, cookies=[await end_session(request, parts)], headers=FORGET)


routes = [sign_up_page, organizer_sign_up_page, sign_up, organizer_sign_up, sign_in_page, sign_in, sign_out]
