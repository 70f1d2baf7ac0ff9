"""Whose words, and whose numbers."""

import datetime as dt
from collections.abc import Callable, Iterator

import pytest
from babel import Locale

from app.language import accept_language, gettext, locale_for
from app.portal.environment import counted
from app.portal.filters import initials, moment, money, number, time_left
from tests.portal.test_pages import START


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        ("", "en_GB"),
        ("de-DE,de;q=0.9,en;q=0.8", "en_DE"),
        ("de", "en_DE"),
        ("en", "en_US"),
        ("en;q=0.2, sv-SE;q=0.9", "en_SE"),
        ("zh-Hans-CN, en-AU;q=0.5", "en_AU"),
        ("xx-YY", "en_GB"),
        ("*", "en_GB"),
        (";;q=..,,-,en-" + "x" * 5000, "en_US"),
        ("de-DE;q=9.9.9", "en_GB"),
    ],
)
def test_the_words_are_english_and_the_forms_those_of_the_reader(header: str, locale: str) -> None:
    assert str(locale_for(header)) == locale


@pytest.fixture
def says() -> Iterator[Callable[[str], object]]:
    """The reader's `Accept-Language`, for as long as a test."""
    before = accept_language.set("")
    yield accept_language.set
    accept_language.reset(before)


def test_numbers_money_and_dates_follow_the_reader(says: Callable[[str], object]) -> None:
    says("de-DE")
    assert money("1234.50", "EUR") == "1.234,50\xa0€"
    assert number(12345) == "12.345"
    assert counted("%(num)s ticket", "%(num)s tickets", 12345) == "12.345 tickets"
    assert moment(START, "Europe/Berlin") == "Fri 4 Jul 2031, 18:00"
    says("en-US")
    assert money("1234.50", "EUR") == "€1,234.50"
    assert moment(START, "Europe/Berlin") == "Fri Jul 4, 2031, 6:00\u202fPM"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (97_230, "1 day 3 hours"),
        (7_530, "2 hours 5 minutes"),
        (3_630, "1 hour 0 minutes"),
        (90, "1 minute"),
        (-5, "1 minute"),
    ],
)
def test_the_time_left_is_told_in_words_without_a_script(seconds: int, words: str) -> None:
    assert time_left(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)) == words


def test_a_text_without_a_translation_stays_as_it_is() -> None:
    assert gettext("100 % <b>of it</b>") == "100 % <b>of it</b>"
    assert gettext("") == ""
    assert locale_for("en-GB") == Locale("en", "GB")


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Ada Moss", "AM"), ("bob", "B"), ("Ada van der Moss", "AM"), ("שרה 🎈 <script>", "שS"), ("🎈", ""), ("", "")],
)
def test_initials_are_letters(name: str, letters: str) -> None:
    assert initials(name) == letters
