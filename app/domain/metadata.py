"""Metadata of events: what kind of thing is advertised, with which words; documents in the document store."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from app.domain.accounts import Caller
from app.domain.events import Id, Tags, Text
from app.domain.idempotency import Idempotent
from app.domain.submissions import Draft, Numbers, Submissions, Submitted, require_own_event
from app.engines.database import Connection, Database
from app.engines.documents import Document, Documents
from app.errors import NotFound
from app.messages import Message, MetadataData, MetadataDeleted, MetadataSubmitted, ProjectSubmitted
from app.phrases import Phrase
from app.validation import Input

KINDS = ("poster", "billboard", "thumbnail", "banner", "digital")
Kind = Annotated[
    Literal["poster", "billboard", "thumbnail", "banner", "digital"],
    Meta(extra={"says": Phrase("must be poster, billboard, thumbnail, banner or digital")}),
]
Key = Annotated[str, Meta(min_length=1, max_length=1024, extra={"says": Phrase("must have 1 to 1,024 characters")})]


class MetadataIn(Input, frozen=True, kw_only=True):
    event_id: Id
    s3_key: Key
    type: Kind
    tags: Tags
    description: Text
    uploaded_by: Id | None = None


async def submit_metadata(
    database: Database, submissions: Submissions, who: Caller, given: MetadataIn, idempotent: Idempotent | None
) -> Submitted:
    """Raises `NotFound` for an event that is not the caller's."""
    organizer_id = await require_own_event(database, who, given.event_id)

    def build(numbers: Numbers) -> tuple[Message, dict[str, Any]]:
        message = MetadataSubmitted(
            message_id=numbers.message_id,
            rev=numbers.rev,
            at=numbers.at,
            event_id=given.event_id,
            organizer_id=organizer_id,
            metadata=MetadataData(
                metadata_id=numbers.metadata_id,
                type=given.type,
                tags=given.tags,
                description=given.description,
                s3_key=given.s3_key,
                uploaded_by=who.user_id,
            ),
        )
        return message, {"metadata_id": numbers.metadata_id}

    return await submissions.submit(Draft(who, build, idempotent))


async def submit_metadata_removal(
    database: Database, submissions: Submissions, who: Caller, metadata_id: int
) -> Submitted:
    """Raises `NotFound` for what is unknown, deleted or another organizer's."""
    async with database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT event_id, organizer_id FROM event_metadata WHERE id = $1 AND NOT deleted", metadata_id
        )
    if row is None or row["organizer_id"] != who.organizer_id:
        raise NotFound("There is no such metadata.")

    def build(numbers: Numbers) -> tuple[Message, dict[str, Any]]:
        message = MetadataDeleted(
            message_id=numbers.message_id,
            rev=numbers.rev,
            at=numbers.at,
            event_id=row["event_id"],
            organizer_id=row["organizer_id"],
            metadata_id=metadata_id,
        )
        return message, {"metadata_id": metadata_id}

    return await submissions.submit(Draft(who, build, None))


async def record_metadata_links(
    connection: Connection, messages: Sequence[MetadataSubmitted | ProjectSubmitted | MetadataDeleted]
) -> None:
    """Which metadata belongs to which event, in Postgres; the latest revision wins."""
    newest = {metadata_id(message): message for message in sorted(messages, key=lambda message: message.rev)}
    await connection.execute(
        """INSERT INTO event_metadata (id, event_id, organizer_id, rev, deleted)
           SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::boolean[])
           ON CONFLICT (id) DO UPDATE SET rev = excluded.rev, deleted = excluded.deleted
           WHERE event_metadata.rev < excluded.rev""",
        list(newest),
        [message.event_id for message in newest.values()],
        [message.organizer_id for message in newest.values()],
        [message.rev for message in newest.values()],
        [isinstance(message, MetadataDeleted) for message in newest.values()],
    )


async def record_metadata(
    documents: Documents, messages: Sequence[MetadataSubmitted | ProjectSubmitted | MetadataDeleted]
) -> None:
    """The documents themselves."""
    await documents.put(
        [
            Document(
                metadata_id(message),
                message.event_id,
                message.rev,
                None if isinstance(message, MetadataDeleted) else body_of(message.metadata),
            )
            for message in messages
        ]
    )


def metadata_id(message: MetadataSubmitted | ProjectSubmitted | MetadataDeleted) -> int:
    return message.metadata_id if isinstance(message, MetadataDeleted) else message.metadata.metadata_id


def body_of(metadata: MetadataData) -> dict[str, Any]:
    return {name: value for name, value in msgspec.to_builtins(metadata).items() if value is not None}
