"""An optimizer run as an action: what was asked for, the run itself, its rows in the workbook, what people are told."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from django.conf import settings
from django.db import transaction

from optimization.constraints.rules import CONSTRAINTS_TAB, TARGETS_TAB, plain
from optimization.models import OptimizationConstraintSet, OptimizationRun, OptimizationScenario
from optimization.runs.marks import CANDIDATES, FORCE, read_selection
from optimization.runs.outputs import mark_written, output_jobs, unwritten_runs
from optimization.runs.running import (
    ENDED,
    EXPLAINING,
    IDLE_FORCES,
    Solved,
    earlier_attempt,
    end_broken_runs,
    run_scenario,
    start_run,
    store_outcome,
    store_result,
)
from optimization.services import choose_scenario, choose_set, scenario_facts, take_snapshot
from optimization.solving.effort import Effort
from optimization.solving.facts import Scenario, Snapshot
from optimization.solving.objective import Refusal
from optimization.why.explanations import Explanations, Extent
from sheetsync.context import ActionContext
from sheetsync.models import RowState, TabState, Workbook
from sheetsync.registry import registry
from sheetsync.runs.actions import WrongUsage
from sheetsync.syncing.compiled import CompiledTabSync
from sheetsync.syncing.opentab import TabJob
from sheetsync.syncing.sync import WorkbookJob, sync_workbook
from sheetsync.syncing.tabsync import TabSync
from sheetsync.syncing.view import identity_text
from sheetsync.tabs import Role

SHOWN_EVERY_S = 5.0  # so often explanations are stored while they are computed
_SCENARIOS = "Scenario_Config"
_RULE_TABS = (CONSTRAINTS_TAB, TARGETS_TAB)
_NOTHING_TICKED = "nothing is ticked in is_selected_for_run of Candidates; tick the rows to choose from, or give keys"


@dataclass(kw_only=True)
class Runner:
    """One run on one workbook."""

    context: ActionContext
    workbook: Workbook
    ticked_only: bool  # whether the run is limited to ticked rows, or the keys given
    unread: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # marks in Candidates that weren't taken

    def run(self) -> None:
        """Runs, stores what came of it, shows it in the workbook. What is refused is told."""
        end_broken_runs(self.context, self.workbook)
        begun = earlier_attempt(self.context, self.workbook)
        if begun is None:
            self._begin()
            return
        if begun.status not in ENDED:
            self._solve(begun, Snapshot.from_json(begun.inputs_snapshot_json))
        elif begun.result_json.get(EXPLAINING):
            self._explain(begun, run_scenario(Snapshot.from_json(begun.inputs_snapshot_json), self._effort()))
        self._end(begun, begun.constraint_set)

    def _begin(self) -> None:
        scenario = choose_scenario(self.context.arguments.scenario, self._shown_scenarios())
        if isinstance(scenario, Refusal):
            self._refuse(self._refused_row(self.context.arguments.scenario) or scenario.text)
            return
        facts = self._facts(scenario)
        chosen = choose_set(scenario, self.context.arguments.constraint_set)
        selection = read_selection(self.context, self.workbook, ticked_only=self.ticked_only)
        self.unread = selection.unread if selection else {}
        if selection is None:
            self._refuse("the run didn't start: Candidates can't be read")
        elif isinstance(chosen, Refusal):
            self._end_refused(scenario, facts, chosen.text)
        elif selection.ticked is not None and not selection.ticked:
            self._end_refused(scenario, facts, _NOTHING_TICKED, chosen)
        else:
            snapshot = take_snapshot(facts, chosen, selection)
            if facts != (stated := scenario_facts(scenario)):
                snapshot = replace(snapshot, stated=stated)
            run = start_run(self.context, self.workbook, scenario, facts, chosen, snapshot, self._effort())
            self._solve(run, snapshot)
            self._end(run, chosen)

    def _shown_scenarios(self) -> frozenset[str]:
        """Folded names of the scenarios that Scenario_Config still shows."""
        rows = RowState.objects.filter(workbook=self.workbook, tab__iexact=_SCENARIOS, is_present=True)
        return frozenset(rows.values_list("row_key", flat=True))

    def _refused_row(self, name: str) -> str:
        """What is wrong with the row of Scenario_Config of that name, as its last save found; "" when nothing is."""
        rows = RowState.objects.filter(
            workbook=self.workbook, tab__iexact=_SCENARIOS, is_present=True, row_key=identity_text([name])
        )
        verdict = rows.values_list("verdict", flat=True).first() or ""
        if not verdict.startswith("FAILED: "):
            return ""
        return f"the row of scenario {name.strip()!r} in {_SCENARIOS} was refused: {verdict.removeprefix('FAILED: ')}"

    def _facts(self, scenario: OptimizationScenario) -> Scenario:
        """The scenario, with the capacity and the weights that the action was given instead of its own."""
        facts, given = scenario_facts(scenario), self.context.arguments
        if given.capacity is not None:
            if given.capacity < 0:
                raise WrongUsage(f"capacity: {plain(given.capacity)} is negative; give a number of tokens, 0 or more")
            facts = replace(facts, capacity=given.capacity)
        return facts if given.weights is None else replace(facts, weights=_weights(given.weights))

    def _refuse(self, text: str) -> None:
        self.context.report.tabs_stopped += 1
        self.context.report.tell("FAILED", text, workbook=str(self.workbook))

    def _end_refused(
        self,
        scenario: OptimizationScenario,
        facts: Scenario,
        why: str,
        chosen: OptimizationConstraintSet | None = None,
    ) -> None:
        """A run that can't start is one all the same: its row in Runs says why."""
        named = " ".join(self.context.arguments.constraint_set.split())
        with transaction.atomic():
            run = start_run(self.context, self.workbook, scenario, facts, chosen, None, self._effort(), set_name=named)
            store_outcome(self.context, run, Solved(status=OptimizationRun.Status.FAILED, summary=why))
        self._end(run, chosen)

    def _effort(self) -> Effort:
        return Effort(time_limit_s=settings.SOLVER_TIME_LIMIT_S, gap=settings.SOLVER_GAP)

    def _solve(self, run: OptimizationRun, snapshot: Snapshot) -> None:
        self.context.progress(f"solving {run.scenario_name}", 0, 0)
        solved = run_scenario(snapshot, self._effort())
        unexplained = {EXPLAINING: True} if solved.has_portfolio else {}
        store_outcome(self.context, run, replace(solved, result_json={**solved.result_json, **unexplained}))
        self._explain(run, solved)

    def _explain(self, run: OptimizationRun, solved: Solved) -> None:
        """Explains the stored result part by part: what is known already can be seen while the rest is computed."""
        if solved.problem is None or solved.solution is None or not solved.has_portfolio:
            return
        extent = Extent(
            most=settings.SOLVER_EXPLAIN_MOST
            if self.context.arguments.explain is None
            else self.context.arguments.explain,
            limit="SOLVER_EXPLAIN_MOST" if self.context.arguments.explain is None else "explain",
            seconds=settings.SOLVER_EXPLAIN_S,
        )
        found = Explanations(problem=solved.problem, solution=solved.solution, extent=extent, gap=settings.SOLVER_GAP)
        stored = time.monotonic()
        for parts in found.compute():
            self.context.progress(f"explaining {run.scenario_name}", found.done, found.total)
            if time.monotonic() - stored > SHOWN_EVERY_S:
                store_result(self.context, run, parts)
                stored = time.monotonic()
        store_result(self.context, run, {**found.parts, EXPLAINING: False})

    def _end(self, run: OptimizationRun, chosen: OptimizationConstraintSet | None) -> None:
        self._write(run, chosen)
        self._tell(run, chosen)

    # ---- the workbook --------------------------------------------------------------------------------------------------------------------

    def _write(self, run: OptimizationRun, chosen: OptimizationConstraintSet | None) -> None:
        """Appends the run's rows, and those that earlier runs lack; tells rows that they can't hold together, or no longer."""
        runs = unwritten_runs(self.workbook)
        said = _said_to_rows(run, chosen)
        keeper = chosen.workbook if chosen else None
        here, elsewhere = (said, {}) if keeper == self.workbook else ({}, said)
        idle = run.result_json.get(IDLE_FORCES, {})
        jobs = [*output_jobs(runs), *self._candidates_job(idle)]
        tabs = sync_workbook(self.context, _job(self.workbook, here, jobs, idle, self.unread))
        mark_written(runs, tabs)
        if elsewhere and keeper is not None:
            sync_workbook(self.context, _job(keeper, elsewhere, []))

    def _candidates_job(self, idle: Iterable[str]) -> list[TabJob]:
        """The rows of Candidates whose marks had no effect, now or when they were last shown; none for most runs."""
        shown = RowState.objects.filter(workbook=self.workbook, tab=CANDIDATES, verdict__contains=f"{FORCE}: ")
        keys = (*idle, *self.unread, *shown.values_list("row_key", flat=True))
        if not keys:
            return []
        return [TabJob(registered=registry.get(Role.OPTIMIZATION, CANDIDATES), keys=frozenset(map(str.upper, keys)))]

    # ---- what people are told ------------------------------------------------------------------------------------------------------------

    def _tell(self, run: OptimizationRun, chosen: OptimizationConstraintSet | None) -> None:
        report, where = self.context.report, {"workbook": str(self.workbook)}
        name = f"run {run.run_id} of {run.scenario_name}" + (f" / {run.constraint_set_name}" if chosen else "")
        if run.status in (OptimizationRun.Status.OPTIMAL, OptimizationRun.Status.FEASIBLE):
            report.tabs_done += 1
            report.tell("OK", f"{name}: {_figures(run)}; {run.message}", **where)
            if not run.portfolio.candidate_count:
                report.tell("WARNING", f"no initiative is eligible for {run.period_key}; Results says why", **where)
        else:
            self._refuse(f"{name} is {run.status}: {run.message}")
        for key, note in sorted(run.result_json.get(IDLE_FORCES, {}).items()):
            report.tell("WARNING", note, tab=CANDIDATES, key=key, **where)
        outdated = self._refused_row(run.scenario_name)
        if outdated:
            report.tell(
                "FAILED",
                f"{outdated}; the run used what was saved before",
                tab=_SCENARIOS,
                key=run.scenario_name,
                **where,
            )
        for row in chosen.refused_rows_json if chosen else ():
            report.tell(
                "FAILED", f"not in constraint set {chosen}: {row['text']}", tab=row["tab"], row=row["row"], **where
            )
        report.tell("OK", f"last saved: {', '.join(self._last_saved())}", **where)

    def _last_saved(self) -> Iterable[str]:
        """When what the run read was last taken from the sheets."""
        states = TabState.objects.filter(workbook=self.workbook, tab__in=(_SCENARIOS, *_RULE_TABS))
        saved = dict(states.values_list("tab", "saved_at"))
        for tab in (_SCENARIOS, *_RULE_TABS):
            yield f"{tab} {_moment(saved.get(tab))}"
        backlogs = TabState.objects.filter(workbook__role=Role.BACKLOG, tab="Backlog", saved_at__isnull=False)
        latest = backlogs.order_by("-saved_at").values_list("saved_at", flat=True).first()
        yield f"Backlog {_moment(latest)}"


def _moment(moment: Any) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "never"


def _weights(given: Any) -> Mapping[str, float] | tuple[str, ...]:
    """Weights as the action was given them. Raises WrongUsage for what is neither numbers by KPI nor a list of KPIs."""
    if isinstance(given, dict) and all(isinstance(w, int | float) and not isinstance(w, bool) for w in given.values()):
        return {str(kpi): float(weight) for kpi, weight in given.items()}
    if isinstance(given, list) and all(isinstance(kpi, str) for kpi in given):
        return tuple(given)
    raise WrongUsage(f'weights: {str(given)[:60]!r}; give {{"gmv": 0.7}}, or ["gmv", "retention_30d"] for an order')


def _figures(run: OptimizationRun) -> str:
    portfolio = run.portfolio
    used = f"{plain(round(portfolio.capacity_used, 6))} of {plain(portfolio.capacity_total)} tokens"
    reached = plain(round(portfolio.total_objective or 0.0, 6))
    greedy = plain(round(portfolio.greedy_objective or 0.0, 6))
    return (
        f"{run.status}, {portfolio.selected_count} of {portfolio.candidate_count} candidates chosen, {used}, "
        f"objective {reached} (sorting by score would reach {greedy})"
    )


def _said_to_rows(run: OptimizationRun, chosen: OptimizationConstraintSet | None) -> dict[tuple[str, int], str]:
    """(tab, row) -> what to tell the row; "" takes back what an earlier run told it. A run that wasn't solved says nothing of rows."""
    if chosen is None or run.status == OptimizationRun.Status.FAILED:
        return {}
    said: dict[tuple[str, int], list[str]] = {}
    if "base" not in run.result_json:  # a what-if takes back nothing that a plain run found out, and prices nothing
        said = {(place["tab"], place["row"]): [] for rule in chosen.rules_json for place in rule["places"]}
    infeasible = run.result_json.get("infeasible", {})
    for finding in infeasible.get("findings", ()):
        for place in finding["rows"]:
            said.setdefault((place["tab"], place["row"]), []).append(finding["text"])
    for way in infeasible.get("relaxation", ()):
        said.setdefault((way["tab"], way["row"]), []).append(f"To mend it: {way['text']}.")
    for price in run.result_json.get("rule_prices", ()) if said else ():
        for place in price["rows"]:
            said.setdefault((place["tab"], place["row"]), []).append(f"OK: {price['text']}.")
    return {place: " ".join(texts) for place, texts in said.items()}


def _job(
    workbook: Workbook,
    said: Mapping[tuple[str, int], str],
    jobs: list[TabJob],
    idle: Mapping[str, str] = MappingProxyType({}),
    unread: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> WorkbookJob:
    """What writes a workbook; Constraints and Targets come along only where a row is told something, or was."""
    told = RowState.objects.filter(workbook=workbook, tab__in=_RULE_TABS).exclude(notice="")
    if any(said.values()) or (said and told.exists()):
        jobs = [*jobs, *(TabJob(registered=registry.get(Role.OPTIMIZATION, tab), take=False) for tab in _RULE_TABS)]

    def between(tabs: Mapping[str, TabSync]) -> None:
        for sync in tabs.values():
            if sync.tab.name == CANDIDATES:
                sync.notices.update({identity_text([key]): text for key, text in idle.items()})
                _refuse_marks(sync, unread)
            if isinstance(sync, CompiledTabSync):
                sync.say({row: text for (tab, row), text in said.items() if tab == sync.tab.name})

    return WorkbookJob(workbook=workbook, tabs=jobs, between=between)


def _refuse_marks(sync: TabSync, unread: Mapping[str, Mapping[str, str]]) -> None:
    """Rows of Candidates say which of their marks weren't taken."""
    for key, texts in unread.items():
        work = sync.work.get(identity_text([key]))
        if work is not None:
            work.incoming.refused.update(texts)
