"""What only MongoDB can get wrong: who is to blame, and JSON that BSON has no word for."""

import asyncio
import time
from typing import Any

import pytest
from bson.errors import InvalidDocument
from hypothesis import given
from hypothesis import strategies as st
from pymongo.errors import BulkWriteError, OperationFailure, PyMongoError, ServerSelectionTimeoutError

from app.engines.documents import Document
from app.engines.mongo_documents import MongoDocuments, from_bson, is_about_what_was_sent, to_bson
from app.errors import Unavailable
from tests.process import free_port

DUPLICATE, REFUSED, PRIMARY_GONE = 11000, 121, 10107

names = st.text(alphabet=st.sampled_from("%$.2450E\ufffea"), max_size=6)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


@given(json_values)
def test_json_comes_back_as_it_was(value: Any) -> None:
    assert from_bson(to_bson(value)) == value


@given(json_values)
def test_servers_get_nothing_they_refuse(value: Any) -> None:
    def check(stored: Any, in_list: bool = False) -> None:
        if isinstance(stored, dict):
            assert not {"$", "."} & set("".join(stored))
            for one in stored.values():
                check(one)
        elif isinstance(stored, list):
            assert not in_list
            for one in stored:
                check(one, in_list=True)
        elif type(stored) is int:
            assert -(2**63) <= stored < 2**63

    check(to_bson(value))


def bulk(*codes: int, concerns: tuple[int, ...] = ()) -> BulkWriteError:
    errors = [{"index": place, "code": code} for place, code in enumerate(codes)]
    return BulkWriteError({"writeErrors": errors, "writeConcernErrors": [{"code": code} for code in concerns]})


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ServerSelectionTimeoutError("away"), False),
        (TimeoutError(), False),
        (OperationFailure("who are you", 18), False),
        (OperationFailure("no primary", PRIMARY_GONE), False),
        (OperationFailure("the schema says no", REFUSED), True),
        (InvalidDocument("too large"), True),
        (bulk(DUPLICATE, PRIMARY_GONE), False),
        (bulk(PRIMARY_GONE, REFUSED), True),
        (bulk(concerns=(64,)), False),
        (bulk(REFUSED, concerns=(64,)), False),
    ],
)
def test_whether_a_repetition_helps(error: PyMongoError, expected: bool) -> None:
    assert is_about_what_was_sent(error) is expected


async def test_a_server_that_is_not_there_is_unavailable_within_the_deadline() -> None:
    documents = MongoDocuments(f"mongodb://127.0.0.1:{free_port()}/eventstream", seconds=0.5)
    began = time.monotonic()
    for call in (documents.put([Document(1, 1, 1, {})]), documents.get(1), documents.find(1), documents.ping()):
        with pytest.raises(Unavailable):
            await call
    assert time.monotonic() - began < 20
    await documents.close()


@pytest.mark.parametrize("query", ["", "?w=1"])
async def test_what_is_stored_is_on_most_servers(query: str) -> None:
    documents = MongoDocuments(f"mongodb://127.0.0.1:{free_port()}/eventstream{query}")
    assert documents.collection.write_concern.document["w"] == "majority"
    await documents.close()


async def test_an_empty_batch_asks_nobody() -> None:
    documents = MongoDocuments(f"mongodb://127.0.0.1:{free_port()}/eventstream")
    async with asyncio.timeout(1):
        await documents.put([])
    await documents.close()
