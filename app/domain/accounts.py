"""People: signing up, signing in, and who somebody is."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import msgspec
import sqlalchemy as sa
from msgspec import Meta
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.idempotency import key_reused
from app.engines.database import Connection, Database
from app.errors import Conflict, FieldError, NotSignedIn
from app.passwords import Passwords
from app.phrases import Phrase
from app.rate_limits import SharedLimits
from app.settings import RateLimits
from app.tables import Organizer, User
from app.validation import Input

Name = Annotated[str, Meta(min_length=1, max_length=200, extra={"says": Phrase("must have 1 to 200 characters")})]
Email = Annotated[
    str,
    Meta(
        max_length=254,
        pattern=r"^[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\".]+$",
        extra={"says": Phrase("must be an e-mail address such as ada@example.org")},
    ),
]
Password = Annotated[
    str, Meta(min_length=8, max_length=200, extra={"says": Phrase("must have 8 to 200 characters"), "raw": True})
]
GivenPassword = Annotated[str, Meta(min_length=1, max_length=200, extra={"says": Phrase("must be given"), "raw": True})]
Bio = Annotated[str, Meta(max_length=20_000, extra={"says": Phrase("must have at most 20,000 characters")})]


class Caller(msgspec.Struct, frozen=True):
    """Who sends a request. `organizer_id` is None for attendees, `scopes` is None for a session."""

    user_id: int
    role: str
    organizer_id: int | None
    full_name: str
    scopes: frozenset[str] | None = None


class AttendeeSignUp(Input, frozen=True, kw_only=True):
    full_name: Name
    email: Email
    password: Password

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> Iterable[FieldError]:
        password, email = values.get("password", ""), values.get("email", "")
        if password and is_easy(password, email):
            yield FieldError("password", "is too easy to guess")


class OrganizerSignUp(AttendeeSignUp, frozen=True, kw_only=True):
    company_name: Name
    bio: Bio | None = None
    role: Annotated[Literal["organizer"], Meta(extra={"says": Phrase('must be "organizer" or left out')})] = "organizer"


class SignIn(Input, frozen=True, kw_only=True):
    email: Annotated[str, Meta(max_length=254, extra={"says": Phrase("must be your e-mail address")})]
    password: GivenPassword


COMMON = frozenset(
    """password password1 password12 password123 passw0rd 12345678 123456789 1234567890 qwertyui qwertyuiop qwerty123
    iloveyou sunshine princess football baseball welcome1 letmein1 trustno1 starwars superman whatever 11111111
    87654321 abcd1234 abc12345 1q2w3e4r 1qaz2wsx zaq12wsx q1w2e3r4 asdfghjk asdfghjkl changeme administrator
    michelle jennifer computer internet festival tickets1""".split()  # noqa: SIM905
)


def is_easy(password: str, email: str = "") -> bool:
    return password.lower() in {email.lower(), *COMMON} or len(set(password)) < 3


async def sign_up(
    db: AsyncSession, passwords: Passwords, person: AttendeeSignUp, key: str | None = None
) -> tuple[Caller, bool]:
    """A new account, and whether it was there already because the same request came before.

    Raises:
        Conflict: somebody has this e-mail address.
    """
    hashed = await passwords.hash(person.password)  # before the first query: no connection waits for it
    role = "organizer" if isinstance(person, OrganizerSignUp) else "attendee"
    new = insert(User).values(
        email=person.email, full_name=person.full_name, password_hash=hashed, role=role, sign_up_key=key
    )
    # Waits for another sign-up with this e-mail that is on its way: it may be the same request, sent twice at once.
    user = await db.scalar(new.on_conflict_do_nothing().returning(User))
    if user is None:
        return await repeated_sign_up(db, passwords, person, key), True
    organizer = None
    if isinstance(person, OrganizerSignUp):
        organizer = Organizer(user_id=user.id, company_name=person.company_name, bio=person.bio)
        db.add(organizer)
        await db.flush()
    return caller(user, organizer), False


async def repeated_sign_up(db: AsyncSession, passwords: Passwords, person: AttendeeSignUp, key: str | None) -> Caller:
    known = await user_by_email(db, person.email)
    if known is None or key is None or known.sign_up_key != key:
        raise email_taken()
    organizer = await db.scalar(sa.select(Organizer).where(Organizer.user_id == known.id))
    same = known.full_name == person.full_name and await passwords.matches(known.password_hash, person.password)
    if isinstance(person, OrganizerSignUp):
        known_as = (organizer.company_name, organizer.bio) if organizer else None
        same = same and known_as == (person.company_name, person.bio)
    if not same or isinstance(person, OrganizerSignUp) != (known.role == "organizer"):
        raise key_reused()
    return caller(known, organizer)


async def check_sign_in(
    database: Database, passwords: Passwords, shared: SharedLimits, limits: RateLimits, given: SignIn, address: str
) -> Caller:
    """Whose e-mail and password these are. Only a wrong password counts.

    The limits are looked at once more after judging: of guesses sent all at once, as few are answered as one by one.

    Raises:
        NotSignedIn: wrong password or unknown e-mail; nothing tells which.
        TooMany: too many failures by account, address or both.
    """
    async with database.connection() as connection:
        # Lowered here, for looking up and counting: Python lowers letters such as \u0130 to others than PostgreSQL.
        user = await connection.fetchrow(
            """SELECT given.email, u.id, u.role, u.full_name, u.password_hash, o.id AS organizer_id
               FROM (SELECT lower($1) AS email) given
               LEFT JOIN users u ON lower(u.email) = given.email AND u.deleted_at IS NULL
               LEFT JOIN organizers o ON o.user_id = u.id""",
            given.email,
        )
    email = user["email"]
    hits = [
        ("sign-in", f"{email} {address}", limits.sign_in),
        ("sign-in-account", email, limits.sign_in_account),
        ("sign-in-address", address, limits.sign_in_address),
    ]
    await shared.check(hits)
    if not await passwords.matches(user["password_hash"], given.password) or user["id"] is None:
        await shared.take(hits)
        raise NotSignedIn("E-mail and password do not match.", type="wrong-password")
    await shared.check(hits)
    if passwords.is_outdated(user["password_hash"]):
        rehashed = await passwords.hash(given.password)
        async with database.connection() as connection:
            await connection.execute("UPDATE users SET password_hash = $2 WHERE id = $1", user["id"], rehashed)
    return Caller(user["id"], user["role"], user["organizer_id"], user["full_name"])


async def user_by_email(db: AsyncSession, email: str) -> User | None:
    return await db.scalar(sa.select(User).where(sa.func.lower(User.email) == sa.func.lower(email)))


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    user_id: int
    role: str
    full_name: str
    email: str
    organizer_id: int | None
    company_name: str | None
    bio: str | None


async def profile(db: AsyncSession, who: Caller) -> Profile:
    query = sa.select(User, Organizer).outerjoin(Organizer, Organizer.user_id == User.id).where(User.id == who.user_id)
    user, organizer = (await db.execute(query)).one()
    return Profile(
        user_id=user.id,
        role=user.role,
        full_name=user.full_name,
        email=user.email,
        organizer_id=organizer.id if organizer else None,
        company_name=organizer.company_name if organizer else None,
        bio=organizer.bio if organizer else None,
    )


async def company_of(connection: Connection, organizer_id: int) -> str | None:
    """Who sells, as attendees see it."""
    return await connection.fetchval("SELECT company_name FROM organizers WHERE id = $1", organizer_id)


def caller(user: User, organizer: Organizer | None) -> Caller:
    return Caller(user.id, user.role, organizer.id if organizer else None, user.full_name)


def email_taken() -> Conflict:
    return Conflict("Somebody has already signed up with this e-mail address.", type="email-taken")
