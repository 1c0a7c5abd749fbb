"""`manage.py replay_run RUN_ID`: solves a run again from what it stored, and says whether the result is the same."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from optimization.models import OptimizationRun
from optimization.runs.replaying import differences, replay
from optimization.solving.effort import Effort
from optimization.solving.objective import Refusal
from sheetsync.management.commands.action import WRONG_USAGE
from sheetsync.values.cells import nearest

DIFFERENT = 1  # exit status


class Command(BaseCommand):
    """Exit status: 0 for the same result, 1 for another one, 2 for wrong usage. Nothing is stored."""

    help = "Solves a run again from its stored inputs alone, and says whether the result is the same."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("run_id", help="as in the Runs tab")

    def handle(self, *args: Any, run_id: str, **options: Any) -> None:
        run = OptimizationRun.objects.filter(run_id=run_id.strip()).first()
        if run is None:
            raise CommandError(_unknown(run_id), returncode=WRONG_USAGE)
        solved = replay(run, Effort(time_limit_s=settings.SOLVER_TIME_LIMIT_S, gap=settings.SOLVER_GAP))
        if isinstance(solved, Refusal):
            raise CommandError(solved.text, returncode=WRONG_USAGE)
        found = list(differences(run, solved))
        if found:
            limit = " The time limit ended a solve, so a better portfolio may have been met this time or that."
            hint = limit if "feasible" in (run.status, solved.status) else ""
            raise CommandError(
                f"run {run.run_id} gives another result: {'; '.join(found)}.{hint}", returncode=DIFFERENT
            )
        chosen = solved.result_json.get("selected", ())
        self.stdout.write(f"run {run.run_id} gives the same result: {solved.status}, {len(chosen)} selected")


def _unknown(run_id: str) -> str:
    known = list(OptimizationRun.objects.values_list("run_id", flat=True)[:2000])
    near = nearest(run_id.strip(), known)
    return f"there is no run {run_id.strip()!r}" + (
        f"; the nearest is {near}" if near else "; nothing has been run yet"
    )
