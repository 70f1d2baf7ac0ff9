"""Documents in MongoDB, through motor."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, TypeVar

from bson.errors import InvalidDocument
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import ReplaceOne
from pymongo.errors import BulkWriteError, OperationFailure, PyMongoError

from app.engines.documents import Document, newest_of
from app.errors import Unavailable

DATABASE, COLLECTION = "eventstream", "metadata"
DUPLICATE = 11000
AWAY = frozenset({6, 7, 13, 18, 50, 64, 89, 91, 189, 262, 8000, 9001, 10107, 11600, 11602, 13435, 13436, 14031})
"""Server error codes that speak of the server, the network or our rights, and not of what was sent."""

INT64 = range(-(2**63), 2**63)
ESCAPES = {"%": "%25", "$": "%24", ".": "%2E"}
BIG_INTEGER, NESTED = "%int", "%list"

T = TypeVar("T")


class MongoDocuments:
    """Inserts, and replaces where the id is there with an older revision.

    Ids are ours and nothing is ever removed, so this order leaves rivals no gap. An upsert would: when two insert the
    same new id at once, the newer may be the one that fails.
    """

    def __init__(self, url: str, seconds: float = 5.0) -> None:
        milliseconds = int(seconds * 1000)
        self.seconds = seconds
        self.client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(
            url,
            appname="eventstream",
            w="majority",
            wtimeoutMS=milliseconds,
            serverSelectionTimeoutMS=min(milliseconds, 2000),
            connectTimeoutMS=min(milliseconds, 2000),
            socketTimeoutMS=milliseconds,
        )
        self.collection = self.client.get_default_database(DATABASE)[COLLECTION]
        self.indexed = False
        self.turn = asyncio.Lock()  # MongoDB replaces atomically, but not all that speak its protocol do

    async def put(self, documents: Sequence[Document]) -> None:
        if documents:
            await self.within(self.put_newer(newest_of(documents)))

    async def put_newer(self, documents: Sequence[Document]) -> None:
        async with self.turn:
            if not self.indexed:
                await self.collection.create_index("event_id")
                self.indexed = True
            if known := await self.insert(documents):
                older = [ReplaceOne({"_id": one.id, "rev": {"$lt": one.rev}}, stored_form(one)) for one in known]
                await self.collection.bulk_write(older, ordered=False)

    async def insert(self, documents: Sequence[Document]) -> list[Document]:
        """Those whose id is there already, whatever its revision."""
        try:
            await self.collection.insert_many(map(stored_form, documents), ordered=False)
        except BulkWriteError as error:
            failed = error.details["writeErrors"]
            if error.details["writeConcernErrors"] or any(one["code"] != DUPLICATE for one in failed):
                raise
            return [documents[one["index"]] for one in failed]
        return []

    async def get(self, id: int) -> Document | None:
        found = await self.within(self.collection.find_one({"_id": id}))
        return document_of(found) if found else None

    async def find(self, event_id: int) -> list[Document]:
        living = self.collection.find({"event_id": event_id, "body": {"$ne": None}}).sort("_id")
        return [document_of(found) for found in await self.within(living.to_list(None))]

    async def ping(self) -> None:
        await self.within(self.collection.database.command("ping"))

    async def close(self) -> None:
        self.client.close()

    async def within(self, call: Awaitable[T]) -> T:
        """The outcome of `call`, before the deadline and with the store's troubles as `Unavailable`."""
        try:
            async with asyncio.timeout(self.seconds):
                return await call
        except (TimeoutError, PyMongoError) as error:
            if is_about_what_was_sent(error):
                raise
            raise Unavailable("The document store does not answer.", retry_after=2) from error


def is_about_what_was_sent(error: Exception) -> bool:
    """Whether repeating it later would fail the same way."""
    if isinstance(error, BulkWriteError):
        return not error.details["writeConcernErrors"] and any(
            one["code"] not in AWAY | {DUPLICATE} for one in error.details["writeErrors"]
        )
    return isinstance(error, InvalidDocument) or (isinstance(error, OperationFailure) and error.code not in AWAY)


def stored_form(document: Document) -> dict[str, Any]:
    return {
        "_id": document.id,
        "event_id": document.event_id,
        "rev": document.rev,
        "body": to_bson(document.body),
    }


def document_of(found: Mapping[str, Any]) -> Document:
    return Document(found["_id"], found["event_id"], found["rev"], from_bson(found["body"]))


def to_bson(value: Any) -> Any:
    """JSON in what every server takes: no `$` or `.` in names, no list right in a list, no integer beyond 64 bits."""
    if isinstance(value, dict):
        return {name.translate(TO_ESCAPED): to_bson(one) for name, one in value.items()}
    if isinstance(value, list):
        return [{NESTED: to_bson(one)} if isinstance(one, list) else to_bson(one) for one in value]
    if type(value) is int and value not in INT64:
        return {BIG_INTEGER: str(value)}
    return value


def from_bson(value: Any) -> Any:
    if isinstance(value, dict):
        if BIG_INTEGER in value:
            return int(value[BIG_INTEGER])
        if NESTED in value:
            return from_bson(value[NESTED])
        return {plain(name): from_bson(one) for name, one in value.items()}
    if isinstance(value, list):
        return [from_bson(one) for one in value]
    return value


TO_ESCAPED = str.maketrans(ESCAPES)


def plain(name: str) -> str:
    return name.replace("%24", "$").replace("%2E", ".").replace("%25", "%")
