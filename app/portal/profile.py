"""What you say about yourself, as a page."""

from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.response import Template

from app.authentication import address_of
from app.domain import accounts
from app.domain.accounts import Caller, Profile
from app.domain.profile import ProfileIn, change_profile
from app.errors import AppError, FieldError, Invalid
from app.form_request import form_of
from app.language import gettext
from app.parts import Parts
from app.portal.flash import see_other
from app.portal.forms import again, empty, text_in
from app.validation import read


@get("/account")
async def profile_page(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller]
) -> Template:
    known = await profile_of(parts, who)
    values = {**msgspec.structs.asdict(known), "bio": known.bio or ""}
    return empty(request, "accounts/profile.html", values, known=known)


@post("/account", opt={"session_only": True, "keep_typed": True})
async def change(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller]
) -> Response[Any]:
    form = await form_of(request)
    try:
        await change_profile(parts.password_check, who, profile_in(form, who), address_of(request, parts))
    except AppError as refusal:
        return again(request, "accounts/profile.html", refusal, form, known=await profile_of(parts, who))
    return see_other("/account", gettext("Your changes are saved."))


def profile_in(form: dict[str, Any], who: Caller) -> ProfileIn:
    """In a form everything is there: an empty name is a mistake, and an empty text about the company removes it."""
    required = ("full_name", "email", "company_name") if who.organizer_id else ("full_name", "email")
    bad = [FieldError(name, "is required") for name in required if not (text_in(form, name) or "").strip()]
    try:
        given = read(ProfileIn, form, form=True)
    except Invalid as refusal:
        raise Invalid([*bad, *refusal.fields]) from refusal
    if bad:
        raise Invalid(bad)
    return msgspec.structs.replace(given, bio=text_in(form, "bio") or "") if who.organizer_id else given


async def profile_of(parts: Parts, who: Caller) -> Profile:
    async with parts.database.sessions.begin() as db:
        return await accounts.profile(db, who)


routes = [profile_page, change]
