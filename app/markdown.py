"""Markdown as people write it, as the little HTML that pages show of it."""

from collections.abc import Sequence
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

TAGS = {"p", "br", "hr", "em", "strong", "code", "pre", "blockquote", "ul", "ol", "li", "a", "h2", "h3", "h4"}
SCHEMES = {"http", "https", "mailto", "tel"}

# Pictures are left out: they belong to the gallery, where they are checked, scaled and served by us.
READER = MarkdownIt("commonmark", {"html": False, "breaks": True}).disable(["image", "html_block", "html_inline"])
PARAGRAPHS = MarkdownIt("zero", {"breaks": True}).enable("newline")
MOST_MARKS = {"[": 400, "*": 2_000, "_": 2_000, "`": 2_000, "<": 2_000, "&": 2_000}
"""Each may be looked for to the end of the text, so very many of them would take half a second."""


@lru_cache(maxsize=512)
def to_html(text: str) -> Markup:
    """Safe to put into a page; whatever is no Markdown of ours stays text, and so does what is nearly all marks."""
    reader = PARAGRAPHS if any(text.count(mark) > most for mark, most in MOST_MARKS.items()) else READER
    tokens = below_the_title(reader.parse(text))
    html = reader.renderer.render(tokens, reader.options, {})
    allowed = {"a": {"href"}, "ol": {"start"}}
    return Markup(nh3.clean(html, tags=TAGS, attributes=allowed, url_schemes=SCHEMES, link_rel="noopener nofollow ugc"))


def below_the_title(tokens: Sequence[Token]) -> Sequence[Token]:
    """The page has its one `h1` already."""
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1]) + 1, 4)}"
    return tokens
