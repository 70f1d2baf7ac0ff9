"""What every document store must do."""

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest

from app.engines.documents import Document, Documents
from app.errors import Unavailable
from tests.engines.document_twins import TWINS, Twin


@pytest.fixture(params=TWINS)
def twin(request: pytest.FixtureRequest) -> Twin:
    return TWINS[request.param](request)


@pytest.fixture
async def documents(twin: Twin) -> AsyncIterator[Documents]:
    yield twin.documents
    await twin.forget()


def document(id: int = 1, rev: int = 1, event_id: int = 7, **body: object) -> Document:
    return Document(id, event_id, rev, body)


async def test_what_was_put_is_found(documents: Documents) -> None:
    stored = document(tags=["a", "ü", "🎪"], nested={"x": [1, None, 1.5]})
    await documents.put([stored])
    assert await documents.get(1) == stored
    assert await documents.find(7) == [stored]


async def test_any_text_comes_back_as_it_was(documents: Documents) -> None:
    text = "".join(chr(number) for number in [*range(1, 0x250), 0x2028, 0xFFFE, 0xFFFF, 0x1F3AA, 0x10FFFF])
    stored = document(**{text: text, "empty": {}, "many": [[], True, None, -0.5, 2**70]})
    await documents.put([stored])
    assert await documents.get(1) == stored


async def test_what_was_never_put_is_none(documents: Documents) -> None:
    assert await documents.get(1) is None
    assert await documents.find(7) == []


async def test_a_higher_revision_replaces_and_a_lower_or_equal_one_does_not(documents: Documents) -> None:
    await documents.put([document(rev=5, say="five")])
    await documents.put([document(rev=5, say="five again")])
    await documents.put([document(rev=4, say="four")])
    assert await documents.get(1) == document(rev=5, say="five")
    await documents.put([document(rev=6, say="six")])
    assert await documents.get(1) == document(rev=6, say="six")


async def test_a_batch_may_hold_one_id_twice(documents: Documents) -> None:
    await documents.put([document(rev=2, say="new"), document(rev=1, say="old"), document(id=2)])
    assert await documents.get(1) == document(rev=2, say="new")
    assert await documents.get(2) == document(id=2)


async def test_of_two_with_the_same_revision_in_a_batch_the_first_stays(documents: Documents) -> None:
    await documents.put([document(say="first"), document(say="second")])
    assert await documents.get(1) == document(say="first")


async def test_messages_that_overtake_each_other_end_the_same(documents: Documents) -> None:
    history = [document(rev=1, say="one"), Document(1, 7, 2, None), document(rev=3, say="three"), document(rev=4)]
    for id, order in enumerate(itertools.permutations(history), start=1):
        for step in order:
            await documents.put([Document(id, step.event_id, step.rev, step.body)])
        assert await documents.get(id) == document(id, rev=4)


async def test_an_empty_batch_is_nothing(documents: Documents) -> None:
    await documents.put([])
    assert await documents.find(7) == []


async def test_a_tombstone_hides_and_stays(documents: Documents) -> None:
    await documents.put([document(rev=1)])
    await documents.put([Document(1, 7, 3, None)])
    await documents.put([document(rev=2)])
    assert await documents.find(7) == []
    assert await documents.get(1) == Document(1, 7, 3, None)
    await documents.put([document(rev=4, say="back")])
    assert await documents.find(7) == [document(rev=4, say="back")]


async def test_find_gives_those_of_the_event_by_id(documents: Documents) -> None:
    await documents.put([document(id=3), document(id=1), document(id=2, event_id=8)])
    assert [one.id for one in await documents.find(7)] == [1, 3]


async def test_ping_of_a_store_that_is_there(documents: Documents) -> None:
    await documents.ping()


async def test_a_store_that_does_not_answer_is_unavailable(twin: Twin) -> None:
    async with twin.silent() as documents, asyncio.timeout(10):
        for call in (documents.put([document()]), documents.get(1), documents.find(7), documents.ping()):
            with pytest.raises(Unavailable):
                await call


async def test_rivals_that_put_the_same_new_ids_at_once_end_at_the_highest_revision(documents: Documents) -> None:
    """An insert can collide with an older revision that came a moment before."""
    ids, revs = range(1, 31), (3, 1, 5, 2, 4)
    await asyncio.gather(*(documents.put([document(id, rev) for id in ids]) for rev in revs))
    assert [await documents.get(id) for id in ids] == [document(id, 5) for id in ids]


async def test_names_that_look_like_our_own_marks_are_names(documents: Documents) -> None:
    stored = document(**{"%int": "5", "%list": [1], "%24": "$", "$lt": "%2E", "a.b": {"": 1}})
    await documents.put([stored])
    assert await documents.get(1) == stored
