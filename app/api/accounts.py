"""Signing up, in and out."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import Body
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.answers import problems, public_problems
from app.api.body import WholeBody
from app.authentication import address_of
from app.domain import accounts
from app.domain.accounts import AttendeeSignUp, Caller, OrganizerSignUp, SignIn
from app.domain.idempotency import idempotent, replay_headers
from app.parts import Parts


class SignedUp(msgspec.Struct, frozen=True, omit_defaults=True):
    success: str
    user_id: int
    organizer_id: int | None = None


class SignedIn(msgspec.Struct, frozen=True, omit_defaults=True):
    success: str
    user_id: int
    role: str
    organizer_id: int | None = None


class SignedOut(msgspec.Struct, frozen=True):
    message: str


async def signed_up(
    request: Request[Any, Any, Any], parts: Parts, db: AsyncSession, person: AttendeeSignUp
) -> Response[SignedUp]:
    key = idempotent(request.headers.get("idempotency-key"))
    address = address_of(request, parts)
    await parts.shared_limits.take([("sign-up", address, parts.settings.rate_limits.sign_up)])
    caller, replayed = await accounts.sign_up(db, parts.passwords, person, key.key if key else None)
    content = SignedUp("Signed up", caller.user_id, caller.organizer_id)
    return Response(content, status_code=201, headers=replay_headers(replayed))


@post(
    "/sign-up", dto=WholeBody, return_dto=None, opt={"public": True}, summary="Sign up as an organizer",
    responses=public_problems(400, 409, 413, 422),
)  # fmt: skip
async def sign_up(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    db: NamedDependency[AsyncSession],
    data: Annotated[OrganizerSignUp, Body()],
) -> Response[SignedUp]:
    return await signed_up(request, parts, db, data)


@post(
    "/attendee/sign-up", dto=WholeBody, return_dto=None, opt={"public": True}, summary="Sign up as an attendee",
    responses=public_problems(400, 409, 413, 422),
)  # fmt: skip
async def attendee_sign_up(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    db: NamedDependency[AsyncSession],
    data: Annotated[AttendeeSignUp, Body()],
) -> Response[SignedUp]:
    return await signed_up(request, parts, db, data)


@post(
    "/sign-in", dto=WholeBody, return_dto=None, status_code=200, opt={"public": True},
    summary="Sign in; the answer sets the session cookie", responses=public_problems(400, 401, 413, 422),
)  # fmt: skip
async def sign_in(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], data: Annotated[SignIn, Body()]
) -> Response[SignedIn]:
    caller = await accounts.check_sign_in(
        parts.database, parts.passwords, parts.shared_limits, parts.settings.rate_limits, data,
        address_of(request, parts),
    )  # fmt: skip
    cookie = await begin_session(request, parts, caller)
    return Response(SignedIn("Signed in", caller.user_id, caller.role, caller.organizer_id), cookies=[cookie])


@post("/sign-out", status_code=200, summary="Sign out; the session ends on the server", responses=problems())
async def sign_out(request: Request[Any, Any, Any], parts: NamedDependency[Parts]) -> Response[SignedOut]:
    cookie = await end_session(request, parts)
    return Response(SignedOut("Logged Out"), cookies=[cookie])


async def begin_session(request: Request[Any, Any, Any], parts: Parts, caller: Caller) -> Cookie:
    """A new session in place of the one the browser came with."""
    old = request.cookies.get(parts.sessions.cookie)
    user_agent = request.headers.get("user-agent", "")
    session_id = await parts.sessions.begin(caller.user_id, replacing=old, user_agent=user_agent)
    return session_cookie(parts, session_id, max_age=int(parts.settings.session_absolute_seconds))


async def end_session(request: Request[Any, Any, Any], parts: Parts) -> Cookie:
    if session_id := request.cookies.get(parts.sessions.cookie):
        await parts.sessions.end(session_id)
    return session_cookie(parts, "", max_age=0)


def session_cookie(parts: Parts, value: str, max_age: int) -> Cookie:
    return Cookie(
        key=parts.sessions.cookie,
        value=value,
        path="/",
        max_age=max_age,
        secure=parts.sessions.secure,
        httponly=True,
        samesite="lax",
    )


routes = [sign_up, attendee_sign_up, sign_in, sign_out]
