"""Two people chat, one of them loses WebSocket and goes on by polling, and nothing gets lost or doubled."""

from __future__ import annotations

import time

from playwright.sync_api import expect

from tests.browser.people import People, rows_of
from tests.browser.screen import WAIT, Asked, Screen, Screens
from tests.support.server import Server

# The app asks the open room's meta every 2.5 s and its own every 10 s: at least one turn of each.
QUIET_SECONDS = 12.0
SETTLED_SECONDS = 1.0
POLLING_WITHIN = 5.0


def test_two_browsers_chat_over_socket_and_polling(server: Server, person: People, screen: Screens) -> None:
    ada, bo = person("Ada"), person("Bo")
    room = ada.create_room("Harbour", bo)
    first, second = screen(ada, to=f"/rooms/{room}"), screen(bo, to=f"/rooms/{room}")
    for one in (first, second):
        one.wait_for_room(room)
        one.wait_for_state("live")

    chat_live(first, second)
    lose_the_socket(second)
    quiet_polling(second)
    chat_while_polling(first, second)
    return_to_the_socket(first, second)

    expected = rows_of(server, room)
    assert len({row[0] for row in expected}) == len(expected) == 8
    for one in (first, second):
        shown = [(line["id"], line["text"], line["recalled"]) for line in one.lines()]
        assert shown == expected


def chat_live(first: Screen, second: Screen) -> None:
    first.write("Good morning")
    second.see("Good morning")
    second.write("Morning! Is the tide in?")
    first.see("Morning! Is the tide in?")
    first.write("Yes, sice six")
    second.see_confirmed("Yes, sice six")
    first.write("This was for somebody else")
    second.see_confirmed("This was for somebody else")


def lose_the_socket(second: Screen) -> None:
    second.expect_errors(r"WebSocket")
    second.sockets.block()
    second.wait_for_state("polling", POLLING_WITHIN)


def quiet_polling(second: Screen) -> None:
    """While nothing changes only meta is asked, and one at a time."""
    wait_for_rest(second)
    start = time.monotonic()
    second.page.wait_for_timeout(QUIET_SECONDS * 1000)
    asked = [one for one in second.asked if one.begun >= start]
    other = [f"{one.path} after {one.begun - start:.1f} s" for one in asked if not one.path.endswith("/meta")]
    assert other == []
    assert len([one for one in asked if "/rooms/" in one.path]) >= 2
    assert most_at_once(asked) == 1


def wait_for_rest(second: Screen) -> None:
    """What the turn to polling itself asked for is over, and the polls have begun."""
    deadline = time.monotonic() + 60
    while not at_rest(second):
        assert time.monotonic() < deadline, f"it goes on asking: {second.asked[-10:]}"
        second.page.wait_for_timeout(100)


def at_rest(second: Screen) -> bool:
    """One's own stream was polled (every 10 s) after the last other request, and that asked for nothing:
    marking what came last as read is a change too, which that poll is the first to see."""
    others = [one for one in second.asked if not one.path.endswith("/meta")]
    if not all(one.ended for one in others):
        return False
    last = max((one.begun for one in others), default=0.0)
    polled = [one for one in second.asked if one.path.endswith("/me/meta") and one.begun > last]
    return any(0 < one.ended <= time.monotonic() - SETTLED_SECONDS for one in polled)


def most_at_once(asked: list[Asked]) -> int:
    moments = sorted([(one.begun, 1) for one in asked] + [(one.ended or time.monotonic(), -1) for one in asked])
    under_way = most = 0
    for _moment, step in moments:
        under_way += step
        most = max(most, under_way)
    return most


def chat_while_polling(first: Screen, second: Screen) -> None:
    first.write("Can you still read this?")
    second.see_confirmed("Can you still read this?")

    # ↑ takes the newest of one's own that is not the recalled one; edit it, recall another.
    first.composer.press("ArrowUp")
    first.composer.fill("Can you still read me?")
    first.composer.press("Enter")
    second.see("Can you still read me?")
    expect(second.line("Can you still read me?").locator(".edited")).to_have_count(1, timeout=WAIT)

    first.line("This was for somebody else").hover()
    first.page.get_by_role("button", name="Recall for everyone").click()
    first.page.get_by_role("dialog").get_by_role("button", name="Recall").click()
    expect(second.page.locator("article .recalled")).to_have_count(1, timeout=WAIT)
    assert second.line("This was for somebody else").count() == 0

    second.write("Every word, by polling")
    second.see_confirmed("Every word, by polling")
    first.see_confirmed("Every word, by polling")
    second.write("And twice")
    first.see_confirmed("And twice")


def return_to_the_socket(first: Screen, second: Screen) -> None:
    second.sockets.unblock()
    second.wait_for_state("live", 60)
    first.write("Welcome back to the fast lane")
    second.see_confirmed("Welcome back to the fast lane")
    first.see_confirmed("Welcome back to the fast lane")
