"""What more or less capacity would bring: the best portfolio at even steps from 0 to twice the scenario's capacity.

Where the best portfolio of a larger capacity fits a smaller one, it is the best there too; only the other steps are solved.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from optimization.solving.effort import Effort, Patience
from optimization.solving.facts import Snapshot
from optimization.solving.levels import as_columns
from optimization.solving.milp import FEASIBLE, INFEASIBLE, OPTIMAL, PROOF_LIMIT, solve
from optimization.solving.problem import Problem, Refusal, build_problem, tolerance
from optimization.solving.rows import Bools

STEPS = 20  # even steps between 0 and twice the capacity; the scenario's own is the one in the middle


@dataclass(frozen=True, kw_only=True)
class FrontierStep:
    """The best portfolio at one capacity."""

    capacity: float  # tokens
    capacity_used: float | None  # tokens; None where no portfolio obeys the rules
    objective: float | None  # in the units of the run's objective; None where no portfolio obeys the rules
    marginal_per_token: float | None  # what a token more brought since the step before; None where that can't be said
    enters: tuple[str, ...]  # keys that the step before doesn't have
    leaves: tuple[str, ...]  # keys that only the step before has
    is_approximate: bool  # rests on a gap or a time limit

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: the columns of Frontier, and whether the step is approximate."""
        return {**vars(self), "enters": list(self.enters), "leaves": list(self.leaves)}


@dataclass(frozen=True, kw_only=True)
class Frontier:
    """Steps by capacity, and where more capacity stops paying."""

    steps: tuple[FrontierStep, ...]  # by capacity; those that the time didn't suffice for are left out
    knee: float | None  # tokens: the step from which on a token brings clearly less; None where there is no such step
    solves: int  # how many steps were solved; the others follow from them
    left_out: int  # steps that the time limit left out

    def to_json(self) -> dict[str, Any]:
        """Plain JSON for `result_json["frontier"]`."""
        return {
            "kind": "even steps",
            "steps": [step.to_json() for step in self.steps],
            "knee": self.knee,
            "solves": self.solves,
            "left_out": self.left_out,
        }


@dataclass(frozen=True, kw_only=True)
class _Best:
    """What is best at one capacity."""

    selected: tuple[str, ...] | None  # keys, ascending; None: no portfolio obeys the rules
    tokens: float = 0.0
    objective: float = 0.0
    proved: bool = True


def capacities(own: float, steps: int = STEPS) -> tuple[float, ...]:
    """Even steps from 0 to twice the scenario's capacity, which is one of them; 0 alone for a capacity of 0."""
    if own <= 0:
        return (0.0,)
    return tuple(own * step / (steps // 2) for step in range(2 * (steps // 2) + 1))


def trace_frontier(
    snapshot: Snapshot,
    effort: Effort,
    patience: Patience,
    *,
    known: tuple[str, ...] | None = None,
) -> Frontier | Refusal:
    """The frontier of a snapshot. `known` is the portfolio that its run proved to be the best."""
    problem = build_problem(snapshot)
    if isinstance(problem, Refusal):
        return problem
    at = capacities(snapshot.scenario.capacity)
    tracer = _Tracer(problem, effort, at, patience)
    if known is not None and len(at) > 1:
        tracer.best[len(at) // 2] = tracer.figures(known, proved=True)
    tracer.trace()
    steps = tracer.steps()
    return Frontier(steps=steps, knee=find_knee(steps), solves=tracer.solves, left_out=len(at) - len(steps))


class _Tracer:
    """Fills in the best portfolio of every step, the ends first, then halving."""

    def __init__(self, problem: Problem, effort: Effort, at: tuple[float, ...], patience: Patience) -> None:
        self.problem = problem
        self.effort = effort
        self.at = at
        self.patience = patience
        self.best: dict[int, _Best] = {}  # by step
        self.solves = 0

    def trace(self) -> None:
        """Every step, as long as the time suffices."""
        last = len(self.at) - 1
        self._find(last, None)
        self._find(0, self.best.get(last))
        middle = last // 2
        for low, high in ((middle, last), (0, middle)) if middle in self.best else ((0, last),):
            self._halve(low, high)

    def _halve(self, low: int, high: int) -> None:
        if high - low < 2:
            return
        middle = (low + high) // 2
        self._find(middle, self.best.get(high))
        self._halve(middle, high)
        self._halve(low, middle)

    def _find(self, step: int, above: _Best | None) -> None:
        """The best at a step: what is best above it where that fits; nothing where nothing obeys the rules above it."""
        if step in self.best:
            return
        capacity = self.at[step]
        if above is not None and (above.selected is None or above.tokens <= capacity + tolerance(capacity)):
            self.best[step] = above
        else:
            self._solve(step, capacity)
        self.patience.progress(len(self.best), len(self.at))

    def _solve(self, step: int, capacity: float) -> None:
        limit = min(self.effort.time_limit_s, self.patience.seconds_left)
        if limit <= 0:
            return
        self.solves += 1
        there = at_capacity(self.problem, capacity)
        solution = solve(there, start=self._start(step), time_limit_s=limit, gap=self.effort.gap)
        if solution.status == INFEASIBLE:
            self.best[step] = _Best(selected=None)
        elif solution.status in (OPTIMAL, FEASIBLE):
            self.best[step] = self.figures(solution.selected, proved=solution.proved)

    def _start(self, step: int) -> Bools | None:
        """What is best below, to begin a proof from. A search with a gap would end elsewhere than the run's own."""
        below = [best.selected for number, best in sorted(self.best.items()) if number < step and best.selected]
        return as_columns(self.problem, below[-1]) if below and len(self.problem.candidates) <= PROOF_LIMIT else None

    def figures(self, selected: tuple[str, ...], *, proved: bool) -> _Best:
        """A portfolio with what it takes and brings."""
        chosen = set(selected)
        marks = np.array([key in chosen for key in self.problem.keys], dtype=np.bool_)
        return _Best(
            selected=selected,
            tokens=math.fsum(self.problem.tokens[marks].tolist()),
            objective=self.problem.objective.value(self.problem.columns(marks)),
            proved=proved,
        )

    def steps(self) -> tuple[FrontierStep, ...]:
        """What was found, by capacity. A portfolio of a gap never falls behind the one of a smaller capacity."""
        steps: list[FrontierStep] = []
        before: _Best | None = None
        for number in sorted(self.best):
            best = self.best[number]
            if self._falls_behind(best, before):
                assert before is not None
                best = replace(before, proved=False)
            steps.append(_step(self.at[number], best, before, steps[-1].capacity if steps else 0.0))
            before = best
        return tuple(steps)

    def _falls_behind(self, best: _Best, before: _Best | None) -> bool:
        if before is None or before.selected is None or self.problem.steps:
            return False
        return not best.proved and before.objective > best.objective


def at_capacity(problem: Problem, capacity: float) -> Problem:
    """The same problem with another capacity."""
    scenario = replace(problem.snapshot.scenario, capacity=capacity)
    upper = problem.rows.upper.copy()
    upper[0] = capacity + tolerance(capacity)  # the first row is the capacity's
    return replace(
        problem, snapshot=replace(problem.snapshot, scenario=scenario), rows=replace(problem.rows, upper=upper)
    )


def _step(capacity: float, best: _Best, before: _Best | None, capacity_before: float) -> FrontierStep:
    had = set(before.selected or ()) if before else set()
    has = set(best.selected or ())
    is_there = best.selected is not None
    compares = is_there and before is not None and before.selected is not None
    assert not compares or before is not None
    return FrontierStep(
        capacity=capacity,
        capacity_used=best.tokens if is_there else None,
        objective=best.objective if is_there else None,
        marginal_per_token=(best.objective - before.objective) / (capacity - capacity_before)
        if compares and before
        else None,
        enters=tuple(sorted(has - had)),
        leaves=tuple(sorted(had - has)),
        is_approximate=not best.proved,
    )


def find_knee(steps: tuple[FrontierStep, ...]) -> float | None:
    """The capacity that lies highest above the straight line from the first portfolio to the last: from there on a token
    brings less than on average. None where the line is straight, or has fewer than three points."""
    points = [(step.capacity, step.objective) for step in steps if step.objective is not None]
    if len(points) < 3:
        return None
    (x0, y0), (x1, y1) = points[0], points[-1]
    if y1 <= y0:
        return None
    above = [(y - y0) / (y1 - y0) - (x - x0) / (x1 - x0) for x, y in points]
    highest = max(range(len(points)), key=lambda number: above[number])
    return points[highest][0] if above[highest] > 0.01 else None
