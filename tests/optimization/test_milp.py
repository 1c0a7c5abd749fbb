"""The solver's portfolio against every subset tried one by one."""

from __future__ import annotations

import math
import sys

import pytest

from optimization.facts import Snapshot
from optimization.milp import Solution, solve
from optimization.problem import Problem, build_problem
from tests.optimization.enumeration import World, random_snapshot


def solved(snapshot: Snapshot, **options: float) -> tuple[Problem, Solution]:
    problem = build_problem(snapshot)
    assert isinstance(problem, Problem), problem
    return problem, solve(problem, **options)


def compare(seed: int) -> str:
    """ "" when the solver and the enumeration agree on a seed, else what differs."""
    snapshot = random_snapshot(seed)
    expected = World(snapshot).best()
    _, solution = solved(snapshot)
    if expected is None:
        return "" if solution.status == "infeasible" else f"{seed}: infeasible, but {solution.status}"
    selected, objective, reached = expected
    steps = [step.reached - (step.baseline or 0.0) for step in solution.steps if not step.skipped]
    if solution.status != "optimal" or not solution.proved:
        return f"{seed}: {selected}, but {solution}"
    if not math.isclose(solution.objective, objective, rel_tol=1e-9, abs_tol=1e-9):
        return f"{seed}: {objective} with {selected}, but {solution}"
    if not all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9) for a, b in zip(steps, reached, strict=True)):
        return f"{seed}: steps {reached}, but {solution}"
    return "" if list(solution.selected) == selected else f"{seed}: {selected}, but {solution}"


def check_many(seeds: range) -> list[str]:
    """What differs over many seeds; `python -m tests.optimization.test_milp 10000` runs as many."""
    return [difference for seed in seeds if (difference := compare(seed))]


@pytest.mark.parametrize("block", range(8))
def test_portfolio_equals_the_best_of_all_subsets(block: int) -> None:
    assert check_many(range(block * 50, block * 50 + 50)) == []


if __name__ == "__main__":
    print("\n".join(check_many(range(int(sys.argv[1])))) or "all agree")
