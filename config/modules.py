"""The ES modules of the app, under the hashed names that the static files storage gave them."""

from __future__ import annotations

import json
import posixpath
import re
from functools import cache
from pathlib import Path

from django.conf import settings
from django.templatetags.static import static

ENTRY = "js/ui/main.js"
VENDOR_LIST = "vendor/imports.json"
# What a module names: `import … from "x"`, `export … from "x"`, `import "x"`.
_IMPORTS = re.compile(r"""(?<![\w@.])(?:import|export)\b(?:[\w$\s{},*]+?\bfrom)?\s*["']([^"']+)["']""")


@cache
def import_map() -> str:
    """JSON of the import map: every bare name that our modules import, with its URL.

    Between our own modules imports are relative, and the storage has put the hashed names into
    them. Safe inside a script element: no text in it can close one.
    """
    text = json.dumps({"imports": {name: static(path) for name, path in _libraries().items()}})
    return text.replace("<", "\\u003c")


@cache
def preloads() -> list[str]:
    """URLs of all modules that the app starts with.

    Naming them lets the browser fetch them side by side instead of one import after the other.
    """
    found = {ENTRY}
    waiting = [ENTRY]
    while waiting:
        for name in _imports_of(waiting.pop()) - found:
            found.add(name)
            waiting.append(name)
    return [static(name) for name in sorted(found)]


def _imports_of(module: str) -> set[str]:
    libraries = _libraries()
    folder = posixpath.dirname(module)
    return {
        libraries.get(name) or posixpath.normpath(posixpath.join(folder, name))
        for name in _IMPORTS.findall(_source(module))
    }


@cache
def _libraries() -> dict[str, str]:
    names: dict[str, str] = json.loads(_source(VENDOR_LIST))
    return names


def _source(name: str) -> str:
    return (Path(settings.BASE_DIR) / "static" / name).read_text()
