"""The frontier against a run of its own at every capacity, and where it says that more stops paying."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from optimization.constraints.rules import Place, Rule, RuleType, Slice
from optimization.solving.effort import Effort, Patience
from optimization.solving.facts import Initiative, Scenario, Snapshot
from optimization.solving.milp import solve
from optimization.solving.problem import Problem, Refusal, build_problem
from optimization.studies.frontier import Frontier, FrontierStep, at_capacity, capacities, find_knee, trace_frontier
from tests.optimization.enumeration import random_snapshot

EFFORT = Effort(time_limit_s=60, gap=1e-3)


def patience(seconds: float = 60.0) -> Patience:
    return Patience(ends_at=time.perf_counter() + seconds)


def plan(*values: tuple[float, float], capacity: float, rules: tuple[Rule, ...] = ()) -> Snapshot:
    """Initiatives by (tokens, gmv)."""
    initiatives = tuple(
        Initiative(key=f"INIT-{n:06d}", period="2026", token_estimates={"custom": tokens}, contributions={"gmv": gain})
        for n, (tokens, gain) in enumerate(values, start=1)
    )
    scenario = Scenario(name="year", period="2026", capacity=capacity, mode="north_star")
    return Snapshot(scenario=scenario, initiatives=initiatives, rules=rules, north_star="gmv", kpis=("gmv",))


def traced(snapshot: Snapshot) -> Frontier:
    found = trace_frontier(snapshot, EFFORT, patience())
    assert isinstance(found, Frontier), found
    return found


def cap(number: float, **fields: object) -> Rule:
    place = Place(tab="Constraints", row=2)
    return Rule(type=RuleType.CAPACITY_CAP, places=(place,), number=number, **fields)  # type: ignore[arg-type]


def test_even_steps_go_from_nothing_to_twice_the_capacity_with_its_own_among_them() -> None:
    at = capacities(7.0)
    assert (len(at), at[0], at[10], at[-1]) == (21, 0.0, 7.0, 14.0)
    assert capacities(0.0) == (0.0,)


@pytest.mark.parametrize("seed", range(40))
def test_every_step_is_what_a_run_at_that_capacity_chooses(seed: int) -> None:
    snapshot = random_snapshot(seed)
    found = trace_frontier(snapshot, EFFORT, patience())
    if isinstance(found, Refusal):
        assert isinstance(build_problem(snapshot), Refusal)
        return
    selected: set[str] = set()
    for step in found.steps:
        problem = build_problem(replace(snapshot, scenario=replace(snapshot.scenario, capacity=step.capacity)))
        assert isinstance(problem, Problem)
        solution = solve(problem)
        selected = (selected | set(step.enters)) - set(step.leaves)
        assert tuple(sorted(selected)) == solution.selected, step
        assert step.objective == (None if solution.status == "infeasible" else pytest.approx(solution.objective))


def test_another_capacity_is_the_only_thing_that_differs() -> None:
    snapshot = plan((10, 5), (20, 8), capacity=15)
    problem = build_problem(snapshot)
    other = build_problem(replace(snapshot, scenario=replace(snapshot.scenario, capacity=30)))
    assert isinstance(problem, Problem)
    assert isinstance(other, Problem)
    changed = at_capacity(problem, 30)
    assert changed.snapshot == other.snapshot
    assert changed.rows.upper.tolist() == other.rows.upper.tolist()


def test_a_portfolio_that_fits_a_smaller_capacity_is_not_solved_again() -> None:
    found = traced(plan((10, 5), (10, 4), capacity=100))
    assert found.solves == 3  # at 200, at 0 and at 10 tokens; from 20 on both fit
    assert [step.objective for step in found.steps[:4]] == [0, 5, 9, 9]


def test_steps_name_who_enters_who_leaves_and_what_a_token_more_brings() -> None:
    found = traced(plan((10, 5), (20, 12), capacity=20))
    at_ten, at_twenty = (next(step for step in found.steps if step.capacity == tokens) for tokens in (10, 20))
    assert (at_ten.enters, at_ten.leaves, at_ten.marginal_per_token) == (("INIT-000001",), (), 2.5)
    assert (at_twenty.enters, at_twenty.leaves) == (("INIT-000002",), ("INIT-000001",))


def test_a_capacity_that_no_portfolio_can_hold_has_an_empty_objective() -> None:
    rule = Rule(type=RuleType.MANDATORY, places=(Place(tab="Constraints", row=2),), members=("INIT-000001",))
    found = traced(plan((30, 5), (10, 4), capacity=20, rules=(rule,)))
    assert [step.objective for step in found.steps if step.capacity < 30] == [None] * 15
    first = next(step for step in found.steps if step.objective is not None)
    assert (first.capacity, first.marginal_per_token, first.enters) == (30, None, ("INIT-000001",))


def test_a_rule_that_caps_everything_makes_the_frontier_flat() -> None:
    found = traced(plan((10, 5), (10, 4), capacity=20, rules=(cap(10),)))
    assert {step.objective for step in found.steps if step.capacity >= 10} == {5}


def test_the_runs_own_portfolio_is_taken_as_it_is() -> None:
    snapshot = plan((10, 5), (10, 5), capacity=10)
    found = trace_frontier(snapshot, EFFORT, patience(), known=("INIT-000001",))
    assert isinstance(found, Frontier)
    assert found.steps[10].capacity_used == 10


def test_a_run_that_cannot_start_has_no_frontier() -> None:
    found = trace_frontier(replace(plan((10, 5), capacity=10), north_star=""), EFFORT, patience())
    assert isinstance(found, Refusal)
    assert "north star" in found.text


def test_without_time_steps_are_left_out_and_counted() -> None:
    found = trace_frontier(plan((10, 5), capacity=10), EFFORT, patience(0))
    assert isinstance(found, Frontier)
    assert (found.steps, found.left_out) == ((), 21)


def points(*objectives: float | None) -> tuple[FrontierStep, ...]:
    return tuple(
        FrontierStep(
            capacity=float(number),
            capacity_used=0,
            objective=value,
            marginal_per_token=None,
            enters=(),
            leaves=(),
            is_approximate=False,
        )
        for number, value in enumerate(objectives)
    )


@pytest.mark.parametrize(
    ("objectives", "knee"),
    [
        ((0, 8, 9, 10), 1.0),
        ((None, 0, 8, 9, 10), 2.0),
        ((0, 1, 2, 3), None),
        ((5, 5, 5), None),
        ((0, 5), None),
        ((), None),
    ],
)
def test_the_knee_is_where_a_token_begins_to_bring_clearly_less(
    objectives: tuple[float | None, ...], knee: float | None
) -> None:
    assert find_knee(points(*objectives)) == knee


def test_slices_hold_at_every_step() -> None:
    rule = cap(10, slice=Slice(dimension="country", key="UK"))
    snapshot = plan((10, 5), (10, 4), capacity=40, rules=(rule,))
    entries = tuple(replace(entry, dimensions={"country": "UK"}) for entry in snapshot.initiatives)
    assert max(step.capacity_used or 0 for step in traced(replace(snapshot, initiatives=entries)).steps) == 10
