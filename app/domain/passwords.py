"""Passwords that people have: asking for them again, and changing them."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.domain.accounts import Caller, GivenPassword, Password, SignIn, check_sign_in, is_easy
from app.domain.idempotency import Idempotent, key_reused, remember, remembered
from app.engines.database import Connection, Database
from app.errors import FieldError, Invalid, NotSignedIn
from app.passwords import Passwords
from app.rate_limits import SharedLimits
from app.settings import RateLimits
from app.validation import Input


class PasswordCheck:
    """Asks somebody who is signed in for the password again; wrong ones count as failed sign-ins."""

    def __init__(self, database: Database, passwords: Passwords, shared: SharedLimits, limits: RateLimits) -> None:
        self.database = database
        self.passwords = passwords
        self.shared = shared
        self.limits = limits

    async def confirm(self, who: Caller, password: str, address: str) -> str:
        """The caller's e-mail.

        Raises:
            Invalid: it is not the password of the caller.
            TooMany: too many wrong ones, here or at the sign-in.
        """
        email = await email_of(self.database, who)
        given = SignIn(email=email, password=password)
        try:
            await check_sign_in(self.database, self.passwords, self.shared, self.limits, given, address)
        except NotSignedIn as error:
            raise Invalid([FieldError("current_password", "is not your password")]) from error
        return email


class PasswordIn(Input, frozen=True, kw_only=True):
    current_password: GivenPassword
    new_password: Password

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> Iterable[FieldError]:
        if (new := values.get("new_password")) and is_easy(new):
            yield FieldError("new_password", "is too easy to guess")


async def change_password(
    check: PasswordCheck, who: Caller, given: PasswordIn, address: str, idempotent: Idempotent | None
) -> bool:
    """Ends every session of the caller, the one that asks included; whether this repeats an earlier request.

    The key is remembered without a hash of the body: a fast hash of a password must lie nowhere.
    """
    if await repeats(check, who, given, idempotent):
        return True
    email = await check.confirm(who, given.current_password, address)
    if is_easy(given.new_password, email):
        raise Invalid([FieldError("new_password", "is too easy to guess")])
    if given.new_password == given.current_password:
        raise Invalid([FieldError("new_password", "is the one you have now")])
    hashed = await check.passwords.hash(given.new_password)
    async with check.database.transaction() as connection:
        await set_password(connection, who.user_id, hashed)
        await remember(connection, who.user_id, idempotent, {"password": "changed"})
    return False


async def repeats(check: PasswordCheck, who: Caller, given: PasswordIn, idempotent: Idempotent | None) -> bool:
    async with check.database.connection() as connection:
        if await remembered(connection, who.user_id, idempotent) is None:
            return False
        stored = await connection.fetchval("SELECT password_hash FROM users WHERE id = $1", who.user_id)
    if not await check.passwords.matches(stored, given.new_password):
        raise key_reused()
    return True


async def set_password(connection: Connection, user_id: int, hashed: str) -> None:
    """Whoever is signed in with the old password, or holds a link to set a new one, is out."""
    await connection.execute("UPDATE users SET password_hash = $2 WHERE id = $1", user_id, hashed)
    await connection.execute("DELETE FROM sessions WHERE user_id = $1", user_id)
    await connection.execute("DELETE FROM password_resets WHERE user_id = $1", user_id)


async def email_of(database: Database, who: Caller) -> str:
    async with database.connection() as connection:
        email: str = await connection.fetchval("SELECT email FROM users WHERE id = $1", who.user_id)
    return email
