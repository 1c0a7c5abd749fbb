"""One step of a benchmark in a process of its own, so that its time and its memory are its own.

Steps that belong together share a folder, and with it the workbooks and a database.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import django


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What one step took."""

    seconds: float  # of the action alone; starting the process isn't counted
    peak_mb: float  # the most memory that the process held, Python and every library included
    formulas: float = 0.0  # seconds of the action in which formulas were read, matched and evaluated


def measure(folder: Path, step: str, argument: object = "") -> Taken:
    """Runs a step of `actions.STEPS` in a fresh process. Raises CalledProcessError, with what it said, when it fails."""
    command = [sys.executable, "-m", "tests.benchmarks.steps", str(folder), step, str(argument)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=_environment(folder))
    return Taken(**json.loads(answer.stdout.splitlines()[-1]))


def database(folder: Path) -> Path:
    """The SQLite file of the steps in a folder."""
    return folder / "steps.sqlite3"


def _environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{database(folder)}",
        "DJANGO_SETTINGS_MODULE": "tests.settings",
    }


def main() -> None:
    """Carries out the step that the command line names: folder, step, its argument."""
    folder, step, argument = sys.argv[1:]
    django.setup()
    from tests.benchmarks.actions import STEPS, in_formulas

    seconds = STEPS[step](Path(folder), argument)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({"seconds": seconds, "peak_mb": peak, "formulas": in_formulas()}) + "\n")


if __name__ == "__main__":
    main()
