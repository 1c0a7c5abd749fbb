"""What a run says of itself in one text: targets met and missed, steps skipped, what rests on a gap or on a scale. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from optimization.constraints.rules import plain
from optimization.runs.outcome import Outcome
from optimization.solving.levels import TIE
from optimization.solving.milp import FEASIBLE, INFEASIBLE, OPTIMAL, Solution
from optimization.solving.problem import Expression, Problem


def run_in_words(problem: Problem, solution: Solution, found: Outcome) -> str:
    """One text for people, beside what it says of its what-ifs."""
    if solution.status == INFEASIBLE:
        return found.gap_summary
    parts = (
        found.gap_summary,
        *_skipped(solution),
        solution.message,
        approximate(solution),
        *_far_apart(problem, solution),
    )
    return "; ".join(part for part in parts if part)


def approximate(solution: Solution) -> str:
    """What rests on a gap is said to; "" for what is proved."""
    if solution.status not in (OPTIMAL, FEASIBLE) or solution.proved:
        return ""
    if not math.isfinite(solution.gap):
        return "approximate: how much better a portfolio could be isn't known"
    return f"approximate: at most {solution.gap:.2%} below the best there can be"


def _skipped(solution: Solution) -> Iterable[str]:
    """Steps that had nothing to reach."""
    for step in solution.steps:
        if step.skipped and step.baseline is not None:
            yield (
                f"the step {step.kpi_key} is skipped: its baseline {plain(step.baseline)} meets the target "
                f"{plain(step.target)} before anything is chosen"
            )


def _far_apart(problem: Problem, solution: Solution) -> Iterable[str]:
    """What differs so much in size that the smaller can't matter beside the larger is said to."""
    if solution.status not in (OPTIMAL, FEASIBLE):
        return
    sought = [
        (f"the step {step.target.kpi_key}", step.expression) for step in problem.steps if not step.is_met_by_baseline
    ]
    for name, expression in (*sought, ("the objective", problem.objective)):
        ends = _ends(problem, expression)
        if ends:
            yield (
                f"what candidates bring to {name} lies far apart, {ends[0]} beside {ends[1]}: it was solved in scale, and "
                "portfolios that differ by less than a billionth count as equal; check the larger number"
            )


def _ends(problem: Problem, expression: Expression) -> tuple[str, str] | None:
    """The least and the most that a candidate brings, where that is too far apart to be weighed together."""
    parts = np.abs(expression.coefficients[: len(problem.candidates)])
    counting = np.flatnonzero(parts)
    if not len(counting):
        return None
    least, most = counting[parts[counting].argmin()], counting[parts[counting].argmax()]
    if parts[least] >= TIE * parts[most]:
        return None
    near, far = (f"{parts[column]:.6g} of {problem.keys[column]}" for column in (least, most))
    return near, far
