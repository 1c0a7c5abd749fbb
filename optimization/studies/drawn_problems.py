"""One problem with many sets of contributions: what is best in each draw. Pure but for milp's solver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optimization.constraints.rules import RuleType, Slice
from optimization.solving.milp import FEASIBLE, INFEASIBLE, OPTIMAL, solve_again
from optimization.solving.problem import Expression, Problem, tolerance
from optimization.solving.rows import Bools, Floats, RowBook, Rows
from sheetsync.values.cells import fold

# A gap as large as a run's would hide what differs between draws; a tiny one costs hardly more.
GAP = 1e-6


@dataclass(frozen=True, kw_only=True)
class Best:
    """What is best in one draw."""

    columns: Bools | None  # candidates, then synergies; None: no portfolio obeys the rules, or none was found in time
    is_known: bool  # proved: the best, or that there is none


class DrawnProblems:
    """A problem whose contributions differ from draw to draw, for some candidates."""

    def __init__(self, problem: Problem, varying: Sequence[int], kpis: Sequence[str]) -> None:
        self.problem = problem
        self.varying = np.array(varying, dtype=np.int64)  # columns of the candidates that vary, ascending
        self.place = {fold(kpi): number for number, kpi in enumerate(kpis)}  # of a KPI on the numbers' last axis
        is_floor = [rule.type is RuleType.TARGET and rule.kind == "floor" for rule in problem.rules]
        self.floors = [(number, rule) for number, rule in enumerate(problem.rules) if is_floor[number]]
        owned = np.append(np.array(is_floor, dtype=np.bool_), False)[problem.rows.owners].any(axis=1)
        self.other_rows = problem.rows.take(~owned)
        self._sums: dict[tuple[str, Slice], Expression] = {}
        self._inside: dict[Slice, Floats] = {}

    def at(self, numbers: Floats) -> Problem:
        """The problem of one draw; `numbers` are contributions of what varies, [varying, kpi] in KPI units."""
        return replace(
            self.problem,
            objective=Expression(
                coefficients=self.with_drawn(self.problem.objective, self.weights(numbers, self.problem.factors))
            ),
            steps=tuple(
                replace(step, expression=self._summed(step.target.kpi_key, self.problem.scope, numbers))
                for step in self.problem.steps
            ),
            rows=self._rows(numbers) if self.floors else self.problem.rows,
        )

    def weights(self, numbers: Floats, factors: Mapping[str, float]) -> Floats:
        """Factor x contribution of what varies, summed over KPIs, in the objective's scope.

        `numbers` are [..., varying, kpi], the answer is [..., varying].
        """
        by_place = np.zeros(len(self.place))
        for kpi, factor in factors.items():
            if fold(kpi) in self.place:
                by_place[self.place[fold(kpi)]] = factor
        return (numbers @ by_place) * self.inside(self.problem.scope)

    def inside(self, within: Slice) -> Floats:
        """1 for each varying candidate that lies in the slice, else 0."""
        if within not in self._inside:
            folded = [self.problem.candidates[column].folded for column in self.varying]
            self._inside[within] = np.array([float(within.holds(values)) for values in folded])
        return self._inside[within]

    def with_drawn(self, expression: Expression, drawn: Floats) -> Floats:
        """Its coefficients, with those of what varies as they were drawn."""
        coefficients = expression.coefficients.copy()
        coefficients[self.varying] = drawn
        return coefficients

    def _summed(self, kpi: str, within: Slice, numbers: Floats) -> Expression:
        if (kpi, within) not in self._sums:
            self._sums[kpi, within] = self.problem.sum_of(kpi, within)
        known, place = self._sums[kpi, within], self.place.get(fold(kpi))
        if place is None:
            return known
        return Expression(coefficients=self.with_drawn(known, numbers[:, place] * self.inside(within)))

    def _rows(self, numbers: Floats) -> Rows:
        book = RowBook(columns=self.problem.rows.columns)
        for number, rule in self.floors:
            sums = self._summed(rule.kpi_key, rule.slice, numbers)
            book.dense(sums.coefficients, lower=rule.needed - tolerance(rule.needed), owners=(number,))
        return self.other_rows.joined(book.rows())


def best_of(problem: Problem, *, time_limit_s: float) -> Best:
    """What is best in one draw's problem: proved where a run's is, which costs less than searching with a gap; else within a
    tiny gap. It doesn't begin from another draw's best, so that the order of the draws makes no difference.
    """
    found = solve_again(problem, settled=False, time_limit_s=time_limit_s, gap=GAP)
    if found.status not in (OPTIMAL, FEASIBLE):
        return Best(columns=None, is_known=found.status == INFEASIBLE)
    chosen = set(found.selected)
    marks: NDArray[np.bool_] = np.array([key in chosen for key in problem.keys], dtype=np.bool_)
    return Best(columns=problem.columns(marks), is_known=found.status == OPTIMAL)
