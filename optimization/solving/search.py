"""Looking for the best columns of a problem, again and again with more held fixed; each answer is checked exactly."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from optimization.solving.bounds import Bounds, conditioned, power_of_two, tighten
from optimization.solving.narrowing import Narrowed, maximise_narrowed
from optimization.solving.presolve import column_bounds
from optimization.solving.problem import Problem
from optimization.solving.rows import Bools, Floats, RowBook, Rows
from optimization.solving.solver import Answer, Effort, Ending, maximise

REPAIRS = 30  # wrong answers that are ruled out one by one before giving up
RANGE = (
    1000.0  # a cost that much larger than what the optimum reaches is taken out, and the rest solved on its own scale
)
EQUAL = 4e-9  # relative: portfolios that close may still have to be told apart
COST = 1024.0  # the largest cost as the solver sees it
LEAST_PRICE = 1e-6  # in the solver's costs: safely more than what it may hide of them


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


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What one solve is asked to maximise."""

    cost: Floats  # per column, 0 for those that are fixed
    sure: float  # what columns that are fixed at 1 add
    largest: float  # the largest cost of a free column
    scale: float  # what the solver's costs are multiplied by
    low: Floats
    high: Floats

    @classmethod
    def of(cls, cost: Floats, low: Floats, high: Floats) -> _Asked:
        """The costs of the columns that are free between these bounds."""
        free = low < high
        largest = float(np.abs(cost[free]).max(initial=0.0))
        sure = math.fsum(cost[low > 0.5].tolist())
        scale = _scale(largest)
        return cls(cost=np.where(free, cost, 0.0), sure=sure, largest=largest, scale=scale, low=low, high=high)


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

    def keep_to(self, found: Found) -> None:
        """From now on what no portfolio as good as `found`, the best there is, can contain is left out."""
        self.low, self.high = found.low, found.high

    def _keep(self, bounds: Bounds) -> None:
        if not bounds.contradiction:
            self.low, self.high = bounds.low, bounds.high

    def best(self, cost: Floats, *, start: Bools | None = None, without: Bools | None = None) -> Found | None:
        """The columns of the largest cost; None when there are none, or none in time. `conclusive` tells the two apart.

        `without` are columns that don't count: the best others are looked for, and None says as well that these are worse,
        by more than what still counts as equal. A cost much larger than what the optimum reaches belongs to columns that can't
        be chosen: these are left out and the rest is solved again on its own scale, so that small differences
        don't drown.
        """
        low, high = self.low, self.high
        found: Found | None = None
        while True:
            asked = _Asked.of(cost, low, high)
            narrowed = self._answer(asked, self._startable(start), without)
            if narrowed is None:
                return found
            answer, low, high, largest = narrowed.answer, narrowed.low, narrowed.high, asked.largest
            value = math.fsum(cost[answer.columns].tolist())
            bound = answer.bound / asked.scale + asked.sure
            found = Found(columns=answer.columns, value=value, gap=answer.gap, bound=bound, low=low, high=high)
            if not self.conclusive or self.gap > 0:
                return found
            bounds = self._narrowed(cost, value, max(1e-6 * largest, EQUAL * abs(value)), found, without)
            left = float(np.abs(cost[bounds.low < bounds.high]).max(initial=0.0))
            if bounds.contradiction or left * (RANGE if abs(value) * RANGE >= largest else 2.0) >= largest:
                return found
            low, high = bounds.low, bounds.high

    def _narrowed(self, cost: Floats, value: float, margin: float, found: Found, without: Bools | None) -> Bounds:
        """What is left of the columns in portfolios about as good as the best one."""
        book = RowBook(columns=len(cost))
        book.dense(cost, lower=value - margin, upper=value + margin)
        if without is not None:
            self._other_than(without, book)
        return tighten(self._rows().joined(book.rows()), found.low, found.high)

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

    def _rows(self) -> Rows:
        book = RowBook(columns=self.problem.rows.columns)
        for held in self.held:
            book.dense(held.coefficients, lower=held.lower)
        for columns in self._ruled_out:
            self._other_than(columns, book)
        return self.problem.rows.joined(book.rows())

    def _other_than(self, columns: Bools, book: RowBook, *unless: int) -> None:
        """A row that every portfolio obeys but one, unless one of these columns is 1."""
        chosen = columns[: len(self.problem.candidates)]
        indices = np.append(np.arange(len(chosen)), np.array(unless, dtype=np.int64))
        coefficients = np.append(np.where(chosen, -1.0, 1.0), np.ones(len(unless)))
        book.add(indices, coefficients, lower=1.0 - int(chosen.sum()))

    def _startable(self, start: Bools | None) -> Bools | None:
        """A portfolio to begin from, if it is one."""
        if start is None or (start < self.low).any() or (start > self.high).any() or not self._obeys(start):
            return None
        return start

    def _answer(self, asked: _Asked, start: Bools | None, without: Bools | None) -> Narrowed | None:
        """The solver's answer, checked: what breaks a row is ruled out and asked again."""
        self.conclusive = False
        if (asked.low == asked.high).all():
            return self._only_choice(asked.low > 0.5, without)
        for _ in range(REPAIRS):
            seconds = self.deadline - time.perf_counter()
            if seconds <= 0:
                return None
            effort = Effort(time_limit_s=seconds, gap=self.gap, feasibility=self.feasibility)
            if without is None:
                narrowed = self._solve(asked, effort, start)
            else:
                narrowed = Narrowed(answer=self._solve_other(asked, effort, without), low=asked.low, high=asked.high)
            answer = narrowed.answer
            if answer.ending in (Ending.INFEASIBLE, Ending.NOTHING):
                self.conclusive = answer.ending is Ending.INFEASIBLE
                return None
            columns = self.problem.columns(answer.columns[: len(self.problem.candidates)])
            if self._obeys(columns):
                self.conclusive = answer.ending is Ending.OPTIMAL
                return replace(narrowed, answer=replace(answer, values=columns.astype(np.float64)))
            self._ruled_out.append(columns)
        return None

    def _solve(self, asked: _Asked, effort: Effort, start: Bools | None) -> Narrowed:
        low, high, cost = asked.low, asked.high, asked.cost * asked.scale
        rows = conditioned(self._rows(), low, high)
        known = None if start is None else start.astype(np.float64)
        if self.gap > 0:
            answer = maximise(cost, low=low, high=high, rows=rows, effort=effort, start=known)
            return Narrowed(answer=answer, low=low, high=high)
        margin = EQUAL * abs(asked.sure) * asked.scale
        return maximise_narrowed(cost, low=low, high=high, rows=rows, effort=effort, start=known, margin=margin)

    def _solve_other(self, asked: _Asked, effort: Effort, known: Bools) -> Answer:
        """The best columns other than the known ones, which stay among the solver's choices at a price: having them to
        begin from, it needn't look at what is worse."""
        width = self.problem.rows.columns
        low, high = np.append(asked.low, 0.0), np.append(asked.high, 1.0)
        book = RowBook(columns=width + 1)
        self._other_than(known, book, width)
        rows = conditioned(replace(self._rows(), columns=width + 1).joined(book.rows()), low, high)
        value = (math.fsum(asked.cost[known].tolist()) + asked.sure) * asked.scale
        price = max(EQUAL * abs(value), LEAST_PRICE)
        answer = maximise(
            np.append(asked.cost * asked.scale, -price),
            low=low,
            high=high,
            rows=rows,
            effort=effort,
            start=np.append(known, 1.0),
        )
        is_known = answer.ending in (Ending.OPTIMAL, Ending.STOPPED) and bool(answer.columns[width])
        if not is_known:
            return answer
        return replace(answer, ending=Ending.INFEASIBLE if answer.ending is Ending.OPTIMAL else Ending.NOTHING)

    def _only_choice(self, columns: Bools, without: Bools | None) -> Narrowed | None:
        """The answer where nothing is left to choose: no solver takes a model without columns."""
        self.conclusive = True
        columns = self.problem.columns(columns[: len(self.problem.candidates)])
        if not self._obeys(columns) or (without is not None and (columns == without).all()):
            return None
        fixed = columns.astype(np.float64)
        answer = Answer(ending=Ending.OPTIMAL, values=fixed, value=0.0, gap=0.0, bound=0.0)
        return Narrowed(answer=answer, low=fixed, high=fixed)

    def _obeys(self, columns: Bools) -> bool:
        if self.problem.rows.broken(columns).any():
            return False
        sums = (math.fsum(held.coefficients[columns].tolist()) for held in self.held)
        return all(value >= held.lower - 1e-13 * abs(held.lower) for value, held in zip(sums, self.held, strict=True))


def _scale(largest: float) -> float:
    return float(power_of_two(np.array([COST / largest]))[0]) if largest else 1.0
