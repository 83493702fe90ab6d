"""Every door of the server, from the code itself: Django's resolver, the raw routes, the topics.

Tests that hold for all doors walk this list, so that a new door is tested from the day it opens.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern

CANONICAL = "/api/v1/"
# Their patterns are made by Django's admin, which asks at every one of them who one is.
FOREIGN = ("admin/",)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")


@dataclass(frozen=True, slots=True, order=True)
class Door:
    """One method of one endpoint. ``paths`` are all that lead to it, the first one being its name."""

    path: str
    method: str
    paths: tuple[str, ...]

    @property
    def name(self) -> str:
        """As it stands in the tables."""
        return f"{self.method} {self.path}"


def http_doors() -> list[Door]:
    """All doors of HTTP, raw routes included."""
    found: dict[tuple[str, int], list[str]] = {}
    for path, methods, answerer in (*_of_django(get_resolver().url_patterns, "/"), *_of_raw_routes()):
        for method in methods:
            found.setdefault((method, answerer), []).append(path)
    doors: list[Door] = []
    for (method, _), paths in found.items():
        # /api/… and /api/v1/… are one door; so are the spellings of one raw route.
        spellings = sorted(paths, key=lambda path: (not path.startswith(CANONICAL), path))
        doors.extend(Door(group[0], method, tuple(group)) for group in _same_endpoint(spellings))
    return sorted(doors)


def socket_doors() -> list[tuple[str, str]]:
    """Every pattern of topics, and every push on one: (pattern, event), the event of a join being empty."""
    from realtime import topics

    handlers = [route.handler for route in topics._routes]
    joins = [(handler.pattern, "") for handler in (*handlers, topics._open)]
    return sorted(joins + [(handler.pattern, event) for handler in handlers for event in handler.pushes])


def _same_endpoint(paths: Sequence[str]) -> Iterable[list[str]]:
    """One view may serve several endpoints; those that differ by the base alone are one."""
    groups: dict[str, list[str]] = {}
    for path in paths:
        groups.setdefault(re.sub(r"^/(api/)?(v1/|chat/)?", "/", path), []).append(path)
    return groups.values()


def _of_django(patterns: Iterable[URLPattern | URLResolver], prefix: str) -> Iterator[tuple[str, Sequence[str], int]]:
    for pattern in patterns:
        route = prefix + _PARAMETER.sub(r"{\1}", str(pattern.pattern))
        if isinstance(pattern.pattern, RegexPattern):
            for path in sorted({path.rstrip("/") for path in expand(str(pattern.pattern).strip("^$"))}):
                yield prefix + path, _methods(pattern.callback), id(pattern.callback)
        elif isinstance(pattern, URLResolver):
            if str(pattern.pattern) not in FOREIGN:
                yield from _of_django(pattern.url_patterns, route)
        else:
            yield route, _methods(pattern.callback), id(getattr(pattern.callback, "cls", pattern.callback))


def _methods(view: Any) -> Sequence[str]:
    cls = getattr(view, "cls", None) or getattr(view, "view_class", None)
    if cls is None:
        # A function says what it takes by Django's decorators, which leave no trace: ask it all.
        return getattr(view, "methods", ("GET", "POST"))
    return [method for method in METHODS if hasattr(cls, method.lower()) and method.lower() in cls.http_method_names]


def _of_raw_routes() -> Iterator[tuple[str, Sequence[str], int]]:
    from core.raw import discover_routes

    for route in discover_routes():
        for path in expand(route.pattern):
            yield path, [method for method in METHODS if method in route.methods], id(route.handler)


def expand(pattern: str) -> list[str]:
    """All paths that a route's expression spells: groups, alternatives and ``?`` are followed, a named
    group or a class of characters is a parameter."""
    found, rest = _alternatives(pattern)
    if rest:
        raise ValueError(f"cannot read the route {pattern}")
    return found


def _alternatives(text: str) -> tuple[list[str], str]:
    found: list[str] = []
    while True:
        words, text = _sequence(text)
        found += words
        if not text.startswith("|"):
            return found, text
        text = text[1:]


def _sequence(text: str) -> tuple[list[str], str]:
    words = [""]
    while text and text[0] not in "|)":
        if text.startswith("(?P<"):
            name = text[4 : text.index(">")]
            part, text = ["{" + name + "}"], text[_closing(text) + 1 :]
        elif text.startswith("["):
            # Some characters, some times: a parameter without a name.
            part, text = ["{id}"], re.sub(r"^\[[^]]*\](?:[+*]|\{\d+\})?", "", text)
        elif text.startswith("(?:"):
            part, text = _alternatives(text[3:])
            text = text[1:]
        else:
            literal = text[1] if text[0] == "\\" else text[0]
            part, text = [literal], text[2 if text[0] == "\\" else 1 :]
        if text.startswith("?"):
            part, text = [*part, ""], text[1:]
        words = [word + more for word in words for more in part]
    return words, text


def _closing(text: str) -> int:
    depth = 0
    for index, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return index
    raise ValueError(f"unbalanced: {text}")
