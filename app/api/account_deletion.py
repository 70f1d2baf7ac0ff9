"""Deleting your account."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import Body

from app.api.accounts import session_cookie
from app.api.answers import problems
from app.api.body import WholeBody
from app.authentication import address_of
from app.domain.account_deletion import DeletionIn, delete_account
from app.domain.accounts import Caller
from app.parts import Parts


class AccountDeleted(msgspec.Struct, frozen=True):
    success: str


@post(
    "/me/deletion", dto=WholeBody, return_dto=None, status_code=200, opt={"session_only": True},
    summary="Delete your account for good", responses=problems(400, 409, 413, 422),
)  # fmt: skip
async def delete_me(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    data: Annotated[DeletionIn, Body()],
) -> Response[AccountDeleted]:
    await delete_account(parts.password_check, who, data, address_of(request, parts))
    return Response(AccountDeleted("Account deleted"), cookies=[session_cookie(parts, "", max_age=0)])


routes = [delete_me]
