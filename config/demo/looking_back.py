"""The demo's chapters on runs that ended: more or less capacity, how sure the portfolio is and what would hold up better, and what
another weighing moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import User

from config.demo.strategy import BALANCE, REVENUE, RULES
from optimization.models import OptimizationRun, OptimizationScenario
from sheetsync.admin.edits import plan_edit
from sheetsync.admin.recording import EDIT, AdminRun
from sheetsync.models import ActionRun
from sheetsync.tabs import Role

if TYPE_CHECKING:
    from config.demo.story import Story

ROBUST_WEIGHT = 1.0
# What leadership asks next: what if seats at restaurants that stay counted as much as revenue?
OTHER_WEIGHTS = {
    "net_revenue": 0.3,
    "diner_retention_90d": 0.2,
    "restaurant_retention": 0.35,
    "support_hours_saved": 0.15,
}


def ask_for_a_robust_choice() -> None:
    """As an analyst does on the scenario's page before it is run; once."""
    scenario = OptimizationScenario.objects.filter(scenario_name=REVENUE, robust_weight=None).first()
    if scenario is not None:
        asked = AdminRun(EDIT, User(username="demo"), "Leadership asks what would hold up")
        plan_edit(scenario, {"robust_weight": ROBUST_WEIGHT}, asked).save()


def look_back(story: Story) -> None:
    """Each chapter once: what it found stands with its run, and a repeated demo leaves it at that."""
    run = _first_run(story, REVENUE)
    if run is not None and "frontier" not in run.result_json:
        if robust := run.result_json.get("robust"):
            story.say(f"\n{run.scenario_name}, drawn over the ranges of its params:\n  {robust['text']}")
        _tell(story, "pm.optimize_frontier", run)
    _weigh_anew_and_compare(story)


def _weigh_anew_and_compare(story: Story) -> None:
    before = _first_run(story, BALANCE)
    if before is None or OptimizationRun.objects.filter(scenario_name=BALANCE, workbook=before.workbook).count() > 1:
        return
    portfolio = story.workbook(Role.OPTIMIZATION)
    story.act(
        "pm.optimize_run_all_candidates", portfolio, scenario=BALANCE, constraint_set=RULES, weights=OTHER_WEIGHTS
    )
    _tell(story, "pm.compare_runs", before, OptimizationRun.objects.filter(scenario_name=BALANCE).latest("pk"))


def _first_run(story: Story, scenario: str) -> OptimizationRun | None:
    """The run that chose for the scenario as it stands in Scenario_Config; None where there was no portfolio."""
    runs = OptimizationRun.objects.filter(workbook=story.workbook(Role.OPTIMIZATION), scenario_name=scenario)
    return runs.filter(status=OptimizationRun.Status.OPTIMAL).order_by("pk").first()


def _tell(story: Story, action: str, *runs: OptimizationRun) -> None:
    """Carries out the action on the runs, and says what it said."""
    story.act(action, story.workbook(Role.OPTIMIZATION), runs=tuple(run.run_id for run in runs))
    said = ActionRun.objects.filter(action=action).latest("pk").messages
    story.say(f"\n{action} on {runs[-1].scenario_name}:")
    for message in said:
        if message["status"] == "OK":
            story.say(f"  {message['text'].partition(': ')[2]}")
