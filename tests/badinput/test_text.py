"""People write every script, and HTML is text: what comes back is what was sent, and its HTML is harmless."""

from __future__ import annotations

import html
import unicodedata
from html.parser import HTMLParser
from urllib.parse import urlsplit

import orjson
import pytest

from tests.support.cast import Cast, assemble
from tests.support.inprocess import InProcess, in_process

TEXTS = {
    "Latin": "Grüße, čeština, Ελληνικά, кириллица, Tiếng Việt",
    "Chinese, Japanese, Korean": "你好，世界。日本語のテスト。한국어 문장",
    "Arabic and Hebrew": "مرحبا بالعالم, שלום עולם, mixed עם English",
    "Indic": "नमस्ते दुनिया, வணக்கம், ನಮಸ್ಕಾರ, ബംഗാളി",
    "Thai, Lao, Khmer, Burmese": "สวัสดีชาวโลก ສະບາຍດີ សួស្តី မင်္ဂလာပါ",
    "Ethiopic, Georgian, Armenian, Cherokee": "ሰላም გამარჯობა Բարեւ ᎣᏏᏲ",
    "past the basic plane": "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈 𠜎𠜱𠝹 𓀀 𝕏",
    "emoji": "👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 🇨🇳 1️⃣ ❤️",
    "direction marks": "a\u202eb\u202cc \u200fd\u200e \u2066e\u2069",
    "zero width": "a\u200bb\u200cc\u200dd\ufeffe\u2060f",
    "combining": "e\u0301 n\u0303 Z\u0351\u036b\u0343\u036a\u0302\u036b" + "o" + "\u0308" * 60,
    "not normalised": "\u212b \u00c5 A\u030a \ufb01 \u1e9b\u0323",
    "spaces": "  two \u00a0 \u3000 \t tabs\n\n\nlines\r\nend  ",
    "line separators": "a\u2028b\u2029c\u0085d",
    "control characters": "a\x01\x07\x08\x1b[31mred\x7f",
    "noncharacters": "a\ufffe\uffff\U0010ffffb\ufffd",
    "private": "\ue000\U000f0000",
    "quotes": "'\"`´‘’“”\\ %s {0} ${x} {{ y }} <%= z %>",
    "SQL": "'; DROP TABLE chat_chatmessage; --",
    "long word": "w" * 5_000,
    "just the limit": "語" * 33_333 + "x",
}  # fmt: skip

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe src='javascript:alert(1)'></iframe>",
    "<a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox)",
    "[x](\tjavascript:alert(1))",
    "![x](http://stranger.example/pixel.png)",
    "[a]: javascript:alert(1)\n\n[a]",
    "<http://a.example/\"onmouseover=alert(1)>",
    "http://a.example/\"onmouseover=\"alert(1)",
    "https://a.example/<script>",
    "`<script>`",
    "```html\n<script>alert(1)</script>\n```",
    "```\"><script>alert(1)</script>\nx\n```",
    "<!-- <b> --><b>bold</b>",
    "<style>*{display:none}</style>",
    "<form action=//evil><input name=password></form>",
    "<math><mi//xlink:href=\"data:x,<script>alert(1)</script>\">",
    "<<b>script>alert(1)<</b>/script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<p style='position:fixed'>x</p>",
    "<base href=//evil/>",
    "# <img src=x onerror=alert(1)>",
    "| <b>x</b> | <script> |\n|---|---|\n| <i> | <img src=x> |",
    "\x00<script>".replace("\x00", "\x01"),
]  # fmt: skip

TAGS = {
    *("p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {("a", "href"), ("a", "rel"), ("a", "target"), ("code", "class"), ("ol", "start")}
SCHEMES = {"http", "https", "mailto"}


class Reader(HTMLParser):
    """What a browser would make of it: tags, attributes and the text that one reads."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.wrong: list[str] = []
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Judge a tag."""
        if tag not in TAGS:
            self.wrong.append(f"<{tag}>")
        for name, value in attrs:
            if (tag, name) not in ATTRIBUTES:
                self.wrong.append(f"<{tag} {name}={value!r}>")
            if name == "href" and urlsplit(value or "").scheme not in SCHEMES:
                self.wrong.append(f"href={value!r}")

    def handle_data(self, data: str) -> None:
        """Collect what one reads."""
        self.text += data

    def handle_comment(self, data: str) -> None:
        """Nothing of what people wrote may vanish into a comment."""
        self.wrong.append(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        """Nor into a declaration."""
        self.wrong.append(f"<!{decl}>")

    def handle_pi(self, data: str) -> None:
        """Nor into a processing instruction."""
        self.wrong.append(f"<?{data}>")


@pytest.fixture
def cast(db: None) -> Cast:
    """Everybody in their places."""
    return assemble()


def _send_and_read(app: InProcess, cast: Cast, content: str) -> list[dict[str, object]]:
    """The message as each door shows it."""
    headers = {**cast.headers("owner"), "content-type": "application/json"}
    room = f"/api/v1/rooms/{cast.room}"
    sent = app.ask("POST", f"{room}/messages", body=orjson.dumps({"content": content}), headers=headers)
    assert sent.status == 201, sent.body
    message = sent.json()
    listed = app.ask("GET", f"{room}/messages?limit=1", headers=headers).json()["messages"][-1]
    changed = app.ask("GET", f"{room}/changes?after={message['offset'] - 1}", headers=headers).json()["changes"][-1]
    single = app.ask("GET", f"/api/v1/messages/{message['id']}", headers=headers).json()
    return [message, listed, changed["payload"]["message"], single]


@pytest.mark.parametrize("name", TEXTS)
def test_text_comes_back_as_it_was_sent(name: str, cast: Cast) -> None:
    with in_process() as app:
        for shown in _send_and_read(app, cast, TEXTS[name]):
            assert shown["content"] == TEXTS[name]
            reader = Reader(str(shown["html"]))
            assert not reader.wrong
            # Every letter can be read in the HTML too (Markdown takes marks and spaces alone).
            letters = [character for character in TEXTS[name] if unicodedata.category(character)[0] in "LN"]
            assert [character for character in reader.text if unicodedata.category(character)[0] in "LN"] == letters


@pytest.mark.parametrize("text", HOSTILE)
def test_html_stays_text(text: str, cast: Cast) -> None:
    with in_process() as app:
        for shown in _send_and_read(app, cast, text):
            assert shown["content"] == text
            reader = Reader(str(shown["html"]))
            assert not reader.wrong, shown["html"]
            for tag in ("script", "img", "svg", "iframe", "style", "form", "input", "b", "base", "math"):
                # Where somebody wrote a tag, people read it (but for the name of a block's language).
                if f"<{tag}" in text and not text.startswith('```"'):
                    assert f"<{tag}" in html.unescape(reader.text), shown["html"]
