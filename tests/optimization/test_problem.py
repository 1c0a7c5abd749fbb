"""Who takes part, what is maximised, and what can be seen without solving."""

from __future__ import annotations

import datetime
import json
from dataclasses import replace

import pytest

from optimization.constraints.rules import Place, Rule, RuleType, Slice
from optimization.solving.eligibility import eligibility, period_days
from optimization.solving.facts import Initiative, Scenario, Snapshot
from optimization.solving.milp import solve
from optimization.solving.objective import weights_refusal
from optimization.solving.presolve import contradictions
from optimization.solving.problem import Problem, Refusal, build_problem
from tests.optimization.enumeration import random_snapshot

A, B, C, D = (f"INIT-{number:06d}" for number in range(1, 5))
SCENARIO = Scenario(name="Q1 base", period="2026-Q1", capacity=25.0, mode="north_star")
READY = Initiative(key=A, period="2026-Q1", lifecycle_status="ready", token_estimates={"custom": 10.0, "mvp": None})


def day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


def rule(row: int, type_: RuleType, **fields: object) -> Rule:
    tab = "Targets" if type_ is RuleType.TARGET else "Constraints"
    return Rule(type=type_, places=(Place(tab=tab, row=row),), **fields)  # type: ignore[arg-type]


def snapshot(*rules: Rule, **changes: object) -> Snapshot:
    """Four initiatives of 10 tokens, capacity 25; D is done."""
    initiatives = tuple(
        replace(READY, key=key, dimensions={"country": country}, contributions={"gmv": gain, "nps": 1.0})
        for key, country, gain in ((A, "UK", 5.0), (B, "UK", 4.0), (C, "DE", 3.0))
    )
    done = replace(READY, key=D, lifecycle_status="done")
    usual = Snapshot(
        scenario=SCENARIO,
        initiatives=(*initiatives, done),
        rules=rules,
        set_name="base",
        north_star="gmv",
        kpis=("gmv", "nps"),
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def built(*rules: Rule, **changes: object) -> Problem:
    problem = build_problem(snapshot(*rules, **changes))
    assert isinstance(problem, Problem), problem
    return problem


def clashes(*rules: Rule, **changes: object) -> list[list[int]]:
    return [[place.row for place in finding.places] for finding in contradictions(built(*rules, **changes))]


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        ("2026", "2026-01-01", "2026-12-31"),
        ("2026-H2", "2026-07-01", "2026-12-31"),
        ("2026-Q1", "2026-01-01", "2026-03-31"),
        ("q1 2026", "2026-01-01", "2026-03-31"),
        ("Q1_2026", "2026-01-01", "2026-03-31"),
        ("2026Q1", "2026-01-01", "2026-03-31"),
        ("2028-02", "2028-02-01", "2028-02-29"),
    ],
)
def test_periods_have_days(period: str, first: str, last: str) -> None:
    assert period_days(period) == (day(first), day(last))


@pytest.mark.parametrize("text", ["", "2026-Q5", "2026-H3", "2026-13", "2026-00", "next year"])
def test_what_is_no_period_has_no_days(text: str) -> None:
    assert period_days(text) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"period": "Q1 2026"}, None),
        ({"is_candidate": False}, "is_optimization_candidate"),
        ({"lifecycle_status": "done"}, "lifecycle_status is done"),
        ({"lifecycle_status": "rejected"}, "lifecycle_status is rejected"),
        ({"lifecycle_status": "archived"}, "lifecycle_status is archived"),
        ({"lifecycle_status": "in_progress"}, None),
        ({"period": ""}, "candidate_period_key is empty"),
        ({"period": "2026-H1"}, "candidate_period_key is 2026-H1"),
        ({"scope_mode": "mvp"}, "engineering_tokens_mvp is empty"),
        ({"scope_mode": "full"}, "engineering_tokens_full is empty"),
        ({"token_estimates": {"mvp": 5.0}}, "engineering_tokens is empty"),
        ({"token_estimates": {"custom": 0.0}}, None),
        ({"earliest_start": day("2026-03-31")}, None),
        ({"earliest_start": day("2026-04-01")}, "earliest_start_date"),
        ({"latest_finish": day("2026-01-01")}, None),
        ({"latest_finish": day("2025-12-31")}, "latest_finish_date"),
        ({"deadline": day("2025-12-31")}, "deadline_date"),
        ({"deadline": day("2019-05-05")}, "deadline_date"),
        ({"earliest_start": day("2026-02-02"), "deadline": day("2026-02-02")}, None),
        ({"earliest_start": day("2026-02-02"), "deadline": day("2026-02-01")}, "deadline_date"),
    ],
)
def test_eligibility_names_the_column(changes: dict[str, object], reason: str | None) -> None:
    said = eligibility(replace(READY, **changes), SCENARIO)  # type: ignore[arg-type]
    assert said is None if reason is None else said is not None and reason in said


def test_what_is_not_ticked_takes_no_part() -> None:
    assert eligibility(READY, SCENARIO, frozenset({B})) == "it isn't ticked for this run"
    assert eligibility(READY, SCENARIO, frozenset({A})) is None


@pytest.mark.parametrize("seed", range(30))
def test_a_snapshot_read_back_from_json_gives_the_same_portfolio(seed: int) -> None:
    inputs = random_snapshot(seed)
    again = Snapshot.from_json(json.loads(json.dumps(inputs.to_json())))
    first, second = build_problem(inputs), build_problem(again)
    assert isinstance(first, Problem)
    assert isinstance(second, Problem)
    assert replace(solve(first), seconds=0.0, bound=0.0) == replace(solve(second), seconds=0.0, bound=0.0)


def test_dates_survive_json() -> None:
    entry = replace(READY, earliest_start=day("2026-02-02"), dependencies=(B,))
    assert Initiative.from_json(json.loads(json.dumps(entry.to_json()))) == entry


@pytest.mark.parametrize(
    ("mode", "weights", "said"),
    [
        ("north_star", None, ""),
        ("north_star", {"nothing": -1.0}, ""),
        ("weighted_kpis", {"gmv": 0.5, "nps": 0.0}, ""),
        ("weighted_kpis", None, "empty"),
        ("weighted_kpis", {}, "empty"),
        ("weighted_kpis", ("gmv",), "gmv has no weights"),
        ("weighted_kpis", {"gmv": 0.0}, "every weight is 0"),
        ("weighted_kpis", {"gmv": 1.0, "nps": -1.0}, "nps: -1 is negative"),
        ("weighted_kpis", {"old": 1.0}, "old isn't active"),
        ("lexicographic", ("gmv", "nps"), ""),
        ("lexicographic", ("gmx",), "gmx isn't an active KPI"),
        ("sideways", None, "objective_mode"),
    ],
)
def test_weights_are_refused_with_what_would_do(mode: str, weights: object, said: str) -> None:
    text = weights_refusal(replace(SCENARIO, mode=mode, weights=weights), ("gmv", "nps"), ("gmv", "nps", "old"))  # type: ignore[arg-type]
    assert (said in text) if said else text == ""


@pytest.mark.parametrize(
    ("scope", "rules", "said"),
    [
        ("", (), "Add a row to Targets"),
        ("all", (rule(2, RuleType.TARGET, kpi_key="gmv", number=0.0, kind="goal"),), "row 2 of Targets"),
        (
            "North",
            (rule(2, RuleType.TARGET, kpi_key="gmv", number=9.0, kind="goal"),),
            "dimension market, dimension_key North",
        ),
    ],
)
def test_a_weighted_kpi_without_a_usable_target_refuses_the_run_and_names_the_row(
    scope: str, rules: tuple[Rule, ...], said: str
) -> None:
    scenario = replace(SCENARIO, mode="weighted_kpis", weights={"gmv": 1.0}, scope=scope)
    refused = build_problem(snapshot(*rules, scenario=scenario))
    assert isinstance(refused, Refusal)
    assert said in refused.text


def test_a_step_without_a_target_refuses_the_run() -> None:
    refused = build_problem(snapshot(scenario=replace(SCENARIO, mode="lexicographic", weights=("nps",))))
    assert isinstance(refused, Refusal)
    assert "KPI nps has no target" in refused.text


def test_no_active_north_star_refuses_the_run() -> None:
    assert isinstance(build_problem(snapshot(north_star="")), Refusal)


def test_contributions_to_inactive_kpis_count_nothing() -> None:
    problem = built(rule(2, RuleType.TARGET, kpi_key="nps", number=1.0, kind="floor"), kpis=("gmv",))
    assert not problem.sum_of("nps").coefficients.any()
    assert clashes(rule(2, RuleType.TARGET, kpi_key="nps", number=1.0, kind="floor"), kpis=("gmv",)) == [[2]]


def test_force_on_what_is_no_candidate_is_noted_and_has_no_effect() -> None:
    problem = built(force={D: "in", A: "out"})
    assert problem.forced == {0: False}
    assert list(problem.idle_forces) == [D]
    assert D in problem.idle_forces[D]


def mandatory(row: int, *keys: str) -> Rule:
    return rule(row, RuleType.MANDATORY, members=keys)


def excluded(row: int, *keys: str) -> Rule:
    return rule(row, RuleType.EXCLUDE, members=keys)


def needs(row: int, dependent: str, *keys: str) -> Rule:
    return rule(row, RuleType.PREREQUISITE, dependent=dependent, members=keys)


def bundle(row: int, *keys: str, name: str = "Core") -> Rule:
    return rule(row, RuleType.BUNDLE, members=keys, bundle_key=name)


def tokens(row: int, kind: RuleType, number: float, country: str = "UK") -> Rule:
    return rule(row, kind, slice=Slice(dimension="country", key=country), number=number)


FLOOR, CAP = RuleType.CAPACITY_FLOOR, RuleType.CAPACITY_CAP


@pytest.mark.parametrize(
    ("rules", "rows"),
    [
        ((), []),
        ((mandatory(2, A, B), excluded(3, B), excluded(4, A)), [[2, 3], [2, 4]]),
        ((mandatory(2, A), mandatory(3, B), mandatory(4, C)), [[2, 3, 4]]),
        ((mandatory(2, A, B, C), excluded(3, D)), [[2]]),
        ((mandatory(2, D),), [[2]]),
        ((tokens(2, FLOOR, 20.0), tokens(3, CAP, 15.0), tokens(4, CAP, 30.0)), [[2, 3]]),
        ((tokens(2, FLOOR, 21.0),), [[2]]),
        ((tokens(2, FLOOR, 1.0, "FR"), tokens(3, CAP, 5.0, "FR")), [[2]]),
        ((rule(2, FLOOR, number=30.0),), [[2]]),
        ((needs(2, A, B), needs(3, B, C), needs(4, C, A), needs(5, B, D)), [[2, 3, 4]]),
        ((needs(2, A, D), mandatory(3, A)), []),
        ((bundle(2, A, D), mandatory(3, A)), [[2, 3]]),
        ((bundle(2, A, B), bundle(3, B, C, name="Other"), mandatory(4, A)), [[2, 3, 4]]),
        ((bundle(2, A, B), rule(3, RuleType.EXCLUDE_PAIR, members=(A, B)), mandatory(4, B)), [[2, 3, 4]]),
        ((bundle(2, A, B), rule(3, RuleType.EXCLUDE_PAIR, members=(A, B))), []),
        ((needs(2, A, B), mandatory(3, A), excluded(4, B)), [[2, 3, 4]]),
    ],
)
def test_contradictions_are_minimal_and_all_named(rules: tuple[Rule, ...], rows: list[list[int]]) -> None:
    assert clashes(*rules) == rows


def test_a_what_if_overrides_no_rule() -> None:
    assert clashes(excluded(2, A), force={A: "in"}) == [[2]]
    assert clashes(mandatory(2, A), force={A: "out"}) == [[2]]
    assert clashes(excluded(2, A), mandatory(3, B), force={A: "out", B: "in"}) == []


def test_what_is_forced_in_beyond_the_capacity_is_a_contradiction_without_rows() -> None:
    assert clashes(mandatory(2, A), force={A: "in", B: "in", C: "in"}) == [[]]


def test_an_unticked_prerequisite_blocks_its_dependent() -> None:
    problem = built(needs(2, A, B), ticked=frozenset({A, C}))
    assert solve(problem).selected == (C,)


def test_the_text_names_rows_keys_and_reasons() -> None:
    (finding,) = contradictions(built(mandatory(2, D)))
    assert f"row 2 of Constraints ({D} is mandatory)" in finding.text
    assert "lifecycle_status is done" in finding.text


def test_weights_stand_in_one_order_whatever_a_database_makes_of_it() -> None:
    typed = Scenario(name="S", period="2026", capacity=1, mode="weighted_kpis", weights={"nps": 1.0, "churn": 2.0})
    assert list(typed.weights or ()) == ["churn", "nps"]
    assert list(Scenario.from_json(typed.to_json()).weights or ()) == ["churn", "nps"]
