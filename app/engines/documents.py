"""What the program needs of a document store: the metadata of events, found by event."""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec


class Document(msgspec.Struct, frozen=True):
    """`body` is None for a tombstone: deleted, but its `rev` still beats older writes."""

    id: int
    event_id: int
    rev: int
    body: dict[str, Any] | None


def newest_of(documents: Sequence[Document]) -> list[Document]:
    """One per id, the first with its highest `rev`, in order of ids."""
    newest: dict[int, Document] = {}
    for document in documents:
        if document.id not in newest or newest[document.id].rev < document.rev:
            newest[document.id] = document
    return [newest[id] for id in sorted(newest)]


class Documents(Protocol):
    async def put(self, documents: Sequence[Document]) -> None:
        """Write each unless the store already has that id with the same or a higher `rev`.

        Raises:
            Unavailable: the store cannot be reached in time; repeating is safe.
        """
        ...

    async def get(self, id: int) -> Document | None:
        """The document, tombstones included."""
        ...

    async def find(self, event_id: int) -> list[Document]:
        """The living documents of an event, by id."""
        ...

    async def ping(self) -> None:
        """Raises `Unavailable` when the store is away."""
        ...

    async def close(self) -> None: ...
