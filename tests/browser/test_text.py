"""Text is text: every script, emoji, both directions; what looks like HTML stays what was typed."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.people import People
from tests.browser.screen import WAIT, Screens

TEXTS = {
    "scripts": "Ελληνικά Кириллица עברית العربية हिन्दी বাংলা ไทย 한국어 日本語 中文 ქართული አማርኛ",
    "emoji": "👩🏽‍🚀 👨‍👩‍👧‍👦 🏳️‍🌈 🇨🇿 5️⃣ 🫠",
    "right to left": "صباح الخير، سأكون هناك في الثامنة والنصف.",
    "mixed directions": "The word שלום means peace, و سلام أيضا.",
    "combining": "Z̷̢̛a̴͓͝l̸̰̈g̵̱̓o̶͈͐ and é as e + ´",
    "direction marks": "abc \u202etxt.exe\u202c def \u2066x\u2069",
    "script tag": "<script>window.hacked = true</script>",
    "image": '<img src=x onerror="window.hacked = true">',
    "svg": '<svg onload="window.hacked = true"></svg>',
    "entities": "&lt;b&gt; &amp; &#60;script&#62; 1 < 2 && 3 > 2",
    "template": "${window.hacked = true} {{constructor.constructor('window.hacked = true')()}} <!--?lit$-->",
    "attribute": '"><b autofocus onfocus="window.hacked = true">x</b>',
}
# Markdown turns entities into their characters.
SHOWN = {"entities": "<b> & <script> 1 < 2 && 3 > 2"}
INTRUDERS = """() => document.querySelectorAll(
  "script:not([src]):not([type=importmap]), :is(.text, bdi) :is(script, img, svg, [onerror], [onfocus])"
).length"""


def test_text_stays_text(person: People, screen: Screens) -> None:
    ada, bo = person("Ada <b>Lovelace</b> עדה"), person("Bo")
    room = ada.create_room(TEXTS["image"], bo)
    first, second = screen(ada, to=f"/rooms/{room}"), screen(bo, to=f"/rooms/{room}")
    first.wait_for_room(room)
    second.wait_for_room(room)
    for text in TEXTS.values():
        first.write(text)
    expected = [SHOWN.get(name, text) for name, text in TEXTS.items()]
    for one in (first, second):
        expect(one.page.locator("article[data-id]")).to_have_count(len(TEXTS), timeout=WAIT)
        assert [line["text"] for line in one.lines()] == expected
        expect(one.page.locator(".pane-title h1")).to_have_text(TEXTS["image"])
        expect(one.page.locator(".line-name").first).to_have_text("Ada <b>Lovelace</b> עדה")
        assert one.page.evaluate(INTRUDERS) == 0
        assert one.page.evaluate("() => window.hacked") is None


def test_right_to_left_text_begins_at_the_right(person: People, screen: Screens) -> None:
    ada = person("عمر الفاروق")
    room = ada.create_room("Harbour")
    ada.send(room, TEXTS["right to left"])
    one = screen(ada, to=f"/rooms/{room}")
    one.wait_for_room(room)
    assert one.page.evaluate("() => document.querySelector('article .text').matches(':dir(rtl)')")
    # The frame around it keeps its direction.
    assert one.page.evaluate("() => document.querySelector('.line-head').matches(':dir(ltr)')")


def test_links_open_elsewhere_and_say_nothing_of_us(person: People, screen: Screens) -> None:
    ada = person("Ada")
    room = ada.create_room("Harbour")
    ada.send(room, "See https://example.org/a?b=1 and [this](javascript:alert(1)) and **bold** `code`")
    one = screen(ada, to=f"/rooms/{room}")
    one.wait_for_room(room)
    links = one.page.locator("article .text a")
    expect(links).to_have_count(1)
    expect(links).to_have_attribute("href", "https://example.org/a?b=1")
    assert {"noopener", "noreferrer"} <= set(str(links.get_attribute("rel")).split())
    expect(one.page.locator("article .text strong")).to_have_text("bold")
    expect(one.page.locator("article .text code")).to_have_text("code")
