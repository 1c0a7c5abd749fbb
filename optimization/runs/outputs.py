"""The rows that stored runs have in the tabs that runs fill. Made from what is stored, so that they can be made again."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db.models import Q
from django.utils import timezone

from optimization.models import OptimizationRun, Portfolio, PortfolioItem
from optimization.output_columns import FRONTIER_COLUMNS
from optimization.records import contributions_text, legible
from optimization.runs.running import ENDED
from optimization.solving.facts import Initiative
from optimization.studies.measuring import frequency_text
from sheetsync.models import Workbook
from sheetsync.records import NewRow, Scene
from sheetsync.registry import registry
from sheetsync.syncing.appended import AppendedTabSync
from sheetsync.syncing.opentab import TabJob
from sheetsync.syncing.tabsync import TabSync
from sheetsync.syncing.view import TabView, identity_text
from sheetsync.tabs import Role
from sheetsync.values.cells import Value

RUNS, RESULTS, GAPS = "Runs", "Results", "Gaps_And_Alerts"
FRONTIER, MEASURE_NEXT = "Frontier", "Measure_Next"
MOST_KEYS = 500  # of a list in one cell; a cell holds 32,767 characters
_CUT_BY = ("country", "market", "department", "category")


def unwritten_runs(workbook: Workbook) -> list[OptimizationRun]:
    """Ended runs of which rows aren't known to stand in the workbook, oldest first."""
    runs = OptimizationRun.objects.filter(workbook=workbook, status__in=ENDED)
    owing = runs.filter(Q(written_at=None) | ~Q(owed_tabs_json=[]))
    return list(owing.select_related("portfolio").order_by("created_at", "pk"))


def output_jobs(runs: Sequence[OptimizationRun]) -> list[TabJob]:
    """What brings the rows of these runs into the tabs that lack them; no jobs for no runs."""
    owed = {title for title in (*ROWS, *LATER_ROWS) for run in runs if _owes(run, title)}
    # Runs comes along always: that it was read tells a missing tab from a workbook that is out of reach.
    titles = [title for title in (*ROWS, *LATER_ROWS) if title in owed or (owed and title == RUNS)]
    return [
        TabJob(registered=registry.get(Role.OPTIMIZATION, title), append=_rows_of(title, runs), refresh=True)
        for title in titles
    ]


def _owes(run: OptimizationRun, title: str) -> bool:
    return title in run.owed_tabs_json or (run.written_at is None and title in ROWS)


def _rows_of(title: str, runs: Sequence[OptimizationRun]) -> Callable[[Scene, TabView], Sequence[NewRow]]:
    """The rows that the tab shall show. Rows that a run has written once and a person has deleted since stay away."""
    make = {**ROWS, **LATER_ROWS}[title]
    rows: list[tuple[NewRow, bool]] = []  # with whether the row may be appended

    def append(scene: Scene, view: TabView) -> Sequence[NewRow]:
        if not rows:  # once for all rounds
            for run in runs:
                is_new = run.written_at is None or title in LATER_ROWS
                rows.extend((row, is_new) for row in (make(run) if _owes(run, title) else ()))
        return [row for row, is_new in rows if is_new or row.key in view.by_key]

    return append


def mark_written(runs: Sequence[OptimizationRun], tabs: Mapping[str, TabSync]) -> None:
    """Notes what of these runs stands in the workbook by now: a tab counts when it shows every row that it was to show.

    A workbook without the tab of a later action owes nothing there; that action said what is missing.
    """
    shown = {title for title, tab in tabs.items() if isinstance(tab, AppendedTabSync) and tab.complete}
    for run in runs if tabs else ():
        owed = [title for title in run.owed_tabs_json if title in tabs and title not in shown]
        written_at = run.written_at or (timezone.now() if shown.issuperset(ROWS) else None)
        OptimizationRun.objects.filter(pk=run.pk).update(written_at=written_at, owed_tabs_json=owed)


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
    """The run's rows in Results: what is chosen by rank, what is left out with the nearest misses first, then what isn't eligible."""
    snapshot = run.inputs_snapshot_json
    known = {entry["key"]: entry for entry in snapshot.get("initiatives", ())}
    uncertainty = run.result_json.get("uncertainty", {})
    rows = []
    for item in ordered_items(run):
        values = _result_values(run.run_id, item, known[item.initiative_key], snapshot)
        later = {
            "why_not": why_not_text(run, item),
            "selection_frequency": frequency_text(item.selection_frequency, uncertainty),
        }
        rows.append(_row((run.run_id, item.initiative_key), {**values, **later}))
    return rows


def ordered_items(run: OptimizationRun) -> list[PortfolioItem]:
    """What the run decided about each initiative, in the order of Results."""
    why_not = run.result_json.get("why_not", {})
    items = PortfolioItem.objects.filter(portfolio__run=run)
    return sorted(items, key=lambda item: _order(item, why_not))


def why_not_text(run: OptimizationRun, item: PortfolioItem) -> str:
    """What the run found out about a candidate that it left out."""
    if item.selected or not item.is_eligible:
        return ""
    found = run.result_json.get("why_not", {}).get(item.initiative_key)
    return str(found["text"] if found else run.result_json.get("not_computed", ""))


def _order(item: PortfolioItem, why_not: Mapping[str, Mapping[str, Any]]) -> tuple[Any, ...]:
    """Chosen ones by rank; the nearest misses first, those of which it isn't known after them; then what isn't eligible."""
    if item.selected:
        return 0, item.rank, item.initiative_key
    if not item.is_eligible:
        return 2, 0, item.initiative_key
    cost = why_not.get(item.initiative_key, {}).get("cost")
    return 1, cost is None, cost or 0.0, -(item.objective_contribution or 0.0), item.initiative_key


def _result_values(
    run_id: str, item: PortfolioItem, entry: Mapping[str, Any], snapshot: Mapping[str, Any]
) -> dict[str, Value]:
    facts = Initiative(key=item.initiative_key, contributions=entry["contributions"])
    return {
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


def gap_rows(run: OptimizationRun) -> list[NewRow]:
    """The run's rows in Gaps_And_Alerts: what is missed most gravely first, then in the order of Targets."""
    gaps: list[dict[str, Any]] = run.result_json.get("gaps", [])
    ranked = sorted(gaps, key=lambda gap: ("critical", "warning", "ok").index(gap["severity"]))
    return [
        _row((run.run_id, gap["dimension"], gap["dimension_key"], gap["kpi_key"]), {"run_id": run.run_id, **gap})
        for gap in ranked
    ]


def frontier_rows(run: OptimizationRun) -> list[NewRow]:
    """The run's rows in Frontier, by capacity."""
    steps: list[dict[str, Any]] = run.result_json.get("frontier", {}).get("steps", [])
    shown = [name for name in FRONTIER_NAMES if name != "run_id"]
    return [
        _row((run.run_id, step["capacity"]), {"run_id": run.run_id, **{name: _cell(step[name]) for name in shown}})
        for step in steps
    ]


def measure_rows(run: OptimizationRun) -> list[NewRow]:
    """The run's rows in Measure_Next: what costs most first."""
    params: list[dict[str, Any]] = run.result_json.get("measure_next", {}).get("params", [])
    return [
        _row((run.run_id, param["initiative_key"], param["param_name"]), {"run_id": run.run_id, **param})
        for param in params
    ]


def _cell(value: Any) -> Value:
    """A list of keys that no cell could hold is cut, and says so."""
    if isinstance(value, list) and len(value) > MOST_KEYS:
        return [*value[:MOST_KEYS], f"and {len(value) - MOST_KEYS:,} more"]
    shown: Value = value
    return shown


FRONTIER_NAMES = tuple(column.name for column in FRONTIER_COLUMNS)
Rows = Callable[[OptimizationRun], list[NewRow]]
# tab -> what makes a run's rows there: of every run, and of later actions on it
ROWS: Mapping[str, Rows] = {RUNS: run_rows, RESULTS: result_rows, GAPS: gap_rows}
LATER_ROWS: Mapping[str, Rows] = {FRONTIER: frontier_rows, MEASURE_NEXT: measure_rows}


def _row(identity: Sequence[Value], values: Mapping[str, Value]) -> NewRow:
    known = {name: value for name, value in values.items() if not isinstance(value, float) or math.isfinite(value)}
    shown = {name: legible(value) if isinstance(value, float) else value for name, value in known.items()}
    return NewRow(key=identity_text(identity), values=shown)


def _moment(moment: datetime.datetime | None) -> str:
    return f"{moment.astimezone(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}" if moment else ""
