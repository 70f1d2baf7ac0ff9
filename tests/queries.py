"""Which statements a request sends to the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import asyncpg
import pytest
from asyncpg.prepared_stmt import PreparedStatement

SENDERS = ("fetch", "fetchrow", "fetchval", "execute", "executemany")
noted: ContextVar[list[str] | None] = ContextVar("noted", default=None)
"""Set where the block runs, and in what is started from there: tasks in the background do not count."""


@contextmanager
def counted_queries() -> Iterator[list[str]]:
    statements: list[str] = []
    token = noted.set(statements)
    with pytest.MonkeyPatch.context() as patch:
        for name in SENDERS:
            patch.setattr(asyncpg.Connection, name, noting(getattr(asyncpg.Connection, name)))
        patch.setattr(PreparedStatement, "fetch", noting_prepared(PreparedStatement.fetch))
        yield statements
    noted.reset(token)


def noting(send: Any) -> Any:
    async def sending(connection: Any, query: str, *arguments: Any, **options: Any) -> Any:
        statements = noted.get()
        if statements is not None:
            statements.append(query)
        return await send(connection, query, *arguments, **options)

    return sending


def noting_prepared(fetch: Any) -> Any:
    """What SQLAlchemy sends."""

    async def fetching(statement: Any, *arguments: Any, **options: Any) -> Any:
        statements = noted.get()
        if statements is not None:
            statements.append(statement.get_query())
        return await fetch(statement, *arguments, **options)

    return fetching
