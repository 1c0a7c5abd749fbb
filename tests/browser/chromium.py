"""The browser that the tests drive: a chromium that is there, else one that can be had.

`python -m tests.browser.chromium` sees to it before the tests, as `make test` does, and says so where none can be had.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

# As root, on a machine without a network: chromium would refuse to run, or flood the network with look-ups.
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
    # The same letters on every machine, as far as its fonts allow.
    *("--font-render-hinting=none", "--force-color-profile=srgb", "--hide-scrollbars"),
)
_NAMES = ("chromium", "chromium-browser")
_INSTALLS_WITHIN_S = 600


class NoBrowser(Exception):
    """There is no chromium, and none can be had. The text says what to do."""


def find() -> str:
    """Path of a chromium that is there. Raises NoBrowser."""
    found = _on_path() or _playwrights_own()
    if not found:
        raise NoBrowser(
            "The browser tests need chromium, and there is none. Install it (Debian, Ubuntu: apt install chromium; "
            "anywhere: .venv/bin/playwright install chromium), then run make test again."
        )
    return found


def see_to_it() -> str:
    """Path of a chromium; fetched if it must be. Raises NoBrowser."""
    for attempt in (None, _fetch_playwrights_own, _fetch_debians):
        if attempt is not None:
            attempt()
        found = _on_path() or _playwrights_own()
        if found:
            return found
    return find()


def _on_path() -> str:
    return next(filter(None, map(shutil.which, _NAMES)), "")


def _playwrights_own() -> str:
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else ""


def _fetch_playwrights_own() -> None:
    _try([sys.executable, "-m", "playwright", "install", "chromium"])


def _fetch_debians() -> None:
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _try(["apt-get", "update", "-q"])
        _try(["apt-get", "install", "-q", "-y", "--no-install-recommends", "chromium"])


def _try(argv: list[str]) -> None:
    """What comes of it shows in whether there is a browser then."""
    print("Fetching a browser for the tests:", *argv, file=sys.stderr)
    try:
        subprocess.run(argv, check=False, timeout=_INSTALLS_WITHIN_S, stdout=sys.stderr)
    except (OSError, subprocess.TimeoutExpired) as problem:
        print(problem, file=sys.stderr)


if __name__ == "__main__":
    try:
        see_to_it()
    except NoBrowser as problem:
        sys.exit(str(problem))
