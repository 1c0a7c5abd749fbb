"""Deliveries of tasks: doubled, late, overlapping, with workers that die. One effect each, and what each delivery costs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import time_machine
from django.utils import timezone

from sheetsync.context import ActionContext, Arguments
from sheetsync.models import ActionRun
from sheetsync.tasks import submit, work_on
from tests.benchmarks.report import Figure
from tests.sheetsync.deliveries import NAME, Day, acting, effects

DELIVERIES = 10_000
UNDISTURBED = 500


def delivering(folder: Path) -> Iterator[Figure]:
    """The floor: as many runs that are delivered once, with nothing going wrong."""
    each = _undisturbed() / UNDISTURBED
    with time_machine.travel(timezone.now(), tick=False) as clock:
        day = Day(seed=2026, advance=lambda seconds: clock.shift(seconds))
        began = time.perf_counter()
        day.go(DELIVERIES)
        taken = time.perf_counter() - began
    runs = list(ActionRun.objects.filter(run_id__in=day.runs))
    doubled = [run for run in runs if effects(run) > 1]
    missing = [run for run in runs if run.status == ActionRun.Status.SUCCESS and not effects(run)]
    assert not doubled, f"more than one effect: {doubled}"
    assert not missing, f"no effect: {missing}"
    yield Figure(
        what=f"{day.deliveries:,} deliveries of {len(runs):,} runs, one effect each",
        taken=taken,
        floor=each * DELIVERIES,
    )


def _undisturbed() -> float:
    """Seconds for UNDISTURBED runs that are asked for and carried out one after the other."""

    def succeed(context: ActionContext) -> None:
        context.report.tabs_done += 1

    with acting(succeed):
        began = time.perf_counter()
        for number in range(UNDISTURBED):
            work_on(submit(NAME, arguments=Arguments(scenario=str(number))).run_id)
        return time.perf_counter() - began
