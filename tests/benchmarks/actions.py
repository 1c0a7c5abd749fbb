"""The steps that benchmarks are made of: each does one thing with the workbooks of a folder, and only its action is timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.core.management import call_command

from productops.scores import scoring
from sheetsync.context import Arguments
from sheetsync.models import Workbook
from sheetsync.runs.actions import carry_out, request
from tests.benchmarks import world
from tests.benchmarks.planned import big_plan

# A step is given the folder and its argument, and returns the seconds of its action.
Step = Callable[[Path, str], float]

_formula_seconds: list[float] = []


def _prepare(folder: Path, size: str) -> float:
    call_command("migrate", verbosity=0)
    world.prepare(folder, int(size))
    return 0.0


def _prepare_planning(folder: Path, size: str) -> float:
    call_command("migrate", verbosity=0)
    for role in ("productops", "optimization"):
        world.make_workbook(role, folder / f"{role}.xlsx")
    big_plan(int(size))
    return 0.0


def _sync_backlog(_folder: Path, _argument: str) -> float:
    return act("pm.backlog_sync", "backlog")


def _show_plans(_folder: Path, _argument: str) -> float:
    world.plan_everything()
    return act("pm.backlog_sync", "backlog")


def _change_one_percent(_folder: Path, market: str) -> float:
    world.change_one_percent(market)
    return act("pm.backlog_sync", "backlog")


def _score(_folder: Path, _argument: str) -> float:
    for name in ("parse_formula", "match_names", "evaluate"):
        setattr(scoring, name, _watched(getattr(scoring, name)))
    return act("pm.score_selected", "productops")


STEPS: Mapping[str, Step] = {
    "prepare": _prepare,
    "intake": lambda _folder, _argument: act("pm.backlog_sync", "intake"),
    "backlog": _sync_backlog,
    "plans": _show_plans,
    "one percent": _change_one_percent,
    "prepare planning": _prepare_planning,
    "populate": lambda _folder, _argument: act("pm.populate_initiatives", "productops"),
    "seed": lambda _folder, _argument: act("pm.seed_math_params", "productops"),
    "score": _score,
    "candidates": lambda _folder, _argument: act("pm.populate_candidates", "optimization"),
    "optimize": lambda _folder, _argument: act(
        "pm.optimize_run_all_candidates", "optimization", Arguments(scenario="Next quarter")
    ),
}


def act(action: str, role: str, arguments: Arguments | None = None) -> float:
    """Seconds of one action on the workbook of a role. It must succeed."""
    run = request(action, workbook=Workbook.objects.get(role=role), arguments=arguments or Arguments())
    began = time.perf_counter()
    context = carry_out(run)
    taken = time.perf_counter() - began
    assert context is not None
    told = [message.text for message in context.report.messages if message.status == "FAILED"]
    assert context.report.status == "success", (context.report.status, told[:3])
    return taken


def _watched(work: Callable[..., Any]) -> Callable[..., Any]:
    """The function, its time noted."""

    def watched(*arguments: Any) -> Any:
        began = time.perf_counter()
        found = work(*arguments)
        _formula_seconds.append(time.perf_counter() - began)
        return found

    return watched


def in_formulas() -> float:
    """Seconds that scoring spent in formulas."""
    return sum(_formula_seconds)
