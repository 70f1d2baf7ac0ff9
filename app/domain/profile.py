"""What people say about themselves, and change."""

import asyncpg

from app.domain.accounts import Bio, Caller, Email, GivenPassword, Name, email_taken
from app.domain.passwords import PasswordCheck, email_of
from app.errors import FieldError, Invalid
from app.validation import Input


class ProfileIn(Input, frozen=True, kw_only=True):
    """Only the fields to change; another e-mail needs `current_password`, an empty `bio` removes it."""

    full_name: Name | None = None
    email: Email | None = None
    current_password: GivenPassword | None = None
    company_name: Name | None = None
    bio: Bio | None = None


async def change_profile(check: PasswordCheck, who: Caller, given: ProfileIn, address: str) -> None:
    """Raises:
    Invalid: an attendee has no company, or the e-mail changes and the password is missing or wrong.
    Conflict: somebody else has this e-mail.
    """
    about_company = {"company_name": given.company_name, "bio": given.bio}
    if who.organizer_id is None and (bad := [name for name, value in about_company.items() if value is not None]):
        raise Invalid([FieldError(name, "is only for organizers") for name in bad])
    if given.email is not None and given.email != await email_of(check.database, who):
        if given.current_password is None:
            raise Invalid([FieldError("current_password", "is needed to change the e-mail address")])
        await check.confirm(who, given.current_password, address)
    try:
        await store(check, who, given)
    except asyncpg.UniqueViolationError as error:
        raise email_taken() from error


async def store(check: PasswordCheck, who: Caller, given: ProfileIn) -> None:
    async with check.database.transaction() as connection:
        await connection.execute(
            "UPDATE users SET full_name = coalesce($2, full_name), email = coalesce($3, email) WHERE id = $1",
            who.user_id,
            given.full_name,
            given.email,
        )
        if given.email is not None:
            # A link that went to the old address must not open the account of the new one.
            await connection.execute("DELETE FROM password_resets WHERE user_id = $1", who.user_id)
        await connection.execute(
            """UPDATE organizers SET company_name = coalesce($2, company_name), bio = nullif(coalesce($3, bio), '')
               WHERE user_id = $1""",
            who.user_id,
            given.company_name,
            given.bio,
        )
