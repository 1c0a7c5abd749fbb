"""One run from start to end: stored with its snapshot, solved outside any transaction, stored with its outcome."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from backlog.models import Initiative as StoredInitiative
from optimization.models import (
    OptimizationConstraintSet,
    OptimizationRun,
    OptimizationScenario,
    Portfolio,
    PortfolioItem,
)
from optimization.runs.outcome import GapRow, Item, Outcome, outcome
from optimization.runs.what_ifs import in_words, varies, without
from optimization.runs.wording import approximate, run_in_words
from optimization.solving.effort import Effort
from optimization.solving.facts import Scenario, Snapshot
from optimization.solving.milp import FEASIBLE, OPTIMAL, Solution, solve
from optimization.solving.problem import Problem, Refusal, build_problem
from sheetsync.context import ActionContext
from sheetsync.models import ActionRun, Workbook
from sheetsync.storage import NewRecord, Origin, RecordUpdate

ENDED = (
    OptimizationRun.Status.OPTIMAL,
    OptimizationRun.Status.FEASIBLE,
    OptimizationRun.Status.INFEASIBLE,
    OptimizationRun.Status.FAILED,
)
EXPLAINING = "explaining"  # in result_json: True while a stored result is still being explained
IDLE_FORCES = "idle_forces"  # in result_json: {initiative_key: why its what-if had no effect}
_BROKE_OFF = "the run broke off before it ended; run it again"


@dataclass(frozen=True, kw_only=True)
class Solved:
    """What came of a run."""

    status: str  # optimal, feasible, infeasible, failed
    summary: str  # one text for people: targets met and missed, or why there is no portfolio
    outcome: Outcome | None = None  # None for a run that was refused before solving
    optimality_gap: float | None = None  # relative, 0 is proved; None without a portfolio or a bound
    result_json: Mapping[str, Any] = field(default_factory=dict)
    problem: Problem | None = None  # what was solved; None for a run that was refused before solving
    solution: Solution | None = None  # of the problem

    @property
    def has_portfolio(self) -> bool:
        """Whether there is a result to explain."""
        return self.solution is not None and self.solution.status in (OPTIMAL, FEASIBLE)


# ---- solving: no database ----------------------------------------------------------------------------------------------------------------


def run_scenario(snapshot: Snapshot, effort: Effort) -> Solved:
    """Solves what a snapshot states. With what-ifs it also says what the same run gives without them."""
    problem = build_problem(snapshot)
    if isinstance(problem, Refusal):
        return Solved(status=OptimizationRun.Status.FAILED, summary=problem.text)
    solution = solve(problem, time_limit_s=effort.time_limit_s, gap=effort.gap)
    found = outcome(problem, solution, time_limit_s=effort.time_limit_s)
    base = _base(problem, solution, found, effort)
    return Solved(
        status=solution.status,
        summary="; ".join(
            part
            for part in (in_words(problem, solution.selected, base), run_in_words(problem, solution, found))
            if part
        ),
        outcome=found,
        optimality_gap=solution.gap if found.total_objective is not None and math.isfinite(solution.gap) else None,
        result_json=_result_json(solution, found, problem, base),
        problem=problem,
        solution=solution,
    )


def _base(problem: Problem, solution: Solution, found: Outcome, effort: Effort) -> dict[str, Any]:
    """What the same run gives without its what-ifs; empty for a run without any."""
    plain_run = without(problem.snapshot)
    if plain_run is None:
        return {}
    if not varies(problem):
        return {"status": solution.status, **found.result_json}
    other = build_problem(plain_run)
    if isinstance(other, Refusal):
        return {"status": OptimizationRun.Status.FAILED, "message": other.text}
    solution = solve(other, time_limit_s=effort.time_limit_s, gap=effort.gap)
    return {"status": solution.status, **outcome(other, solution, time_limit_s=effort.time_limit_s).result_json}


def _result_json(solution: Solution, found: Outcome, problem: Problem, base: Mapping[str, Any]) -> dict[str, Any]:
    extra: dict[str, Any] = {"gaps": [_gap_json(row) for row in found.gaps]} if found.gaps else {}
    if base:
        extra["base"] = dict(base)
    if problem.idle_forces:
        extra[IDLE_FORCES] = dict(problem.idle_forces)
    if approximate(solution):
        extra["approximate"] = True
    return {**found.result_json, **extra}


def _gap_json(row: GapRow) -> dict[str, Any]:
    """One target as Gaps_And_Alerts shows it."""
    return {
        "dimension": row.rule.slice.dimension,
        "dimension_key": row.rule.slice.key,
        "kpi_key": row.rule.kpi_key,
        "baseline": row.rule.baseline,
        "target": row.rule.number,
        "floor_or_goal": row.rule.kind,
        "achieved": row.achieved,
        "gap": row.gap,
        "severity": row.severity,
        "recommendation": row.recommendation,
    }


# ---- storing -----------------------------------------------------------------------------------------------------------------------------


def start_run(
    context: ActionContext,
    workbook: Workbook,
    scenario: OptimizationScenario,
    facts: Scenario,
    constraint_set: OptimizationConstraintSet | None,
    snapshot: Snapshot | None,
    effort: Effort,
    set_name: str = "",
) -> OptimizationRun:
    """Stores the run with its complete inputs before anything is solved; without a snapshot, what is known of a refused one."""
    fields = {
        "scenario": scenario,
        "constraint_set": constraint_set,
        "scenario_name": facts.name,
        "constraint_set_name": constraint_set.constraint_set_name if constraint_set else set_name,
        "period_key": facts.period,
        "objective_mode": facts.mode,
        "status": OptimizationRun.Status.RUNNING,
        "inputs_snapshot_json": {**snapshot.to_json(), "effort": vars(effort)}
        if snapshot
        else {"scenario": facts.to_json()},
        "requested_by": context.run.requested_by,
        "action_run_id": context.run.run_id,
        "workbook": workbook,
        "created_at": timezone.now(),
    }
    with transaction.atomic():
        run_id = OptimizationRun._meta.get_field("run_id").get_default()
        new = NewRecord(fields={"run_id": run_id, **fields}, origin=_origin(workbook, run_id))
        (pk,) = context.storage.create(OptimizationRun, [new])
        context.storage.flush()
    return OptimizationRun.objects.get(pk=pk)


def _origin(workbook: Workbook | None, run_id: str) -> Origin:
    return Origin(workbook, "Runs", None, run_id)


def store_outcome(context: ActionContext, run: OptimizationRun, solved: Solved) -> None:
    """Stores how the run ended, its portfolio, and what it decided about each initiative."""
    with transaction.atomic():
        fields = {
            "status": solved.status,
            "message": solved.summary,
            "result_json": dict(solved.result_json),
            "finished_at": timezone.now(),
        }
        origin = _origin(run.workbook, run.run_id)
        context.storage.update(OptimizationRun, [RecordUpdate(pk=run.pk, fields=fields, origin=origin)])
        if solved.outcome is not None:
            _store_portfolio(context, run, solved, solved.outcome)
        context.storage.flush()
    run.refresh_from_db()


def store_result(context: ActionContext, run: OptimizationRun, parts: Mapping[str, Any]) -> None:
    """Stores what was found out about a result after it was stored."""
    with transaction.atomic():
        fields = {"result_json": {**run.result_json, **parts}}
        context.storage.update(
            OptimizationRun, [RecordUpdate(pk=run.pk, fields=fields, origin=_origin(run.workbook, run.run_id))]
        )
        context.storage.flush()
    run.refresh_from_db()


def _store_portfolio(context: ActionContext, run: OptimizationRun, solved: Solved, found: Outcome) -> None:
    origin = _origin(run.workbook, run.run_id)
    portfolio = {
        "run": run,
        "candidate_count": found.candidate_count,
        "selected_count": sum(item.selected for item in found.items),
        "capacity_total": run.inputs_snapshot_json["scenario"]["capacity"],
        "capacity_used": found.tokens_used or 0.0,
        "total_objective": found.total_objective,
        "greedy_objective": None if found.total_objective is None else found.greedy.objective,
        "optimality_gap": solved.optimality_gap,
    }
    (pk,) = context.storage.create(Portfolio, [NewRecord(fields=portfolio, origin=origin)])
    pks = dict(StoredInitiative.objects.values_list("initiative_key", "pk"))
    items = [NewRecord(fields=_item_fields(pk, item, pks.get(item.key)), origin=origin) for item in found.items]
    context.storage.create(PortfolioItem, items)


def _item_fields(portfolio: int, item: Item, initiative: int | None) -> dict[str, Any]:
    return {
        "portfolio_id": portfolio,
        "initiative_id": initiative,
        "initiative_key": item.key,
        "is_eligible": item.is_eligible,
        "selected": item.selected,
        "rank": item.rank,
        "allocated_tokens": item.tokens,
        "north_star_gain": item.north_star_gain,
        "objective_contribution": item.objective_contribution,
        "dependency_status": item.dependency_status,
        "reason": item.reason,
    }


def earlier_attempt(context: ActionContext, workbook: Workbook) -> OptimizationRun | None:
    """The run that this very action began before it broke off and was carried out again; None for a first attempt."""
    begun = OptimizationRun.objects.filter(workbook=workbook, action_run_id=context.run.run_id)
    return begun.select_related("constraint_set__workbook").first()


def end_broken_runs(context: ActionContext, workbook: Workbook) -> None:
    """Runs whose action ended without them (a crash) are failed, so that none stays under way for ever."""
    under_way = OptimizationRun.objects.filter(workbook=workbook, status=OptimizationRun.Status.RUNNING)
    ids = under_way.exclude(action_run_id=context.run.run_id).values_list("action_run_id", flat=True)
    going_on = (ActionRun.Status.RUNNING, ActionRun.Status.QUEUED)  # a worker that died is followed by another attempt
    alive = ActionRun.objects.filter(run_id__in=list(ids), status__in=going_on)
    still = set(alive.values_list("run_id", flat=True))
    for run in under_way.exclude(action_run_id__in=[context.run.run_id, *still]):
        store_outcome(context, run, Solved(status=OptimizationRun.Status.FAILED, summary=_BROKE_OFF))
