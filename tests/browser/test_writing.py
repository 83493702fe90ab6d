"""Writing: drafts, sending, editing, and what becomes of a message while the server cannot be reached."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.browser.people import People, Person, rows_of
from tests.browser.screen import WAIT, Screen, Screens
from tests.support.server import Server

# With the sockets blocked, messages go by REST, where a test can stop them.
SENDING = re.compile(r"/api/v1/rooms/[^/]+/messages$")
CUT_OFF = (r"WebSocket", r"net::ERR_")


Scene = tuple[Screen, str, Person]


@pytest.fixture
def scene(person: People, screen: Screens) -> Scene:
    """Ada in front of an empty room of hers and Bo's: (her screen, the room, Bo)."""
    ada, bo = person("Ada"), person("Bo")
    room = ada.create_room("Harbour", bo)
    one = screen(ada, to=f"/rooms/{room}")
    one.wait_for_room(room)
    return one, room, bo


def stop_sending(one: Screen, answer: Callable[[Route], None]) -> None:
    """From now on messages go by REST, and ``answer`` decides about them."""
    one.expect_errors(*CUT_OFF)
    one.sockets.block()
    one.page.route(SENDING, lambda route: answer(route) if route.request.method == "POST" else route.fallback())


def test_enter_sends_and_shift_enter_does_not(scene: Scene) -> None:
    one, _room, _bo = scene
    one.composer.fill("First line")
    one.composer.press("Shift+Enter")
    one.page.keyboard.type("second line")
    assert one.lines() == []
    one.composer.press("Enter")
    one.see_confirmed("second line")
    expect(one.composer).to_have_value("")
    expect(one.composer).to_be_focused()
    assert [line["text"] for line in one.lines()] == ["First line\nsecond line"]


def test_enter_that_chooses_a_word_of_an_input_method_does_not_send(scene: Scene) -> None:
    one, _room, _bo = scene
    one.composer.fill("ni hao")
    one.composer.dispatch_event("keydown", {"key": "Enter", "isComposing": True, "bubbles": True})
    one.composer.dispatch_event("keydown", {"key": "Enter", "keyCode": 229, "bubbles": True})
    expect(one.composer).to_have_value("ni hao")
    one.composer.fill("你好")
    one.composer.press("Enter")
    one.see_confirmed("你好")


def test_drafts_are_kept_per_room_and_over_a_reload(person: People, screen: Screens) -> None:
    ada = person("Ada")
    first, second = ada.create_room("First"), ada.create_room("Second")
    one = screen(ada, to=f"/rooms/{first}")
    one.wait_for_room(first)
    one.composer.fill("Half a thought")
    one.open_room(second)
    expect(one.composer).to_have_value("")
    one.composer.fill("Another half")
    one.page.reload()
    one.wait_for_room(second)
    expect(one.composer).to_have_value("Another half")
    one.open_room(first)
    expect(one.composer).to_have_value("Half a thought")
    one.composer.press("Enter")
    one.see_confirmed("Half a thought")
    one.page.reload()
    one.wait_for_room(first)
    expect(one.composer).to_have_value("")


def test_arrow_up_edits_the_last_own_message_and_escape_gives_the_draft_back(scene: Scene) -> None:
    one, room, bo = scene
    one.write("See you at nien")
    one.see_confirmed("See you at nien")
    bo.send(room, "Fine")
    one.see("Fine")
    one.composer.press("ArrowUp")
    expect(one.composer).to_have_value("See you at nien")
    one.composer.fill("thrown away")
    one.composer.press("Escape")
    expect(one.composer).to_have_value("")
    one.composer.press("ArrowUp")
    one.composer.fill("See you at nine")
    one.composer.press("Enter")
    one.see("See you at nine")
    expect(one.line("See you at nine").locator(".edited")).to_have_count(1)
    assert [line["text"] for line in one.lines()] == ["See you at nine", "Fine"]


def test_an_edit_that_comes_too_late_keeps_its_text(scene: Scene) -> None:
    one, _room, _bo = scene
    one.write("Original")
    one.see_confirmed("Original")
    body = {"type": "client_error", "errors": [{"code": "version_conflict", "detail": "Changed.", "attr": None}]}
    one.expect_errors(*CUT_OFF, r"status of 409")
    one.sockets.block()
    one.wait_for_state("polling")
    one.page.route("**/api/v1/messages/*", lambda route: route.fulfill(status=409, json=body))
    one.composer.press("ArrowUp")
    one.composer.fill("My version")
    one.composer.press("Enter")
    expect(one.page.get_by_role("alert").filter(has_text="changed meanwhile")).to_be_visible()
    expect(one.composer).to_have_value("My version")


def test_reply_quotes_and_leads_to_what_it_answers(scene: Scene) -> None:
    one, room, bo = scene
    bo.send(room, "Who has the keys?")
    one.see("Who has the keys?")
    one.line("Who has the keys?").hover()
    one.page.get_by_role("button", name="Reply").click()
    one.write("They are with me")
    one.see_confirmed("They are with me")
    quote = one.line("They are with me").locator(".quote")
    expect(quote).to_contain_text("Who has the keys?")
    quote.click()
    expect(one.page.locator("article.flash")).to_contain_text("Who has the keys?")


def test_what_is_written_offline_is_sent_once_when_the_network_is_back(
    server: Server, scene: Scene, screen: Screens
) -> None:
    one, room, _bo = scene
    one.wait_for_state("live")
    one.expect_errors(*CUT_OFF)
    one.sockets.block()
    one.context.set_offline(True)
    one.wait_for_state("offline")
    one.write("First from the tunnel")
    one.write("Second from the tunnel")
    expect(one.line("First from the tunnel").locator(".pending")).to_be_visible()
    expect(one.composer).to_have_value("")
    assert rows_of(server, room) == []
    one.sockets.unblock()
    one.context.set_offline(False)
    one.see_confirmed("First from the tunnel")
    one.see_confirmed("Second from the tunnel")
    one.wait_for_state("live", 60)
    assert [row[1] for row in rows_of(server, room)] == ["First from the tunnel", "Second from the tunnel"]
    assert [line["text"] for line in one.lines()] == ["First from the tunnel", "Second from the tunnel"]


def test_what_waits_survives_a_reload_and_is_sent_once(server: Server, scene: Scene) -> None:
    one, room, _bo = scene
    stop_sending(one, lambda route: route.abort())
    one.write("Sent before the reload")
    one.see("Sent before the reload")
    one.page.reload()
    one.wait_for_room(room)
    one.see("Sent before the reload")
    assert rows_of(server, room) == []
    one.page.unroute_all()
    one.sockets.unblock()
    one.see_confirmed("Sent before the reload")
    assert [row[1] for row in rows_of(server, room)] == ["Sent before the reload"]


def test_a_lost_answer_does_not_double_a_message(server: Server, scene: Scene) -> None:
    one, room, _bo = scene
    lost: list[int] = []

    def lose_the_first(route: Route) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.fetch().status)
        route.abort()

    stop_sending(one, lose_the_first)
    one.write("Said once")
    one.see_confirmed("Said once")
    assert lost == [201]
    assert [row[1] for row in rows_of(server, room)] == ["Said once"]
    assert [line["text"] for line in one.lines()] == ["Said once"]


def test_a_refused_message_can_be_retried_copied_and_deleted(server: Server, scene: Scene) -> None:
    one, room, _bo = scene
    one.context.grant_permissions(["clipboard-read", "clipboard-write"])
    one.expect_errors(r"status of 403")
    error = {"code": "permission_denied", "detail": "The room rests.", "attr": None}
    stop_sending(one, lambda route: route.fulfill(status=403, json={"type": "client_error", "errors": [error]}))
    one.write("Refused for now")
    one.write("Refused for good")
    failed = one.line("Refused for now")
    expect(failed.get_by_text("Not sent. The room rests.")).to_be_visible(timeout=WAIT)
    expect(one.page.locator("#spoken-failure")).to_contain_text("not sent")
    expect(one.page.locator(f'a.room[data-room="{room}"]')).to_contain_text("A message of yours was not sent")

    failed.get_by_role("button", name="Copy").click()
    expect(one.page.locator(".notice")).to_contain_text("Copied")
    assert one.page.evaluate("navigator.clipboard.readText()") == "Refused for now"
    gone = one.line("Refused for good")
    gone.get_by_role("button", name="Delete").click()
    expect(gone).to_have_count(0)

    one.page.unroute_all()
    failed.get_by_role("button", name="Retry").click()
    one.see_confirmed("Refused for now")
    assert [row[1] for row in rows_of(server, room)] == ["Refused for now"]


def test_the_counter_and_the_limit(scene: Scene) -> None:
    one, _room, _bo = scene
    send = one.page.get_by_role("button", name="Send")
    counter = one.page.locator(".composer-note")
    one.composer.fill("é" * 40_000)
    expect(counter).to_have_count(0)
    one.composer.fill("é" * 50_000)
    expect(counter).to_contain_text("100,000 of 100,000 bytes")
    expect(send).to_be_enabled()
    one.composer.fill("é" * 50_000 + "a")
    expect(counter).to_contain_text("too long")
    expect(send).to_be_disabled()
    one.composer.press("Enter")
    assert one.lines() == []
    one.composer.fill("é" * 50_000)
    one.composer.press("Enter")
    expect(one.page.locator("article[data-id]")).to_have_count(1, timeout=WAIT)
    expect(one.page.get_by_role("button", name="Show all of it")).to_be_visible()
