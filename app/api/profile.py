"""Who you are, and changing what you said about yourself."""

from typing import Annotated, Any

from litestar import Request, get, patch
from litestar.di import NamedDependency
from litestar.params import Body
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.answers import problems
from app.api.body import WholeBody
from app.authentication import address_of
from app.domain import accounts
from app.domain.accounts import Caller, Profile
from app.domain.profile import ProfileIn, change_profile
from app.parts import Parts


@get("/me", summary="The account behind the session or key", responses=problems())
async def me(db: NamedDependency[AsyncSession], who: NamedDependency[Caller]) -> Profile:
    return await accounts.profile(db, who)


@patch(
    "/me", dto=WholeBody, return_dto=None, opt={"session_only": True},
    summary="Change your name, e-mail or company", responses=problems(400, 409, 413, 422),
)  # fmt: skip
async def change_me(
    request: Request[Any, Any, Any],
    parts: NamedDependency[Parts],
    who: NamedDependency[Caller],
    data: Annotated[ProfileIn, Body()],
) -> Profile:
    await change_profile(parts.password_check, who, data, address_of(request, parts))
    async with parts.database.sessions.begin() as db:
        return await accounts.profile(db, who)


routes = [me, change_me]
