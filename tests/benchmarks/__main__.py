"""`python -m tests.benchmarks`: every figure beside its floor, measured in the same run on a scratch database."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path


def main() -> None:
    """Runs the benchmarks that are named, or all of them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ.setdefault("DATABASE_URL", f"sqlite:///{folder}/bench.sqlite3")
        os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
        import django

        django.setup()
        from django.core.management import call_command

        from tests.benchmarks.suite import SUITE

        call_command("migrate", verbosity=0)
        for title, figures in SUITE.items():
            if len(sys.argv) < 2 or title in sys.argv[1:]:
                sys.stdout.write(f"\n{title}\n")
                for figure in figures(folder):
                    sys.stdout.write(figure.line() + "\n")
                    sys.stdout.flush()


if __name__ == "__main__":
    main()
