"""Which statements are sent to the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import pytest

SENDERS = ("fetch", "fetchrow", "fetchval", "execute", "executemany")


@contextmanager
def counted_queries() -> Iterator[list[str]]:
    """Those of all connections while the block runs, but for the background work of tasks, which asks other tables."""
    statements: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for name in SENDERS:
            patch.setattr(asyncpg.Connection, name, noting(getattr(asyncpg.Connection, name), statements))
        yield statements


def noting(send: Any, statements: list[str]) -> Any:
    async def noted(connection: Any, query: str, *arguments: Any, **options: Any) -> Any:
        if not any(word in query for word in BACKGROUND):
            statements.append(query)
        return await send(connection, query, *arguments, **options)

    return noted


BACKGROUND = ("leases", "log_", "pg_notify", "relay", "facts", "cancellations")
