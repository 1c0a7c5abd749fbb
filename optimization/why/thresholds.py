"""How far one number of a candidate may get worse while the candidate still wins: exact thresholds, by one solve each.

What a portfolio without the candidate reaches doesn't depend on the candidate's numbers: the best of those is the rival
to beat. A portfolio with it beats the rival up to some number, and the largest such number over all portfolios is the
threshold. The number is a column of its own between 0 and 1, and the solver pushes it; the portfolio that it ends with
tells the threshold exactly.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from optimization.constraints.rules import RuleType
from optimization.solving.bounds import Bounds, tighten
from optimization.solving.levels import TIE, Level, levels_of, settles_for
from optimization.solving.problem import Problem, tolerance
from optimization.solving.rows import Bools, Floats, RowBook, Rows
from optimization.solving.solver import Answer, Effort, Ending
from optimization.why.pushing import Push
from sheetsync.values.cells import fold

REPAIRS = 10  # wrong answers that are ruled out one by one before giving up
STRICT = 1.0001  # what is more than equal: so many times what still counts as equal
LEAST = 1e-9  # what is more than nothing: beside a value of 0 anything would be


@dataclass(frozen=True, kw_only=True)
class Lever:
    """One number of a candidate, and where it may go."""

    column: int  # of the candidate
    own: float  # the number as it stands: tokens, or a contribution in the KPI's unit
    best: float  # the end of the range that helps the candidate most
    worst: float  # the end that helps it least
    kpi_key: str = ""  # of the contribution; "" for tokens


@dataclass(frozen=True, kw_only=True)
class Line:
    """lower <= sum over a portfolio with the candidate + pull x number <= upper."""

    coefficients: Floats  # per column; what the number itself adds is left out
    pull: float  # what a unit of the number adds
    lower: float = -math.inf
    upper: float = math.inf
    slack: float = 0.0  # how much of the bounds is tolerance

    def interval(self, columns: Bools, *, exact: bool) -> tuple[float, float]:
        """The numbers with which a portfolio obeys the line, low above high for none; `exact` uses no tolerance."""
        total = math.fsum(self.coefficients[columns].tolist())
        give = self.slack if exact else 0.0
        lower, upper = self.lower + give - total, self.upper - give - total
        if self.pull:
            return lower / self.pull, upper / self.pull
        rounding = 1e-13 * max(abs(end) for end in (self.lower, self.upper, 1.0) if math.isfinite(end))
        return (-math.inf, math.inf) if lower <= rounding and upper >= -rounding else (math.inf, -math.inf)


@dataclass(frozen=True, kw_only=True)
class Reached:
    """A portfolio with the candidate that beats the rival, and how far the number may go for that."""

    columns: Bools
    number: float  # tolerances used up
    nominal: float | None  # without tolerances; None when the portfolio needs them
    best: float  # the other end: the number with which the portfolio still obeys every line


@dataclass(kw_only=True)
class Threshold:
    """The search for one threshold."""

    problem: Problem
    lever: Lever
    rival: Bools  # the best portfolio without the candidate
    deadline: float  # of time.perf_counter()
    gap: float  # relative, 0 for a proof
    conclusive: bool = True  # no solve was ended by the time limit

    def reached(self) -> Reached | None:
        """The portfolio that lets the number get worst; None when the candidate can't win at any number of the range."""
        best: Reached | None = None
        for lines in self._better_at_a_step():
            best = self._worse(best, self._solve(lines, best))
        equal = [self._level_line(position, 0.0) for position in range(len(self.levels))]
        level = self._solve(equal, best)
        if level is None:
            return best
        if equal[-1].pull:
            return self._worse(best, self._beyond_equal(level.columns, equal))
        if self._is_better(level.columns):
            return self._worse(best, level)
        best = self._worse(best, self._solve([*equal[:-1], self._last_line(1.0)], best))
        if self.lever.kpi_key:
            return self._worse(best, self._tied_as_it_is(equal, best))
        return self._worse(best, self._tied_by_tokens(equal, best))

    def _beyond_equal(self, columns: Bools, equal: list[Line]) -> Reached | None:
        """Where the number itself moves the last level: what a portfolio needs to be better, or equal if ties go to it."""
        better = -0.999 if settles_for(self.problem, columns, self.rival) else 1.0
        lines = [*equal[:-1], self._last_line(better)]
        return self._measure(columns, lines) or self._solve(lines, None)

    def _tied_by_tokens(self, equal: list[Line], best: Reached | None) -> Reached | None:
        """Equal at every level, and fewer tokens; or as many, where the candidate's portfolio has what settles the tie then."""
        size, width = len(self.problem.candidates), self.problem.rows.columns
        tokens = np.concatenate([self.problem.tokens, np.zeros(width - size)])
        used = math.fsum(tokens[self.rival].tolist())
        tokens[self.lever.column] -= self.lever.own
        as_many = Line(coefficients=tokens, pull=1.0, upper=used * (1.0 + TIE))
        found = self._solve([*equal, as_many], best)
        if found is None:
            return None
        if _settles_at_equal_tokens(found.columns[:size], self.rival[:size]):
            return self._measure(found.columns, [*equal, replace(as_many, upper=used)]) or found
        fewer = [*equal, replace(as_many, upper=used - more_than(used, TIE * used))]
        return self._measure(found.columns, fewer) or self._solve(fewer, best)

    def _tied_as_it_is(self, equal: list[Line], best: Reached | None) -> Reached | None:
        """Equal at every level whatever the number is: the number only lets rows hold, and what settles ties decides."""
        size, width = len(self.problem.candidates), self.problem.rows.columns
        nothing = np.zeros(width - size)
        tokens, ones = np.concatenate([self.problem.tokens, nothing]), np.concatenate([np.ones(size), nothing])
        used, count = math.fsum(tokens[self.rival].tolist()), float(self.rival[:size].sum())
        fewer = Line(coefficients=tokens, pull=0.0, upper=used - more_than(used, TIE * used))
        as_many = replace(fewer, upper=used * (1.0 + TIE))
        for lines in ([fewer], [as_many, Line(coefficients=ones, pull=0.0, upper=count - 1.0)]):
            best = self._worse(best, self._solve([*equal, *lines], best))
        found = self._solve([*equal, as_many, Line(coefficients=ones, pull=0.0, upper=count)], best)
        return found if found and settles_for(self.problem, found.columns, self.rival) else best

    @cached_property
    def levels(self) -> tuple[Level, ...]:
        """What the rival is beaten by."""
        return levels_of(self.problem)

    @cached_property
    def touched(self) -> Bools:
        """Rows whose sums move with the number."""
        return touched_rows(self.problem, self.lever.column, self.lever.kpi_key)

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """The problem's rows that move with the number."""
        rows, found = self.problem.rows, []
        for row in np.flatnonzero(self.touched).tolist():
            entries = slice(rows.starts[row], rows.starts[row + 1])
            coefficients = np.zeros(rows.columns)
            coefficients[rows.indices[entries]] = rows.coefficients[entries]
            coefficients[self.lever.column] -= self.lever.own
            lower, upper = float(rows.lower[row]), float(rows.upper[row])
            slack = tolerance(lower if math.isfinite(lower) else upper)
            found.append(Line(coefficients=coefficients, pull=1.0, lower=lower, upper=upper, slack=slack))
        return tuple(found)

    def _is_better(self, columns: Bools) -> bool:
        last = self.levels[-1]
        return last.value(columns) - last.value(self.rival) > last.slack(self.rival)

    def _better_at_a_step(self) -> Iterator[list[Line]]:
        """For each step that isn't fully reached: as good before it, and better there."""
        for position, level in enumerate(self.levels[:-1]):
            if level.value(self.rival) < level.most:
                yield [
                    *(self._level_line(earlier, 0.0) for earlier in range(position)),
                    self._level_line(position, 1.0),
                ]

    def _last_line(self, better: float) -> Line:
        return self._level_line(len(self.levels) - 1, better)

    def _level_line(self, position: int, better: float) -> Line:
        """A level at the rival's value or more; `better`: 1 for really more, 0 for equal or more, below that for safely equal."""
        level = self.levels[position]
        value, slack = level.value(self.rival), level.slack(self.rival)
        pull = self._pull(level)
        coefficients = level.expression.coefficients.copy()
        coefficients[self.lever.column] -= pull * self.lever.own
        margin = more_than(value, slack) if better > 0 else slack * (-1.0 if better == 0 else better)
        return Line(coefficients=coefficients, pull=pull, lower=value + margin)

    def _pull(self, level: Level) -> float:
        if not self.lever.kpi_key:
            return 0.0
        candidate = self.problem.candidates[self.lever.column]
        return level.factors.get(self.lever.kpi_key, 0.0) if self.problem.scope.holds(candidate.folded) else 0.0

    def _worse(self, one: Reached | None, other: Reached | None) -> Reached | None:
        """The one whose number may get worse."""
        if one is None or other is None:
            return one or other
        return max((one, other), key=lambda found: self._worseness(found.number))

    def _worseness(self, number: float) -> float:
        span = self.lever.worst - self.lever.best
        return (number - self.lever.best) / span if span else 1.0

    # ---- one solve -------------------------------------------------------------------------------------------------

    @cached_property
    def _bounds(self) -> Bounds:
        """What rows that the number doesn't move leave of each column, with the candidate in."""
        low, high = np.zeros(self.problem.rows.columns), np.ones(self.problem.rows.columns)
        low[self.lever.column] = 1.0
        return tighten(self.problem.rows.take(~self.touched), low, high)

    def _solve(self, lines: Sequence[Line], known: Reached | None) -> Reached | None:
        """The portfolio that obeys these lines and the rows, with the worst number there is."""
        if self._bounds.contradiction:
            return None
        least = 0.0 if known is None else min(self._worseness(known.number), 1.0)
        low, high = np.append(self._bounds.low, least), np.append(self._bounds.high, 1.0)
        wrong: list[Bools] = []  # for these lines: what falls short of a step by a hair may be best at the next
        for _ in range(REPAIRS):
            seconds = self.deadline - time.perf_counter()
            if seconds <= 0:
                self.conclusive = False
                return None
            effort = Effort(time_limit_s=seconds, gap=self.gap, feasibility=1e-9)
            answer = self._push(lines, wrong, low, high, effort)
            self.conclusive &= answer.ending in (Ending.OPTIMAL, Ending.INFEASIBLE)
            if answer.ending in (Ending.INFEASIBLE, Ending.NOTHING):
                return None
            columns = self.problem.columns(answer.columns[: len(self.problem.candidates)])
            if found := self._measure(columns, lines):
                return found
            wrong.append(columns)
        return None

    def _push(self, lines: Sequence[Line], wrong: Sequence[Bools], low: Floats, high: Floats, effort: Effort) -> Answer:
        level = lines[: len(self.levels)][-1]  # the last level that decides
        value, least = self._with_number(level)
        return Push(low=low, high=high, rows=self._rows(lines, wrong), value=value, least=least, effort=effort).run()

    def _with_number(self, line: Line) -> tuple[Floats, float]:
        """A line with the number as a column of its own, and its lower bound with that."""
        span = self.lever.worst - self.lever.best
        return np.append(line.coefficients, line.pull * span), line.lower - line.pull * self.lever.best

    def _rows(self, lines: Sequence[Line], wrong: Sequence[Bools]) -> Rows:
        rows = self.problem.rows.take(~self.touched)
        book = RowBook(columns=rows.columns + 1)
        for line in (*self.lines, *lines):
            wide, lower = self._with_number(line)
            book.dense(wide, lower=lower, upper=line.upper - line.pull * self.lever.best)
        for columns in wrong:
            chosen = columns[: len(self.problem.candidates)]
            book.add(np.arange(len(chosen)), np.where(chosen, -1.0, 1.0), lower=1.0 - int(chosen.sum()))
        return replace(rows, columns=rows.columns + 1).joined(book.rows())

    def _measure(self, columns: Bools, lines: Sequence[Line]) -> Reached | None:
        """How far the number may go for this very portfolio; None when it can't obey the lines at any number."""
        if not columns[self.lever.column] or self.problem.rows.take(~self.touched).broken(columns).any():
            return None
        low, high = self._range(columns, lines, exact=False)
        if low > high:
            return None
        number, best = (high, low) if self.lever.worst > self.lever.best else (low, high)
        plain_low, plain_high = self._range(columns, lines, exact=True)
        nominal = plain_high if self.lever.worst > self.lever.best else plain_low
        return Reached(columns=columns, number=number, nominal=nominal if plain_low <= plain_high else None, best=best)

    def _range(self, columns: Bools, lines: Sequence[Line], *, exact: bool) -> tuple[float, float]:
        ends = sorted((self.lever.best, self.lever.worst))
        intervals = [ends, *(line.interval(columns, exact=exact) for line in (*self.lines, *lines))]
        return max(low for low, _ in intervals), min(high for _, high in intervals)


def more_than(value: float, slack: float) -> float:
    """What must be added to a value to make it really more."""
    return STRICT * slack if value else LEAST


def _settles_at_equal_tokens(one: Bools, other: Bools) -> bool:
    """Whether a tie in tokens goes to the first of two portfolios."""
    if one.sum() != other.sum():
        return bool(one.sum() < other.sum())
    return bool(one[np.flatnonzero(one != other)[0]])


def touched_rows(problem: Problem, column: int, kpi_key: str) -> Bools:
    """Rows whose sums hold a candidate's tokens (`kpi_key` empty), or its contribution to a KPI."""
    kinds = (RuleType.TARGET,) if kpi_key else (RuleType.CAPACITY_FLOOR, RuleType.CAPACITY_CAP)
    folded = problem.candidates[column].folded
    rules = np.zeros(len(problem.rules) + 1, dtype=np.bool_)  # the last one stands for NOBODY
    for number, rule in enumerate(problem.rules):
        rules[number] = rule.type in kinds and fold(rule.kpi_key) == fold(kpi_key) and rule.slice.holds(folded)
    marks = rules[problem.rows.owners[:, 0]]
    marks[0] = not kpi_key  # the capacity comes first
    return marks
