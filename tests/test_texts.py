"""Every text that people meet can be said in another language."""

import ast
import gettext
import pickle
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from babel.messages.pofile import read_po
from litestar.serialization import encode_json

from app import errors, language
from app.errors import AppError, Conflict, FieldError
from app.language import TRANSLATIONS, translated
from app.phrases import Phrase
from app.portal.forms import by_field
from tests.cast import Stage, stored_event

APP = Path(language.__file__).parent
REFUSING = {"ValueError", "FieldError", "Refused"} | {
    name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, AppError)
}
FILES = [
    path
    for path in sorted(APP.rglob("*.py"))
    if path.parent.name in {"api", "domain", "portal"}
    or path.name in {"validation.py", "uploads.py", "pictures.py", "ticket_files.py", "rate_limits.py", "problems.py"}
]


def texts_in(tree: ast.AST) -> Iterator[str]:
    """What is no word of Python's own: the literal texts below `tree`, but for keys of tables."""
    if isinstance(tree, ast.Constant) and isinstance(tree.value, str) and " " in tree.value:
        yield tree.value
    for child in tree.values if isinstance(tree, ast.Dict) else ast.iter_child_nodes(tree):
        yield from texts_in(child)


def told_by_tables(tree: ast.AST) -> Iterator[str]:
    """The texts of each table of refusals, and what `Meta` says of a field."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in {"REFUSALS", "TITLES", "UNITS"}:
            yield from texts_in(node.value)
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "says":
                    yield from texts_in(value)
        if isinstance(node, ast.AnnAssign | ast.Assign) and "title" in ast.unparse(node).split(" = ")[0].split(":"):
            yield from texts_in(node.value) if node.value else ()


def written_out(tree: ast.AST) -> Iterator[int]:
    """Lines where a refusal is told with its values already in it; no catalogue has such a sentence."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in REFUSING | {"Phrase"}:
            words = node.args[1:] if ast.unparse(node.func) == "FieldError" else node.args
            if any(isinstance(part, ast.JoinedStr | ast.BinOp) for word in words for part in outside_of_calls(word)):
                yield node.lineno


def outside_of_calls(tree: ast.AST) -> Iterator[ast.AST]:
    """Calls of functions have values of their own; `"...".lstrip()` has not."""
    if not (isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name)):
        yield tree
        for child in ast.iter_child_nodes(tree):
            yield from outside_of_calls(child)


def test_the_catalogue_has_every_text_of_the_tables_and_of_the_fields() -> None:
    with (TRANSLATIONS / "eventstream.pot").open("rb") as file:
        known = {message.id for message in read_po(file) if isinstance(message.id, str)}
    told = {text for path in APP.rglob("*.py") for text in told_by_tables(ast.parse(path.read_text()))}
    assert len(told) > 70
    assert told - known == set()


def test_no_refusal_has_its_values_written_into_its_text() -> None:
    assert [
        f"{path.relative_to(APP)}:{line}" for path in FILES for line in written_out(ast.parse(path.read_text()))
    ] == []


@pytest.mark.parametrize(
    "code",
    ['Conflict(f"{n} left")', 'FieldError("a", f"{n} left")', 'ValueError(f" {n}".lstrip())', 'Invalid([], "n" + n)'],
)
def test_a_text_with_its_values_written_into_it_is_found(code: str) -> None:
    assert list(written_out(ast.parse(code))) == [1]


TOLD = Phrase("%(taken)s of %(what)s", taken=3, what=Phrase("these"))


class Reversed(gettext.NullTranslations):
    """Another language: every text it has, from its end to its beginning."""

    def gettext(self, message: str) -> str:
        return {"%(taken)s of %(what)s": "%(what)s: %(taken)s", "these": "diese", "is required": "fehlt"}[message]


@pytest.fixture
def reversed_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "catalogue", lambda _: Reversed())


@pytest.mark.usefixtures("reversed_words")
def test_a_phrase_is_said_in_the_language_of_the_reader_with_its_values() -> None:
    assert translated(TOLD) == "diese: 3"
    assert translated(Conflict(TOLD).detail) == "diese: 3"
    assert by_field([FieldError("a", TOLD), FieldError("a", "is required")]) == {"a": "diese: 3; fehlt"}


def test_a_phrase_is_plain_english_to_a_program() -> None:
    assert encode_json(FieldError("a", TOLD)) == b'{"field":"a","message":"3 of these"}'
    assert (TOLD, f"{TOLD}", Phrase("100 % sure")) == ("3 of these", "3 of these", "100 % sure")


@pytest.mark.usefixtures("reversed_words")
@pytest.mark.parametrize("way", [lambda one: pickle.loads(pickle.dumps(one)), lambda one: ValueError(one).args[0]])
def test_a_phrase_outlives_the_error_that_carries_it_and_the_way_from_another_process(way) -> None:  # type: ignore[no-untyped-def]
    assert translated(way(TOLD)) == "diese: 3"


async def test_the_api_answers_with_the_english_sentence_filled_in(stage: Stage, alice: httpx.AsyncClient) -> None:
    event_id = await stored_event(alice, capacity=10)
    async with stage.parts.database.connection() as connection:
        await connection.execute("UPDATE events SET sold = 3 WHERE id = $1", event_id)
        await connection.execute("UPDATE ticket_types SET sold = 3 WHERE event_id = $1", event_id)
    refused = await alice.patch(f"/api/v1/event/{event_id}", json={"capacity": 2}, headers={"If-Match": "*"})
    assert refused.json()["detail"] == "3 places are taken; the capacity cannot be less."
