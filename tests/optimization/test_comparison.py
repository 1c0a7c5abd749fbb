"""Which input moved which initiative: one change at a time, put back and solved again."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from optimization.constraints.rules import Place, Rule, RuleType, Slice
from optimization.solving.effort import Effort, Patience
from optimization.solving.facts import Snapshot
from optimization.solving.milp import solve
from optimization.solving.problem import Problem, build_problem
from optimization.studies.comparison import Comparison, compare
from optimization.studies.input_changes import ChangeKind, find_changes
from tests.optimization.enumeration import random_snapshot
from tests.optimization.test_frontier import EFFORT, cap, plan

K1, K2, K3 = "INIT-000001", "INIT-000002", "INIT-000003"


def base() -> Snapshot:
    """Two of three fit: the first two."""
    return plan((10, 9), (10, 8), (10, 7), capacity=20)


def portfolio(snapshot: Snapshot) -> frozenset[str] | None:
    problem = build_problem(snapshot)
    assert isinstance(problem, Problem)
    solution = solve(problem)
    return frozenset(solution.selected) if solution.status == "optimal" else None


def compared(before: Snapshot, after: Snapshot, *, seconds: float = 60.0, most: int = 30) -> Comparison:
    patience = Patience(ends_at=time.perf_counter() + seconds)
    return compare(before, after, (portfolio(before), portfolio(after)), EFFORT, patience, most=most)


def with_initiative(snapshot: Snapshot, key: str, **fields: object) -> Snapshot:
    entries = (replace(one, **fields) if one.key == key else one for one in snapshot.initiatives)  # type: ignore[arg-type]
    return replace(snapshot, initiatives=tuple(entries))


def with_scenario(snapshot: Snapshot, **fields: object) -> Snapshot:
    return replace(snapshot, scenario=replace(snapshot.scenario, **fields))  # type: ignore[arg-type]


def exclude(*keys: str, row: int = 2) -> Rule:
    return Rule(type=RuleType.EXCLUDE, places=(Place(tab="Constraints", row=row),), members=keys)


Mutation = Callable[[Snapshot], Snapshot]
MUTATIONS: dict[str, tuple[Mutation, ChangeKind, str]] = {
    "capacity": (
        lambda s: with_scenario(s, capacity=30.0), ChangeKind.CAPACITY, "capacity: 20 -> 30 tokens"),
    "tokens": (
        lambda s: with_initiative(s, K2, token_estimates={"custom": 11.0}), ChangeKind.TOKENS,
        f"{K2} tokens: 10 -> 11"),
    "contribution": (
        lambda s: with_initiative(s, K3, contributions={"gmv": 20.0}), ChangeKind.CONTRIBUTION, f"{K3} gmv: 7 -> 20"),
    "status": (
        lambda s: with_initiative(s, K1, lifecycle_status="done"), ChangeKind.ELIGIBILITY,
        f"{K1} lifecycle_status empty -> done"),
    "deadline": (
        lambda s: with_initiative(s, K1, deadline=datetime.date(2020, 1, 1)), ChangeKind.ELIGIBILITY,
        f"{K1} deadline_date empty -> 2020-01-01"),
    "rule": (
        lambda s: replace(s, rules=(exclude(K1),)), ChangeKind.RULE,
        f"rule added: {K1} is excluded (row 2 of Constraints)"),
    "force": (
        lambda s: replace(s, force={K3: "in"}), ChangeKind.FORCE, f"{K3} force: none -> in"),
    "ticks": (
        lambda s: replace(s, ticked=frozenset({K1, K3})), ChangeKind.TICK,
        "candidates: all -> the 2 that are ticked"),
    "gone": (
        lambda s: replace(s, initiatives=s.initiatives[1:]), ChangeKind.INITIATIVE,
        f"{K1} isn't among the inputs any more"),
    "KPIs": (
        lambda s: replace(s, north_star="nps", kpis=("nps",)), ChangeKind.KPIS,
        "north star: gmv -> nps; gmv is active no longer; nps is active now"),
    "period": (
        lambda s: with_scenario(s, period="2027"), ChangeKind.PERIOD, "period_key: 2026 -> 2027"),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTATIONS)
def test_one_changed_input_is_named_and_put_back_exactly(name: str) -> None:
    mutate, kind, text = MUTATIONS[name]
    (change,) = find_changes(base(), mutate(base()))
    assert (change.kind, change.text) == (kind, text)
    assert change.put_back(mutate(base())) == base()


@pytest.mark.parametrize("name", MUTATIONS)
def test_one_changed_input_moved_everything_that_moved(name: str) -> None:
    found = compared(base(), MUTATIONS[name][0](base()))
    assert set(found.effects[0].moved or ()) == {*found.came, *found.went}
    assert (found.unexplained, found.not_computed) == ((), 0)


def test_changes_are_found_both_ways() -> None:
    ruled = replace(base(), rules=(exclude(K1), cap(15)))
    gone = {change.text for change in find_changes(ruled, base())}
    assert gone == {f"rule gone: {K1} is excluded", "rule gone: at most 15 tokens in the whole portfolio"}


def test_a_rule_with_another_number_is_one_change() -> None:
    place = Slice(dimension="country", key="UK")
    before, after = (replace(base(), rules=(cap(number, slice=place),)) for number in (5, 8))
    (change,) = find_changes(before, after)
    assert change.text == (
        "rule changed: at most 5 tokens in country UK -> at most 8 tokens in country UK (row 2 of Constraints)"
    )
    assert change.put_back(after) == before


def test_equal_inputs_have_no_change_whatever_the_titles_scores_and_rows() -> None:
    other = with_initiative(base(), K1, title="New", overall_score=5.0)
    assert find_changes(base(), other) == ()


def test_each_mover_is_traced_to_its_own_input() -> None:
    wide = plan((10, 9), (10, 8), (10, 7), (10, 6), capacity=20)
    excluded = replace(wide, rules=(exclude(K2),))
    after = with_initiative(with_scenario(excluded, capacity=30.0), K1, contributions={"gmv": 9.5})
    found = compared(wide, after)
    assert (found.came, found.went) == ((K3, "INIT-000004"), (K2,))
    assert [(effect.kind, effect.moved) for effect in found.effects] == [
        (ChangeKind.CAPACITY, ("INIT-000004",)),
        (ChangeKind.RULE, (K2, "INIT-000004")),
        (ChangeKind.CONTRIBUTION, ()),
    ]
    assert found.unexplained == (K3,)  # needs both: the room and the gap that the excluded one leaves


def test_what_no_single_change_explains_is_looked_for_in_all_changes_of_a_kind_together() -> None:
    before = plan((10, 9), (10, 1), (10, 1), capacity=10)
    after = with_initiative(before, K2, contributions={"gmv": 10.0})
    after = with_initiative(after, K3, contributions={"gmv": 10.5})
    found = compared(before, after)
    assert (found.came, found.went) == ((K3,), (K1,))
    assert [effect.moved for effect in found.effects] == [(K3,), ()]
    assert [(effect.text, effect.moved) for effect in found.together] == [
        ("all 2 changes of contribution together", (K1, K3))
    ]
    assert found.unexplained == ()


def test_an_input_that_moved_nothing_says_so() -> None:
    found = compared(base(), with_initiative(base(), K3, contributions={"gmv": 7.5}))
    assert (found.came, found.went, found.effects[0].moved, found.solves) == ((), (), (), 0)


def test_solves_are_bounded_nearest_first_and_the_rest_is_counted() -> None:
    after = with_initiative(base(), K1, contributions={"gmv": 1.0})
    after = with_initiative(after, K2, contributions={"gmv": 8.5})
    found = compared(base(), after, most=1)
    assert (found.solves, found.not_computed) == (1, 1)
    assert [(effect.text, effect.moved) for effect in found.effects] == [
        (f"{K1} gmv: 9 -> 1", (K1, K3)),
        (f"{K2} gmv: 8 -> 8.5", None),
    ]


def test_without_time_nothing_is_put_back_and_that_is_counted() -> None:
    found = compared(base(), MUTATIONS["status"][0](base()), seconds=0)
    assert (found.solves, found.not_computed, found.unexplained) == (0, 1, (K1, K3))


def test_the_change_that_made_a_run_infeasible_is_named() -> None:
    needs = Rule(type=RuleType.MANDATORY, places=(Place(tab="Constraints", row=3),), members=(K1,))
    before = replace(base(), rules=(needs,))
    found = compared(before, with_scenario(before, capacity=5.0))
    assert found.effects[0].note == "with the old value there is a portfolio again"


@pytest.mark.parametrize("seed", range(30))
def test_putting_every_change_back_gives_the_earlier_run(seed: int) -> None:
    before, after = random_snapshot(seed), random_snapshot(seed + 1000)
    snapshot = after
    for change in find_changes(before, after):
        snapshot = change.put_back(snapshot)
    assert not find_changes(before, snapshot)


def test_effort_is_passed_on() -> None:
    found = compare(
        base(), base(), (portfolio(base()), portfolio(base())), Effort(time_limit_s=1, gap=0), Patience(ends_at=0)
    )
    assert (found.came, found.effects) == ((), ())
