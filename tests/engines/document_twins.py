"""The document stores that must pass the contract, by name; MongoDB's where `MONGODB_URL` says there is one."""

import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from urllib.parse import urlsplit

import msgspec
import pytest

from app.engines.database import Database
from app.engines.documents import Documents
from app.engines.mongo_documents import MongoDocuments
from app.engines.postgres_documents import PostgresDocuments
from tests.silence import silent_server

DEADLINE = 0.2


class Twin(msgspec.Struct, frozen=True):
    """`forget` tidies up; `silent` is such a store that takes requests and answers none of them."""

    documents: Documents
    forget: Callable[[], Awaitable[None]]
    silent: Callable[[], AbstractAsyncContextManager[Documents]]


def postgres(request: pytest.FixtureRequest) -> Twin:
    database: Database = request.getfixturevalue("database")

    @asynccontextmanager
    async def silent() -> AsyncIterator[Documents]:
        async with database.transaction() as connection:
            await connection.execute("LOCK TABLE documents")
            yield PostgresDocuments(database, seconds=DEADLINE)

    documents = PostgresDocuments(database)
    return Twin(documents, documents.close, silent)


def mongo(request: pytest.FixtureRequest) -> Twin:
    url = urlsplit(os.environ["MONGODB_URL"])._replace(path=f"/test_{uuid.uuid4().hex}").geturl()
    documents = MongoDocuments(url)

    @asynccontextmanager
    async def silent() -> AsyncIterator[Documents]:
        async with silent_server() as port:
            yield MongoDocuments(f"mongodb://127.0.0.1:{port}", seconds=DEADLINE)

    async def forget() -> None:
        await documents.client.drop_database(documents.collection.database.name)
        await documents.close()

    return Twin(documents, forget, silent)


TWINS: Mapping[str, Callable[[pytest.FixtureRequest], Twin]] = {
    "postgres": postgres,
    **({"mongo": mongo} if os.environ.get("MONGODB_URL") else {}),
}
