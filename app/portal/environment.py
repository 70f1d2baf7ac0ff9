"""Where all pages are rendered: their filters, their words, their signs."""

from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from app.language import catalogue, current_locale
from app.portal.filters import FILTERS, number
from app.static_files import static

TEMPLATES = Path(__file__).parents[1] / "templates"


def environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(words, counted, newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(FILTERS)
    # Ours again, without the wrapping of the extension: a page says dozens of things.
    environment.globals.update(_=words, gettext=words, ngettext=counted)
    environment.globals.update(static=static, sign=sign, locale=lambda: str(current_locale()).replace("_", "-"))
    return environment


def words(text: str, /, **values: Any) -> Markup:
    """The translation, which is markup, with its values, which are not."""
    found = translation(text, current_locale().language)
    return found % values if "%" in text else found


def counted(one: str, many: str, count: int, /, **values: Any) -> Markup:
    found = Markup(catalogue(current_locale().language).ngettext(one, many, count))
    return found % {"num": number(count), **values}


@lru_cache(maxsize=4096)
def translation(text: str, language: str) -> Markup:
    return Markup(catalogue(language).gettext(text))


@cache
def sign(name: str, style: str = "") -> Markup:
    """A sign out of the sprite; templates call it `icon`."""
    svg = '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>'
    return Markup(svg).format(style, static("icons.svg"), name)
