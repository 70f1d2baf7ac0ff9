"""Text of any script in a PDF: which Noto font has a character, small subsets of them, lines in reading order."""

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import NamedTuple

import manimgx_fonts
import manimgx_fonts_cjk
import uharfbuzz as hb
from anyascii import anyascii
from fpdf import FPDF
from fpdf.bidi import BidiParagraph

FIRST = "NotoSans[wght].ttf"
LAST = ("NotoEmoji[wght].ttf", "NotoSansCJK-VF.otf.ttc")
MISSING, ELLIPSIS = "\N{REPLACEMENT CHARACTER}", "\N{HORIZONTAL ELLIPSIS}"
LINE_HEIGHT = 1.35
SIZES = ((1.0, 4), (0.75, 4), (0.5, 12))
"""Shares of the wanted size, and the lines that a text may take in each: small before cut."""
SPACELESS = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
EMOJI = "notoemoji"
WEIGHTS = {"": 400.0, "B": 700.0}
INVISIBLE = {"Cc", "Cf", "Cs"}
STAYS = {"Mn", "Me", "Mc", "Cf"}
"""Marks and joiners: they belong to the letter before them, whatever font that has."""


class Run(NamedTuple):
    """Letters of one font and one direction, in the order they are read."""

    font: str
    text: str
    direction: str


class Font(NamedTuple):
    name: str
    path: Path
    characters: frozenset[int]


@functools.cache
def fonts() -> tuple[Font, ...]:
    """All fonts of the two packages: the Latin one first, the largest last."""
    folders = [Path(package.__path__[0]) for package in (manimgx_fonts, manimgx_fonts_cjk)]
    paths = sorted(path for folder in folders for path in folder.glob("Noto*.tt[fc]") if "Italic" not in path.name)
    order = {FIRST: -1, **{name: place for place, name in enumerate(LAST, 1)}}
    paths.sort(key=lambda path: order.get(path.name, 0))
    return tuple(Font(path.name.partition("[")[0].lower(), path, characters_of(path)) for path in paths)


def characters_of(path: Path) -> frozenset[int]:
    return frozenset(hb.Face(hb.Blob.from_file_path(str(path))).unicodes)


@functools.lru_cache(maxsize=4096)
def font_of(character: str) -> Font | None:
    """The first font that has it, or None."""
    return next((font for font in fonts() if ord(character) in font.characters), None)


def printable(text: str) -> str:
    """What can be printed of `text`: letters that no font has become Latin ones, line ends become spaces."""
    return "".join(shown(character) for character in " ".join(unicodedata.normalize("NFC", text).split()))


def shown(character: str) -> str:
    """In Latin letters where no font has it; where there are none either, a sign that says so."""
    if font_of(character) is not None:
        return character
    if unicodedata.category(character) in INVISIBLE:
        return ""
    latin: str = anyascii(character)
    return latin or ("" if unicodedata.category(character) in STAYS else MISSING)


class TextPdf(FPDF):
    """A PDF that has the fonts for `texts` and for nothing else, so that it is small and quickly made.

    Its fonts lie in `folder`, which must be there until the PDF is done.
    """

    def __init__(self, texts: Iterable[str], size: str, folder: Path) -> None:
        super().__init__(format=size)
        self.set_margin(0)
        self.set_auto_page_break(False)
        self.c_margin = 0
        needed = {character for text in texts for character in printable(text)} | set(f"{MISSING}{ELLIPSIS} ")
        for font in filter(None, {font_of(character) for character in needed}):
            own = [character for character in needed if ord(character) in font.characters]
            for style, weight in WEIGHTS.items():
                path = folder / f"{font.name}{style}.ttf"
                path.write_bytes(subset(font.path, own, weight))
                self.add_font(font.name, style, path)

    def width_of(self, text: str, style: str, points: float) -> float:
        return sum(self.width_of_run(run, style, points) for run in runs(text))

    def width_of_run(self, run: Run, style: str, points: float) -> float:
        self.set_font(run.font, style, points)
        self.set_text_shaping(True, direction=run.direction)
        return self.get_string_width(run.text)

    def write_lines(
        self, x: float, y: float, width: float, text: str, style: str = "", points: float = 10, at_left: bool = False
    ) -> float:
        """In the largest of `SIZES`, to the right where the text reads that way and may; the height that it took."""
        points, lines = self.fitted(printable(text), style, points, width)
        height = points / self.k * LINE_HEIGHT
        to_the_right = reads_leftwards(text) and not at_left
        for number, line in enumerate(lines):
            gap = width - self.width_of(line, style, points) if to_the_right else 0
            self.write_line(x + gap, y + number * height, line, style, points)
        return height * len(lines)

    def write_line(self, x: float, y: float, text: str, style: str, points: float) -> None:
        """`y` is the upper edge of a line that is short enough already."""
        for run in runs(text):
            width = self.width_of_run(run, style, points)
            self.set_xy(x, y)
            self.cell(width, points / self.k * LINE_HEIGHT, run.text)
            x += width

    def fitted(self, text: str, style: str, points: float, width: float) -> tuple[float, list[str]]:
        """The size that is small enough, and `text` in lines; what is too much for the smallest ends in an ellipsis."""
        for share, most in SIZES:
            size = points * share
            lines = list(islice(self.wrapped(text, style, size, width), most + 1))
            if len(lines) <= most:
                break
        else:
            lines[most - 1 :] = [self.head(lines[most - 1], style, size, width, ELLIPSIS) + ELLIPSIS]
        return size, lines

    def wrapped(self, text: str, style: str, points: float, width: float) -> Iterator[str]:
        line = ""
        whole = self.width_of(text, style, points) <= width
        for piece in [text] if whole else pieces(text):
            if line and self.width_of((line + piece).rstrip(), style, points) > width:
                yield line.rstrip()
                line = ""
            line += piece
            while self.width_of(line.rstrip(), style, points) > width:
                head = self.head(line, style, points, width)
                yield head
                line = line[len(head) :]
        yield line.rstrip()

    def head(self, text: str, style: str, points: float, width: float, end: str = "") -> str:
        """The longest beginning that fits with `end` behind it, at least one letter; marks stay with their letter."""
        fits, beyond = 1, len(text) + 1
        while fits + 1 < beyond:
            middle = (fits + beyond) // 2
            if self.width_of(text[:middle] + end, style, points) <= width:
                fits = middle
            else:
                beyond = middle
        while 1 < fits < len(text) and unicodedata.category(text[fits]) in STAYS:
            fits -= 1
        return text[:fits]


def pieces(text: str) -> list[str]:
    """Words with the spaces behind them, and single letters of scripts that have no spaces."""
    return re.findall(rf"[{SPACELESS}]\s*|[^\s{SPACELESS}]+\s*", text)


def runs(line: str) -> list[Run]:
    """The line in the order it is seen, cut where direction or font changes."""
    seen = BidiParagraph(line, preserve_bn_chars=True).get_reordered_characters()
    found: list[Run] = []
    for level, group in groupby(seen, key=lambda one: one.embedding_level):
        letters = [one.character for one in group]
        leftwards = level % 2 == 1
        parts = by_font("".join(reversed(letters) if leftwards else letters))
        direction = "rtl" if leftwards else "ltr"
        found += [Run(font, part, direction) for font, part in (reversed(parts) if leftwards else parts)]
    return found


def by_font(text: str) -> list[tuple[str, str]]:
    """Cut where the font changes; a mark or joiner stays with the letter before it, and so does what that font has."""
    found: list[tuple[Font, str]] = []
    for character in text:
        own = found[-1][0] if found else None
        stays = own and ord(character) in own.characters and not (own.name == EMOJI and character.isascii())
        if own and (stays or unicodedata.category(character) in STAYS):
            found[-1] = (own, found[-1][1] + character)
        else:
            found.append((font_of(character) or fonts()[0], character))
    return [(font.name, part) for font, part in found]


def reads_leftwards(text: str) -> bool:
    first = next((one for one in map(unicodedata.bidirectional, text) if one in {"L", "R", "AL"}), "L")
    return first != "L"


def subset(path: Path, characters: Iterable[str], weight: float) -> bytes:
    face = hb.Face(hb.Blob.from_file_path(str(path)))
    wanted = hb.SubsetInput()
    wanted.unicode_set.update(ord(one) for one in characters)
    if any(axis.tag == "wght" for axis in face.axis_infos):
        wanted.pin_axis_location(face, "wght", weight)
    wanted.flags = hb.SubsetFlags.DOWNGRADE_CFF2 | hb.SubsetFlags.NOTDEF_OUTLINE
    return hb.subset(face, wanted).blob.data
