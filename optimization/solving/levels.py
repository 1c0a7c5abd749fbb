"""What portfolios are compared by: the steps of a lexicographic objective, the objective, then what settles ties. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from optimization.solving.problem import Expression, Problem
from optimization.solving.rows import Bools

TIE = 1e-9  # relative: values that close are equal
ROUNDING = 1e-15  # what summing may cost, relative to the largest number summed


@dataclass(frozen=True, kw_only=True)
class Level:
    """One thing that portfolios are compared by; more is better."""

    kpi_key: str  # of a step; "" for the objective itself
    expression: Expression
    factors: Mapping[str, float]  # KPI key -> what a unit of a contribution in scope adds
    most: float = math.inf  # what goes beyond isn't counted

    def value(self, columns: Bools) -> float:
        """What a portfolio reaches."""
        return min(self.expression.value(columns), self.most)

    def slack(self, columns: Bools) -> float:
        """How far another portfolio may be from this one and still be its equal."""
        largest = float(np.abs(self.expression.coefficients[columns]).max(initial=0.0))
        return max(TIE * abs(self.value(columns)), ROUNDING * largest)


@dataclass(frozen=True, kw_only=True)
class Fall:
    """Where a portfolio is worse than another, and by how much."""

    level: int  # position among the levels
    kpi_key: str  # of the step that falls; "" for the objective
    amount: float  # in the level's unit, above 0


def levels_of(problem: Problem) -> tuple[Level, ...]:
    """The steps that aren't met by their baselines, then the objective."""
    steps = [
        Level(
            kpi_key=step.target.kpi_key,
            expression=step.expression,
            factors={step.target.kpi_key: 1.0},
            most=step.needed,
        )
        for step in problem.steps
        if not step.is_met_by_baseline
    ]
    return (*steps, Level(kpi_key="", expression=problem.objective, factors=problem.factors))


def first_fall(levels: Sequence[Level], best: Bools, other: Bools) -> Fall | None:
    """The first level at which the other portfolio is worse; None when it is as good, or better before it is worse."""
    for position, level in enumerate(levels):
        amount = level.value(best) - level.value(other)
        if abs(amount) > level.slack(best):
            return Fall(level=position, kpi_key=level.kpi_key, amount=amount) if amount > 0 else None
    return None


def settles_for(problem: Problem, one: Bools, other: Bools) -> bool:
    """Whether a tie goes to the first of two portfolios: fewer tokens, fewer initiatives, the lowest key where they differ."""
    size = len(problem.candidates)
    for measure in (problem.tokens, np.ones(size)):
        mine, theirs = (math.fsum(measure[columns[:size]].tolist()) for columns in (one, other))
        if abs(mine - theirs) > TIE * max(abs(mine), abs(theirs)):
            return mine < theirs
    differing = np.flatnonzero(one[:size] != other[:size])
    return bool(len(differing)) and bool(one[differing[0]])


def as_columns(problem: Problem, selected: Sequence[str] | frozenset[str]) -> Bools:
    """The columns of a portfolio given by its keys."""
    marks = np.zeros(len(problem.candidates), dtype=np.bool_)
    marks[[problem.index[key] for key in selected]] = True
    return problem.columns(marks)
