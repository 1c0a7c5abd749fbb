"""`python -m tests.benchmarks [name ...]`: every figure beside its floor, measured in the same run in scratch folders."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import django


def main() -> None:
    """Runs the benchmarks that are named, or all of them."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    from tests.benchmarks.suite import SUITE

    wanted = sys.argv[1:] or list(SUITE)
    unknown = [name for name in wanted if name not in SUITE]
    if unknown:
        sys.exit(f"there is no benchmark {unknown[0]!r}; there are {', '.join(SUITE)}")
    for title in wanted:
        sys.stdout.write(f"\n{title}\n")
        with tempfile.TemporaryDirectory() as folder:
            for figure in SUITE[title](Path(folder)):
                sys.stdout.write(f"  {figure.line()}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
