"""Text of any script in a PDF: its font, its order on the line, and where lines break."""

from pathlib import Path

import pytest

from app.pdf_text import MISSING, Font, TextPdf, font_of, fonts, pieces, printable, reads_leftwards, runs
from app.ticket_pdf import COLUMN, WIDTH

SCRIPTS = {
    "Ada": "notosans", "Привет": "notosans", "Ελλη": "notosans", "Tiếng": "notosans", "مهرجان": "notosansarabic",
    "שלום": "notosanshebrew", "नमस्ते": "notosansdevanagari", "สวัสดี": "notosansthai", "日本語": "notosanscjk-vf.otf.ttc",
    "김철수": "notosanscjk-vf.otf.ttc", "🎪": "notoemoji", "👩‍👩‍👧": "notoemoji",
}  # fmt: skip


@pytest.mark.parametrize(("text", "font"), SCRIPTS.items())
def test_each_script_has_its_font_and_stays_in_one_piece(text: str, font: str) -> None:
    assert [(run.font, run.text) for run in runs(text)] == [(font, text)]


def test_the_line_is_in_the_order_that_is_seen() -> None:
    seen = runs("Ada אבג 12 דהו!")
    assert [run.text.strip() for run in seen if run.text.strip()] == ["Ada", "דהו", "12", "אבג", "!"]
    assert {run.text.strip(): run.direction for run in seen}["דהו"] == "rtl"
    assert {run.text.strip(): run.direction for run in seen}["12"] == "ltr"


def test_text_that_reads_leftwards_is_known_by_its_first_letter() -> None:
    assert reads_leftwards("(2031) مهرجان")
    assert reads_leftwards("שלום Ada")
    assert not reads_leftwards("Ada שלום")
    assert not reads_leftwards("2031 🎪")


def test_scripts_that_no_font_has_are_read_in_latin_letters() -> None:
    names = {"བོད་ཡིག": "bod-yig", "ߒߞߏ": "nko", "ⵜⵉⴼⵉⵏⴰⵖ": "tifinagh", "ᏣᎳᎩ": "TsaLaGi", "ᚠᚢᚦ Ada": "futh Ada"}
    assert {name: printable(name) for name in names} == names


def test_letters_that_nobody_can_read_are_said_to_be_missing() -> None:
    assert printable("a\U000f0000b𒀭") == f"a{MISSING}b{MISSING}"
    assert printable("a\u0007\nb") == "a b"


def test_spaces_come_from_the_font_of_letters_and_not_from_the_wide_one_of_emoji() -> None:
    assert [(run.font, run.text) for run in runs("🎪 a")] == [("notoemoji", "🎪"), ("notosans", " a")]


def test_words_break_at_spaces_and_spaceless_scripts_anywhere() -> None:
    assert pieces("one two  日本 x") == ["one ", "two  ", "日", "本 ", "x"]


@pytest.mark.parametrize(
    "text", ["W" * 600, "word " * 400, "日本語の祭り" * 90, "مهرجان " * 180, "e\u0301" * 900, "🎪" * 500]
)
def test_lines_fit_and_the_last_one_says_that_there_was_more(tmp_path: Path, text: str) -> None:
    pdf = TextPdf([text], "A4", tmp_path)
    pdf.add_page()
    points, lines = pdf.fitted(printable(text), "B", 22, 100)
    assert (points, len(lines)) == (11, 12)
    assert all(pdf.width_of(line, "B", points) <= 100 for line in lines)
    assert lines[-1].endswith("…")


@pytest.mark.parametrize("text", ["W" * 200, "مهرجان " * 28, "👩‍👩‍👧" * 40, "🎪" * 200, "W word " * 28])
@pytest.mark.parametrize(("style", "wanted", "width"), [("B", 22, WIDTH), ("", 12, COLUMN)])
def test_a_title_and_a_name_of_200_letters_are_whole(
    tmp_path: Path, text: str, style: str, wanted: float, width: float
) -> None:
    pdf = TextPdf([text], "A4", tmp_path)
    pdf.add_page()
    points, lines = pdf.fitted(printable(text), style, wanted, width)
    assert "".join(lines).replace(" ", "") == printable(text).replace(" ", "")
    assert all(pdf.width_of(line, style, points) <= width for line in lines)


def test_what_is_short_is_as_large_as_it_was_wanted(tmp_path: Path) -> None:
    pdf = TextPdf(["Sommerfest"], "A4", tmp_path)
    pdf.add_page()
    assert pdf.fitted("Sommerfest", "B", 22, 170) == (22, ["Sommerfest"])


def test_text_that_reads_leftwards_stands_at_the_right_edge_but_not_in_a_column_of_labels(tmp_path: Path) -> None:
    pdf = TextPdf(["مهرجان"], "A4", tmp_path)
    pdf.add_page()
    pdf.write_lines(10, 10, 100, "مهرجان")
    assert pdf.get_x() == pytest.approx(110)
    pdf.write_lines(10, 20, 100, "مهرجان", at_left=True)
    assert pdf.get_x() == pytest.approx(10 + pdf.width_of("مهرجان", "", 10))


@pytest.mark.parametrize("font", fonts(), ids=[font.name for font in fonts()])
def test_every_font_of_the_packages_can_be_embedded(tmp_path: Path, font: Font) -> None:
    letter = next(chr(one) for one in sorted(font.characters, reverse=True) if font_of(chr(one)) is font)
    pdf = TextPdf([letter], "A4", tmp_path)
    pdf.add_page()
    for style in ("", "B"):
        pdf.write_lines(10, 10, 190, letter, style)
    copied = letter.encode("utf-16-be").hex().upper()
    assert copied.encode() in bytes(pdf.output()), "what is copied from it is what was printed"
