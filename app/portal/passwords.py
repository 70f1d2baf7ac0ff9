"""Changing a password, and setting a new one with a link."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template

from app.api.accounts import begin_session
from app.authentication import address_of
from app.domain.accounts import Caller
from app.domain.password_resets import ResetIn, reset_email, use_reset
from app.domain.passwords import PasswordIn, change_password
from app.errors import AppError, NotFound
from app.form_request import form_of
from app.language import gettext
from app.parts import Parts
from app.portal.flash import see_other
from app.portal.forms import again, empty
from app.validation import read


@get("/account/password")
async def password_page(request: Request[Any, Any, Any]) -> Template:
    return empty(request, "accounts/password.html")


@post("/account/password", opt={"session_only": True})
async def change(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller]
) -> Response[Any]:
    form = await form_of(request)
    try:
        given = read(PasswordIn, form, form=True)
        await change_password(parts.password_check, who, given, address_of(request, parts), None)
    except AppError as refusal:
        return again(request, "accounts/password.html", refusal, form)
    words = gettext("Your password is changed, and you are signed out everywhere else.")
    return see_other("/account/password", words, cookies=[await begin_session(request, parts, who)])


@get("/password-resets/{token:str}", opt={"public": True})
async def reset_page(request: Request[Any, Any, Any], parts: NamedDependency[Parts], token: FromPath[str]) -> Template:
    email = await reset_email(parts.database, token)
    return empty(request, "accounts/password_reset.html", email=email, token=token)


@post("/password-resets/{token:str}", opt={"public": True})
async def reset(request: Request[Any, Any, Any], parts: NamedDependency[Parts], token: FromPath[str]) -> Response[Any]:
    email = await reset_email(parts.database, token)
    form = await form_of(request)
    try:
        await use_reset(parts.database, parts.passwords, read(ResetIn, {**form, "token": token}, form=True))
    except NotFound:
        raise
    except AppError as refusal:
        return again(request, "accounts/password_reset.html", refusal, form, email=email, token=token)
    return see_other("/sign-in", gettext("Your password is changed. Sign in with the new one."))


routes = [password_page, change, reset_page, reset]
