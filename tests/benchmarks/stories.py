"""Stories on spreadsheets: people edit between any two requests while everything fails. What is lost, crossed or doubled is counted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import django

from tests.benchmarks.report import Figure

STORIES = 60  # `make stories` plays a thousand


def stories(folder: Path, count: int = STORIES) -> Iterator[Figure]:
    """The goal of every figure that has one is nought."""
    scratch = {"DATABASE_URL": f"sqlite:///{folder / 'stories.sqlite3'}", "DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [sys.executable, "-m", "tests.benchmarks.stories", str(count)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **scratch})
    told = json.loads(answer.stdout.splitlines()[-1])
    yield Figure(what=f"{count} stories: what people did that must outlast them", taken=told["edits"], unit="")
    yield Figure(what="edits lost, rows crossed, keys doubled", taken=told["faults"], aim=0, unit="")
    yield Figure(what="cells that end otherwise than without faults", taken=told["differences"], aim=0, unit="")
    yield Figure(what="edits in the very instant of a write, counted apart", taken=told["in_the_instant"], unit="")


def main() -> None:
    """In a process and a database of its own: prints counts as JSON."""
    django.setup()
    from django.core.management import call_command

    from tests.sheetsync.loopback import running
    from tests.sheetsync.story_ending import differences_without_faults, play_to_the_end
    from tests.sheetsync.story_on_spreadsheets import story_on_spreadsheets

    call_command("migrate", verbosity=0)
    told = {"edits": 0, "faults": 0, "differences": 0, "in_the_instant": 0}
    for seed in range(int(sys.argv[1])):
        with running() as loopback:
            ending = play_to_the_end(story_on_spreadsheets(loopback, seed), steps=8)
        told["edits"] += len(ending.edits)
        told["faults"] += len(ending.faults)
        told["differences"] += len(differences_without_faults(ending))
        told["in_the_instant"] += ending.in_the_instant
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
