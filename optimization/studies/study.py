"""What later actions find out about a run that ended: stored with the run, shown in its workbook, told in words."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction

from optimization.constraints.rules import plain
from optimization.models import OptimizationRun, PortfolioItem
from optimization.runs.outputs import FRONTIER, MEASURE_NEXT, RESULTS, mark_written, output_jobs, unwritten_runs
from optimization.solving.effort import Effort, Patience
from optimization.solving.facts import Snapshot
from optimization.solving.objective import Refusal
from optimization.solving.problem import Problem, build_problem
from optimization.studies.comparison import Comparison, Effect, compare
from optimization.studies.frontier import Frontier, trace_frontier
from optimization.studies.measuring import Measured, measure
from optimization.studies.measuring import as_json as measured_json
from optimization.studies.measuring import in_words as measured_in_words
from optimization.studies.past_runs import SEARCHED, SOLVED, find_run, last_runs, portfolio_of, selected_of, snapshot_of
from optimization.why.explainer import Explainer
from sheetsync.context import ActionContext
from sheetsync.models import ActionRun, Workbook
from sheetsync.runs.actions import WrongUsage
from sheetsync.storage import Origin, RecordUpdate
from sheetsync.syncing.sync import WorkbookJob, sync_workbook
from sheetsync.tabs import Role

LOOK_EVERY_S = 1.0  # how often it is looked whether somebody called the action off


@dataclass(kw_only=True)
class Study:
    """One action on runs that ended."""

    context: ActionContext

    def frontier(self) -> None:
        """What more or less capacity would bring, for one run."""
        for run in self._subject(SEARCHED):
            snapshot = self._snapshot(run)
            if snapshot is None:
                continue
            known = selected_of(run) if run.status == OptimizationRun.Status.OPTIMAL else None
            found = trace_frontier(snapshot, effort(), self.patience("solving capacity by capacity"), known=known)
            if isinstance(found, Refusal):
                self.refuse(found.text)
                continue
            self.store(run, {"frontier": found.to_json()}, (FRONTIER,))
            self._tell_all(run, frontier_in_words(found, snapshot))

    def measure(self) -> None:
        """How sure one run's portfolio is, and which params to measure next."""
        for run in self._subject(SOLVED):
            refusal = self._measure(run)
            if refusal is not None:
                self.refuse(refusal.text)

    def measure_robust(self) -> None:
        """The runs of this very action whose scenario asks for a robust choice."""
        own = OptimizationRun.objects.filter(action_run_id=self.context.run.run_id, status__in=SOLVED)
        for run in own.exclude(scenario__robust_weight=None).select_related("scenario", "workbook", "portfolio"):
            refusal = self._measure(run)
            if refusal is not None:  # the run itself stands
                self.context.report.tell("WARNING", f"no robust choice: {refusal.text}", **_where(run))

    def _measure(self, run: OptimizationRun) -> Refusal | None:
        """Draws, stores and shows what the draws say of one run; why not, where nothing can be drawn."""
        snapshot = snapshot_of(run)
        problem = snapshot if isinstance(snapshot, Refusal) else build_problem(snapshot)
        if isinstance(problem, Refusal):
            return problem
        patience = self.patience("solving draw by draw")
        weight = run.scenario.robust_weight if run.scenario else None
        found = measure(problem, selected_of(run), effort(), patience, weight)
        if isinstance(found, Refusal):
            return Refusal(text=f"run {run.run_id}: {found.text}")
        self._keep_measured(run, found)
        self._tell_all(run, measured_in_words(found, problem.snapshot.north_star))
        return None

    def _keep_measured(self, run: OptimizationRun, found: Measured) -> None:
        frequency = found.uncertainty.frequency
        origin = Origin(run.workbook, "Runs", None, run.run_id)
        items = PortfolioItem.objects.filter(portfolio__run=run, initiative_key__in=list(frequency))
        updates = [
            RecordUpdate(pk=pk, fields={"selection_frequency": frequency[key]}, origin=origin)
            for pk, key in items.values_list("pk", "initiative_key")
        ]
        with transaction.atomic():
            self.context.storage.update(PortfolioItem, updates)
            self.store(run, with_gone_params(run, measured_json(found)), (RESULTS, MEASURE_NEXT), show=False)
        self._show(run)

    def compare(self) -> None:
        """What changed between two runs, and why."""
        pair = self._pair()
        if pair is None:
            return
        before, after = pair
        snapshots = self._snapshot(before), self._snapshot(after)
        if snapshots[0] is None or snapshots[1] is None:
            return
        portfolios = portfolio_of(before), portfolio_of(after)
        patience = self.patience("putting old values back")
        found = compare(snapshots[0], snapshots[1], portfolios, effort(), patience)
        compared = {**after.result_json.get("compared", {}), before.run_id: found.to_json()}
        self.store(after, {"compared": compared}, ())
        self._tell_all(after, comparison_in_words(before, after, found))

    def explain(self) -> None:
        """For each key given: why it is in or out, and what holding it the other way would cost."""
        keys = tuple(key.strip().upper() for key in self.context.arguments.keys)
        if not keys:
            raise WrongUsage("name the initiatives to explain, as in --keys INIT-000001,INIT-000002")
        for run in self._subject(SOLVED):
            snapshot = self._snapshot(run)
            problem = None if snapshot is None else build_problem(snapshot)
            if isinstance(problem, Problem):
                self._explain(run, problem, keys)

    def _explain(self, run: OptimizationRun, problem: Problem, keys: Sequence[str]) -> None:
        patience = self.patience("holding initiatives in and out")
        explainer = Explainer(run=run, problem=problem, effort=effort(), patience=patience)
        for done, key in enumerate(keys):
            patience.progress(done, len(keys))
            told = explainer.tell(key)
            status = "FAILED" if isinstance(told, Refusal) else "OK"
            text = told.text if isinstance(told, Refusal) else told
            self.context.report.tell(status, f"run {run.run_id}: {text}", key=key, **_where(run))
        self.context.report.tabs_done += 1

    # ---- what the action is about --------------------------------------------------------------------------------------------------------

    @property
    def workbooks(self) -> Sequence[Workbook]:
        """The workbooks that the action may be about."""
        return self.context.workbooks(Role.OPTIMIZATION)

    def _subject(self, statuses: Sequence[str]) -> Iterator[OptimizationRun]:
        """The run that was named, else the last one of the scenario; none when there is none, which is told."""
        arguments = self.context.arguments
        found = (
            [find_run(run_id, self.workbooks) for run_id in arguments.runs]
            if arguments.runs
            else last_runs(arguments.scenario, self.workbooks, 1, statuses)
        )
        for run in [found] if isinstance(found, Refusal) else found:
            if isinstance(run, Refusal):
                self.refuse(run.text)
            elif run.status not in statuses:
                self.refuse(f"run {run.run_id} is {run.status}: {run.message}")
            else:
                yield run

    def _pair(self) -> tuple[OptimizationRun, OptimizationRun] | None:
        """The two runs that were named, in that order, else the last two of the scenario, the earlier one first."""
        arguments = self.context.arguments
        if len(arguments.runs) not in (0, 2):
            raise WrongUsage("name two runs to compare, --run RUN_ID --run RUN_ID, or none for a scenario's last two")
        found: list[OptimizationRun | Refusal] | Refusal
        if arguments.runs:
            found = [find_run(run_id, self.workbooks) for run_id in arguments.runs]
        else:
            latest = last_runs(arguments.scenario, self.workbooks, 2)
            found = latest if isinstance(latest, Refusal) else [*reversed(latest)]
        refused = [found] if isinstance(found, Refusal) else [run for run in found if isinstance(run, Refusal)]
        for refusal in refused:
            self.refuse(refusal.text)
        if refused or isinstance(found, Refusal):
            return None
        before, after = found
        assert isinstance(before, OptimizationRun)
        assert isinstance(after, OptimizationRun)
        if before == after:
            raise WrongUsage(f"run {before.run_id} is named twice; name two runs")
        return before, after

    def _snapshot(self, run: OptimizationRun) -> Snapshot | None:
        found = snapshot_of(run)
        if isinstance(found, Refusal):
            self.refuse(found.text)
            return None
        return found

    def patience(self, doing: str) -> Patience:
        """The time that a study may take, who is told how far it is, and whether it was called off."""
        return Patience(
            ends_at=time.perf_counter() + settings.STUDY_TIME_LIMIT_S,
            progress=lambda done, total: self.context.progress(doing, done, total),
            called_off=called_off(self.context.run),
        )

    # ---- what came of it -----------------------------------------------------------------------------------------------------------------

    def store(self, run: OptimizationRun, found: Mapping[str, Any], tabs: Sequence[str], *, show: bool = True) -> None:
        """Keeps what was found with the run, and shows it in the run's workbook."""
        with transaction.atomic():
            run.refresh_from_db()
            fields = {
                "result_json": {**run.result_json, **found},
                "owed_tabs_json": sorted({*run.owed_tabs_json, *tabs}),
            }
            origin = Origin(run.workbook, "Runs", None, run.run_id)
            self.context.storage.update(OptimizationRun, [RecordUpdate(pk=run.pk, fields=fields, origin=origin)])
            self.context.storage.flush()
        run.refresh_from_db()
        if show:
            self._show(run)

    def _show(self, run: OptimizationRun) -> None:
        if not run.owed_tabs_json:
            return
        if run.workbook not in self.workbooks:
            self.context.report.tell(
                "WARNING", f"run {run.run_id}: its workbook isn't in use; see its page in the admin"
            )
            return
        assert run.workbook is not None
        runs = unwritten_runs(run.workbook)
        mark_written(runs, sync_workbook(self.context, WorkbookJob(workbook=run.workbook, tabs=output_jobs(runs))))

    def _tell_all(self, run: OptimizationRun, sentences: Sequence[str]) -> None:
        self.context.report.tabs_done += 1
        for sentence in sentences:
            self.context.report.tell("OK", f"run {run.run_id} of {run.scenario_name}: {sentence}", **_where(run))

    def refuse(self, text: str) -> None:
        """Tells why nothing could be found out."""
        self.context.report.tabs_stopped += 1
        self.context.report.tell("FAILED", text)


def effort() -> Effort:
    """How hard each solve tries."""
    return Effort(time_limit_s=settings.SOLVER_TIME_LIMIT_S, gap=settings.SOLVER_GAP)


def called_off(run: ActionRun) -> Callable[[], bool]:
    """Whether the action isn't wanted any more: somebody cancelled it, or another attempt took it over."""
    looked = 0.0
    gone = False

    def look() -> bool:
        nonlocal looked, gone
        if time.monotonic() - looked >= LOOK_EVERY_S:
            looked = time.monotonic()
            going_on = ActionRun.objects.filter(pk=run.pk, status=ActionRun.Status.RUNNING, attempts=run.attempts)
            gone = not going_on.exists()
        return gone

    return look


def _where(run: OptimizationRun) -> dict[str, str]:
    return {"workbook": str(run.workbook)} if run.workbook else {}


def frontier_in_words(found: Frontier, snapshot: Snapshot) -> list[str]:
    """What the frontier says, in a few sentences."""
    own = snapshot.scenario.capacity
    reached = [step for step in found.steps if step.objective is not None]
    if not reached:
        most = plain(found.steps[-1].capacity) if found.steps else "0"
        return [f"no portfolio obeys the rules with any capacity up to {most} tokens"]
    first, last = reached[0], reached[-1]
    goes = f"the objective goes from {_short(first.objective)} to {_short(last.objective)}"
    said = [
        f"{len(found.steps)} even steps from 0 to {plain(found.steps[-1].capacity)} tokens ({found.solves} solved, the "
        f"rest follows from them); {goes}"
        if len(found.steps) > 1
        else f"the capacity is 0, and so is twice the capacity: one step, with the objective {_short(first.objective)}"
    ]
    if first is not found.steps[0]:
        said.append(f"below {plain(first.capacity)} tokens no portfolio obeys the rules")
    if found.knee is not None:
        said.append(f"the knee is at {plain(found.knee)} tokens: from there on a token brings clearly less")
    here = next((step for step in reached if step.capacity == own), None)
    above = next((step for step in reached if step.capacity > own), None)
    if here and above and above.marginal_per_token is not None:
        said.append(
            f"at {plain(own)} tokens, the next {plain(round(above.capacity - own, 6))} would bring "
            f"{_short(above.marginal_per_token)} a token"
            + (f" and let in {', '.join(above.enters)}" if above.enters else "")
        )
    if found.left_out:
        said.append(f"the time limit left out {found.left_out} steps")
    if any(step.is_approximate for step in reached):
        said.append("approximate: some steps rest on the solver's gap")
    return said


def _short(number: float | None) -> str:
    return plain(round(number or 0.0, 6))


def comparison_in_words(before: OptimizationRun, after: OptimizationRun, found: Comparison) -> list[str]:
    """What a comparison says, a sentence each."""
    said = [_who_moved(before, found), *_figures(before, after)]
    if not found.effects:
        said.append("no input changed that could matter")
    said += [_effect_in_words(effect) for effect in (*found.effects, *found.together)]
    if found.unexplained:
        said.append(f"several changes together moved {', '.join(found.unexplained)}: no single one explains it")
    if found.not_computed:
        said.append(f"{found.not_computed} changed inputs weren't put back: at most {found.solves} solves were made")
    return said


def _who_moved(before: OptimizationRun, found: Comparison) -> str:
    moves = [f"{name}: {', '.join(keys)}" for name, keys in (("came in", found.came), ("went out", found.went)) if keys]
    return f"compared with run {before.run_id}: " + ("; ".join(moves) or "the same initiatives are chosen")


def _figures(before: OptimizationRun, after: OptimizationRun) -> Iterator[str]:
    if before.status != after.status:
        yield f"status: {before.status} -> {after.status}"
    was, now = before.result_json, after.result_json
    for name, label in (("total_objective", "objective"), ("tokens_used", "tokens used")):
        if was.get(name) is not None and now.get(name) is not None and was[name] != now[name]:
            yield f"{label}: {_short(was[name])} -> {_short(now[name])}"


def _effect_in_words(effect: Effect) -> str:
    if effect.note:
        return f"{effect.text}; {effect.note}"
    if effect.moved is None:
        return f"{effect.text}; what it moved wasn't computed"
    return f"{effect.text}; " + (f"it moved {', '.join(effect.moved)}" if effect.moved else "alone it moved nothing")


def with_gone_params(run: OptimizationRun, found: dict[str, Any]) -> dict[str, Any]:
    """Params that an earlier look at the run ranked and that vary no longer keep their row, without figures."""
    params = found["measure_next"]["params"]
    here = {(param["initiative_key"], param["param_name"]) for param in params}
    before = run.result_json.get("measure_next", {}).get("params", [])
    gone = [
        {**dict.fromkeys(param), "initiative_key": param["initiative_key"], "param_name": param["param_name"]}
        for param in before
        if (param["initiative_key"], param["param_name"]) not in here
    ]
    return {**found, "measure_next": {**found["measure_next"], "params": [*params, *gone]}}
