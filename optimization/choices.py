"""What people may choose when they start an action that is about scenarios and runs."""

from __future__ import annotations

from optimization.models import OptimizationConstraintSet, OptimizationRun, OptimizationScenario
from sheetsync.admin.choices import LATEST_RUNS, Choices, offer_choices


def _scenarios() -> Choices:
    for name, period in OptimizationScenario.objects.values_list("scenario_name", "period_key"):
        yield name, f"{name} ({period})"


def _constraint_sets() -> Choices:
    active = OptimizationConstraintSet.objects.filter(is_active=True).order_by("constraint_set_name")
    for name in dict.fromkeys(active.values_list("constraint_set_name", flat=True)):
        yield name, name


def _runs() -> Choices:
    latest = OptimizationRun.objects.order_by("-created_at").values_list(
        "run_id", "scenario_name", "constraint_set_name", "status"
    )
    for run_id, scenario, rules, status in latest[:LATEST_RUNS]:
        yield run_id, f"{scenario} / {rules}: {status}, run {run_id}"


offer_choices("scenario", _scenarios)
offer_choices("constraint_set", _constraint_sets)
offer_choices("runs", _runs)
