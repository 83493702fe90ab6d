"""Debian packages that the tests need: installed where they are missing, or named clearly."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

POLICY = Path("/usr/sbin/policy-rc.d")

# Package: what shows that it, or its like, is there (a program, or a glob below /).
SIGNS = {
    "postgresql": "usr/lib/postgresql/*/bin/postgres",
    "redis-server": "usr/bin/redis-server",
    "chromium": "usr/bin/chromium",
    "fonts-noto-cjk": "usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "fonts-noto-color-emoji": "usr/share/fonts/truetype/noto/NotoColorEmoji.ttf",
}


class MissingPackagesError(Exception):
    """Packages are missing and could not be installed; says what to do."""


def missing(packages: Iterable[str]) -> list[str]:
    """Those of the packages that are not there."""
    return sorted({name for name in packages if not any(Path("/").glob(SIGNS[name]))})


def install(packages: Iterable[str]) -> None:
    """Install what is missing. Raises MissingPackagesError."""
    wanted = missing(packages)
    if not wanted:
        return
    by_hand = f"apt-get install {' '.join(wanted)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise MissingPackagesError(f"The tests need what these Debian packages bring. As root: {by_hand}")
    print(f"installing Debian packages: {' '.join(wanted)}", flush=True)
    policy_is_ours = not POLICY.exists()
    if policy_is_ours:
        # Servers that a package brings are not started: the tests start their own.
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    try:
        _apt("update", wanted, by_hand)
        _apt("install", wanted, by_hand)
    finally:
        if policy_is_ours:
            POLICY.unlink(missing_ok=True)
    if still := missing(wanted):
        raise MissingPackagesError(f"apt-get installed {' '.join(still)}, but what the tests use is not there.")


def _apt(verb: str, packages: list[str], by_hand: str) -> None:
    command = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300", verb]
    if verb == "install":
        command += ["--no-install-recommends", *packages]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
    )
    # An update may fail for one of many sources and still be enough: the installation decides.
    if done.returncode and verb == "install":
        raise MissingPackagesError(f"{by_hand} failed:\n{done.stdout[-3000:]}")
