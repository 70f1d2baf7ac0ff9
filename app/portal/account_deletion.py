"""Deleting your account, as a page that says first what goes and what stays."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.response import Template

from app.api.accounts import session_cookie
from app.authentication import address_of
from app.domain.account_deletion import DeletionIn, delete_account, leaving
from app.domain.accounts import Caller
from app.errors import AppError
from app.form_request import form_of
from app.language import gettext
from app.parts import Parts
from app.portal.flash import see_other
from app.portal.forms import FORGET, again, empty
from app.validation import read


@get("/account/deletion")
async def deletion_page(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller]
) -> Template:
    return empty(request, "accounts/deletion.html", leaving=await leaving(parts.database, who))


@post("/account/deletion", opt={"session_only": True})
async def delete(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], who: NamedDependency[Caller]
) -> Response[Any]:
    form = await form_of(request)
    try:
        await delete_account(parts.password_check, who, read(DeletionIn, form, form=True), address_of(request, parts))
    except AppError as refusal:
        found = await leaving(parts.database, who)
        return again(request, "accounts/deletion.html", refusal, form, leaving=found)
    words = gettext("Your account is deleted. Farewell!")
    answer = see_other("/", words, cookies=[session_cookie(parts, "", max_age=0)])
    answer.headers |= FORGET
    return answer


routes = [deletion_page, delete]
