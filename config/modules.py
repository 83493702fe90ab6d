"""The ES modules of the app, under the hashed names that the static files storage gave them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.templatetags.static import static

ENTRY = "js/ui/main.js"
VENDOR_LIST = "vendor/imports.json"
# Not modules, or not of the app.
_APART = ("js/ui/theme.js",)


@cache
def import_map() -> str:
    """JSON of the import map: every bare name that our modules import, with its URL.

    Between our own modules imports are relative, and the storage has put the hashed names into
    them. Safe inside a script element: no text in it can close one.
    """
    names: dict[str, str] = json.loads(_read(VENDOR_LIST))
    text = json.dumps({"imports": {name: static(path) for name, path in names.items()}})
    return text.replace("<", "\\u003c")


@cache
def preloads() -> list[str]:
    """URLs of all modules that the app starts with.

    Naming them lets the browser fetch them side by side instead of one import after the other.
    """
    hashed: dict[str, str] = getattr(staticfiles_storage, "hashed_files", {})
    names = sorted(name for name in hashed if _is_started_with(name))
    return [static(name) for name in names]


def _is_started_with(name: str) -> bool:
    ours = name.startswith("js/") and name not in _APART
    library = name.startswith(("vendor/lit", "vendor/@lit/"))
    used = not library or "/directives/" not in name or f'"{name}"' in _read(VENDOR_LIST)
    return name.endswith(".js") and (ours or library) and used


@cache
def _read(name: str) -> str:
    collected = Path(settings.STATIC_ROOT) / name
    source = Path(settings.BASE_DIR) / "static" / name
    return (collected if collected.is_file() else source).read_text()
