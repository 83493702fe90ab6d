"""For everybody: axe finds nothing, the keyboard is enough, and a screen reader hears what is new and no more."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.people import PASSWORD, People
from tests.browser.screen import WAIT, Screen, Screens
from tests.support import places

SIZES: dict[str, ViewportSize] = {"wide": {"width": 1280, "height": 800}, "narrow": {"width": 360, "height": 740}}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@cache
def axe_source() -> str:
    """axe-core as npm installed it."""
    return (places.ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text()


def check(page: Page) -> None:
    """axe finds nothing wrong with what stands on the page now."""
    # Movement in progress would be judged in its half-way colours.
    page.wait_for_function("() => document.getAnimations().every((one) => one.playState !== 'running' || one.id)")
    page.evaluate(axe_source())
    options = json.dumps({"runOnly": RULES})
    violations: list[dict[str, Any]] = page.evaluate(f"async () => (await axe.run(document, {options})).violations")
    found = [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in violations for node in one["nodes"]]
    assert not found, "\n".join(found[:10])


def check_all(one: Screen) -> None:
    """... in light and dark, wide and narrow."""
    for size in SIZES.values():
        one.page.set_viewport_size(size)
        for theme in ("light", "dark"):
            one.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            check(one.page)
    one.page.set_viewport_size(SIZES["wide"])


def test_axe_finds_nothing(person: People, screen: Screens) -> None:
    ada, bo = person("Ada Lovelace"), person("林美玲")
    room = ada.create_room("Harbour", bo)
    bo.send(room, "Morning! See https://example.org and `make count`, **please**")
    own = ada.send(room, "What I say")
    ada.send(room, "An answer", reply_to=own["id"])
    ada.edit(own["id"], "What I said")
    ada.recall(ada.send(room, "Taken back")["id"])
    one = screen(ada)
    bo.send(room, "Unread")
    expect(one.page.locator(".badge")).to_have_count(1, timeout=WAIT)
    check_all(one)
    one.open_room(room)
    one.see("Unread")
    one.line("What I said").first.focus()
    expect(one.page.locator(".line-actions")).to_be_visible()
    check_all(one)
    one.go(f"/rooms/{room}/members")
    expect(one.page.locator(".panel .member")).to_have_count(2)
    check_all(one)
    one.go("/directory")
    one.page.wait_for_selector(".directory-rooms, .directory .state h2")
    check_all(one)


def test_axe_finds_nothing_in_dialogs(person: People, screen: Screens) -> None:
    ada, bo = person("Ada"), person("Bo")
    room = ada.create_room("Harbour", bo)
    one = screen(ada, to=f"/rooms/{room}")
    one.wait_for_room(room)
    one.page.emulate_media(reduced_motion="reduce")
    ways = ("New conversation", "Your profile and settings", "Keyboard shortcuts", "Add people", "Invitation link")
    for way in (*ways, "Name and topic", "Leave the room"):
        one.page.get_by_role("button", name=way).first.click()
        one.page.get_by_role("dialog").wait_for()
        check(one.page)
        one.page.keyboard.press("Escape")
        expect(one.page.get_by_role("dialog")).to_have_count(0)
    one.page.keyboard.press("Control+k")
    one.page.get_by_role("option").first.wait_for()
    check_all(one)


def test_axe_finds_nothing_before_the_app(screen: Screens) -> None:
    one = screen()
    one.expect_errors(r"status of 40[04]")
    for path in ("/signin?reason=session_ended", "/no/such/page", "/register"):
        one.go(path)
        check_all(one)
    one.page.get_by_label("Username").fill("a b")
    one.page.get_by_label("Password").fill("x")
    one.page.keyboard.press("Enter")
    one.page.wait_for_selector(".error")
    check_all(one)


def test_high_contrast_and_bad_news_pass_too(person: People, screen: Screens) -> None:
    ada = person("Ada")
    room = ada.create_room("Harbour")
    one = screen(ada, to=f"/rooms/{room}", contrast="more", reduced_motion="reduce")
    one.wait_for_room(room)
    one.expect_errors(r"WebSocket", r"net::ERR_")
    one.sockets.block()
    one.context.set_offline(True)
    one.wait_for_state("offline")
    one.write("Kept for later")
    expect(one.page.locator(".pending")).to_be_visible()
    check(one.page)
    one.context.set_offline(False)
    one.wait_for_state("polling")
    check(one.page)


def test_the_keyboard_is_enough(person: People, screen: Screens) -> None:
    ada, bo = person("Ada"), person("Bo")
    room = ada.create_room("Harbour", bo)
    bo.send(room, "Who has the keys?")
    one = screen()
    keys = one.page.keyboard
    one.go("/signin")
    keys.type(ada.username)
    keys.press("Tab")
    keys.type(PASSWORD)
    keys.press("Enter")
    one.wait_for_app()
    keys.press("Control+k")
    keys.type("harb")
    keys.press("Enter")
    one.wait_for_room(room)
    keys.press("Escape")
    expect(one.composer).to_be_focused()
    keys.type("I have")
    keys.press("Enter")
    one.see_confirmed("I have")
    # Back from the composer to the messages, up to the question, and answer it.
    keys.press("Shift+Tab")
    expect(one.line("I have")).to_be_focused()
    keys.press("ArrowUp")
    question = one.line("Who has the keys?")
    expect(question).to_be_focused()
    assert outlined(one)
    keys.press("Tab")
    expect(question.get_by_role("button", name="Reply")).to_be_focused()
    keys.press("Enter")
    expect(one.composer).to_be_focused()
    keys.type("They hang by the door")
    keys.press("Enter")
    one.see_confirmed("They hang by the door")
    keys.press("F6")
    assert one.page.evaluate("() => document.activeElement.closest('.panel') !== null")
    keys.press("F6")
    assert one.page.evaluate("() => document.activeElement.closest('.side') !== null")
    assert outlined(one)


def outlined(one: Screen) -> bool:
    """What has the focus shows it."""
    style = "() => getComputedStyle(document.activeElement).outlineStyle"
    return bool(one.page.evaluate(style) != "none")


def test_only_what_is_new_is_read_out(person: People, screen: Screens) -> None:
    ada, bo = person("Ada"), person("Bo")
    room = ada.create_room("Harbour", bo)
    bo.send_many(room, 3, "History {}")
    one = screen(ada, to=f"/rooms/{room}")
    one.wait_for_room(room)
    one.wait_for_state("live")
    said = one.page.get_by_role("log")
    expect(said).to_have_attribute("aria-live", "polite")
    expect(said).to_be_empty()
    bo.send(room, "Something new")
    expect(said).to_contain_text("Bo,", timeout=WAIT)
    expect(said).to_contain_text("Something new")
    one.write("My own words")
    one.see_confirmed("My own words")
    expect(said.locator("p")).to_have_count(1)
    expect(one.page.locator("#spoken-connection")).to_have_text("Connected")
    line = one.line("History 1")
    expect(line).to_have_attribute("aria-label", f"Bo, {line.locator('time').first.inner_text()}: History 1")
