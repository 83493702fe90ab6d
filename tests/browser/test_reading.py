"""Reading: history, the unread divider, the jumps, several tabs. Nothing moves under one's eyes."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Route, expect

from tests.browser.people import People
from tests.browser.screen import WAIT, Screen, Screens

# px by which a line may stand elsewhere after something was loaded
STILL = 2
# The first line that is wholly in view, and where it stands.
TOP_LINE = """() => {
  const scroller = document.querySelector(".timeline-scroll");
  const top = scroller.getBoundingClientRect().top;
  const lines = [...scroller.querySelectorAll("article[data-key]")];
  const line = lines.find((one) => one.getBoundingClientRect().top >= top);
  return { key: line.dataset.key, top: line.getBoundingClientRect().top, count: lines.length };
}"""
PLACE_OF = """(key) => document.querySelector(`article[data-key="${key}"]`).getBoundingClientRect().top"""
AT_FOOT = """() => document.querySelector(".timeline-scroll").scrollTop === 0"""


class Gate:
    """Requests that stop at it until it is opened."""

    def __init__(self) -> None:
        self.held: list[Route] = []
        self.is_open = False

    def pass_or_hold(self, route: Route) -> None:
        """What the page calls."""
        if self.is_open:
            route.continue_()
        else:
            self.held.append(route)

    def open(self) -> None:
        """Let all go."""
        self.is_open = True
        while self.held:
            self.held.pop().continue_()


def top_line(one: Screen) -> dict[str, Any]:
    found: dict[str, Any] = one.page.evaluate(TOP_LINE)
    return found


def scroll(one: Screen, pixels: int) -> None:
    one.page.locator(".timeline-scroll").hover()
    one.page.mouse.wheel(0, pixels)
    # Two frames: one in which the browser scrolls, one in which the app looks.
    one.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_earlier_messages_come_by_scrolling_and_nothing_jumps(person: People, screen: Screens) -> None:
    ada = person("Ada")
    room = ada.create_room("Archive")
    ada.send_many(room, 130, "Entry {} of the log")
    one = screen(ada, to=f"/rooms/{room}")
    gate = Gate()
    one.wait_for_room(room)
    one.see("Entry 130 of the log")
    one.page.route("**/messages?*before=*", gate.pass_or_hold)
    loaded = top_line(one)["count"]
    while not gate.held:
        scroll(one, -300)
    for _turn in range(10):
        one.page.wait_for_timeout(20)
    before = top_line(one)
    gate.open()
    one.page.wait_for_function("(count) => document.querySelectorAll('article[data-key]').length > count", arg=loaded)
    assert abs(one.page.evaluate(PLACE_OF, before["key"]) - before["top"]) <= STILL

    beginning = one.page.get_by_text("The conversation begins here.")
    for _turn in range(200):
        if beginning.count():
            break
        scroll(one, -600)
    expect(beginning).to_have_count(1)
    texts = [line["text"] for line in one.lines()]
    assert texts == [f"Entry {number} of the log" for number in range(1, 131)]


def test_messages_that_come_while_one_reads_above_do_not_move_it(person: People, screen: Screens) -> None:
    ada, bo = person("Ada"), person("Bo")
    room = ada.create_room("Harbour", bo)
    ada.send_many(room, 45)
    one = screen(ada, to=f"/rooms/{room}")
    one.wait_for_room(room)
    one.wait_for_state("live")
    one.see("Message 45")
    scroll(one, -900)
    before = top_line(one)
    bo.send(room, "Something new")
    button = one.page.locator(".jump-latest")
    expect(button).to_have_text("1 new message", timeout=WAIT)
    assert abs(one.page.evaluate(PLACE_OF, before["key"]) - before["top"]) <= STILL
    # It was not seen: the divider stands before it, and the room is unread.
    expect(one.page.locator(".unread-divider")).to_have_count(1)
    expect(one.page.locator(f'a.room[data-room="{room}"] .badge')).to_have_text("1")
    button.click()
    expect(one.line("Something new")).to_be_in_viewport()
    one.page.wait_for_function(AT_FOOT)
    expect(one.page.locator(f'a.room[data-room="{room}"] .badge')).to_have_count(0)
    # At the foot one follows what comes.
    bo.send(room, "And more")
    expect(one.line("And more")).to_be_in_viewport(timeout=WAIT)


def test_the_divider_stands_where_one_left_and_is_frozen(person: People, screen: Screens) -> None:
    ada, bo = person("Ada"), person("Bo")
    room = ada.create_room("Harbour", bo)
    ada.send(room, "Before")
    one = screen(ada)
    one.wait_for_state("live")
    for number in range(1, 4):
        bo.send(room, f"Missed {number}")
    row = one.page.locator(f'a.room[data-room="{room}"]')
    expect(row.locator(".badge")).to_have_text("3", timeout=WAIT)
    when = row.locator(".room-time").inner_text()
    expect(row).to_have_accessible_name(f"Harbour , 3 unread, {when} Bo: Missed 3")
    expect(one.page).to_have_title("(1) Parley")
    one.open_room(room)
    divided = "() => document.querySelector('.unread-divider').nextElementSibling.textContent.includes('Missed 1')"
    one.page.wait_for_function(divided)
    expect(row.locator(".badge")).to_have_count(0)
    bo.send(room, "While you read")
    one.see("While you read")
    assert one.page.evaluate(divided)
    one.write("My answer")
    one.see_confirmed("My answer")
    expect(one.page.locator(".unread-divider")).to_have_count(0)


def test_many_unread_messages_can_be_jumped_to(person: People, screen: Screens) -> None:
    ada, bo = person("Ada"), person("Bo")
    room = ada.create_room("Harbour", bo)
    ada.send(room, "The last that I read")
    bo.send_many(room, 115, "Unread {}")
    one = screen(ada, to=f"/rooms/{room}")
    one.wait_for_room(room)
    button = one.page.locator(".jump-unread")
    expect(button).to_have_text("115 new messages")
    button.click()
    first = one.page.locator("article[data-key]").get_by_text("Unread 1", exact=True)
    expect(first).to_be_in_viewport(timeout=WAIT)
    expect(button).to_have_count(0)
    one.page.locator("article[data-key]").first.focus()
    one.page.keyboard.press("End")
    expect(one.line("Unread 115")).to_be_in_viewport()
    expect(one.page.locator(f'a.room[data-room="{room}"] .badge')).to_have_count(0, timeout=WAIT)


def test_two_tabs_of_one_person_show_the_same(person: People, screen: Screens) -> None:
    ada, bo = person("Ada"), person("Bo")
    room = ada.create_room("Harbour", bo)
    first = screen(ada, to=f"/rooms/{room}")
    first.wait_for_room(room)
    second = Screen(first.context, first.base)
    second.go(f"/rooms/{room}")
    second.wait_for_room(room)
    for one in (first, second):
        one.wait_for_state("live")
    first.write("From the first tab")
    second.write("From the second tab")
    bo.send(room, "From somebody else")
    for one in (first, second):
        for text in ("From the first tab", "From the second tab", "From somebody else"):
            one.see_confirmed(text)
    assert first.lines() == second.lines()
    second.check_quiet()


def test_a_frame_that_got_lost_is_seen_as_a_hole_and_filled_in_place(person: People, screen: Screens) -> None:
    ada, bo = person("Ada"), person("Bo")
    room = ada.create_room("Harbour", bo)
    one = screen(ada, to=f"/rooms/{room}")
    one.wait_for_room(room)
    one.wait_for_state("live")
    bo.send(room, "Before it")
    one.see("Before it")
    gate = Gate()
    one.page.route(f"**/rooms/{room}/changes?*", gate.pass_or_hold)
    one.sockets.lose = "Lost on the way"
    bo.send(room, "Lost on the way")
    bo.send(room, "After it")
    one.see("After it")
    hole = one.page.locator(".hole")
    expect(hole).to_have_text("Fetching what is missing here")
    assert [line["text"] for line in one.lines()] == ["Before it", "After it"]
    assert one.line("Before it").evaluate("(line) => line.nextElementSibling.matches('.hole')")
    # What is known to be missing for longer is said at the top as well.
    expect(one.page.locator(".side-head .chip")).to_contain_text("Behind since", timeout=WAIT)
    gate.open()
    one.see("Lost on the way")
    expect(hole).to_have_count(0)
    assert [line["text"] for line in one.lines()] == ["Before it", "Lost on the way", "After it"]
    expect(one.page.locator(".side-head .chip")).to_have_text("Live")


def test_a_reload_shows_edits_and_recalls(person: People, screen: Screens) -> None:
    ada, bo = person("Ada"), person("Bo")
    room = ada.create_room("Harbour", bo)
    kept, edited, recalled = (bo.send(room, text)["id"] for text in ("Kept", "Edidet", "Recalled"))
    one = screen(ada, to=f"/rooms/{room}")
    one.wait_for_room(room)
    one.wait_for_state("live")
    bo.edit(edited, "Edited")
    bo.recall(recalled)
    expected = [(kept, "Kept", False, False), (edited, "Edited", True, False), (recalled, "", False, True)]
    for _look in range(2):
        expect(one.page.locator("article .recalled")).to_have_count(1, timeout=WAIT)
        shown = [(line["id"], line["text"], line["edited"], line["recalled"]) for line in one.lines()]
        assert shown == expected
        one.page.reload()
        one.wait_for_room(room)
