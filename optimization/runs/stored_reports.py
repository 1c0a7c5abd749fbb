"""Stored runs as reports, and what changed between two of them."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from optimization.models import OptimizationRun, Portfolio
from optimization.runs.outputs import ordered_items, why_not_text
from optimization.runs.report import Line, RunReport
from optimization.runs.running import ENDED
from optimization.solving.objective import Refusal
from optimization.studies.input_changes import Change, find_changes
from optimization.studies.measuring import frequency_text
from optimization.studies.past_runs import portfolio_of, snapshot_of


@dataclass(frozen=True, kw_only=True)
class Since:
    """What differs from an earlier run."""

    before: OptimizationRun
    came: Sequence[str]  # keys
    went: Sequence[str]
    changes: Sequence[Change]  # of inputs


def report_of(run: OptimizationRun) -> RunReport:
    """Everything that pages and files show of a run."""
    snapshot = snapshot_of(run)
    portfolio = Portfolio.objects.filter(run=run).first()
    return RunReport(
        run_id=run.run_id,
        scenario=run.scenario_name,
        set_name=run.constraint_set_name,
        period=run.period_key,
        mode=run.objective_mode,
        status=run.status,
        requested_by=run.requested_by,
        created_at=f"{run.created_at.astimezone(datetime.UTC):%Y-%m-%d %H:%M} UTC" if run.created_at else "",
        message=run.message,
        capacity=float(run.inputs_snapshot_json.get("scenario", {}).get("capacity", 0.0)),
        capacity_used=portfolio.capacity_used if portfolio else None,
        objective=portfolio.total_objective if portfolio else None,
        greedy=portfolio.greedy_objective if portfolio else None,
        optimality_gap=portfolio.optimality_gap if portfolio else None,
        lines=_lines(run),
        snapshot=None if isinstance(snapshot, Refusal) else snapshot,
        result=run.result_json,
    )


def _lines(run: OptimizationRun) -> tuple[Line, ...]:
    known = {entry["key"]: entry for entry in run.inputs_snapshot_json.get("initiatives", ())}
    uncertainty = run.result_json.get("uncertainty", {})
    return tuple(
        Line(
            key=item.initiative_key,
            title=known[item.initiative_key]["title"],
            selected=item.selected,
            is_eligible=item.is_eligible,
            rank=item.rank,
            tokens=item.allocated_tokens,
            department=known[item.initiative_key]["dimensions"].get("department", ""),
            country=known[item.initiative_key]["dimensions"].get("country", ""),
            north_star_gain=item.north_star_gain,
            contribution=item.objective_contribution,
            reason=item.reason,
            why_not=why_not_text(run, item),
            frequency=item.selection_frequency,
            frequency_text=frequency_text(item.selection_frequency, uncertainty),
        )
        for item in ordered_items(run)
        if item.initiative_key in known
    )


def run_before(run: OptimizationRun) -> OptimizationRun | None:
    """The last run of the same scenario that ended before this one began."""
    earlier = OptimizationRun.objects.filter(scenario_name=run.scenario_name, status__in=ENDED)
    return earlier.filter(created_at__lte=run.created_at, pk__lt=run.pk).order_by("-created_at", "-pk").first()


def since(before: OptimizationRun, run: OptimizationRun) -> Since | Refusal:
    """What differs between two runs, without solving anything."""
    old, new = snapshot_of(before), snapshot_of(run)
    if isinstance(old, Refusal) or isinstance(new, Refusal):
        return old if isinstance(old, Refusal) else new if isinstance(new, Refusal) else Refusal(text="")
    was, now = (portfolio_of(one) or frozenset() for one in (before, run))
    return Since(before=before, came=sorted(now - was), went=sorted(was - now), changes=tuple(find_changes(old, new)))
