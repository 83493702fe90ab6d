#!/usr/bin/env python3
"""Copy the ES modules of the browser libraries from node_modules to static/vendor.

Bare names (``lit-html``) become relative paths, so that the import map of the page needs
nothing but the names that our own code imports, and so that the static files storage can give
every module a hashed name. ``static/vendor/imports.json`` lists those names, each with the path
of its file below ``static/``.

Only the standard library is used: it runs before anything else is known to work.
"""

import json
import os
import re
import shutil
import sys
from pathlib import Path, PurePosixPath

BASE = Path(__file__).resolve().parent.parent
MODULES = BASE / "node_modules"
VENDOR = BASE / "static" / "vendor"

# What our code may import by a bare name.
DIRECTIVES = [
    "cache",
    "class-map",
    "guard",
    "if-defined",
    "keyed",
    "live",
    "map",
    "ref",
    "repeat",
    "style-map",
    "unsafe-html",
    "until",
    "when",
]
ENTRIES = ["lit", "idb"] + ["lit/directives/%s.js" % name for name in DIRECTIVES]

# Copied whole: the typeface of the app, served by us and by nobody else.
TYPEFACE = "@fontsource-variable/source-sans-3"

# `import … from "x";`, `export … from "x";` and `import "x";` as minifiers write them.
STATEMENT = re.compile(
    r"""(?P<verb>\bimport|\bexport)(?P<what>\s*(?:\*(?:\s*as\s+[\w$]+)?|\{[^}]*\}|[\w$]+)\s*from)?\s*"""
    r"""(?P<quote>["'])(?P<name>[^"']+)(?P=quote)\s*;?"""
)
SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)
CONDITIONS = ("browser", "import", "default")


def fail(text):
    """Say what is wrong and stop."""
    sys.exit("vendor: " + text)


def choose(target):
    """The path that a browser gets from one value of a package's ``exports``."""
    while isinstance(target, dict):
        names = [name for name in CONDITIONS if name in target]
        if not names:
            return None
        target = target[names[0]]
    return target


def resolve(name):
    """The file below node_modules that the bare ``name`` means."""
    parts = name.split("/")
    cut = 2 if name.startswith("@") else 1
    package, rest = "/".join(parts[:cut]), "/".join(parts[cut:])
    folder = MODULES / package
    if not folder.is_dir():
        fail("%s is not installed. Run: make setup" % package)
    described = json.loads((folder / "package.json").read_text())
    exports = described.get("exports", {".": "./" + described.get("module", described.get("main", "index.js"))})
    target = choose(exports.get("./" + rest if rest else "."))
    if not isinstance(target, str):
        fail("%s offers nothing under the name %s" % (package, name))
    return PurePosixPath(package) / target


def rewrite(text, here, found):
    """Make every import of a module relative; note the modules that it names in ``found``."""

    def replace(match):
        name = match.group("name")
        beside = PurePosixPath(os.path.normpath(str(here.parent / name)))
        target = beside if name.startswith(".") else resolve(name)
        found.append(target)
        path = os.path.relpath(str(target), str(here.parent))
        path = path if path.startswith(".") else "./" + path
        what = (match.group("what") or "").strip()
        # Spaces and a semicolon: the storage that hashes names finds imports only so.
        return "%s %s '%s';" % (match.group("verb"), re.sub(r"\s*from$", " from", what), path)

    return SOURCE_MAP.sub("", STATEMENT.sub(replace, text))


def copy_modules(names):
    """Copy the modules named and all that they import; return {bare name: path below static/}."""
    imports = {name: resolve(name) for name in names}
    waiting, done = list(imports.values()), set()
    while waiting:
        module = waiting.pop()
        if module in done:
            continue
        done.add(module)
        found = []
        text = rewrite((MODULES / str(module)).read_text(), module, found)
        target = VENDOR / str(module)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        waiting.extend(found)
    for package in {"/".join(m.parts[: 2 if m.parts[0].startswith("@") else 1]) for m in done}:
        for licence in (MODULES / package).glob("LICENSE*"):
            shutil.copyfile(str(licence), str(VENDOR / package / licence.name))
    return {name: "vendor/%s" % path for name, path in imports.items()}


def copy_typeface():
    """Copy the typeface: its style sheet, its upright and italic files, its licence."""
    source, target = MODULES / TYPEFACE, VENDOR / TYPEFACE
    if not source.is_dir():
        fail("%s is not installed. Run: make setup" % TYPEFACE)
    target.mkdir(parents=True)
    for name in ("index.css", "wght-italic.css", "LICENSE"):
        shutil.copyfile(str(source / name), str(target / name))
    shutil.copytree(str(source / "files"), str(target / "files"))


def main():
    """Fill static/vendor anew."""
    shutil.rmtree(str(VENDOR), ignore_errors=True)
    VENDOR.mkdir(parents=True)
    imports = copy_modules(ENTRIES)
    copy_typeface()
    (VENDOR / "imports.json").write_text(json.dumps(imports, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
