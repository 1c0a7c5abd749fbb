"""Looking for the best columns of a problem, again and again with more held fixed; each answer is checked exactly."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from optimization.bounds import Bounds, conditioned, power_of_two, tighten
from optimization.presolve import column_bounds
from optimization.problem import Problem
from optimization.rows import Bools, Floats, RowBook, Rows
from optimization.solver import Answer, Effort, Ending, maximise

REPAIRS = 30  # wrong answers that are ruled out one by one before giving up
RANGE = (
    1000.0  # a cost that much larger than what the optimum reaches is taken out, and the rest solved on its own scale
)
COST = 1024.0  # the largest cost as the solver sees it


@dataclass(frozen=True, kw_only=True)
class Found:
    """A portfolio that obeys every row and everything held."""

    columns: Bools  # candidates, then synergies as their members imply
    value: float  # sum of the costs, exact to one rounding
    gap: float  # relative, to the proved bound
    bound: float  # in the units of the costs, nan when unknown
    low: Floats  # 0 or 1 per column: what every portfolio as good has chosen
    high: Floats  # 0 or 1 per column: what any portfolio as good may choose


@dataclass(frozen=True, kw_only=True)
class _Held:
    """A sum that must stay at or above a value."""

    coefficients: Floats  # per column
    lower: float


class Search:
    """The rows of a problem, what is held beside them, and the time left."""

    def __init__(
        self,
        problem: Problem,
        *,
        deadline: float,
        gap: float,
        feasibility: float,
        fixed: Mapping[int, bool] = MappingProxyType({}),
    ) -> None:
        self.problem = problem
        self.deadline = deadline  # of time.perf_counter()
        self.gap = gap
        self.feasibility = feasibility
        bounds = column_bounds(problem, fixed=fixed)
        self.low, self.high = bounds.low, bounds.high
        self.contradiction = bounds.contradiction  # nothing can obey the rows, seen without solving
        self.held: tuple[_Held, ...] = ()
        self.conclusive = (
            True  # whether the last answer was proved (within the gap), be it a portfolio or that there's none
        )
        self._ruled_out: list[Bools] = []  # columns that the solver took for feasible, and that aren't

    @property
    def state(self) -> tuple[Floats, Floats, tuple[_Held, ...]]:
        """Everything that `hold` changes, to go back to."""
        return self.low, self.high, self.held

    @state.setter
    def state(self, state: tuple[Floats, Floats, tuple[_Held, ...]]) -> None:
        self.low, self.high, self.held = state

    def hold(self, coefficients: Floats, *, lower: float) -> None:
        """From now on this sum stays at or above `lower`."""
        self.held = (*self.held, _Held(coefficients=coefficients, lower=lower))
        self._keep(tighten(self._rows(), self.low, self.high))

    def hold_best(self, found: Found, coefficients: Floats, *, lower: float) -> None:
        """Like `hold`, knowing that `found` is the best there is: what none as good can contain is left out."""
        self.low, self.high = found.low, found.high
        self.hold(coefficients, lower=lower)

    def _keep(self, bounds: Bounds) -> None:
        if not bounds.contradiction:
            self.low, self.high = bounds.low, bounds.high

    def best(self, cost: Floats, *, start: Bools | None = None, without: Bools | None = None) -> Found | None:
        """The columns of the largest cost, other than `without`; None when there are none, or none in time.

        `conclusive` tells the two apart. A cost much larger than what the optimum reaches belongs to columns that can't
        be chosen: these are left out and the rest is solved again on its own scale, so that small differences
        don't drown.
        """
        low, high = self.low, self.high
        found: Found | None = None
        while True:
            free = low < high
            largest = float(np.abs(cost[free]).max(initial=0.0))
            answer = self._answer(np.where(free, cost, 0.0), largest, low, high, start, without)
            if answer is None:
                return found
            bound = answer.bound / _scale(largest) + math.fsum(cost[low > 0.5].tolist())
            value = math.fsum(cost[answer.columns].tolist())
            found = Found(columns=answer.columns, value=value, gap=answer.gap, bound=bound, low=low, high=high)
            if not self.conclusive or self.gap > 0:
                return found
            bounds = self._narrowed(cost, value, max(1e-6 * largest, 4e-9 * abs(value)), found, without)
            left = float(np.abs(cost[bounds.low < bounds.high]).max(initial=0.0))
            if bounds.contradiction or left * (RANGE if abs(value) * RANGE >= largest else 2.0) >= largest:
                return found
            low, high = bounds.low, bounds.high

    def _narrowed(self, cost: Floats, value: float, margin: float, found: Found, without: Bools | None) -> Bounds:
        """What is left of the columns in portfolios about as good as the best one."""
        book = RowBook(columns=len(cost))
        book.dense(cost, lower=value - margin, upper=value + margin)
        return tighten(self._rows(without).joined(book.rows()), found.low, found.high)

    def tidied(self, columns: Bools, cost: Floats) -> Bools:
        """The portfolio without candidates that bring nothing and that no row needs: a gap leaves such in by chance.

        They are looked at from the highest key down; members of a synergy stay.
        """
        size = len(self.problem.candidates)
        paired = {column for synergy in self.problem.synergies for column in (synergy.first, synergy.second)}
        rows = self._rows()
        order = np.argsort(rows.indices, kind="stable")
        begins = np.searchsorted(rows.indices[order], np.arange(size + 1))
        entry_rows, entry_coefficients = rows.row_of[order], rows.coefficients[order]
        sums, columns = rows.sums(columns), columns.copy()
        for column in reversed(np.flatnonzero(columns[:size] & (cost[:size] <= 0.0)).tolist()):
            entries = slice(begins[column], begins[column + 1])
            touched = entry_rows[entries]
            changed = sums[touched] - entry_coefficients[entries]
            if column not in paired and ((changed >= rows.lower[touched]) & (changed <= rows.upper[touched])).all():
                columns[column] = False
                sums[touched] = changed
        return columns

    def _rows(self, without: Bools | None = None) -> Rows:
        return self.problem.rows.joined(self._extra(without))

    def _answer(
        self, cost: Floats, largest: float, low: Floats, high: Floats, start: Bools | None, without: Bools | None
    ) -> Answer | None:
        """The solver's answer, checked: what breaks a row is ruled out and asked again."""
        self.conclusive = False
        if (low == high).all():
            return self._only_choice(low > 0.5, without)
        for _ in range(REPAIRS):
            seconds = self.deadline - time.perf_counter()
            if seconds <= 0:
                return None
            effort = Effort(time_limit_s=seconds, gap=self.gap, feasibility=self.feasibility)
            rows = self._rows(without)
            answer = maximise(
                cost * _scale(largest),
                low=low,
                high=high,
                rows=conditioned(rows, low, high),
                effort=effort,
                start=start,
            )
            if answer.ending in (Ending.INFEASIBLE, Ending.NOTHING):
                self.conclusive = answer.ending is Ending.INFEASIBLE
                return None
            columns = self.problem.columns(answer.columns[: len(self.problem.candidates)])
            if self._obeys(columns):
                self.conclusive = answer.ending is Ending.OPTIMAL
                return Answer(ending=answer.ending, columns=columns, gap=answer.gap, bound=answer.bound)
            self._ruled_out.append(columns)
            start = None
        return None

    def _only_choice(self, columns: Bools, without: Bools | None) -> Answer | None:
        """The answer where nothing is left to choose: no solver takes a model without columns."""
        self.conclusive = True
        columns = self.problem.columns(columns[: len(self.problem.candidates)])
        if not self._obeys(columns) or (without is not None and (columns == without).all()):
            return None
        return Answer(ending=Ending.OPTIMAL, columns=columns, gap=0.0, bound=0.0)

    def _obeys(self, columns: Bools) -> bool:
        if self.problem.rows.broken(columns).any():
            return False
        sums = (math.fsum(held.coefficients[columns].tolist()) for held in self.held)
        return all(value >= held.lower - 1e-13 * abs(held.lower) for value, held in zip(sums, self.held, strict=True))

    def _extra(self, without: Bools | None) -> Rows:
        book = RowBook(columns=self.problem.rows.columns)
        for held in self.held:
            book.dense(held.coefficients, lower=held.lower)
        for columns in (*self._ruled_out, *(() if without is None else (without,))):
            chosen = columns[: len(self.problem.candidates)]
            book.add(np.arange(len(chosen)), np.where(chosen, -1.0, 1.0), lower=1.0 - int(chosen.sum()))
        return book.rows()


def _scale(largest: float) -> float:
    return float(power_of_two(np.array([COST / largest]))[0]) if largest else 1.0
