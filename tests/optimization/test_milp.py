"""The solver's portfolio against every subset tried one by one."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from optimization.constraints.rules import Place, Rule, RuleType, Slice
from optimization.solving import narrowing
from optimization.solving.facts import Initiative, Scenario, Snapshot
from optimization.solving.milp import Solution, solve
from optimization.solving.problem import Problem, build_problem
from optimization.solving.solver import Answer, Ending
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
    """What differs over many seeds."""
    return [difference for seed in seeds if (difference := compare(seed))]


@pytest.mark.parametrize("block", range(10))
def test_portfolio_equals_the_best_of_all_subsets(block: int) -> None:
    assert check_many(range(block * 50, block * 50 + 50)) == []


def test_it_does_where_columns_are_fixed_before_the_search_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(narrowing, "FEW", 2)
    assert check_many(range(500, 650)) == []


def plain(*values: tuple[float, float], capacity: float, **changes: object) -> Snapshot:
    """Initiatives by (tokens, contribution to the north star), keys ascending."""
    initiatives = tuple(
        Initiative(
            key=f"INIT-{number:06d}", period="2026", token_estimates={"custom": tokens}, contributions={"gmv": gain}
        )
        for number, (tokens, gain) in enumerate(values, start=1)
    )
    scenario = Scenario(name="year", period="2026", capacity=capacity, mode="north_star")
    usual = Snapshot(scenario=scenario, initiatives=initiatives, north_star="gmv", kpis=("gmv",))
    return replace(usual, **changes)  # type: ignore[arg-type]


def chosen(snapshot: Snapshot) -> list[int]:
    """Numbers of the selected initiatives."""
    _, solution = solved(snapshot)
    assert solution.proved
    return [int(key.removeprefix("INIT-")) for key in solution.selected]


def test_equal_objectives_go_to_fewer_tokens() -> None:
    assert chosen(plain((10.0, 5.0), (7.0, 5.0), (9.0, 5.0), capacity=10.0)) == [2]


def test_equal_tokens_go_to_fewer_initiatives() -> None:
    assert chosen(plain((5.0, 5.0), (5.0, 5.0), (10.0, 10.0), capacity=10.0)) == [3]


def test_what_brings_and_takes_nothing_stays_out() -> None:
    assert chosen(plain((0.0, 0.0), (0.0, 1.0), (3.0, 0.0), (3.0, -1.0), capacity=10.0)) == [2]


def test_equals_in_all_go_to_the_lowest_key_where_they_differ() -> None:
    assert chosen(plain(*[(1.0, 1.0)] * 150, capacity=60.0)) == list(range(1, 61))
    pair = Rule(
        type=RuleType.EXCLUDE_PAIR, places=(Place(tab="Constraints", row=2),), members=("INIT-000001", "INIT-000002")
    )
    assert chosen(plain(*[(1.0, 1.0)] * 50, capacity=2.0, rules=(pair,))) == [1, 3]


def test_objectives_within_a_billionth_are_equal() -> None:
    assert chosen(plain((10.0, 1e9), (9.0, 1e9 - 0.5), capacity=10.0)) == [2]
    assert chosen(plain((10.0, 1e9), (9.0, 1e9 - 2.0), capacity=10.0)) == [1]


def test_sums_of_decimals_do_not_break_a_capacity_or_a_floor() -> None:
    floor = Rule(
        type=RuleType.TARGET,
        places=(Place(tab="Targets", row=2),),
        kpi_key="gmv",
        number=0.6,
        kind="floor",
        slice=Slice(),
    )
    assert chosen(plain((0.1, 0.1), (0.2, 0.2), (0.3, 0.3), capacity=0.6, rules=(floor,))) == [1, 2, 3]


def test_small_contributions_count_beside_huge_ones_that_cannot_be_chosen() -> None:
    assert chosen(plain((50.0, 1e15), (4.0, 0.001), (4.0, 0.002), (4.0, -1e15), capacity=5.0)) == [3]


def test_a_run_without_candidates_and_rules_is_optimal_and_empty() -> None:
    _, solution = solved(plain(capacity=10.0))
    assert (solution.status, solution.selected, solution.objective) == ("optimal", (), 0.0)


def many(count: int) -> Snapshot:
    return plain(
        *[(1.0 + number * 7 % 13, float(number * 31 % 97 - 5)) for number in range(count)], capacity=count * 2.0
    )


def test_two_hundred_candidates_are_proved_whatever_the_gap() -> None:
    _, loose = solved(many(200), gap=0.5)
    _, tight = solved(many(200), gap=0.0)
    assert loose.proved
    assert (loose.selected, loose.gap) == (tight.selected, 0.0)


def test_above_two_hundred_the_gap_holds_and_the_same_snapshot_gives_the_same_portfolio() -> None:
    _, first = solved(many(400), gap=0.05)
    problem, second = solved(many(400), gap=0.05)
    _, best = solved(many(400), gap=0.0)
    assert not first.proved
    assert first.selected == second.selected
    assert first.objective >= best.objective * 0.95 - 1e-9
    idle = {key for key, gain in zip(problem.keys, problem.objective.coefficients, strict=True) if gain <= 0}
    assert not idle & set(first.selected)


def test_no_time_at_all_is_a_failure_that_says_so() -> None:
    _, solution = solved(many(50), time_limit_s=0.0)
    assert solution.status == "failed"
    assert "time limit" in solution.message


def test_a_solver_that_ends_without_a_portfolio_or_a_proof_is_a_failure_that_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nothing = Answer(ending=Ending.NOTHING, values=np.zeros(50))
    monkeypatch.setattr(narrowing, "maximise", lambda *_given, **_options: nothing)
    _, solution = solved(many(50))
    assert (solution.status, solution.selected, solution.proved) == ("failed", (), False)
    assert "before a portfolio was found" in solution.message


@pytest.mark.parametrize(("capacity", "expected"), [(11.0, [4]), (12.0, [1, 2, 3])])
def test_a_bundle_takes_along_what_one_of_its_members_requires(capacity: float, expected: list[int]) -> None:
    one, two, three = (f"INIT-00000{number}" for number in (1, 2, 3))
    bundle = Rule(
        type=RuleType.BUNDLE, places=(Place(tab="Constraints", row=2),), bundle_key="pair", members=(one, two)
    )
    required = Rule(
        type=RuleType.PREREQUISITE, places=(Place(tab="Constraints", row=3),), dependent=one, members=(three,)
    )
    values = ((4.0, 10.0), (4.0, 10.0), (4.0, 0.0), (8.0, 15.0))
    assert chosen(plain(*values, capacity=capacity, rules=(bundle, required))) == expected


def test_a_bundle_stays_out_whole_when_what_a_member_requires_is_excluded() -> None:
    one, two, three = (f"INIT-00000{number}" for number in (1, 2, 3))
    rules = (
        Rule(type=RuleType.BUNDLE, places=(Place(tab="Constraints", row=2),), bundle_key="pair", members=(one, two)),
        Rule(type=RuleType.PREREQUISITE, places=(Place(tab="Constraints", row=3),), dependent=one, members=(three,)),
        Rule(type=RuleType.EXCLUDE, places=(Place(tab="Constraints", row=4),), members=(three,)),
    )
    values = ((4.0, 10.0), (4.0, 10.0), (4.0, 0.0), (8.0, 15.0))
    assert chosen(plain(*values, capacity=50.0, rules=rules)) == [4]


def test_rules_that_clash_only_together_are_infeasible() -> None:
    def pair(row: int, *members: str) -> Rule:
        return Rule(type=RuleType.EXCLUDE_PAIR, places=(Place(tab="Constraints", row=row),), members=members)

    floor = Rule(type=RuleType.CAPACITY_FLOOR, places=(Place(tab="Constraints", row=9),), number=20.0)
    keys = ("INIT-000001", "INIT-000002", "INIT-000003")
    rules = (pair(2, *keys[:2]), pair(3, *keys[1:]), pair(4, keys[0], keys[2]), floor)
    _, solution = solved(plain((10.0, 1.0), (10.0, 1.0), (10.0, 1.0), capacity=40.0, rules=rules))
    assert solution.status == "infeasible"
    assert solution.findings == ()
