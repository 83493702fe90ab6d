"""A real server, a real Chromium, and people who sit in front of it."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.people import People, Person
from tests.browser.screen import Screen, Screens
from tests.support.server import Server

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    *("--no-sandbox", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
WIDE = {"width": 1280, "height": 800}

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One installation for all tests here: each test makes people and rooms of its own."""
    # Short: the path of a Unix socket below it may have 107 bytes.
    home = Path(tempfile.mkdtemp(prefix="parley-b-"))
    with Server(home, env={"PARLEY_ENV": "production", "RATE_LIMITS_OFF_ON_LOOPBACK": "true"}) as server:
        yield server
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser; every screen has a context of its own in it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def person(server: Server) -> Iterator[People]:
    """Makes people: ``person("Ada Lovelace")``."""
    made: list[Person] = []

    def make(display_name: str) -> Person:
        made.append(Person(server.url, f"person-{next(_numbers)}", display_name))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def screen(server: Server, chromium: Browser) -> Iterator[Screens]:
    """Opens browsers: ``screen()``, ``screen(ada)`` signed in, with options of the context.

    At the end of the test each must have been quiet: no console error, nothing against the policy.
    """
    opened: list[Screen] = []

    def open_screen(signed_in: Person | None = None, *, to: str = "/", **options: Any) -> Screen:
        context = chromium.new_context(
            **{"viewport": WIDE, "locale": "en-GB", "timezone_id": "Europe/Prague", **options}
        )
        one = Screen(context, server.url)
        opened.append(one)
        if signed_in is not None:
            one.enter(signed_in, to)
        return one

    yield open_screen
    try:
        for one in opened:
            one.check_quiet()
    finally:
        for one in opened:
            one.context.close()
