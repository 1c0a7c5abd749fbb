"""What rules cost."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from optimization.constraints.rules import Place, Rule, RuleType
from optimization.solving.facts import Initiative, Scenario, Snapshot
from optimization.solving.milp import solve
from optimization.solving.problem import Problem, build_problem
from optimization.why.prices import Price, Pricing
from tests.optimization.enumeration import World, random_snapshot

A, B, C = (f"INIT-{number:06d}" for number in range(1, 4))


def priced(snapshot: Snapshot, *, seconds: float = 30.0) -> tuple[list[Price], bool]:
    problem = build_problem(snapshot)
    assert isinstance(problem, Problem)
    deadline = time.perf_counter() + seconds
    pricing = Pricing(problem=problem, solution=solve(problem), deadline=deadline, gap=0.0)
    list(pricing.compute())
    return pricing.ranked(), pricing.conclusive


def small(*rules: Rule, **changes: object) -> Snapshot:
    """Capacity 20; A, B and C take 10 tokens and bring 50, 40 and 5."""
    gains = {A: 50.0, B: 40.0, C: 5.0}
    initiatives = tuple(
        Initiative(key=key, period="2026", token_estimates={"custom": 10.0}, contributions={"gmv": gain, "nps": 1.0})
        for key, gain in gains.items()
    )
    scenario = Scenario(name="year", period="2026", capacity=20.0, mode="north_star")
    usual = Snapshot(scenario=scenario, initiatives=initiatives, rules=rules, north_star="gmv", kpis=("gmv", "nps"))
    return replace(usual, **changes)  # type: ignore[arg-type]


def rule(row: int, type_: RuleType, **fields: object) -> Rule:
    return Rule(type=type_, places=(Place(tab="Constraints", row=row),), **fields)  # type: ignore[arg-type]


def test_rules_are_ranked_by_what_they_cost_and_free_ones_are_left_out() -> None:
    found, complete = priced(
        small(
            rule(2, RuleType.CAPACITY_CAP, number=25.0),
            rule(3, RuleType.MANDATORY, members=(C,)),
            rule(4, RuleType.EXCLUDE, members=(A,)),
        )
    )
    assert complete
    # With A and C 55 are reached instead of 45, with A and B (and no mandatory row) nothing while A is excluded.
    assert [(price.rule.place.row, price.cost, price.enters, price.leaves) for price in found] == [
        (4, 10.0, (A,), (B,))
    ]


def test_a_mandatory_row_costs_what_would_come_instead() -> None:
    ((price,), _) = priced(small(rule(3, RuleType.MANDATORY, members=(C,))))
    assert (price.cost, price.enters, price.leaves) == (35.0, (B,), (C,))
    assert price.text() == "costs 35 gmv: without it INIT-000002 would come in and INIT-000003 would go"


def test_a_lexicographic_price_is_that_of_the_first_step_that_would_rise() -> None:
    scenario = Scenario(name="year", period="2026", capacity=20.0, mode="lexicographic", weights=("nps",))
    goal = Rule(type=RuleType.TARGET, places=(Place(tab="Targets", row=2),), kpi_key="nps", number=2.0, kind="goal")
    ((price,), _) = priced(small(goal, rule(3, RuleType.CAPACITY_CAP, number=10.0), scenario=scenario))
    assert (price.cost, price.step) == (1.0, "nps")
    assert "costs 1 nps of the step nps" in price.text()


def test_without_time_nothing_is_said_to_be_free() -> None:
    assert priced(small(rule(3, RuleType.MANDATORY, members=(C,))), seconds=-1.0) == ([], False)


@pytest.mark.parametrize("seed", range(0, 200, 5))
def test_prices_of_random_worlds_are_those_of_the_best_without_the_rule(seed: int) -> None:
    snapshot = random_snapshot(seed)
    best = World(snapshot).best()
    if best is None or snapshot.scenario.mode == "lexicographic":
        return
    found, complete = priced(snapshot)
    costs = {price.rule.place: price.cost for price in found}
    assert complete
    for one in snapshot.rules:
        if one.type is RuleType.SYNERGY or (one.type is RuleType.TARGET and one.kind == "goal"):
            continue
        eased = replace(one, kind="goal") if one.type is RuleType.TARGET else None
        left = tuple(eased if other is one else other for other in snapshot.rules if eased or other is not one)
        other = World(replace(snapshot, rules=left)).best()
        assert other is not None
        gain = other[1] - best[1]
        assert costs.get(one.place, 0.0) == pytest.approx(gain, rel=1e-6, abs=2e-9 * max(1.0, abs(best[1])))
