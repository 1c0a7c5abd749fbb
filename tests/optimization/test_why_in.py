"""What a run says of the candidates it chose."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from optimization.constraints.rules import Place, Rule, RuleType
from optimization.solving.facts import Initiative, Scenario, Snapshot
from optimization.solving.milp import solve
from optimization.solving.problem import Problem, build_problem
from optimization.why.why_in import WhyIn, why_in
from optimization.why.why_not import Inquiry
from tests.optimization.claims import false_why_ins

A, B, C = (f"INIT-{number:06d}" for number in range(1, 4))


def initiative(key: str, tokens: float, **gains: float) -> Initiative:
    return Initiative(key=key, period="2026", token_estimates={"custom": tokens}, contributions=gains)


def asked(key: str, *rules: Rule, **changes: object) -> WhyIn:
    """Capacity 20; A 10 tokens for 50 gmv, B 10 for 40, C 8 for 20. The rules are said to cost something."""
    usual = Snapshot(
        scenario=Scenario(name="year", period="2026", capacity=20.0, mode="north_star"),
        initiatives=(initiative(A, 10.0, gmv=50.0), initiative(B, 10.0, gmv=40.0), initiative(C, 8.0, gmv=20.0)),
        rules=rules,
        north_star="gmv",
        kpis=("gmv", "nps"),
    )
    problem = build_problem(replace(usual, **changes))  # type: ignore[arg-type]
    assert isinstance(problem, Problem)
    inquiry = Inquiry(problem=problem, solution=solve(problem), deadline=time.perf_counter() + 30)
    found = why_in(inquiry, key, rules)
    assert found is not None
    return found


def rule(row: int, type_: RuleType, **fields: object) -> Rule:
    return Rule(type=type_, places=(Place(tab="Constraints", row=row),), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(20))
def test_every_claim_of_a_random_world_is_true(seed: int) -> None:
    assert list(false_why_ins(seed)) == []


def test_what_it_brings_who_waits_and_how_far_it_keeps_its_place() -> None:
    why = asked(A)
    assert (why.brings, why.replaced_by) == (30.0, (C,))
    # With C it fits up to 12 tokens, and 70 beat the 60 that B and C bring; alone it brings less than they.
    assert why.tokens_up_to == 12.0
    # At 20 gmv B and C bring as much with fewer tokens.
    assert why.contribution_down_to is not None
    assert 20.0 < why.contribution_down_to < 20.001
    assert why.text().startswith(
        "Without it the portfolio would lose 30 gmv, although INIT-000003 would come in its stead; it keeps its place up to 12 "
        "tokens (now 10) or down to 20.00"
    )


def test_what_is_mandatory_cannot_be_left_out_and_names_the_row_that_costs_something() -> None:
    why = asked(C, rule(4, RuleType.MANDATORY, members=(C,)))
    assert (why.brings, why.tokens_up_to, why.contribution_down_to) == (None, None, None)
    assert why.text() == (
        "It can't be left out: no portfolio without it obeys every rule; it takes part in what costs something: row 4 of "
        "Constraints."
    )


def test_only_rules_that_touch_it_are_named() -> None:
    other = rule(5, RuleType.PREREQUISITE, dependent=B, members=(A,))
    assert asked(B, other).rules == asked(A, other).rules == (other.place,)
    assert asked(A, rule(6, RuleType.EXCLUDE, members=(C,))).rules == ()


def test_nothing_waits_where_everything_fits() -> None:
    scenario = Scenario(name="year", period="2026", capacity=100.0, mode="north_star")
    why = asked(A, scenario=scenario)
    # Up to there C fits beside it; alone it brings less than B and C.
    assert (why.brings, why.replaced_by, why.tokens_up_to) == (50.0, (), 92.0)
