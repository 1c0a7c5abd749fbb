"""Fixing columns before a search: the same answer as without, from fewer columns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optimization.solving import narrowing
from optimization.solving.bounds import conditioned
from optimization.solving.narrowing import maximise_narrowed
from optimization.solving.presolve import column_bounds
from optimization.solving.problem import Problem, build_problem
from optimization.solving.solver import Answer, Effort, Ending, maximise
from optimization.why import pushing
from tests.benchmarks.solve import mixed_snapshot
from tests.optimization.claims import false_why_ins, false_why_nots

EFFORT = Effort(time_limit_s=60, gap=0.0, feasibility=1e-9)


def problem_of(size: int, **changes: object) -> Problem:
    problem = build_problem(replace(mixed_snapshot(size), **changes))  # type: ignore[arg-type]
    assert isinstance(problem, Problem)
    return problem


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many columns each search was given open."""
    found: list[int] = []

    def spied(cost, *, low, high, **options) -> Answer:  # type: ignore[no-untyped-def]
        found.append(int((low < high).sum()))
        return maximise(cost, low=low, high=high, **options)

    monkeypatch.setattr(narrowing, "maximise", spied)
    return found


def test_the_best_is_proved_with_the_columns_that_it_can_afford(opened: list[int]) -> None:
    problem = problem_of(80, rules=())
    cost, width = problem.objective.coefficients, problem.rows.columns
    low, high = np.zeros(width), np.ones(width)
    rows = conditioned(problem.rows, low, high)
    whole = maximise(cost, low=low, high=high, rows=rows, effort=EFFORT)
    found = maximise_narrowed(cost, low=low, high=high, rows=rows, effort=EFFORT)
    assert (found.answer.columns == whole.columns).all()
    assert max(opened) < width / 2
    assert ((found.low <= whole.columns) & (whole.columns <= found.high)).all()


def test_a_known_portfolio_saves_the_search_for_one(opened: list[int]) -> None:
    problem = problem_of(80, rules=())
    cost, width = problem.objective.coefficients, problem.rows.columns
    low, high = np.zeros(width), np.ones(width)
    rows = conditioned(problem.rows, low, high)
    best = maximise_narrowed(cost, low=low, high=high, rows=rows, effort=EFFORT).answer
    before = len(opened)
    again = maximise_narrowed(cost, low=low, high=high, rows=rows, effort=EFFORT, start=best.values).answer
    assert (again.ending, again.value) == (Ending.OPTIMAL, pytest.approx(best.value))
    assert len(opened) - before == 1


@pytest.mark.parametrize("size", [40, 60, 80])
def test_rules_that_few_columns_cannot_keep_open_more_of_them(size: int) -> None:
    problem = problem_of(size)
    cost, bounds = problem.objective.coefficients, column_bounds(problem)
    rows = conditioned(problem.rows, bounds.low, bounds.high)
    whole = maximise(cost, low=bounds.low, high=bounds.high, rows=rows, effort=EFFORT)
    found = maximise_narrowed(cost, low=bounds.low, high=bounds.high, rows=rows, effort=EFFORT).answer
    assert found.ending is whole.ending
    if whole.ending is Ending.OPTIMAL:
        assert found.value == pytest.approx(whole.value)


@pytest.mark.parametrize("seed", range(20))
def test_what_would_get_a_candidate_chosen_is_true_where_columns_are_fixed_before(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(narrowing, "FEW", 2)
    monkeypatch.setattr(pushing, "FEW", 2)
    assert [*false_why_nots(seed), *false_why_ins(seed)] == []
