"""Markdown to HTML that is safe to insert. HTML that people type stays the text that it is."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

import nh3
from markdown_it import MarkdownIt

# Markdown of this many characters takes a few milliseconds at worst; longer texts are shown plain.
MAX_MARKDOWN = 10_000

_TAGS = {
    *("p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
# Bounded everywhere and without alternatives that overlap: time grows with the length alone.
_LINK = re.compile(
    r"(?<![A-Za-z0-9_/@.-])(?:https?://|www\.)[^\s<>\"'`{}|\\^…。，、；：！？（）【】「」『』]{1,2000}", re.IGNORECASE
)
_TRAILING = ".,;:!?*_~)]"
_LANGUAGE = re.compile(r"language-[\w+#.-]{1,30}")


@dataclass(frozen=True, slots=True)
class _Link:
    url: str
    text: str
    index: int
    last_index: int
    schema: str | None


class _Links:
    """Finds addresses in text, in linear time (linkify-it takes 19 s for 60,000 characters of "://")."""

    def pretest(self, text: str) -> bool:
        return "://" in text or "www." in text.lower()

    test = pretest

    def match(self, text: str) -> list[_Link]:
        return [link for found in _LINK.finditer(text) if (link := _link(found)) is not None]


def _link(found: re.Match[str]) -> _Link | None:
    address = found.group().rstrip(_TRAILING)
    # A bracket that the address itself opened belongs to it: …/Bracket_(disambiguation)
    if address.count("(") > address.count(")") and found.group()[len(address) :].startswith(")"):
        address += ")"
    host = address.partition("://")[2] if "://" in address else address[len("www.") :]
    if not host:
        return None
    has_schema = "://" in address
    url = address if has_schema else f"http://{address}"
    return _Link(url, address, found.start(), found.start() + len(address), "http:" if has_schema else None)


def _markdown() -> MarkdownIt:
    # Images would make every reader's browser tell a stranger's server that it reads this.
    parser = MarkdownIt("commonmark", {"html": False, "linkify": True, "breaks": True})
    parser.enable(["strikethrough", "table"]).disable("image")
    parser.core.ruler.enable("linkify")
    parser.linkify = _Links()
    return parser


_parser = _markdown()
# The second wall: whatever the renderer may do, only this leaves.
_cleaner = nh3.Cleaner(
    tags=_TAGS,
    attributes={"*": set(), "a": {"href"}, "code": {"class"}, "ol": {"start"}},
    url_schemes={"http", "https", "mailto"},
    link_rel="nofollow noopener noreferrer",
    set_tag_attribute_values={"a": {"target": "_blank"}},
    attribute_filter=lambda tag, name, value: (
        None if tag == "code" and name == "class" and not _LANGUAGE.fullmatch(value) else value
    ),
)


def render(content: str) -> str:
    """The HTML of a message. Never raises; whatever is not Markdown is shown as it was typed."""
    if len(content) > MAX_MARKDOWN:
        return f"<p>{'<br>'.join(html.escape(line, quote=False) for line in content.splitlines())}</p>"
    return _cleaner.clean(_parser.render(content)).strip()
