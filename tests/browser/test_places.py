"""Places and panes: addresses, the back button, narrow and wide screens, rooms that come and go."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, expect

from tests.browser.people import People
from tests.browser.screen import WAIT, Screen, Screens

NARROW = {"width": 360, "height": 720}
MEDIUM = {"width": 900, "height": 720}
# Panes whose content is wider than they are.
TOO_WIDE = """() => [document.documentElement, ...document.querySelectorAll(
    ".side, .side-head, .side-rows, .pane, .pane-head, .timeline-scroll, .timeline-content, .composer, .panel"
  )].filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.className || one.tagName)"""
# What can be pressed must be 44 px high and wide, or have a larger area that takes the press.
SMALL_TARGETS = """() => [...document.querySelectorAll("button, a[href], input, select, textarea")]
  .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest(".text, .skip"))
  .map((one) => {
    const box = one.getBoundingClientRect();
    const after = getComputedStyle(one, "::after");
    const grown = after.position === "absolute" ? -parseFloat(after.top) - parseFloat(after.bottom) : 0;
    return { name: one.getAttribute("aria-label") ?? one.textContent.trim(), height: box.height + grown };
  })
  .filter((one) => one.height < 40)"""


def panes(one: Screen) -> list[str]:
    """Which panes are to be seen."""
    names = {"list": ".side", "main": ".pane", "people": ".panel"}
    return [name for name, place in names.items() if one.page.locator(place).is_visible()]


def test_back_button_on_a_narrow_screen(person: People, screen: Screens) -> None:
    ada = person("Ada")
    room = ada.create_room("Harbour")
    ada.send(room, "Hello")
    one = screen(ada, viewport=NARROW)
    assert panes(one) == ["list"]
    one.open_room(room)
    assert panes(one) == ["main"]
    one.page.get_by_role("button", name="Show the people").click()
    one.page.wait_for_url("**/members")
    expect(one.page.locator(".panel .member")).to_have_count(1)
    assert panes(one) == ["people"]
    one.page.go_back()
    one.wait_for_room(room)
    assert panes(one) == ["main"]
    one.page.go_back()
    one.page.wait_for_url(re.compile(r"/$"))
    assert panes(one) == ["list"]
    one.page.go_forward()
    one.see("Hello")
    assert panes(one) == ["main"]
    # The app's own arrow is the browser's button.
    one.page.get_by_role("button", name="Back to the list").click()
    one.page.wait_for_url(re.compile(r"/$"))
    one.page.go_forward()
    one.wait_for_room(room)


def test_arrow_back_where_the_app_was_entered_deep(person: People, screen: Screens) -> None:
    ada = person("Ada")
    room = ada.create_room("Harbour")
    one = screen(ada, to=f"/rooms/{room}/members", viewport=NARROW)
    one.page.get_by_role("button", name="Close").click()
    one.wait_for_room(room)
    one.page.get_by_role("button", name="Back to the list").click()
    one.page.wait_for_url(re.compile(r"/$"))
    assert panes(one) == ["list"]


def test_panes_by_width(person: People, screen: Screens) -> None:
    ada = person("Ada")
    room = ada.create_room("Harbour")
    one = screen(ada, to=f"/rooms/{room}")
    one.wait_for_room(room)
    one.page.wait_for_selector(".panel")
    assert panes(one) == ["list", "main", "people"]
    one.page.get_by_role("button", name="Hide the people").click()
    expect(one.page.locator(".panel")).to_have_count(0)
    one.page.set_viewport_size(MEDIUM)  # type: ignore[arg-type]  # a TypedDict of the same keys
    assert panes(one) == ["list", "main"]


def test_nothing_is_wider_than_the_screen(person: People, screen: Screens) -> None:
    long = "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewissenhaftschafers" * 2
    ada = person(long[:100])
    room = ada.create_room(long[:120])
    ada.send(room, "https://example.org/" + "a" * 300)
    ada.send(room, "```\n" + "wide " * 100 + "\n```")
    one = screen(ada, to=f"/rooms/{room}")
    for path in (f"/rooms/{room}", f"/rooms/{room}/members", "/"):
        one.go(path)
        one.page.wait_for_selector("a.room", state="attached")
        for width in (320, 360, 760, 1100, 1440):
            one.page.set_viewport_size({"width": width, "height": 700})
            assert one.page.evaluate(TOO_WIDE) == [], f"{path} at {width} px"


def test_targets_are_large_enough_for_fingers(person: People, screen: Screens) -> None:
    ada, bo = person("Ada"), person("Bo")
    room = ada.create_room("Harbour", bo)
    ada.send(room, "Hello")
    one = screen(ada, viewport=NARROW, has_touch=True, is_mobile=True)
    one.page.wait_for_selector("a.room")
    assert one.page.evaluate(SMALL_TARGETS) == []
    one.open_room(room)
    one.line("Hello").tap()
    expect(one.page.locator(".line-actions")).to_be_visible()
    assert one.page.evaluate(SMALL_TARGETS) == []


def test_a_room_that_is_not_there(person: People, screen: Screens) -> None:
    ada, bo = person("Ada"), person("Bo")
    private = bo.create_room("Bo's own")
    for room in (private, "0190a0b0-0000-7000-8000-0000000000ff"):
        one = screen(ada)
        one.expect_errors(r"status of 404")
        one.go(f"/rooms/{room}")
        expect(one.page.get_by_role("heading", name="There is no such room for you")).to_be_visible(timeout=WAIT)
        one.page.get_by_role("link", name="To your rooms").click()
        one.page.wait_for_url(re.compile(r"/$"))


def pick(one: Screen, name: str) -> None:
    """Find somebody in the people picker and choose them."""
    dialog = one.page.get_by_role("dialog")
    dialog.get_by_role("searchbox").fill(name)
    dialog.locator(".picker-found").get_by_role("button", name=name).click()


def test_a_group_is_made_and_its_people_change(person: People, screen: Screens) -> None:
    ada, bo, cy = person("Ada"), person("Bo of the harbour"), person("Cy of the hills")
    first, second = screen(ada), screen(bo)
    second.wait_for_state("live")
    first.page.get_by_role("button", name="New conversation").first.click()
    dialog = first.page.get_by_role("dialog")
    dialog.get_by_text("Group").click()
    dialog.get_by_label("Name", exact=True).fill("Night shift")
    pick(first, "Bo of the harbour")
    dialog.get_by_role("button", name="Create").click()
    first.page.wait_for_url("**/rooms/*")
    room = first.page.url.rsplit("/", 1)[-1]

    # It appears on the other's screen by itself.
    row = second.page.locator(f'a.room[data-room="{room}"]')
    expect(row).to_contain_text("Night shift", timeout=WAIT)
    row.click()
    second.wait_for_room(room)

    first.page.get_by_role("button", name="Add people").click()
    pick(first, "Cy of the hills")
    dialog.get_by_role("button", name="Add", exact=True).click()
    members = first.page.locator(".panel .member")
    expect(members).to_have_count(3, timeout=WAIT)
    expect(second.page.locator(".panel .member")).to_have_count(3, timeout=WAIT)

    open_member(first, "Bo of the harbour")
    dialog.get_by_label("Role").select_option("guest")
    expect(member(first, "Bo of the harbour")).to_contain_text("guest", timeout=WAIT)
    dialog.get_by_role("button", name="Close").click()
    expect(second.page.get_by_text("You can read here, but not write.")).to_be_visible(timeout=WAIT)

    open_member(first, "Bo of the harbour")
    dialog.get_by_role("button", name="Remove from the room").click()
    expect(members).to_have_count(2, timeout=WAIT)
    second.expect_errors(r"status of 40[34]")
    # Which of the two it says depends on what comes first: the word of it, or a refusal.
    away = re.compile("You are no longer in this room|There is no such room for you")
    expect(second.page.get_by_role("heading", name=away)).to_be_visible(timeout=WAIT)
    assert cy.call("GET", f"rooms/{room}")["name"] == "Night shift"


def member(one: Screen, name: str) -> Locator:
    return one.page.locator(".panel .member").filter(has_text=name)


def open_member(one: Screen, name: str) -> None:
    member(one, name).click()
    one.page.get_by_role("dialog").wait_for()


def test_an_invitation_link_and_leaving(person: People, screen: Screens) -> None:
    ada, bo = person("Ada"), person("Bo")
    room = ada.create_room("By invitation")
    first = screen(ada, to=f"/rooms/{room}")
    first.wait_for_room(room)
    first.page.get_by_role("button", name="Invitation link").click()
    field = first.page.get_by_role("dialog").get_by_label("Link")
    expect(field).to_have_value(re.compile(r"/invites/"))
    path = field.input_value().removeprefix(first.base)

    second = screen(bo, to=path)
    second.page.get_by_role("button", name="Join the room").click()
    second.wait_for_room(room)
    expect(second.page.get_by_role("heading", name="By invitation").first).to_be_visible()

    second.page.get_by_role("button", name="Leave the room").click()
    second.page.get_by_role("dialog").get_by_role("button", name="Leave").click()
    second.page.wait_for_url(re.compile(r"/$"))
    expect(second.page.locator("a.room")).to_have_count(0, timeout=WAIT)


def test_the_directory_and_joining(person: People, screen: Screens) -> None:
    ada, bo = person("Ada"), person("Bo")
    name = f"Open house {ada.username}"
    room = ada.create_room(name, kind="public")
    ada.send(room, "Come in")
    one = screen(bo)
    one.page.get_by_role("link", name="Directory", exact=True).click()
    one.page.get_by_label("Find a public room").fill(ada.username)
    one.page.get_by_role("button", name=f"Join {name}").click()
    one.wait_for_room(room)
    one.see("Come in")
    one.write("Thank you")
    one.see_confirmed("Thank you")


def test_filter_switcher_and_keys_between_rooms(person: People, screen: Screens) -> None:
    ada = person("Ada")
    rooms = {name: ada.create_room(name) for name in ("Alpha", "Beta", "Café Gamma")}
    for room in rooms.values():
        ada.send(room, "Hello")
    one = screen(ada)
    one.page.get_by_label("Find a room").fill("cafe")
    expect(one.page.locator("a.room")).to_have_count(1)
    one.page.keyboard.press("Enter")
    one.wait_for_room(rooms["Café Gamma"])
    one.page.get_by_label("Find a room").fill("no such thing")
    expect(one.page.get_by_text("No room of yours is called")).to_be_visible()
    one.page.get_by_label("Find a room").fill("")

    one.page.keyboard.press("Control+k")
    one.page.keyboard.type("alp")
    one.page.keyboard.press("Enter")
    one.wait_for_room(rooms["Alpha"])
    one.page.keyboard.press("Alt+ArrowUp")
    one.wait_for_room(rooms["Beta"])
    one.page.keyboard.press("Alt+ArrowDown")
    one.wait_for_room(rooms["Alpha"])
    one.page.keyboard.press("Escape")
    expect(one.composer).to_be_focused()
    one.page.locator(".side-me").focus()
    one.page.keyboard.press("?")
    expect(one.page.get_by_role("dialog")).to_contain_text("Keyboard shortcuts")
    one.page.keyboard.press("Escape")
    expect(one.page.get_by_role("dialog")).to_have_count(0)


def test_a_new_name_is_seen(person: People, screen: Screens) -> None:
    ada = person("Ada")
    one = screen(ada)
    one.page.get_by_role("button", name="Your profile and settings").click()
    one.page.get_by_label("Name that others see").fill("Ada King")
    one.page.get_by_role("button", name="Save").click()
    expect(one.page.locator(".side-me")).to_contain_text("Ada King")
    one.page.get_by_label("Light or dark").select_option("dark")
    expect(one.page.locator("html")).to_have_attribute("data-theme", "dark")
    one.page.reload()
    one.wait_for_app()
    expect(one.page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(one.page.locator(".side-me")).to_contain_text("Ada King")
