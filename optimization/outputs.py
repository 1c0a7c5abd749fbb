"""The rows that stored runs have in Runs, Results and Gaps_And_Alerts. Made from what is stored, so that they can be made again."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.utils import timezone

from optimization.facts import Initiative
from optimization.models import OptimizationRun, Portfolio, PortfolioItem
from optimization.records import contributions_text
from optimization.running import ENDED
from sheetsync.appended import AppendedTabSync
from sheetsync.cells import Value
from sheetsync.models import Workbook
from sheetsync.opentab import TabJob
from sheetsync.records import NewRow, Scene
from sheetsync.registry import registry
from sheetsync.tabs import Role
from sheetsync.tabsync import TabSync
from sheetsync.view import TabView, identity_text

RUNS, RESULTS, GAPS = "Runs", "Results", "Gaps_And_Alerts"
_CUT_BY = ("country", "market", "department", "category")


def unwritten_runs(workbook: Workbook) -> list[OptimizationRun]:
    """Ended runs whose rows aren't known to stand in the workbook, oldest first."""
    runs = OptimizationRun.objects.filter(workbook=workbook, written_at=None, status__in=ENDED)
    return list(runs.select_related("portfolio").order_by("created_at", "pk"))


def output_jobs(runs: Sequence[OptimizationRun]) -> list[TabJob]:
    """What appends the rows that these runs lack in the three tabs; no jobs for no runs."""
    if not runs:
        return []
    return [TabJob(registered=registry.get(Role.OPTIMIZATION, title), append=_rows_of(title, runs)) for title in ROWS]


def _rows_of(title: str, runs: Sequence[OptimizationRun]) -> Callable[[Scene, TabView], Sequence[NewRow]]:
    rows: list[NewRow] = []

    def append(scene: Scene, view: TabView) -> Sequence[NewRow]:
        if not rows:  # once for all rounds
            rows.extend(row for run in runs for row in ROWS[title](run))
        return rows

    return append


def mark_written(runs: Sequence[OptimizationRun], tabs: Mapping[str, TabSync]) -> None:
    """Notes that the rows of these runs stand in the workbook, if every one of the three tabs shows them."""
    written = [tab for tab in tabs.values() if isinstance(tab, AppendedTabSync) and tab.tab.name in ROWS]
    if len(written) == len(ROWS) and all(tab.complete for tab in written):
        OptimizationRun.objects.filter(pk__in=[run.pk for run in runs]).update(written_at=timezone.now())


def run_rows(run: OptimizationRun) -> list[NewRow]:
    """The run's row in Runs."""
    portfolio: Portfolio | None = getattr(run, "portfolio", None)
    chosen = portfolio is not None and portfolio.total_objective is not None
    values: dict[str, Value] = {
        "run_id": run.run_id,
        "scenario_name": run.scenario_name,
        "constraint_set_name": run.constraint_set_name,
        "period_key": run.period_key,
        "objective_mode": run.objective_mode,
        "status": run.status,
        "created_at": _moment(run.created_at),
        "finished_at": _moment(run.finished_at),
        "candidate_count": portfolio.candidate_count if portfolio else None,
        "selected_count": portfolio.selected_count if portfolio else None,
        "capacity_total": run.inputs_snapshot_json["scenario"]["capacity"],
        "capacity_used": portfolio.capacity_used if portfolio and chosen else None,
        "total_objective": portfolio.total_objective if portfolio else None,
        "greedy_objective": portfolio.greedy_objective if portfolio else None,
        "optimality_gap": portfolio.optimality_gap if portfolio else None,
        "gap_summary": run.message,
    }
    return [_row((run.run_id,), values)]


def result_rows(run: OptimizationRun) -> list[NewRow]:
    """The run's rows in Results: what is chosen by rank, what is left out by what it would bring, then what isn't eligible."""
    items = PortfolioItem.objects.filter(portfolio__run=run)
    snapshot = run.inputs_snapshot_json
    known = {entry["key"]: entry for entry in snapshot.get("initiatives", ())}
    return [_result_row(run.run_id, item, known[item.initiative_key], snapshot) for item in sorted(items, key=_order)]


def _order(item: PortfolioItem) -> tuple[Any, ...]:
    if item.selected:
        return 0, item.rank, item.initiative_key
    if item.is_eligible:
        return 1, -(item.objective_contribution or 0.0), item.initiative_key
    return 2, 0, item.initiative_key


def _result_row(run_id: str, item: PortfolioItem, entry: Mapping[str, Any], snapshot: Mapping[str, Any]) -> NewRow:
    facts = Initiative(key=item.initiative_key, contributions=entry["contributions"])
    values: dict[str, Value] = {
        "run_id": run_id,
        "initiative_key": item.initiative_key,
        "title": entry["title"],
        "selected": item.selected,
        "rank": item.rank,
        "allocated_tokens": item.allocated_tokens,
        **{name: entry["dimensions"].get(name, "") for name in _CUT_BY},
        "north_star_gain": item.north_star_gain,
        "objective_contribution": item.objective_contribution,
        "strategic_kpi_contributions": contributions_text(facts, snapshot["kpis"], snapshot["north_star"]),
        "dependency_status": item.dependency_status,
        "reason": item.reason,
    }
    return _row((run_id, item.initiative_key), values)


def gap_rows(run: OptimizationRun) -> list[NewRow]:
    """The run's rows in Gaps_And_Alerts: what is missed most gravely first, then in the order of Targets."""
    gaps: list[dict[str, Any]] = run.result_json.get("gaps", [])
    ranked = sorted(gaps, key=lambda gap: ("critical", "warning", "ok").index(gap["severity"]))
    return [
        _row((run.run_id, gap["dimension"], gap["dimension_key"], gap["kpi_key"]), {"run_id": run.run_id, **gap})
        for gap in ranked
    ]


# tab -> what makes a run's rows there
ROWS: Mapping[str, Callable[[OptimizationRun], list[NewRow]]] = {RUNS: run_rows, RESULTS: result_rows, GAPS: gap_rows}


def _row(identity: Sequence[Value], values: Mapping[str, Value]) -> NewRow:
    shown = {name: value for name, value in values.items() if not isinstance(value, float) or math.isfinite(value)}
    return NewRow(key=identity_text(identity), values=shown)


def _moment(moment: datetime.datetime | None) -> str:
    return f"{moment.astimezone(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}" if moment else ""
