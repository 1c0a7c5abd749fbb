"""Deliveries of tasks: doubled, late, overlapping, with workers that die. One effect each, and what each delivery costs."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import django

from tests.benchmarks.report import Figure

DELIVERIES = 10_000
UNDISTURBED = 500
SEED = 2026


def delivering(folder: Path) -> Iterator[Figure]:
    """The floor: as many runs that are asked for and delivered once, with nothing going wrong."""
    scratch = {"DATABASE_URL": f"sqlite:///{folder / 'deliveries.sqlite3'}", "DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [sys.executable, "-m", "tests.benchmarks.delivering"]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **scratch})
    told = json.loads(answer.stdout.splitlines()[-1])
    yield Figure(
        what=f"{told['deliveries']:,} deliveries of {told['runs']:,} runs, one effect each",
        taken=told["taken"],
        floor=told["undisturbed"] * DELIVERIES / UNDISTURBED,
    )


def main() -> None:
    """In a process and a database of its own: prints seconds and counts. Fails when a run had more or less than one effect."""
    django.setup()
    import time_machine
    from django.core.management import call_command
    from django.db import transaction
    from django.utils import timezone

    from sheetsync.models import ActionRun
    from tests.sheetsync.deliveries import Day, effects

    logging.getLogger("sheetsync").setLevel(logging.ERROR)  # that runs break off is what this is about
    call_command("migrate", verbosity=0)
    with transaction.atomic():
        undisturbed = _undisturbed()
        with time_machine.travel(timezone.now(), tick=False) as clock:
            day = Day(seed=SEED, advance=lambda seconds: clock.shift(seconds))
            began = time.perf_counter()
            day.go(DELIVERIES)
            taken = time.perf_counter() - began
        runs = list(ActionRun.objects.filter(run_id__in=day.runs))
        wrong = [run for run in runs if effects(run) > 1 or (run.status == ActionRun.Status.SUCCESS) > effects(run)]
        if wrong:
            sys.exit(f"not one effect: {', '.join(map(str, wrong))} (seed {SEED})")
    told = {"undisturbed": undisturbed, "taken": taken, "deliveries": day.deliveries, "runs": len(runs)}
    sys.stdout.write(json.dumps(told) + "\n")


def _undisturbed() -> float:
    """Seconds for UNDISTURBED runs that are asked for and carried out one after the other."""
    from sheetsync.context import ActionContext, Arguments
    from sheetsync.runs.tasks import submit, work_on
    from tests.sheetsync.deliveries import NAME, acting

    def succeed(context: ActionContext) -> None:
        context.report.tabs_done += 1

    with acting(succeed):
        began = time.perf_counter()
        for number in range(UNDISTURBED):
            work_on(submit(NAME, arguments=Arguments(scenario=str(number))).run_id)
        return time.perf_counter() - began


if __name__ == "__main__":
    main()
