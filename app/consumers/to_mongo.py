"""Metadata documents."""

from collections.abc import Sequence
from typing import Any

from app.consumers.groups import Effect, Group
from app.domain.metadata import record_metadata
from app.engines.documents import Documents
from app.messages import MetadataDeleted, MetadataSubmitted, ProjectSubmitted


def to_mongo(documents: Documents) -> Group:
    async def store(messages: Sequence[Any]) -> Sequence[Any]:
        await record_metadata(documents, messages)
        return ()

    effect = Effect(store=store)
    return Group(
        "eventstream-mongo",
        "mongo",
        {MetadataSubmitted: effect, MetadataDeleted: effect, ProjectSubmitted: effect},
    )
