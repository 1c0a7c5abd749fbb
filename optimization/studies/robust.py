"""A portfolio that holds up: the most on average, less a weight times how far outcomes fall short of that average.

The measure of spread is the mean lower semideviation over sampled scenarios, a mean-risk model: Ogryczak and Ruszczynski,
"From stochastic dominance to mean-risk models: semideviations as risk measures", European Journal of Operational Research
116 (1999). With a weight up to 1 no choice is made that every cautious person would call worse. Over scenarios it is linear,
so that one exact solve finds it. Pure but for the solver.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from optimization.runs.report import number
from optimization.solving.bounds import conditioned, power_of_two
from optimization.solving.effort import Effort
from optimization.solving.levels import levels_of
from optimization.solving.presolve import column_bounds
from optimization.solving.problem import Problem
from optimization.solving.rows import Bools, Floats, Ints, RowBook, Rows
from optimization.solving.solver import Effort as SolverEffort
from optimization.solving.solver import Ending, maximise
from optimization.studies.uncertainty import Evaluation, Spread

SCENARIOS = 200  # sampled; the figures are of all draws
COST = 1024.0  # the largest cost as the solver sees it


@dataclass(frozen=True, kw_only=True)
class Robust:
    """The robust choice beside the run's own."""

    weight: float  # what a unit of spread costs, in units of the objective
    scenarios: int  # sampled for the choice
    selected: tuple[str, ...]  # keys, ascending
    enters: tuple[str, ...]  # keys that the run's portfolio doesn't have
    leaves: tuple[str, ...]  # keys that only the run's portfolio has
    spread: Spread  # over all draws
    chosen: Spread  # of the run's own portfolio
    is_proved: bool  # the best one for the scenarios, within the solver's gap

    def to_json(self) -> dict[str, Any]:
        """Plain JSON for `result_json["robust"]`."""
        return {
            "weight": self.weight,
            "scenarios": self.scenarios,
            "selected": list(self.selected),
            "enters": list(self.enters),
            "leaves": list(self.leaves),
            "spread": self.spread.to_json(),
            "approximate": not self.is_proved,
            "text": self.text(),
        }

    def text(self) -> str:
        """The comparison in a sentence."""
        if not (self.enters or self.leaves):
            return f"The robust choice (weight {self.weight:g}) is this very portfolio."
        swaps = [
            f"{name} {', '.join(keys)}" for name, keys in (("take", self.enters), ("leave out", self.leaves)) if keys
        ]
        doubt = "" if self.is_proved else " (approximate: the time limit ended the search)"
        return (
            f"The robust choice (weight {self.weight:g}) would {' and '.join(swaps)}: on average "
            f"{number(self.spread.mean)} instead of {number(self.chosen.mean)}, and {number(self.spread.p10)} instead of "
            f"{number(self.chosen.p10)} or less in one draw of ten{doubt}."
        )


def choose_robustly(evaluation: Evaluation, chosen: Bools, weight: float, effort: Effort) -> Robust:
    """The portfolio of the largest mean less weight x semideviation. The rules hold at the stored numbers; so do the steps of a
    lexicographic objective, as far as the chosen portfolio reaches them."""
    level = levels_of(evaluation.problem)[-1]
    rest, drawn = evaluation.coefficients(level)
    sample = drawn[:SCENARIOS]
    found, is_proved = _solve(evaluation, chosen, rest, sample, weight, effort)
    values = evaluation.worth(level, np.array([chosen, found], dtype=np.bool_))
    worse = _criterion(values[:, 1], weight) < _criterion(values[:, 0], weight)
    best = chosen if worse else found  # the sample may deceive; the draws decide
    keys = evaluation.problem.keys
    marks = {key for key, mark in zip(keys, best, strict=False) if mark}
    own = {key for key, mark in zip(keys, chosen, strict=False) if mark}
    return Robust(
        weight=weight,
        scenarios=len(sample),
        selected=tuple(sorted(marks)),
        enters=tuple(sorted(marks - own)),
        leaves=tuple(sorted(own - marks)),
        spread=evaluation.spread(level, best),
        chosen=evaluation.spread(level, chosen),
        is_proved=is_proved,
    )


def _criterion(values: Floats, weight: float) -> float:
    mean = float(values.mean())
    return mean - weight * float(np.maximum(mean - values, 0.0).mean())


def _solve(
    evaluation: Evaluation, chosen: Bools, rest: Floats, sample: Floats, weight: float, effort: Effort
) -> tuple[Bools, bool]:
    """(columns, whether proved). Beside the problem's columns there is one for each scenario: what it falls short of the mean."""
    problem, varying = evaluation.problem, evaluation.draws.varying
    mean = rest.copy()
    mean[varying] = sample.mean(axis=0)
    count = len(sample)
    scale = _scale(mean)
    bounds = column_bounds(problem)
    most = scale * float(np.abs(sample - sample.mean(axis=0)).sum(axis=1).max(initial=0.0)) + 1.0
    rows = _joined(conditioned(problem.rows, bounds.low, bounds.high), _held(problem, chosen), count)
    answer = maximise(
        np.concatenate([scale * mean, np.full(count, -weight / count)]),
        low=np.concatenate([bounds.low, np.zeros(count)]),
        high=np.concatenate([bounds.high, np.full(count, most)]),
        rows=rows.joined(_shortfalls(varying, scale * sample, rows.columns)),
        effort=SolverEffort(time_limit_s=effort.time_limit_s, gap=max(effort.gap, 1e-6), feasibility=1e-7),
        fractions=count,
    )
    if answer.ending not in (Ending.OPTIMAL, Ending.STOPPED):
        return chosen, False
    columns = problem.columns(answer.columns[: len(problem.candidates)])
    if problem.rows.broken(columns).any():
        return chosen, False
    return columns, answer.ending is Ending.OPTIMAL


def _scale(costs: Floats) -> float:
    largest = float(np.abs(costs).max(initial=0.0))
    return float(power_of_two(np.array([COST / largest]))[0]) if largest else 1.0


def _held(problem: Problem, chosen: Bools) -> Rows:
    """Steps of a lexicographic objective stay where the chosen portfolio has brought them."""
    book = RowBook(columns=problem.rows.columns)
    for level in levels_of(problem)[:-1]:
        value = level.value(chosen)
        book.dense(level.expression.coefficients, lower=value - 1e-9 * max(1.0, abs(value)))
    return book.rows()


def _joined(rows: Rows, held: Rows, more: int) -> Rows:
    joined = rows.joined(held)
    return replace(joined, columns=joined.columns + more)


def _shortfalls(varying: Ints, sample: Floats, columns: int) -> Rows:
    """Each scenario's shortfall is at least what the portfolio brings less than on average."""
    book = RowBook(columns=columns)
    first = columns - len(sample)
    below = sample.mean(axis=0) - sample
    for scenario, row in enumerate(below):
        book.add(np.append(varying, first + scenario), np.append(-row, 1.0), lower=0.0)
    return book.rows()
