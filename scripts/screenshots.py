"""``make screenshots``: pictures of the app, from a real server with the demo's people, in ``var/screenshots``.

``docs/img/app.png``, the picture of the README, is taken anew with ``--readme``.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.support.server import Server

BASE = Path(__file__).resolve().parent.parent
FOLDER = BASE / "var" / "screenshots"
README_PICTURE = BASE / "docs" / "img" / "app.png"
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SIZES: dict[str, ViewportSize] = {
    "wide": {"width": 1440, "height": 900},
    "medium": {"width": 900, "height": 700},
    "narrow": {"width": 360, "height": 740},
    "tiny": {"width": 320, "height": 640},
}
THEMES = ("light", "dark")
WHO = "anna"
# The demo says on the console how to sign in.
PASSWORD = re.compile(r"password for all: (.+)")
ROOM = "General"
DIALOGS = ("New conversation", "Your profile and settings", "Keyboard shortcuts")


@dataclass(frozen=True)
class Studio:
    """What a picture is taken with."""

    browser: Browser
    base: str
    password: str

    @contextmanager
    def page(self, size: str, theme: str, *, contrast: bool = False) -> Iterator[Page]:
        """A page of this size and theme."""
        context = self.browser.new_context(
            viewport=SIZES[size],
            color_scheme="dark" if theme == "dark" else "light",
            contrast="more" if contrast else "no-preference",
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="Europe/Prague",
        )
        page = context.new_page()
        page.route_web_socket("**/*", lambda route: route.connect_to_server())
        yield page
        context.close()

    def sign_in(self, page: Page) -> None:
        """Sign in at the door."""
        page.goto(f"{self.base}/signin")
        page.get_by_label("Username").fill(WHO)
        page.get_by_label("Password").fill(self.password)
        page.keyboard.press("Enter")
        page.wait_for_selector("a.room")

    def open_room(self, page: Page, name: str = ROOM) -> None:
        """Open a room and wait until it is drawn."""
        page.locator("a.room").filter(has_text=name).first.click()
        page.wait_for_selector("article[data-key]")
        page.wait_for_function("() => document.fonts.status === 'loaded'")
        page.wait_for_load_state("networkidle")


def take(page: Page, name: str) -> None:
    """Write a picture."""
    page.screenshot(path=FOLDER / f"{name}.png")
    print(f"  {name}.png")


def doors(studio: Studio) -> None:
    """What one sees before the app."""
    for theme in THEMES:
        with studio.page("narrow", theme) as page:
            page.goto(f"{studio.base}/signin")
            take(page, f"sign-in-{theme}")
            page.get_by_label("Username").fill("nobody")
            page.get_by_label("Password").fill("not this")
            page.keyboard.press("Enter")
            page.wait_for_selector("[role=alert]")
            take(page, f"sign-in-wrong-{theme}")
            page.goto(f"{studio.base}/register")
            take(page, f"register-{theme}")


def rooms(studio: Studio) -> None:
    """List, timeline and people, in every size."""
    for theme in THEMES:
        for size in SIZES:
            with studio.page(size, theme) as page:
                studio.sign_in(page)
                take(page, f"list-{size}-{theme}")
                studio.open_room(page)
                take(page, f"room-{size}-{theme}")
                page.goto(page.url.rstrip("/") + "/members")
                page.wait_for_selector(".panel .member")
                take(page, f"people-{size}-{theme}")
                page.goto(f"{studio.base}/directory")
                page.wait_for_selector(".directory .directory-room, .directory .state")
                take(page, f"directory-{size}-{theme}")


def dialogs(studio: Studio) -> None:
    """What opens over the app."""
    for size in ("wide", "narrow"):
        with studio.page(size, "light") as page:
            studio.sign_in(page)
            for name in DIALOGS:
                page.get_by_role("button", name=name).first.click()
                page.get_by_role("dialog").wait_for()
                page.wait_for_load_state("networkidle")
                take(page, f"dialog-{name.lower().replace(' ', '-')}-{size}")
                page.keyboard.press("Escape")
            page.keyboard.press("Control+k")
            page.get_by_role("option").first.wait_for()
            take(page, f"dialog-switcher-{size}")


def troubles(studio: Studio) -> None:
    """Bad news: no socket, no network, no such room; and high contrast."""
    for size in ("wide", "narrow"):
        with studio.page(size, "light") as page:
            page.route_web_socket("**/*", lambda route: route.close(code=3000))
            studio.sign_in(page)
            studio.open_room(page)
            page.wait_for_selector('[data-state="polling"]', state="attached")
            take(page, f"polling-{size}")
            page.context.set_offline(True)
            page.locator("#composer-text").fill("This waits for the network")
            page.keyboard.press("Enter")
            page.wait_for_selector('[data-state="offline"]', state="attached")
            page.locator(".pending").wait_for()
            take(page, f"offline-{size}")
            page.context.set_offline(False)
            page.goto(f"{studio.base}/rooms/0190a0b0-0000-7000-8000-0000000000ff")
            page.get_by_text("There is no such room").wait_for()
            take(page, f"no-such-room-{size}")
        for theme in THEMES:
            with studio.page(size, theme, contrast=True) as page:
                studio.sign_in(page)
                studio.open_room(page)
                take(page, f"contrast-{size}-{theme}")


def readme(studio: Studio) -> None:
    """The picture of the README."""
    with studio.page("wide", "light") as page:
        studio.sign_in(page)
        studio.open_room(page)
        README_PICTURE.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=README_PICTURE)
        print(f"  {README_PICTURE.relative_to(BASE)}")


def main() -> None:
    """Take them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readme", action="store_true", help="take only the picture of the README")
    steps: list[Callable[[Studio], None]] = [doors, rooms, dialogs, troubles]
    if parser.parse_args(sys.argv[1:]).readme:
        steps = [readme]
    FOLDER.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="parley-s-"))
    try:
        with Server(home) as server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            found = PASSWORD.search(server.output())
            if not found:
                raise SystemExit(f"The demo did not say how to sign in:\n{server.output()}")
            for step in steps:
                step(Studio(browser, server.url, found[1].strip()))
            browser.close()
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
