"""The words of a page, and how it writes numbers, money and dates: as the reader's browser asks for."""

import gettext as catalogues
import re
from contextvars import ContextVar
from functools import cache, lru_cache
from pathlib import Path

from babel import Locale
from babel.core import get_global
from babel.localedata import exists

from app.phrases import Phrase

TRANSLATIONS = Path(__file__).parent / "translations"
DOMAIN = "eventstream"
LANGUAGES = ("en",)
OTHERWISE = Locale("en", "GB")
TAG = re.compile(r"([a-z]{2,3})(?:-[a-z]{4})?(?:-([a-z]{2}|\d{3}))?(?:-[a-z\d-]*)?(?:;q=([\d.]{1,5}))?", re.IGNORECASE)

accept_language: ContextVar[str] = ContextVar("accept_language", default="")
"""The header of the request at hand; `edge.py` sets it."""


def current_locale() -> Locale:
    return locale_for(accept_language.get())


@lru_cache(maxsize=1024)
def locale_for(header: str) -> Locale:
    """The first language we have, written as in the first region we know it in: English in Germany has `1.234,50 €`."""
    asked = sorted(tags(header[:200]), key=lambda tag: -tag[2])
    language = next((language for language, _, _ in asked if language in LANGUAGES), OTHERWISE.language)
    for _, region, _ in asked:
        if region and exists(f"{language}_{region}"):
            return Locale(language, region)
    return OTHERWISE if language == OTHERWISE.language else Locale(language)


def tags(header: str) -> list[tuple[str, str, float]]:
    """Language, region and weight; the region of a bare language is where most of its speakers live."""
    found = []
    for part in header.split(","):
        if match := TAG.fullmatch(part.replace(" ", "")):
            language, region, weight = match.group(1).lower(), match.group(2) or "", match.group(3) or "1"
            if not region:
                region = get_global("likely_subtags").get(language, "").rpartition("_")[2]
            if weight.count(".") <= 1 and weight.strip("."):
                found.append((language, region.upper(), float(weight)))
    return found


@cache
def catalogue(language: str) -> catalogues.NullTranslations:
    return catalogues.translation(DOMAIN, TRANSLATIONS, [language], fallback=True)


def gettext(text: str) -> str:
    return catalogue(current_locale().language).gettext(text) if text else ""


def ngettext(one: str, many: str, number: int) -> str:
    return catalogue(current_locale().language).ngettext(one, many, number)


def translated(text: str) -> str:
    """A phrase, or a text that is decided at run time, in the language of the reader."""
    if not isinstance(text, Phrase):
        return gettext(text)
    values = {name: translated(one) if isinstance(one, Phrase) else one for name, one in text.values.items()}
    return gettext(text.text) % values if values else gettext(text.text)
