"""Actions on optimization workbooks: refresh Candidates, save rules, run."""

from __future__ import annotations

from collections.abc import Sequence

from backlog.models import Initiative
from optimization.constraints.rules import CONSTRAINTS_TAB, TARGETS_TAB
from optimization.runs.marks import CANDIDATES
from optimization.runs.outputs import mark_written, output_jobs, unwritten_runs
from optimization.runs.runner import Runner
from optimization.studies.study import Study
from sheetsync.context import ActionContext
from sheetsync.records import NewRow, Scene
from sheetsync.registry import registry
from sheetsync.runs.actions import action
from sheetsync.syncing.opentab import TabJob
from sheetsync.syncing.sync import WorkbookJob, sync_workbook
from sheetsync.syncing.view import TabView, identity_text
from sheetsync.tabs import Role

SAVED_TOGETHER = ("Scenario_Config", CONSTRAINTS_TAB, TARGETS_TAB)


@action(
    "pm.populate_candidates",
    roles=(Role.OPTIMIZATION,),
    label="Refresh candidates",
    help="Adds initiatives that became candidates, and brings every row of Candidates up to date.",
)
def populate_candidates(context: ActionContext) -> None:
    """DB -> Candidates."""
    keys = _keys(context)
    job = TabJob(registered=registry.get(Role.OPTIMIZATION, CANDIDATES), keys=keys, append=_missing_candidates)
    _sync(context, [job], "refreshing candidates of")


@action(
    "pm.optimize_save_constraints",
    roles=(Role.OPTIMIZATION,),
    label="Save scenarios, constraints and targets",
    help="Saves Scenario_Config, Constraints and Targets, and compiles the constraint sets.",
)
def save_constraints(context: ActionContext) -> None:
    """Scenario_Config, Constraints, Targets -> DB."""
    jobs = [TabJob(registered=registry.get(Role.OPTIMIZATION, name)) for name in SAVED_TOGETHER]
    _sync(context, jobs, "saving rules of")


@action(
    "pm.optimize_run_selected_candidates",
    roles=(Role.OPTIMIZATION,),
    label="Run on ticked candidates",
    help="Chooses the best portfolio from the ticked rows of Candidates, or the keys given.",
    arguments=("scenario", "constraint_set", "capacity", "weights", "explain"),
)
def run_selected_candidates(context: ActionContext) -> None:
    """Runs on what is ticked."""
    _run(context, ticked_only=True)


@action(
    "pm.optimize_run_all_candidates",
    roles=(Role.OPTIMIZATION,),
    label="Run on all candidates",
    help="Chooses the best portfolio from all candidates.",
    arguments=("scenario", "constraint_set", "capacity", "weights", "explain"),
)
def run_all_candidates(context: ActionContext) -> None:
    """Runs on all candidates."""
    _run(context, ticked_only=False)


@action(
    "pm.optimize_frontier",
    roles=(Role.OPTIMIZATION,),
    label="Vary the capacity",
    help="Fills Frontier: what the last run of a scenario, or the run given, would reach with more or less capacity.",
    arguments=("scenario", "runs"),
)
def optimize_frontier(context: ActionContext) -> None:
    """Solves the run's snapshot at capacities from 0 to twice its own."""
    Study(context=context).frontier()


@action(
    "pm.measure_next",
    roles=(Role.OPTIMIZATION,),
    label="Test against the ranges",
    help="Solves a run again over the ranges of approved params: fills selection_frequency in Results, and Measure_Next.",
    arguments=("scenario", "runs"),
)
def measure_next(context: ActionContext) -> None:
    """Draws contributions, solves every draw, tells which params to measure next."""
    Study(context=context).measure()


@action(
    "pm.compare_runs",
    roles=(Role.OPTIMIZATION,),
    label="Compare two runs",
    help="Says what changed between the two runs given, or the last two of a scenario, and which change moved which initiative.",
    arguments=("scenario", "runs"),
)
def compare_runs(context: ActionContext) -> None:
    """Compares inputs and outcomes; puts old values back to see what each of them moved."""
    Study(context=context).compare()


@action(
    "pm.explain_selection",
    roles=(Role.OPTIMIZATION,),
    label="Explain initiatives",
    help="Says of the initiatives given why they are in or out, what forcing them in or out would cost, and whom it would push out.",
    arguments=("scenario", "runs"),
)
def explain_selection(context: ActionContext) -> None:
    """Holds each initiative in, or out, and solves the run's snapshot again."""
    Study(context=context).explain()


def _run(context: ActionContext, *, ticked_only: bool) -> None:
    workbooks = context.workbooks(Role.OPTIMIZATION)
    for number, workbook in enumerate(workbooks):
        context.progress(f"running {workbook}", number, len(workbooks))
        Runner(context=context, workbook=workbook, ticked_only=ticked_only).run()
    Study(context=context).measure_robust()
    context.progress("done", len(workbooks), len(workbooks))


def _sync(context: ActionContext, jobs: Sequence[TabJob], doing: str) -> None:
    """Syncs these tabs of every workbook, and appends what earlier runs still lack there."""
    workbooks = context.workbooks(Role.OPTIMIZATION)
    for number, workbook in enumerate(workbooks):
        context.progress(f"{doing} {workbook}", number, len(workbooks))
        runs = unwritten_runs(workbook)
        tabs = sync_workbook(context, WorkbookJob(workbook=workbook, tabs=[*jobs, *output_jobs(runs)]))
        mark_written(runs, tabs)
    context.progress("done", len(workbooks), len(workbooks))


def _keys(context: ActionContext) -> frozenset[str]:
    return frozenset(key.strip().upper() for key in context.arguments.keys)


def _missing_candidates(scene: Scene, view: TabView) -> Sequence[NewRow]:
    """Candidates that have no row yet."""
    present = {row.key for row in view.rows}
    wanted = _keys(scene.context)
    stored = Initiative.objects.filter(is_optimization_candidate=True).order_by("initiative_key")
    return [
        NewRow(key=identity_text([key]), values={"initiative_key": key})
        for key in stored.values_list("initiative_key", flat=True)
        if identity_text([key]) not in present and (not wanted or key in wanted)
    ]
