"""Solving a problem: the objective's steps, then the last objective, then ties, each proved where that is promised.

The solver proposes, exact sums decide: every portfolio is checked against every row, and its value is summed anew.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from optimization.solving.levels import TIE
from optimization.solving.presolve import Finding, contradictions
from optimization.solving.problem import Problem, Step
from optimization.solving.rows import Bools, Floats
from optimization.solving.search import Found, Search

PROOF_LIMIT = 200  # up to so many candidates the optimum and its ties are proved, whatever the gap says
BLOCK = (
    20  # keys settled by one solve: their weights are powers of two up to 2**19, which the solver tells apart safely
)

OPTIMAL, FEASIBLE, INFEASIBLE, FAILED = "optimal", "feasible", "infeasible", "failed"
NO_PORTFOLIO = "No portfolio obeys every rule: the rows of Constraints and Targets can't all hold within the capacity."


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """What one step of a lexicographic objective reached."""

    kpi_key: str
    target: float  # target_value, in the KPI's unit
    baseline: float | None  # baseline_value
    achieved: float  # baseline (or 0) + contributions and bonuses of the final portfolio, in scope
    reached: float  # what the step secured: min(achieved, target) at its best
    skipped: bool  # met by its baseline before anything is selected

    def to_json(self) -> dict[str, Any]:
        """Plain JSON for `result_json["steps"]`."""
        return dict(vars(self))


@dataclass(frozen=True, kw_only=True)
class Solution:
    """What came of a solve."""

    status: str  # optimal (within the gap), feasible (time limit), infeasible, failed
    selected: tuple[str, ...] = ()  # keys, ascending
    objective: float = 0.0  # of the last objective: north star's unit, or sum of weighted fractions
    steps: tuple[StepResult, ...] = ()  # lexicographic: one per KPI, in order
    gap: float = 0.0  # relative, to the proved bound; 0 is proved
    bound: float = math.nan  # proved best objective, nan when unknown
    seconds: float = 0.0  # wall time
    proved: bool = False  # optimum proved without a gap, ties settled
    findings: tuple[Finding, ...] = ()  # contradictions seen without solving
    message: str = ""  # for people, "" when there's nothing to add


def solve(problem: Problem, *, start: Bools | None = None, time_limit_s: float = 60.0, gap: float = 1e-3) -> Solution:
    """The best portfolio. Up to PROOF_LIMIT candidates it is proved and ties are settled, whatever `gap` says; only there
    a portfolio to `start` from makes no difference to what is found."""
    begun = time.perf_counter()
    findings = contradictions(problem)
    if findings:
        text = " ".join(finding.text for finding in findings)
        return Solution(status=INFEASIBLE, findings=findings, message=text, seconds=time.perf_counter() - begun)
    return solve_again(problem, start=start, time_limit_s=time_limit_s, gap=gap)


def solve_again(
    problem: Problem,
    *,
    fixed: Mapping[int, bool] = MappingProxyType({}),
    start: Bools | None = None,
    settled: bool = True,
    proof: bool | None = None,
    time_limit_s: float = 60.0,
    gap: float = 1e-3,
) -> Solution:
    """Like `solve`, without looking for contradictions between rules: for problems that differ little from a solved one.

    Some candidates (by column) may be `fixed` in or out; `start` is a portfolio (its columns) to begin from. Where only the
    value matters, ties need not be `settled`; where the gap will do however small the problem is, it need be no `proof`.
    """
    begun = time.perf_counter()
    proof = len(problem.candidates) <= PROOF_LIMIT if proof is None else proof
    search = Search(
        problem,
        deadline=begun + time_limit_s,
        gap=0.0 if proof else gap,
        feasibility=1e-9 if proof else 1e-6,
        fixed=fixed,
    )
    if search.contradiction:
        return Solution(status=INFEASIBLE, message=NO_PORTFOLIO, seconds=time.perf_counter() - begun)
    return _Solve(problem, search, proof=proof, settled=settled).run(begun, start)


class _Solve:
    """One solve, step by step; what was secured stays held in the search."""

    def __init__(self, problem: Problem, search: Search, *, proof: bool, settled: bool) -> None:
        self.problem = problem
        self.search = search
        self.proof = proof
        self.settled = settled  # whether ties are to be settled
        self.complete = True  # no solve was ended by the time limit
        self.secured: list[float] = []  # per step: contributions held

    def run(self, begun: float, start: Bools | None) -> Solution:
        found = self._steps(start)
        start = found.columns if found else start
        found = self.search.best(self.problem.objective.coefficients, start=start) or found
        self.complete &= self.search.conclusive
        if found is None:
            return self._nothing(begun)
        gap, bound = found.gap, found.bound
        columns, settled = found.columns, False
        if self.proof and self.complete:
            columns, settled = self._settle(found) if self.settled else (self._tidied(columns), True)
            gap, bound = 0.0, self.problem.objective.value(columns)
        elif not self.proof:
            columns = self._tidied(columns)
        return Solution(
            status=OPTIMAL if self.complete else FEASIBLE,
            selected=self._keys(columns),
            objective=self.problem.objective.value(columns),
            steps=self._step_results(columns),
            gap=gap,
            bound=bound,
            seconds=time.perf_counter() - begun,
            proved=settled,
            message=""
            if self.complete
            else "The time limit ended the solve: the portfolio stands, a better one may exist.",
        )

    def _tidied(self, columns: Bools) -> Bools:
        return self.search.tidied(columns, self.problem.objective.coefficients)

    def _nothing(self, begun: float) -> Solution:
        seconds = time.perf_counter() - begun
        if self.search.conclusive:
            return Solution(status=INFEASIBLE, seconds=seconds, message=NO_PORTFOLIO)
        text = (
            "The time limit ended the solve before a portfolio was found: raise SOLVER_TIME_LIMIT_S, or ease the rules."
        )
        return Solution(status=FAILED, seconds=seconds, message=text)

    def _keys(self, columns: Bools) -> tuple[str, ...]:
        return tuple(key for key, chosen in zip(self.problem.keys, columns, strict=False) if chosen)

    def _steps(self, start: Bools | None) -> Found | None:
        """Secures each step's target as far as can be; the portfolio that did so, None when there is none yet."""
        found: Found | None = None
        for step in self.problem.steps:
            if step.is_met_by_baseline:
                self.secured.append(-math.inf)
                continue
            found = self._step(step, found, start)
            if found is None:
                return None
        return found

    def _step(self, step: Step, found: Found | None, start: Bools | None) -> Found | None:
        coefficients = step.expression.coefficients
        if found is not None and step.expression.value(found.columns) >= step.needed:
            return self._secure(step, found)
        best = self.search.best(coefficients, start=found.columns if found else start)
        self.complete &= self.search.conclusive
        if best is None:
            return found and self._secure(step, found)
        if self.search.conclusive and best.value < step.needed:
            self.secured.append(best.value)
            self.search.keep_to(best)
            self.search.hold(coefficients, lower=_less(best.value))
            return best
        return self._secure(step, best)

    def _secure(self, step: Step, found: Found) -> Found:
        """Holds what a portfolio reaches of the step's target; over-achieving isn't held."""
        self.secured.append(min(step.expression.value(found.columns), step.needed))
        self.search.hold(step.expression.coefficients, lower=_less(self.secured[-1]))
        return found

    def _step_results(self, columns: Bools) -> tuple[StepResult, ...]:
        results = []
        for step, secured in zip(self.problem.steps, self.secured, strict=True):
            baseline = step.target.baseline or 0.0
            skipped = step.is_met_by_baseline
            results.append(
                StepResult(
                    kpi_key=step.target.kpi_key,
                    target=step.target.number,
                    baseline=step.target.baseline,
                    achieved=math.fsum((baseline, step.expression.value(columns))),
                    reached=step.target.number if skipped else baseline + secured,
                    skipped=skipped,
                )
            )
        return tuple(results)

    def _settle(self, found: Found) -> tuple[Bools, bool]:
        """Among equals: fewer tokens, then fewer initiatives, then the one with the lowest key where they differ.

        Each solve looks for the best portfolio other than the one at hand; when there is none as good, that one is settled.
        """
        objective = self.problem.objective
        columns, before = found.columns, self.search.state
        value = objective.value(columns)
        # What summing may cost: portfolios that close are equal though they may sum to 0.
        rounding = 1e-15 * float(np.abs(objective.coefficients[found.high > 0.5]).max(initial=0.0))
        least, most = _less(value, rounding), -_less(-value, rounding)
        self.search.keep_to(found)
        for measure in (objective.coefficients, *self._measures()):
            other = self.search.best(measure, without=columns)
            if other is None:
                return columns, self.search.conclusive
            if objective.value(other.columns) > most:
                self.search.state = before  # the solver's tolerance had hidden a better one
                return self._settle(replace(found, columns=other.columns))
            mine, theirs = (math.fsum(measure[chosen].tolist()) for chosen in (columns, other.columns))
            if not self.search.conclusive:
                return columns, False
            if measure is objective.coefficients:
                if theirs < least:
                    return columns, True
                self.search.hold(measure, lower=least)
                continue
            if theirs < _less(mine):
                return columns, True
            if mine < _less(theirs):
                columns = other.columns
            self.search.hold(measure, lower=_less(max(mine, theirs)))
        return columns, True

    def _measures(self) -> Iterator[Floats]:
        """What ties are settled by, in order; more is better."""
        size, width = len(self.problem.candidates), self.problem.rows.columns
        yield np.concatenate([-self.problem.tokens, np.zeros(width - size)])
        yield np.concatenate([-np.ones(size), np.zeros(width - size)])
        for begin in range(0, size, BLOCK):
            measure = np.zeros(width)
            length = min(BLOCK, size - begin)
            measure[begin : begin + length] = np.exp2(np.arange(length - 1, -1, -1))
            yield measure


def _less(value: float, least: float = 0.0) -> float:
    """A hair less than a value: what still counts as equal to it."""
    return value - max(TIE * abs(value), least)
