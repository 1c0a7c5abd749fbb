"""Why a run has no portfolio, and the smallest changes that give it one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optimization.constraints.rules import Place, Rule, RuleType, Slice
from optimization.solving.facts import Initiative, Scenario, Snapshot
from optimization.solving.milp import solve
from optimization.solving.problem import Problem, build_problem
from optimization.why.clash import Clash, find_clash
from tests.optimization.claims import false_clash

A, B, C = (f"INIT-{number:06d}" for number in range(1, 4))


def rule(row: int, type_: RuleType, **fields: object) -> Rule:
    tab = "Targets" if type_ is RuleType.TARGET else "Constraints"
    return Rule(type=type_, places=(Place(tab=tab, row=row),), **fields)  # type: ignore[arg-type]


def clash(*rules: Rule, **changes: object) -> Clash:
    """Capacity 30; A, B and C take 10 tokens and bring 5 gmv each; A and B are in the UK."""
    initiatives = tuple(
        Initiative(
            key=key,
            period="2026",
            token_estimates={"custom": 10.0},
            contributions={"gmv": 5.0},
            dimensions={"country": "UK" if key != C else "DE"},
        )
        for key in (A, B, C)
    )
    scenario = Scenario(name="year", period="2026", capacity=30.0, mode="north_star")
    usual = Snapshot(scenario=scenario, initiatives=initiatives, rules=rules, north_star="gmv", kpis=("gmv",))
    problem = build_problem(replace(usual, **changes))  # type: ignore[arg-type]
    assert isinstance(problem, Problem)
    solution = solve(problem)
    assert solution.status == "infeasible"
    return find_clash(problem, solution.findings, time_limit_s=30)


@pytest.mark.parametrize("seed", range(20))
def test_sets_are_minimal_and_every_way_mends_a_random_world(seed: int) -> None:
    assert list(false_clash(seed)) == []


def test_rows_that_clash_only_together_are_named_and_no_others() -> None:
    def pair(row: int, *members: str) -> Rule:
        return rule(row, RuleType.EXCLUDE_PAIR, members=members)

    found = clash(
        pair(2, A, B),
        rule(3, RuleType.CAPACITY_CAP, number=30.0),
        pair(4, B, C),
        pair(5, A, C),
        rule(6, RuleType.CAPACITY_FLOOR, number=20.0),
    )
    assert [place.row for place in found.findings[0].places] == [2, 4, 5, 6]
    assert [way.to_json() for way in found.relaxations] == [
        {
            "tab": "Constraints",
            "row": 6,
            "column": "min_tokens",
            "from": 20.0,
            "to": 10.0,
            "text": "set min_tokens of row 6 of Constraints from 20 to 10",
        },
        *(
            {"tab": "Constraints", "row": row, "drop": True, "text": f"drop row {row} of Constraints"}
            for row in (2, 4, 5)
        ),
    ]
    assert found.capacity_needed is None
    assert found.words().endswith(
        "To mend it: set min_tokens of row 6 of Constraints from 20 to 10, or drop row 2 of Constraints, or drop row 4 of "
        "Constraints, or drop row 5 of Constraints."
    )


def test_a_mandatory_row_of_several_keys_is_one_row_and_the_capacity_that_would_do_is_named() -> None:
    scenario = Scenario(name="year", period="2026", capacity=15.0, mode="north_star")
    found = clash(rule(2, RuleType.MANDATORY, members=(A, B)), scenario=scenario)
    assert [place.row for place in found.findings[0].places] == [2]
    assert [way.words() for way in found.relaxations] == ["drop row 2 of Constraints"]
    assert found.capacity_needed == 20.0
    assert "raise the scenario's capacity to 20" in found.words()


def test_a_cap_is_raised_and_a_target_lowered_to_what_is_reachable_beside_its_baseline() -> None:
    where = Slice(dimension="country", key="UK")
    found = clash(
        rule(2, RuleType.CAPACITY_CAP, slice=where, number=10.0),
        rule(3, RuleType.TARGET, slice=where, kpi_key="gmv", number=108.0, baseline=100.0, kind="floor"),
    )
    changes = {way.change.place.row: (way.change.before, way.change.after) for way in found.relaxations}
    assert changes == {2: (10.0, 20.0), 3: (108.0, 105.0)}
    assert [way.change.place.row for way in found.relaxations] == [3, 2]


def test_a_target_that_the_objective_needs_becomes_a_goal_where_no_number_does() -> None:
    scenario = Scenario(name="year", period="2026", capacity=30.0, mode="weighted_kpis", weights={"gmv": 1.0})
    found = clash(
        rule(2, RuleType.TARGET, kpi_key="gmv", number=4.0, kind="floor"),
        rule(3, RuleType.EXCLUDE, members=(A, B, C)),
        scenario=scenario,
    )
    assert [way.words() for way in found.relaxations] == [
        "drop row 3 of Constraints",
        "set floor_or_goal of row 2 of Targets from floor to goal",
    ]


def test_what_else_must_change_comes_along() -> None:
    found = clash(
        rule(2, RuleType.MANDATORY, members=(A,)),
        rule(3, RuleType.EXCLUDE, members=(A,)),
        rule(4, RuleType.CAPACITY_FLOOR, number=40.0),
    )
    # Row 4 alone is the smallest set; nothing about it mends the other two.
    assert [place.row for place in found.findings[0].places] == [4]
    (way,) = found.relaxations
    assert (way.change.column, len(way.also)) == ("min_tokens", 1)
    assert way.also[0].place.row in (2, 3)


def test_a_row_that_repeats_another_is_changed_along_with_it() -> None:
    floor = rule(4, RuleType.CAPACITY_FLOOR, number=40.0)
    found = clash(replace(floor, places=(*floor.places, Place(tab="Constraints", row=9))))
    assert [way.to_json()["also"] for way in found.relaxations] == [
        [{"tab": "Constraints", "row": 9, "column": "min_tokens", "from": 40.0, "to": 30.0}]
    ]


def test_forces_above_the_capacity_name_no_row_but_the_capacity_that_would_do() -> None:
    scenario = Scenario(name="year", period="2026", capacity=15.0, mode="north_star")
    found = clash(scenario=scenario, force={A: "in", B: "in"})
    assert found.to_json()["rows"] == []
    assert found.capacity_needed == 20.0


def test_a_bonus_that_hurts_is_a_row_like_others() -> None:
    found = clash(
        rule(2, RuleType.MANDATORY, members=(A, B)),
        rule(3, RuleType.SYNERGY, members=(A, B), kpi_key="gmv", number=-8.0),
        rule(4, RuleType.TARGET, kpi_key="gmv", number=8.0, kind="floor"),
    )
    assert [(place.tab, place.row) for place in found.findings[0].places] == [
        ("Constraints", 2),
        ("Constraints", 3),
        ("Targets", 4),
    ]
