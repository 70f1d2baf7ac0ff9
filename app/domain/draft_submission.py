"""From a draft to a submission: what is missing, and sending it once."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.domain.accounts import Caller
from app.domain.draft_pictures import DraftPicture, pictures_of_draft, uploads_of
from app.domain.drafts import draft_of
from app.domain.events import event_data
from app.domain.idempotency import idempotent
from app.domain.projects import ProjectIn, submit_uploaded_project
from app.domain.submissions import Submissions
from app.domain.ticket_types import GENERAL
from app.engines.database import Database
from app.errors import FieldError, Invalid
from app.messages import EventData
from app.validation import read

COUNTS = ("places", "per_attendee_limit")


def ready(
    typed: Mapping[str, Any], pictures: Sequence[DraftPicture], defaults: Mapping[str, str]
) -> tuple[ProjectIn, EventData]:
    """The project as the API would take it; raises `Invalid` with every complaint about the draft."""
    types = typed.get("ticket_types") or [{}]
    raw = {
        **typed,
        "price": types[0].get("price", ""),
        "date": typed.get("date") or typed.get("start_time", "")[:10],
        "ticket_types": [] if plain(types) else [as_sent(one) for one in types],
    }
    bad = [] if pictures else [FieldError("images", "are missing: add at least one")]
    try:
        given = read(ProjectIn, raw, form=True, defaults=defaults)
    except Invalid as refusal:
        raise Invalid([*in_the_builder(refusal.fields), *bad]) from refusal
    if bad:
        raise Invalid(bad)
    return given, event_data(given, defaults["currency"], defaults["timezone"])


def plain(types: Sequence[Mapping[str, str]]) -> bool:
    """One type that needs no words of its own: it then follows the price of the event, as everywhere else."""
    return (
        len(types) == 1
        and {name for name, text in types[0].items() if text} <= {"name", "price"}
        and (types[0].get("name") == GENERAL)
    )


def as_sent(typed: Mapping[str, str]) -> dict[str, Any]:
    """A ticket type as the API takes it: what is empty is left out, and counts are numbers."""
    return {
        name: int(text) if name in COUNTS and text.isdecimal() and len(text) < 10 else text
        for name, text in typed.items()
        if text
    }


def in_the_builder(fields: Sequence[FieldError]) -> list[FieldError]:
    """The builder asks for the price with the first ticket type, and for the date only where it is another one."""
    named = {bad.field for bad in fields}
    renamed = [
        FieldError("ticket_types[0].price", bad.message) if bad.field == "price" else bad
        for bad in fields
        if not (bad.field == "price" and "ticket_types[0].price" in named)
        and not (bad.field == "date" and "start_time" in named)
    ]
    return list({bad.field: bad for bad in renamed}.values())


def complaints(
    typed: Mapping[str, Any], pictures: Sequence[DraftPicture], defaults: Mapping[str, str]
) -> list[FieldError]:
    """What stands between the draft and its submission."""
    try:
        ready(typed, pictures, defaults)
    except Invalid as refusal:
        return list(refusal.fields)
    return []


async def submit_draft(
    database: Database, submissions: Submissions, who: Caller, draft_id: int, defaults: Mapping[str, str]
) -> str:
    """The id of its one submission, however often this is asked for.

    Raises:
        NotFound: unknown, or another organizer's.
        Invalid: something is missing or wrong.
        Unavailable: the outcome is unknown; the draft stays as it was sent, and asking again goes on.
    """
    async with database.transaction() as connection:
        await connection.execute("SELECT FROM drafts WHERE id = $1 FOR UPDATE", draft_id)
        draft = await draft_of(connection, who, draft_id)
        if draft.submission_id:
            return draft.submission_id
        pictures = await pictures_of_draft(connection, draft_id)
        given, data = ready(draft.typed, pictures, defaults)
        await connection.execute("UPDATE drafts SET sent_at = now() WHERE id = $1 AND sent_at IS NULL", draft_id)
    key = idempotent(f"project-draft-{draft_id}", "project-draft")
    submitted = await submit_uploaded_project(submissions, who, given, data, uploads_of(pictures), key)
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE drafts SET submission_id = $2, updated_at = now() WHERE id = $1", draft_id, submitted.submission_id
        )
    return submitted.submission_id
