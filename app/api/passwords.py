"""Passwords: change yours, or set a new one with a link."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import Body

from app.api.accounts import begin_session
from app.api.answers import problems, public_problems
from app.api.body import WholeBody
from app.authentication import address_of
from app.domain.accounts import Caller
from app.domain.idempotency import idempotent, replay_headers
from app.domain.password_resets import ResetIn, use_reset
from app.domain.passwords import PasswordIn, change_password
from app.parts import Parts


class PasswordChanged(msgspec.Struct, frozen=True):
    success: str


@post(
    "/me/password", dto=WholeBody, return_dto=None, status_code=200, opt={"session_only": True},
    summary="Change your password; every other session ends, the answer sets a new cookie",
    responses=problems(400, 413, 422),
)  # fmt: skip
async def change_my_password(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    data: Annotated[PasswordIn, Body()],
) -> Response[PasswordChanged]:
    key = idempotent(request.headers.get("idempotency-key"), request.scope["path"])
    replayed = await change_password(parts.password_check, who, data, address_of(request, parts), key)
    cookies = [] if replayed else [await begin_session(request, parts, who)]
    return Response(PasswordChanged("Password changed"), headers=replay_headers(replayed), cookies=cookies)


@post(
    "/password-resets", dto=WholeBody, return_dto=None, status_code=200, opt={"public": True},
    summary="Set a new password with the token of a link; every session ends",
    responses=public_problems(400, 404, 413, 422),
)  # fmt: skip
async def reset_password(parts: NamedDependency[Parts], data: Annotated[ResetIn, Body()]) -> PasswordChanged:
    await use_reset(parts.database, parts.passwords, data)
    return PasswordChanged("Password changed")


routes = [change_my_password, reset_password]
