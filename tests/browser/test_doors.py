"""The way in and the way out: signing in, registering, signing out, being shut out."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import httpx
from playwright.sync_api import expect

from tests.browser.people import PASSWORD, People, Person
from tests.browser.screen import WAIT, Screen, Screens
from tests.support import places
from tests.support.server import OURS, Server

# Chromium writes every answer of this status to the console; it is how the app learns that nobody is signed in.
NOT_SIGNED_IN = r"status of 401"
REFUSED_FORM = r"status of 400"

BAN = """
import sys
from accounts.models import Role, User
from accounts.services.credentials import register_user
from accounts.services.standing import ban_user
name, target, password = sys.argv[-3:]
actor = register_user(username=name, password=password, role=Role.MODERATOR)
ban_user(actor=actor, user_id=User.objects.get(username=target).pk, reason="The test says so.")
"""


def ban(server: Server, person: Person) -> None:
    """Ban somebody, as the moderators' pages do it: in another process than the one that holds the sockets."""
    kept = {name: value for name, value in os.environ.items() if name not in OURS}
    environment = {**kept, "PARLEY_HOME": str(server.home), "PARLEY_ENV": "production"}
    prelude = "import os, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'config.settings'; django.setup()\n"
    code = [sys.executable, "-c", prelude + BAN, f"mod-{person.username}", person.username, PASSWORD]
    done = subprocess.run(
        code, check=False, cwd=places.ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_the_shell_is_for_everybody_and_strict(server: Server) -> None:
    answers = [
        httpx.get(server.url + path) for path in ("/", "/directory", "/rooms/0190a0b0-0000-7000-8000-0000000000ff")
    ]
    nonces = []
    for answer in answers:
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        nonces += re.findall(r"'nonce-([^']+)'", policy)
        # The import map is the only inline script, and the nonce is on nothing else.
        inline = re.findall(r"<script(?![^>]*\ssrc=)[^>]*>", answer.text)
        assert inline == [f'<script type="importmap" nonce="{nonces[-1]}">']
        assert answer.text.count(nonces[-1]) == 1
    assert len(set(nonces)) == len(answers)
    bodies = {answer.text.replace(nonce, "") for answer, nonce in zip(answers, nonces, strict=True)}
    assert len(bodies) == 1, "the shell is the same for every address"


def test_sign_in_tells_what_is_wrong_and_leads_back(person: People, screen: Screens) -> None:
    ada = person("Ada")
    room = ada.create_room("Harbour")
    one = screen()
    one.expect_errors(NOT_SIGNED_IN, REFUSED_FORM)
    one.go(f"/rooms/{room}")
    one.page.wait_for_url("**/signin?next=*")
    one.page.get_by_label("Username").fill(ada.username)
    one.page.get_by_label("Password").fill("not the passphrase")
    one.page.keyboard.press("Enter")
    expect(one.page.get_by_role("alert")).to_have_text("The username or the password is not right.")
    expect(one.page.get_by_label("Username")).to_have_value(ada.username)
    expect(one.page.get_by_label("Password")).to_have_value("")
    one.page.get_by_label("Password").fill(PASSWORD)
    one.page.keyboard.press("Enter")
    one.wait_for_room(room)


def test_sign_in_leads_to_no_other_site(person: People, screen: Screens) -> None:
    ada = person("Ada")
    for wanted in ("//evil.example/x", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"):
        one = screen()
        one.sign_in(ada, to=wanted)
        assert one.page.url == f"{one.base}/"


def test_register(person: People, screen: Screens) -> None:
    taken = person("Ada").username
    one = screen()
    one.expect_errors(REFUSED_FORM)
    one.go("/signin")
    one.page.get_by_role("link", name="Create one").click()
    name, password = one.page.get_by_label("Username"), one.page.get_by_label("Password")
    name.fill(taken)
    password.fill(PASSWORD)
    one.page.keyboard.press("Enter")
    expect(one.page.get_by_text("This username is taken.")).to_be_visible()
    expect(name).to_have_attribute("aria-invalid", "true")
    described = str(name.get_attribute("aria-describedby")).split()
    assert any("taken" in one.page.locator(f"#{place}").inner_text() for place in described)
    name.fill(f"{taken}-new")
    password.fill("12345678")
    one.page.keyboard.press("Enter")
    expect(one.page.get_by_text("too common")).to_be_visible()
    one.page.get_by_label("Your name").fill("林美玲")
    password.fill(PASSWORD)
    one.page.keyboard.press("Enter")
    one.wait_for_app()
    expect(one.page.locator(".side-me")).to_contain_text("林美玲")
    expect(one.page.get_by_text("No conversations yet")).to_be_visible()


def test_first_run_link_makes_the_first_admin_once(server: Server, screen: Screens) -> None:
    found = re.search(r"http://\S+/first-run\?token=\S+", server.output())
    assert found
    one = screen()
    one.expect_errors(r"status of 403")
    one.page.goto(found[0])
    one.page.get_by_label("Username").fill("first-admin")
    one.page.get_by_label("Password").fill(PASSWORD)
    one.page.keyboard.press("Enter")
    one.wait_for_app()
    one.page.goto(found[0])
    expect(one.page.get_by_role("heading", name="This link does not work")).to_be_visible()


def open_profile(one: Screen) -> None:
    one.page.get_by_role("button", name="Your profile and settings").click()


def test_sign_out_here_leaves_the_other_device_alone(person: People, screen: Screens) -> None:
    ada = person("Ada")
    room = ada.create_room("Harbour")
    here, there = screen(ada), screen(ada, to=f"/rooms/{room}")
    open_profile(here)
    here.page.get_by_role("button", name="Sign out", exact=True).click()
    here.page.wait_for_url("**/signin*")
    here.expect_errors(NOT_SIGNED_IN)
    here.go("/")
    here.page.wait_for_url("**/signin*")
    there.wait_for_room(room)
    there.write("Still here")
    there.see_confirmed("Still here")


def test_sign_out_everywhere_ends_the_other_tab_at_once(person: People, screen: Screens) -> None:
    ada = person("Ada")
    here, there = screen(ada), screen(ada)
    there.wait_for_state("live")
    there.expect_errors(NOT_SIGNED_IN)
    open_profile(here)
    here.page.get_by_role("button", name="Sign out everywhere").click()
    here.page.wait_for_url("**/signin*")
    there.page.wait_for_url("**/signin*", timeout=WAIT)
    expect(there.page.get_by_role("status")).to_contain_text("You were signed out")


def test_a_ban_ends_the_session_at_once(server: Server, person: People, screen: Screens) -> None:
    mallory = person("Mallory")
    one = screen(mallory)
    one.wait_for_state("live")
    one.expect_errors(NOT_SIGNED_IN, r"status of 403")
    ban(server, mallory)
    one.page.wait_for_url("**/signin*", timeout=WAIT)
    expect(one.page.get_by_role("status")).to_contain_text("banned")
    one.page.get_by_label("Username").fill(mallory.username)
    one.page.get_by_label("Password").fill(PASSWORD)
    one.expect_errors(REFUSED_FORM)
    one.page.keyboard.press("Enter")
    expect(one.page.get_by_role("alert")).to_contain_text("banned")


def test_pages_that_are_not_there(server: Server, screen: Screens) -> None:
    one = screen()
    one.expect_errors(r"status of 404")
    one.go("/no/such/page")
    expect(one.page.get_by_role("heading", name="There is no such page")).to_be_visible()
    answer = httpx.get(f"{server.url}/api/v1/no/such/path", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["code"] == "not_found"
