"""Markdown becomes HTML that is safe to insert, in bounded time."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.markup import MAX_MARKDOWN, render

LINK = 'target="_blank" rel="nofollow noopener noreferrer"'


@pytest.mark.parametrize(
    ("content", "html"),
    [
        ("hello", "<p>hello</p>"),
        ("**bold** and *slanted* and ~~gone~~", "<p><strong>bold</strong> and <em>slanted</em> and <s>gone</s></p>"),
        ("one\ntwo", "<p>one<br>\ntwo</p>"),
        ("`a < b`", "<p><code>a &lt; b</code></p>"),
        ("```python\nx = 1\n```", '<pre><code class="language-python">x = 1\n</code></pre>'),
        ("> quoted", "<blockquote>\n<p>quoted</p>\n</blockquote>"),
        ("3. three", '<ol start="3">\n<li>three</li>\n</ol>'),
        (
            "https://example.org/a?b=1&c=2",
            f'<p><a href="https://example.org/a?b=1&amp;c=2" {LINK}>https://example.org/a?b=1&amp;c=2</a></p>',
        ),
        (
            "(see www.example.org/x_(y).)",
            f'<p>(see <a href="http://www.example.org/x_(y)" {LINK}>www.example.org/x_(y)</a>.)</p>',
        ),
        ("[text](https://example.org 'title')", f'<p><a href="https://example.org" {LINK}>text</a></p>'),
        ("你好 **世界** مرحبا שלום 😀", "<p>你好 <strong>世界</strong> مرحبا שלום 😀</p>"),
        ("看https://例え.jp/路。好", None),
    ],
)
def test_markdown(content: str, html: str | None) -> None:
    if html is None:
        assert '<a href="https://xn--r8jz45g.jp/%E8%B7%AF"' in render(content)
    else:
        assert render(content) == html


@pytest.mark.parametrize(
    "content",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<b>bold?</b>",
        "[x](javascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:x)",
        "![pixel](https://tracker.example/p.png)",
        '```" onclick=alert(1)\nx\n```',
        "<a href='javascript:alert(1)'>x</a>",
        "<!-- comment --> <?php ?> <![CDATA[x]]>",
        "<style>*{display:none}</style>",
        "&lt;script&gt;",
    ],
)
def test_html_stays_text(content: str) -> None:
    assert_safe(render(content))
    assert "<b>" not in render(content)


@given(st.text(alphabet=st.sampled_from("<>\"'&;:/=()[]!`*_~|-#\n abhjs:./wx1"), max_size=200))
def test_whatever_is_typed_is_safe(content: str) -> None:
    assert_safe(render(content))


class _Elements(HTMLParser):
    allowed = {
        "p": set(), "br": set(), "hr": set(), "strong": set(), "em": set(), "s": set(), "pre": set(),
        "blockquote": set(), "ul": set(), "ol": {"start"}, "li": set(), "a": {"href", "target", "rel"},
        "code": {"class"}, "table": set(), "thead": set(), "tbody": set(), "tr": set(), "th": set(), "td": set(),
        **{f"h{level}": set() for level in range(1, 7)},
    }  # fmt: skip

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.allowed
        for name, value in attrs:
            assert name in self.allowed[tag]
            if name == "href":
                assert value is not None
                assert re.match(r"(https?://|mailto:)|[^:]*$", value)
            if name == "class":
                assert value is not None
                assert re.fullmatch(r"language-[\w+#.-]+", value)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def handle_pi(self, data: str) -> None:
        raise AssertionError(data)

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(data)


def assert_safe(html: str) -> None:
    """No element and no attribute but those that are let through."""
    parser = _Elements()
    parser.feed(html)
    parser.close()


@pytest.mark.parametrize(
    "unit",
    [
        "://",
        "http://",
        "www.",
        "[",
        "[a](b",
        "*a_ ",
        "_a ",
        "~~a",
        "> ",
        "- ",
        "`",
        "<",
        "&amp;",
        "a\n",
        "|a",
        "a@b.c ",
        "\\",
        "![",
    ],
)
def test_time_is_bounded(unit: str) -> None:
    """Measured in the thread's own time: linkify-it took 19 s for 60,000 characters of the first."""
    for length in (MAX_MARKDOWN, 100_000):
        content = (unit * length)[:length]
        started = time.thread_time()
        html = render(content)
        assert time.thread_time() - started < 1.5
        assert_safe(html)
        assert len(html) < 900_000


def test_long_texts_are_shown_as_typed() -> None:
    content = "**not bold** <b>\n" * 1000
    html = render(content)
    assert html.startswith("<p>**not bold** &lt;b&gt;<br>**not bold**")
    assert_safe(html)
