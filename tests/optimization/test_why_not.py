"""What a run says of the candidates it left out."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from optimization.constraints.rules import Place, Rule, RuleType, Slice
from optimization.readable import shortest
from optimization.solving.facts import Initiative, Scenario, Snapshot
from optimization.solving.milp import solve
from optimization.solving.problem import Problem, build_problem
from optimization.why.why_not import Inquiry, WhyNot
from tests.optimization.claims import false_why_nots

A, B, C = (f"INIT-{number:06d}" for number in range(1, 4))


def initiative(key: str, tokens: float, **gains: float) -> Initiative:
    return Initiative(key=key, period="2026-Q1", token_estimates={"custom": tokens}, contributions=gains)


def asked(key: str, *rules: Rule, **changes: object) -> WhyNot:
    """Capacity 20; A 10 tokens for 50 gmv, B 10 for 40, C 8 for 20."""
    usual = Snapshot(
        scenario=Scenario(name="Q1", period="2026-Q1", capacity=20.0, mode="north_star"),
        initiatives=(initiative(A, 10.0, gmv=50.0), initiative(B, 10.0, gmv=40.0), initiative(C, 8.0, gmv=20.0)),
        rules=rules,
        north_star="gmv",
        kpis=("gmv", "nps"),
    )
    problem = build_problem(replace(usual, **changes))  # type: ignore[arg-type]
    assert isinstance(problem, Problem)
    inquiry = Inquiry(problem=problem, solution=solve(problem), deadline=time.perf_counter() + 30)
    found = inquiry.why_not(key)
    assert found is not None
    return found


def rule(row: int, type_: RuleType, **fields: object) -> Rule:
    tab = "Targets" if type_ is RuleType.TARGET else "Constraints"
    return Rule(type=type_, places=(Place(tab=tab, row=row),), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(20))
def test_every_claim_of_a_random_world_is_true(seed: int) -> None:
    assert list(false_why_nots(seed)) == []


def test_what_it_costs_whom_it_pushes_out_and_what_would_get_it_chosen() -> None:
    why = asked(C)
    assert (why.cost, why.pushes_out) == (20.0, (B,))
    assert (why.tokens_needed, why.kpi_key) == (0.0, "gmv")
    # With as much as B it wins: it takes fewer tokens.
    assert why.contribution_needed == 40.0
    assert why.text() == (
        "Forcing it in would cost 20 gmv and push out INIT-000002; it would be chosen at 0 tokens instead of 8 or with 40 gmv "
        "instead of 20."
    )


def test_what_misses_a_step_by_a_hair_may_still_win_at_the_next() -> None:
    scenario = Scenario(name="Q1", period="2026-Q1", capacity=25.0, mode="lexicographic", weights=("nps",))
    target = rule(2, RuleType.TARGET, kpi_key="nps", number=1.0, kind="goal")
    rest = (initiative(A, 10.0, gmv=50.0), initiative(B, 10.0, gmv=40.0), initiative(C, 8.0, gmv=20.0))
    why = asked(C, target, scenario=scenario, initiatives=(*rest, initiative("INIT-000004", 5.0, nps=-2.0)))
    assert (why.cost, why.tokens_needed) == (20.0, 5.0)


def test_what_it_pushes_out_is_settled_as_any_tie() -> None:
    # Two initiatives of 5 tokens fill the floor alike; the lower key stays, whichever the solver came to first.
    tokens = {1: 20.0, 2: 30.0, 3: 0.0, 4: 10.0, 5: 5.0, 6: 10.0, 7: 20.0, 8: 20.0, 9: 40.0, 10: 5.0}
    rest = tuple(
        initiative(f"INIT-{number:06d}", size, **({"gmv": 50.0} if number == 2 else {}))
        for number, size in tokens.items()
    )
    scenario = Scenario(name="Q1", period="2026-Q1", capacity=68.0, mode="north_star")
    floor = rule(2, RuleType.CAPACITY_FLOOR, number=51.0)
    why = asked("INIT-000003", floor, scenario=scenario, initiatives=rest)
    assert (why.cost, why.pushes_out) == (0.0, ())


def test_a_token_number_is_read_as_people_write_it_whatever_the_tolerance_allows() -> None:
    scenario = Scenario(name="Q1", period="2026-Q1", capacity=27.0, mode="north_star")
    assert asked(C, scenario=scenario).tokens_needed == 7.0


def test_where_nothing_brings_anything_a_hair_is_enough_also_in_a_step() -> None:
    scenario = Scenario(name="Q1", period="2026-Q1", capacity=20.0, mode="lexicographic", weights=("gmv",))
    target = rule(2, RuleType.TARGET, kpi_key="gmv", number=200.0, kind="goal")
    why = asked(C, target, scenario=scenario, initiatives=(initiative(A, 10.0), initiative(C, 8.0)))
    assert (why.cost, why.kpi_key, why.tokens_needed) == (0.0, "gmv", None)
    assert why.contribution_needed is not None
    assert 0.0 < why.contribution_needed < 1e-6


def test_what_ties_and_loses_needs_a_hair_more() -> None:
    why = asked(
        C, initiatives=(initiative(A, 10.0, gmv=50.0), initiative(B, 10.0, gmv=40.0), initiative(C, 10.0, gmv=30.0))
    )
    assert why.contribution_needed is not None
    assert 40.0 < why.contribution_needed < 40.0002
    assert why.tokens_needed == 0.0


def test_a_kpi_floor_lowers_the_rise_that_is_needed() -> None:
    floor = rule(2, RuleType.TARGET, kpi_key="gmv", number=100.0, kind="floor", slice=Slice())
    three = (initiative(A, 10.0, gmv=50.0), initiative(B, 12.0, gmv=50.0), initiative(C, 9.0, gmv=10.0))
    scenario = Scenario(name="Q1", period="2026-Q1", capacity=22.0, mode="north_star")
    # A and B alone reach the floor; with A, C must bring the other 50 and wins the tie by its tokens.
    why = asked(C, floor, initiatives=three, scenario=scenario)
    assert (why.cost, why.contribution_needed) == (None, 50.0)
    assert why.text().startswith(
        "It can't be forced in: no portfolio with it obeys every rule; it would be chosen at 0 tokens"
    )


def test_the_weighted_kpi_that_needs_least_of_its_scale_is_named() -> None:
    scenario = Scenario(
        name="Q1", period="2026-Q1", capacity=20.0, mode="weighted_kpis", weights={"gmv": 1.0, "nps": 2.0}
    )
    targets = [rule(2, RuleType.TARGET, kpi_key="gmv", number=100.0, kind="goal")]
    targets += [rule(3, RuleType.TARGET, kpi_key="nps", number=10.0, kind="goal")]
    why = asked(C, *targets, scenario=scenario)
    # A lack of 0.2: 0.2 of gmv's scale of 100 would be 20, 0.1 of the scale of nps is 1.
    assert (why.kpi_key, why.contribution_needed, why.contribution) == ("nps", 1.0, 0.0)
    assert "cost 0.2 of the objective" in why.text()


def test_a_lexicographic_cost_is_that_of_the_first_step_that_falls() -> None:
    scenario = Scenario(name="Q1", period="2026-Q1", capacity=20.0, mode="lexicographic", weights=("nps",))
    target = rule(2, RuleType.TARGET, kpi_key="nps", number=6.0, kind="goal")
    three = (initiative(A, 10.0, nps=3.0), initiative(B, 10.0, nps=2.0), initiative(C, 10.0, gmv=90.0))
    why = asked(C, target, scenario=scenario, initiatives=three)
    assert (why.cost, why.step, why.pushes_out) == (2.0, "nps", (B,))
    # No rise of the north star makes up for a step before it.
    assert (why.contribution_needed, why.tokens_needed) == (None, 0.0)
    assert "2 nps of the step nps" in why.text()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rules": (rule(7, RuleType.EXCLUDE, members=(C,)),)}, "row 7 of Constraints excludes it"),
        ({"force": {C: "out"}}, "a what-if forces it out"),
    ],
)
def test_what_nothing_gets_in_says_what_keeps_it_out(changes: dict[str, object], said: str) -> None:
    why = asked(C, **changes)
    assert (why.cost, why.tokens_needed, why.contribution_needed) == (None, None, None)
    assert why.text() == f"It can't be forced in: {said}."
    assert why.to_json()["kpi_key"] is None


def test_nearest_misses_come_first_and_the_time_limit_leaves_the_rest() -> None:
    problem = build_problem(
        Snapshot(
            scenario=Scenario(name="Q1", period="2026-Q1", capacity=5.0, mode="north_star"),
            initiatives=(initiative(A, 5.0, gmv=9.0), initiative(B, 5.0, gmv=1.0), initiative(C, 5.0, gmv=8.0)),
            north_star="gmv",
            kpis=("gmv",),
        )
    )
    assert isinstance(problem, Problem)
    inquiry = Inquiry(problem=problem, solution=solve(problem), deadline=time.perf_counter() - 1)
    assert list(inquiry.left_out()) == [C, B]
    assert inquiry.why_not(C) is None


@pytest.mark.parametrize(
    ("low", "high", "nearest", "number"),
    [
        (29.99998, 30.00008, 30.00008, 30.0),
        (160.000001, 160.001, 160.000001, 160.001),
        (0.0, 0.0, 0.0, 0.0),
        (-2.5, -2.4, -2.5, -2.5),
        (1.23456e-7, 1.23461e-7, 1.23456e-7, 1.2346e-7),
        (1234500.0, 1235600.0, 1234500.0, 1235000.0),
    ],
)
def test_the_shortest_number_between_two(low: float, high: float, nearest: float, number: float) -> None:
    assert shortest(low, high, nearest=nearest) == number
