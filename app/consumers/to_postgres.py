"""Core data, and which metadata and media belong to it."""

from collections.abc import Sequence

from app.consumers.groups import Effect, Group
from app.domain.events import record_events
from app.domain.media import record_media_removal
from app.domain.metadata import record_metadata_links
from app.engines.database import Connection
from app.messages import EventSubmitted, MediaDeleted, MetadataDeleted, MetadataSubmitted, ProjectSubmitted


async def record_projects(connection: Connection, messages: Sequence[ProjectSubmitted]) -> None:
    await record_events(connection, messages)
    await record_metadata_links(connection, messages)


def to_postgres() -> Group:
    return Group(
        "eventstream-postgres",
        "postgres",
        {
            EventSubmitted: Effect(record=record_events),
            MetadataSubmitted: Effect(record=record_metadata_links),
            MetadataDeleted: Effect(record=record_metadata_links),
            ProjectSubmitted: Effect(record=record_projects),
            MediaDeleted: Effect(record=record_media_removal),
        },
    )
