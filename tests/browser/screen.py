"""One person's browser: what they do in it, what they see, and what it told the console."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Request, WebSocketRoute, expect

from tests.browser.people import PASSWORD, Person

# Generous: two cores, other suites beside.
WAIT = 20_000
SOCKETS = re.compile(r"/socket/|/ws(\?|$)|/realtime/")
CATCH_VIOLATIONS = """
  window.violations = [];
  document.addEventListener("securitypolicyviolation", (event) => {
    window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
  });
"""
# One line for each message of the timeline, as it stands in the document.
READ_LINES = """() => [...document.querySelectorAll("article[data-key]")].map((line) => ({
  id: line.dataset.id ?? "",
  text: line.querySelector(".text")?.innerText.trim() ?? "",
  recalled: line.querySelector(".recalled") !== null,
  edited: line.querySelector(".edited") !== null,
}))"""


@dataclass
class Asked:
    """One request of the page."""

    method: str
    path: str
    begun: float
    ended: float = 0.0


@dataclass
class Sockets:
    """The WebSockets of a page, which can be blocked as a proxy blocks them."""

    blocked: bool = False
    # Frames from the server with this text in them do not arrive.
    lose: str = ""
    open: list[WebSocketRoute] = field(default_factory=list)
    tried: int = 0

    def handle(self, route: WebSocketRoute) -> None:
        """Let a new socket through, or end it."""
        self.tried += 1
        if self.blocked:
            route.close(code=3000, reason="blocked by the test")
            return
        server = route.connect_to_server()
        server.on_message(lambda frame: None if self._is_lost(frame) else route.send(frame))
        self.open.append(route)

    def _is_lost(self, frame: str | bytes) -> bool:
        return bool(self.lose) and isinstance(frame, str) and self.lose in frame

    def block(self) -> None:
        """End what is open and let nothing through any more."""
        self.blocked = True
        while self.open:
            self.open.pop().close(code=3000, reason="blocked by the test")

    def unblock(self) -> None:
        """Let new sockets through again."""
        self.blocked = False


class Screen:
    """A page and what can be done and seen on it."""

    def __init__(self, context: BrowserContext, base: str) -> None:
        self.context = context
        self.base = base
        self.page: Page = context.new_page()
        self.page.set_default_timeout(WAIT)
        self.sockets = Sockets()
        self.asked: list[Asked] = []
        self.errors: list[str] = []
        self.expected: list[str] = []
        self._under_way: dict[Request, Asked] = {}
        self.page.add_init_script(CATCH_VIOLATIONS)
        self.page.route_web_socket(SOCKETS, self.sockets.handle)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.errors.append(f"page error: {error}"))
        self.page.on("request", self._begun)
        self.page.on("requestfinished", self._ended)
        self.page.on("requestfailed", self._ended)

    # --- what it told ------------------------------------------------------------------

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.errors.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def _begun(self, request: Request) -> None:
        asked = Asked(request.method, urlsplit(request.url).path, time.monotonic())
        self.asked.append(asked)
        self._under_way[request] = asked

    def _ended(self, request: Request) -> None:
        asked = self._under_way.pop(request, None)
        if asked:
            asked.ended = time.monotonic()

    def expect_errors(self, *patterns: str) -> None:
        """What the console may say in this test, and why is clear from the test."""
        self.expected += patterns

    def check_quiet(self) -> None:
        """The console said nothing that was not expected, and the policy was not broken."""
        if not self.page.is_closed():
            self.errors += [f"CSP: {text}" for text in self.page.evaluate("window.violations ?? []")]
        surprises = [text for text in self.errors if not any(re.search(known, text) for known in self.expected)]
        assert not surprises, "\n".join(surprises[:8])

    # --- moving ------------------------------------------------------------------------

    def go(self, path: str) -> None:
        """Load an address."""
        self.page.goto(self.base + path)

    def enter(self, person: Person, to: str) -> None:
        """Be signed in already, and wait for the app."""
        self.context.add_cookies([person.cookie()])
        self.go(to)
        self.wait_for_app()

    def sign_in(self, person: Person, *, to: str = "/") -> None:
        """Sign in at the door and wait for the app."""
        self.go(f"/signin?next={to}")
        self.page.get_by_label("Username").fill(person.username)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        self.wait_for_app()

    def wait_for_app(self) -> None:
        """The frame stands."""
        self.page.wait_for_selector(".frame")

    def open_room(self, room_id: str) -> None:
        """Open a room by its row in the list, and wait for its timeline or its emptiness."""
        self.page.locator(f'a.room[data-room="{room_id}"]').click()
        self.wait_for_room(room_id)

    def wait_for_room(self, room_id: str) -> None:
        """The room's pane stands and is loaded."""
        self.page.wait_for_url(f"**/rooms/{room_id}*")
        self.page.wait_for_selector(".timeline, .timeline-state .state h2")

    # --- writing -----------------------------------------------------------------------

    @property
    def composer(self) -> Locator:
        """Where one writes."""
        return self.page.locator("#composer-text")

    def write(self, text: str) -> None:
        """Type a message and send it with Enter."""
        self.composer.fill(text)
        self.composer.press("Enter")

    # --- seeing ------------------------------------------------------------------------

    def lines(self) -> list[dict[str, Any]]:
        """The timeline as it stands in the document."""
        found: list[dict[str, Any]] = self.page.evaluate(READ_LINES)
        return found

    def line(self, text: str) -> Locator:
        """The line with this text."""
        return self.page.locator("article[data-key]").filter(has_text=text)

    def see(self, text: str) -> None:
        """Wait until exactly one line has this text."""
        expect(self.line(text)).to_have_count(1, timeout=WAIT)

    def see_confirmed(self, text: str) -> None:
        """Wait until exactly one line has this text and the server has it."""
        expect(self.line(text).and_(self.page.locator("[data-id]"))).to_have_count(1, timeout=WAIT)

    def wait_for_state(self, state: str, seconds: float = 20) -> None:
        """Wait for a state of the connection chip: live, polling, reconnecting, offline."""
        chip = self.page.locator(f'.side-head .chip[data-state="{state}"]')
        expect(chip).to_have_count(1, timeout=seconds * 1000)


Screens = Callable[..., Screen]
