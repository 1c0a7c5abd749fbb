"""Which earlier run an action is about: the one that was named, else the last of a scenario."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from optimization.models import OptimizationRun
from optimization.runs.running import ENDED
from optimization.solving.facts import Snapshot
from optimization.solving.objective import Refusal
from sheetsync.models import Workbook
from sheetsync.values.cells import fold, nearest

SOLVED = (OptimizationRun.Status.OPTIMAL, OptimizationRun.Status.FEASIBLE)
SEARCHED = (*SOLVED, OptimizationRun.Status.INFEASIBLE)
MOST_NEAR = 2000  # run ids that a mistyped one is compared with, the latest ones


def find_run(run_id: str, workbooks: Iterable[Workbook]) -> OptimizationRun | Refusal:
    """The run of that id, if it is one of these workbooks'; else why not, with the nearest id."""
    run = OptimizationRun.objects.filter(run_id=run_id.strip()).select_related("portfolio", "workbook").first()
    ids = {workbook.pk for workbook in workbooks}
    if run is not None and (run.workbook_id is None or run.workbook_id in ids):
        return run
    if run is not None:
        return Refusal(text=f"run {run.run_id} belongs to the workbook {run.workbook}; ask for it there")
    known = list(OptimizationRun.objects.values_list("run_id", flat=True)[:MOST_NEAR])
    if not known:
        return Refusal(text=f"there is no run {run_id.strip()!r}: nothing has been run yet")
    near = nearest(run_id.strip(), known)
    hint = f"did you mean {near}?" if near else f"the latest is {known[0]}; the Runs tab lists them all"
    return Refusal(text=f"there is no run {run_id.strip()!r}; {hint}")


def last_runs(
    scenario: str, workbooks: Iterable[Workbook], count: int, statuses: Sequence[str] = ENDED
) -> list[OptimizationRun] | Refusal:
    """The last `count` ended runs of a scenario, the latest first; without a name, of the only scenario that was run.

    A refusal says what is missing: runs, or the scenario's name.
    """
    runs = OptimizationRun.objects.filter(workbook__in=list(workbooks), status__in=ENDED).order_by("-created_at", "-pk")
    names = {fold(name): name for name in runs.order_by().values_list("scenario_name", flat=True).distinct()}
    if not names:
        return Refusal(text="nothing has been run yet; run a scenario first, with pm.optimize_run_all_candidates")
    name = names.get(fold(scenario)) if fold(scenario) else next(iter(names.values()))
    listed = ", ".join(sorted(names.values()))
    if name is None:
        near = nearest(scenario, list(names.values()))
        hint = f"did you mean {near}?" if near else f"scenarios with runs are {listed}"
        return Refusal(text=f"no run of a scenario called {scenario.strip()!r}; {hint}")
    if not fold(scenario) and len(names) > 1:
        return Refusal(text=f"several scenarios have runs; name one of them: {listed}")
    found = list(runs.filter(scenario_name=name, status__in=statuses).select_related("portfolio", "workbook")[:count])
    if len(found) == count:
        return found
    wanted = " " + " or ".join(statuses) if statuses != ENDED else ""
    latest = runs.filter(scenario_name=name).first()
    why = f"; the last one, {latest.run_id}, is {latest.status}: {latest.message}" if latest and not found else ""
    needed = "a run" if count == 1 else f"{count} runs"
    return Refusal(text=f"{name} needs {needed} that ended{wanted}, and has {len(found)}{why}")


def snapshot_of(run: OptimizationRun) -> Snapshot | Refusal:
    """The complete inputs of a run; a refusal for one that never got that far."""
    if "initiatives" not in run.inputs_snapshot_json:
        return Refusal(text=f"run {run.run_id} was refused before its inputs were taken: {run.message}")
    return Snapshot.from_json(run.inputs_snapshot_json)


def selected_of(run: OptimizationRun) -> tuple[str, ...]:
    """Keys that a run chose, ascending; none where it found no portfolio."""
    return tuple(run.result_json.get("selected", ()))


def portfolio_of(run: OptimizationRun) -> frozenset[str] | None:
    """Keys that a run chose; None for a run without a portfolio."""
    return frozenset(selected_of(run)) if run.status in SOLVED else None
