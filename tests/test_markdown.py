"""Descriptions: Markdown becomes HTML, and nothing else does."""

import pytest
from markupsafe import escape

from app.markdown import to_html


def test_what_people_write_most() -> None:
    text = "# Friday\n\nMusic *from* noon,\nuntil **late**.\n\n- lake\n- barn\n\n[Map](https://example.org/map)"
    assert to_html(text) == (
        "<h2>Friday</h2>\n<p>Music <em>from</em> noon,<br>\nuntil <strong>late</strong>.</p>\n"
        "<ul>\n<li>lake</li>\n<li>barn</li>\n</ul>\n"
        '<p><a href="https://example.org/map" rel="noopener nofollow ugc">Map</a></p>\n'
    )


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[a](javascript:alert(1))", "![a](https://example.org/a.png)",
     "[a](data:text/html,<script>)", "<a href='https://example.org' onclick='x()'>a</a>", "<svg/onload=x()>"],
)  # fmt: skip
def test_nothing_runs_and_nothing_is_fetched(text: str) -> None:
    html = to_html(text)
    for evil in ("<script", "<img", "<svg", 'href="javascript', 'href="data', "<a href='https://example.org' onclick"):
        assert evil not in html


def test_right_to_left_and_emoji_are_text() -> None:
    assert to_html("مهرجان 🎪 & more") == "<p>مهرجان 🎪 &amp; more</p>\n"


@pytest.mark.parametrize("mark", ["*[*[](", "[[a](b", "[", "**a", "_a ", "`", "&", "<"])
def test_what_is_nearly_all_marks_stays_text(mark: str) -> None:
    text = (mark * (20_000 // len(mark))).strip()
    assert to_html(f"one\n{text}\n\ntwo") == f"<p>one<br>\n{escape(text)}</p>\n<p>two</p>\n"
