"""Drafts: what an organizer has typed of a project so far, right or wrong, until it is submitted."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec

from app.domain.accounts import Caller
from app.domain.events import require_organizer
from app.domain.zones import zone_or_none
from app.engines.database import Connection, Database
from app.errors import Conflict, FieldError, Invalid, NotFound, Stale, TooLarge
from app.phrases import Phrase
from app.validation import clean

STEPS: dict[str, tuple[str, ...]] = {
    "basics": ("title", "location", "start_time", "end_time", "timezone"),
    "tickets": ("currency", "capacity", "payment", "returns_until", "ticket_types"),
    "media": ("images",),
    "details": ("description", "company_name", "type", "tags", "date"),
    "review": ("status",),
}
"""The steps of the builder, and which fields of a project each one asks for."""

MAX_DRAFTS = 100
MAX_TYPED = 200_000


class ProjectDraft(msgspec.Struct, frozen=True, kw_only=True):
    """`typed` holds texts as they were typed; a draft that was sent is kept as it is until it has arrived.

    `rev` counts the times somebody saved a step on purpose.
    """

    draft_id: int
    typed: dict[str, Any]
    step: str
    rev: int
    updated_at: dt.datetime
    sent: bool
    submission_id: str | None

    @property
    def zone(self) -> str:
        """Of the place, where one is typed that exists; else nothing."""
        zone = zone_or_none(self.typed.get("timezone", ""))
        return zone.key if zone else ""


def step_of(field: str) -> str:
    """Where a complaint belongs; `ticket_types[0].price` is a field of the tickets."""
    name = field.partition("[")[0]
    return next((step for step, fields in STEPS.items() if name in fields), "review")


async def create_draft(database: Database, who: Caller, typed: Mapping[str, Any]) -> int:
    """The id of a new draft; raises `Conflict` when there are too many, `Invalid` and `TooLarge` as `save_draft`."""
    organizer_id = require_organizer(who)
    async with database.transaction() as connection:
        many = await connection.fetchval("SELECT count(*) FROM drafts WHERE organizer_id = $1", organizer_id)
        if many >= MAX_DRAFTS:
            raise Conflict(
                Phrase("You have %(many)s drafts: delete or submit some of them first.", many=many),
                type="too-many-drafts",
            )
        draft_id: int = await connection.fetchval(
            "INSERT INTO drafts (organizer_id, typed, step) VALUES ($1, $2, 'basics') RETURNING id",
            organizer_id,
            storable(typed),
        )
    return draft_id


async def save_draft(
    database: Database, who: Caller, draft_id: int, step: str, typed: Mapping[str, Any], since: int | None = None
) -> ProjectDraft:
    """Keep what was typed, right or wrong; fields that are not in `typed` stay as they are.

    `since` is for saving by the way, while somebody types: the `rev` of the draft that their page shows. Such a
    request may come in after the button that was pressed next, and must not undo it.

    Raises:
        NotFound: unknown, or another organizer's.
        Conflict: it was sent already.
        Stale: it was saved on purpose after `since`.
        Invalid: a text that no database takes.
        TooLarge: more than a draft may hold.
    """
    kept = storable(typed)
    async with database.transaction() as connection:
        draft = await open_draft(connection, who, draft_id)
        if since is not None and since != draft.rev:
            raise Stale("This draft was changed in another window. Continue to keep what you have changed here, too.")
        row = await connection.fetchrow(
            """UPDATE drafts SET typed = typed || $2, step = $3, rev = rev + $4, updated_at = now()
               WHERE id = $1 RETURNING *""",
            draft.draft_id,
            kept,
            step,
            1 if since is None else 0,
        )
    return draft_from(row)


def storable(typed: Mapping[str, Any]) -> dict[str, Any]:
    bad = []
    for name, text in texts_in(typed):
        try:
            clean(text)
        except ValueError as error:
            bad.append(FieldError(name, error.args[0]))
    if bad:
        raise Invalid(bad)
    if len(msgspec.json.encode(dict(typed))) > MAX_TYPED:
        raise TooLarge("This is more text than a draft can keep.")
    return dict(typed)


def texts_in(typed: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every text with the name its complaint will have."""
    plain = [(name, value) for name, value in typed.items() if isinstance(value, str)]
    return plain + [
        (f"ticket_types[{place}].{name}", text)
        for place, one in enumerate(typed.get("ticket_types", ()))
        for name, text in one.items()
    ]


async def draft_of(connection: Connection, who: Caller, draft_id: int) -> ProjectDraft:
    """Raises `NotFound` when it is unknown or another organizer's."""
    row = await connection.fetchrow(
        "SELECT * FROM drafts WHERE id = $1 AND organizer_id = $2", draft_id, who.organizer_id
    )
    if row is None:
        raise NotFound("There is no such draft.")
    return draft_from(row)


async def open_draft(connection: Connection, who: Caller, draft_id: int) -> ProjectDraft:
    """Locked against everybody else who changes it; raises `NotFound`, and `Conflict` when it was sent."""
    await connection.execute("SELECT FROM drafts WHERE id = $1 FOR UPDATE", draft_id)
    draft = await draft_of(connection, who, draft_id)
    if draft.sent:
        raise Conflict("This draft was submitted already, so it cannot be changed any more.", type="draft-sent")
    return draft


async def drafts_of(database: Database, who: Caller) -> list[ProjectDraft]:
    """The caller's drafts that have not arrived, last touched first."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            """SELECT * FROM drafts WHERE organizer_id = $1 AND submission_id IS NULL
               ORDER BY updated_at DESC LIMIT $2""",
            who.organizer_id,
            MAX_DRAFTS,
        )
    return [draft_from(row) for row in rows]


def draft_from(row: Any) -> ProjectDraft:
    return ProjectDraft(
        draft_id=row["id"],
        typed=row["typed"],
        step=row["step"],
        rev=row["rev"],
        updated_at=row["updated_at"],
        sent=row["sent_at"] is not None,
        submission_id=str(row["submission_id"]) if row["submission_id"] else None,
    )
