"""What a consumer group is made of."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from app.engines.database import Connection
from app.messages import Message


class Effect(msgspec.Struct, frozen=True):
    """What a store does with messages of one type.

    `store` works outside the database, one batch at a time, and gives what `record` writes in the transaction that
    also holds the steps; without `store`, `record` gets the messages themselves. `after` tidies up once all is
    committed, and may be lost.
    """

    record: Callable[[Connection, Sequence[Any]], Awaitable[None]] | None = None
    store: Callable[[Sequence[Any]], Awaitable[Sequence[Any]]] | None = None
    after: Callable[[Sequence[Any]], Awaitable[None]] | None = None


class Group(msgspec.Struct, frozen=True):
    """`batch` is how many messages share a transaction at most."""

    name: str
    store: str
    effects: Mapping[type[Message], Effect]
    batch: int = 200

    @property
    def topics(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(kind.topic for kind in self.effects))
