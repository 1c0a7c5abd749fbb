"""What it costs to keep history: the same sync of 1,000 changed rows with and without the log of changes and the earlier versions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

import django
from django.core.management import call_command
from django.db import transaction

from tests.benchmarks.report import Figure

ROWS = 1_000
TIMES = 5
AIM = 1.3


def history(folder: Path) -> Iterator[Figure]:
    """Against the same without."""
    scratch = {"DATABASE_URL": f"sqlite:///{folder / 'history.sqlite3'}", "DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [sys.executable, "-m", "tests.benchmarks.history"]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **scratch})
    told = json.loads(answer.stdout.splitlines()[-1])
    yield Figure(
        what=f"sync of {ROWS:,} changed rows, history kept",
        taken=told["with"],
        floor=told["without"],
        against="without",
        aim=AIM,
    )


def main() -> None:
    """In a process and a database of its own: prints median seconds of both."""
    django.setup()
    call_command("migrate", verbosity=0)
    from tests.sheetsync.world import filled_world

    with transaction.atomic():
        world, _intake, backlog = filled_world(ROWS)
        taken: dict[str, list[float]] = {"with": [], "without": []}
        for number in range(TIMES):
            for how in taken:
                _change_all(backlog, f"market {number} {how}")
                with _without_history() if how == "without" else nullcontext():
                    began = time.perf_counter()
                    world.sync()
                    taken[how].append(time.perf_counter() - began)
    sys.stdout.write(json.dumps({how: median(seconds) for how, seconds in taken.items()}) + "\n")


def _change_all(backlog: Any, market: str) -> None:
    place, first = backlog.columns["market"], backlog.header.row + 1
    for row in range(first, first + ROWS):
        backlog.book.set_cell("Backlog", row, place, market)


@contextmanager
def _without_history() -> Iterator[None]:
    from sheetsync.storage import Storage

    def only_count(storage: Any, *change: object, **more: object) -> None:
        storage.changed_records += 1

    with mock.patch.multiple(Storage, _keep_history=lambda *change, **more: None, _remember=only_count):
        yield


if __name__ == "__main__":
    main()
