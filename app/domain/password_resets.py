"""Links that set a new password, for those who forgot theirs: single use, an hour long, stored hashed."""

import datetime as dt
import hashlib
import secrets
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from msgspec import Meta

from app.domain.accounts import Password, is_easy
from app.domain.passwords import set_password
from app.engines.database import Database
from app.errors import FieldError, Invalid, NotFound
from app.passwords import Passwords
from app.phrases import Phrase
from app.validation import Input

LASTS = dt.timedelta(hours=1)


class ResetIn(Input, frozen=True, kw_only=True):
    token: Annotated[str, Meta(min_length=1, max_length=200, extra={"says": Phrase("must be the one of the link")})]
    new_password: Password

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> Iterable[FieldError]:
        if (new := values.get("new_password", "")) and is_easy(new):
            yield FieldError("new_password", "is too easy to guess")


async def new_reset(database: Database, email: str) -> str:
    """The token of a new link; earlier ones of the same person end. Raises `NotFound` for an unknown e-mail."""
    token = secrets.token_urlsafe(32)
    async with database.transaction() as connection:
        user_id = await connection.fetchval(
            "SELECT id FROM users WHERE lower(email) = lower($1) AND deleted_at IS NULL", email
        )
        if user_id is None:
            raise NotFound(Phrase("Nobody has signed up with %(email)s.", email=email))
        await connection.execute("DELETE FROM password_resets WHERE user_id = $1", user_id)
        await connection.execute(
            "INSERT INTO password_resets (token_hash, user_id, expires_at) VALUES ($1, $2, now() + $3::interval)",
            digest(token), user_id, LASTS,
        )  # fmt: skip
    return token


async def reset_email(database: Database, token: str) -> str:
    """Whose password the link sets; raises `NotFound`, the same for a wrong, a used and an old one."""
    async with database.connection() as connection:
        email: str | None = await connection.fetchval(
            """SELECT u.email FROM password_resets r JOIN users u ON u.id = r.user_id
               WHERE r.token_hash = $1 AND r.expires_at > now()""",
            digest(token),
        )
    if email is None:
        raise link_is_gone()
    return email


async def use_reset(database: Database, passwords: Passwords, given: ResetIn) -> None:
    """Set the password and end every session; raises `NotFound` when the link is not good (any more)."""
    email = await reset_email(database, given.token)  # before the hashing, so that guessing costs us nothing
    if is_easy(given.new_password, email):
        raise Invalid([FieldError("new_password", "is too easy to guess")])
    hashed = await passwords.hash(given.new_password)
    async with database.transaction() as connection:
        user_id = await connection.fetchval(
            "DELETE FROM password_resets WHERE token_hash = $1 AND expires_at > now() RETURNING user_id",
            digest(given.token),
        )
        if user_id is None:
            raise link_is_gone()
        await set_password(connection, user_id, hashed)


def link_is_gone() -> NotFound:
    return NotFound(
        "This link has been used, or is older than an hour. Ask the people who run this site for a new one.",
        type="reset-link-gone",
    )


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
