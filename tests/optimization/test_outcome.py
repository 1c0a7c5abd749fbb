"""The figures and the words of a solved run."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from optimization.constraints.rules import Place, Rule, RuleType, Slice
from optimization.runs.outcome import Outcome, outcome
from optimization.solving.facts import Initiative, Scenario, Snapshot
from optimization.solving.milp import solve
from optimization.solving.problem import Problem, build_problem
from tests.optimization.enumeration import random_snapshot

A, B, C, D, E = (f"INIT-{number:06d}" for number in range(1, 6))


def initiative(key: str, tokens: float, gmv: float, **changes: object) -> Initiative:
    usual = Initiative(key=key, period="2026-Q1", token_estimates={"custom": tokens}, contributions={"gmv": gmv})
    return replace(usual, **changes)  # type: ignore[arg-type]


def rule(row: int, type_: RuleType, **fields: object) -> Rule:
    tab = "Targets" if type_ is RuleType.TARGET else "Constraints"
    return Rule(type=type_, places=(Place(tab=tab, row=row),), **fields)  # type: ignore[arg-type]


def ran(*rules: Rule, **changes: object) -> Outcome:
    """Capacity 20; A 10 tokens for 50, B 10 for 40, C 10 for 5, D done, E of another period."""
    usual = Snapshot(
        scenario=Scenario(name="Q1", period="2026-Q1", capacity=20.0, mode="north_star"),
        initiatives=(
            initiative(A, 10.0, 50.0, overall_score=1.0),
            initiative(B, 10.0, 40.0, overall_score=2.0, dependencies=(A, D, C, "INIT-9")),
            initiative(C, 10.0, 5.0, overall_score=3.0),
            initiative(D, 10.0, 1.0, lifecycle_status="done", is_candidate=False),
            initiative(E, 10.0, 1.0, period="2026-Q2"),
        ),
        rules=rules,
        north_star="gmv",
        kpis=("gmv", "nps"),
    )
    problem = build_problem(replace(usual, **changes))  # type: ignore[arg-type]
    assert isinstance(problem, Problem), problem
    return outcome(problem, solve(problem))


def reasons(found: Outcome) -> dict[str, str]:
    return {item.key: item.reason for item in found.items}


def test_selected_ones_are_ranked_and_sum_to_the_objective() -> None:
    found = ran()
    assert [(item.key, item.selected, item.rank) for item in found.items] == [
        (A, True, 1),
        (B, True, 2),
        (C, False, None),
        (E, False, None),
    ]
    assert found.total_objective == 90.0
    assert found.tokens_used == 20.0
    assert found.candidate_count == 3
    assert reasons(found)[A] == "chosen on merit"
    assert reasons(found)[C] == "left out"
    assert reasons(found)[E].startswith("not eligible because candidate_period_key is 2026-Q2")


def test_mandatory_forced_and_excluded_are_told_by_their_row() -> None:
    found = ran(
        rule(5, RuleType.MANDATORY, members=(C,)), rule(7, RuleType.EXCLUDE, members=(B,)), force={C: "in", A: "out"}
    )
    assert reasons(found) == reasons(found) | {
        C: "mandatory (row 5 of Constraints)",
        B: "excluded by row 7 of Constraints",
        A: "forced out",
    }
    assert reasons(ran(force={C: "in"}))[C] == "forced in"


def test_pulled_in_is_what_would_be_left_out_without_the_rule() -> None:
    found = ran(rule(3, RuleType.PREREQUISITE, dependent=A, members=(C,)))
    assert reasons(found)[C] == f"pulled in as a prerequisite of {A} (row 3 of Constraints)"
    assert reasons(found)[A] == "chosen on merit"
    found = ran(rule(4, RuleType.BUNDLE, members=(A, C), bundle_key="Core"))
    assert reasons(found)[C] == "pulled in by bundle Core (row 4 of Constraints)"
    found = ran(rule(3, RuleType.PREREQUISITE, dependent=A, members=(B,)))
    assert reasons(found)[B] == "chosen on merit"


def test_what_a_row_blocks_names_it() -> None:
    found = ran(rule(3, RuleType.PREREQUISITE, dependent=A, members=(E,)))
    assert reasons(found)[A] == f"left out: its prerequisite {E} can't be selected (row 3 of Constraints)"


def test_dependency_status_tells_each_one() -> None:
    status = {item.key: item.dependency_status for item in ran().items}
    assert status[A] == ""
    assert status[B] == f"open: {A} selected, {D} done, {C} not selected, INIT-9 unknown"


def test_gaps_have_a_row_per_target_met_or_not() -> None:
    everywhere = {"kpi_key": "gmv", "slice": Slice()}
    found = ran(
        rule(2, RuleType.TARGET, number=90.0, kind="floor", **everywhere),
        rule(3, RuleType.TARGET, number=120.0, baseline=10.0, kind="goal", **everywhere),
        rule(4, RuleType.TARGET, number=5.0, kind="goal", kpi_key="nps"),
    )
    assert [(g.rule.place.row, g.achieved, g.gap, g.severity) for g in found.gaps] == [
        (2, 90.0, 0.0, "ok"),
        (3, 100.0, 20.0, "warning"),
        (4, 0.0, 5.0, "warning"),
    ]
    assert found.gaps[0].recommendation == ""
    assert f"{C} (+5)" in found.gaps[1].recommendation
    assert "No candidate left out" in found.gaps[2].recommendation
    assert found.gap_summary.startswith("1 of 3 targets met")


def test_an_infeasible_run_names_its_rows_and_writes_no_gaps() -> None:
    found = ran(
        rule(2, RuleType.MANDATORY, members=(D,)), rule(3, RuleType.TARGET, number=1.0, kind="goal", kpi_key="gmv")
    )
    assert found.status == "infeasible"
    assert found.gaps == ()
    assert found.result_json["infeasible"]["rows"] == [{"tab": "Constraints", "row": 2}]
    assert not any(item.selected for item in found.items)


def test_greedy_ignores_rules_but_mandatory_and_excluded_and_counts_what_it_breaks() -> None:
    found = ran(
        rule(2, RuleType.MANDATORY, members=(A,)),
        rule(3, RuleType.EXCLUDE_PAIR, members=(A, C)),
    )
    assert found.greedy.selected == (A, C)
    assert found.greedy.objective == 55.0
    assert found.greedy.rules_broken == 1
    assert found.result_json["greedy"] == {"objective": 55.0, "selected": [A, C], "rules_broken": 1}
    assert ran(rule(2, RuleType.EXCLUDE, members=(C,))).greedy.selected == (A, B)


def test_a_run_on_ticked_ones_lists_those_and_why_the_rest_that_was_meant_is_not_eligible() -> None:
    found = ran(ticked=frozenset({C, D}))
    assert list(reasons(found)) == [C, D, E]
    assert [item.key for item in found.items if item.selected] == [C]
    assert "lifecycle_status is done" in reasons(found)[D]


def test_lexicographic_steps_say_what_they_reached_and_which_was_skipped() -> None:
    scenario = Scenario(name="Q1", period="2026-Q1", capacity=20.0, mode="lexicographic", weights=("nps", "gmv"))
    found = ran(
        rule(2, RuleType.TARGET, number=3.0, baseline=3.0, kind="goal", kpi_key="nps"),
        rule(3, RuleType.TARGET, number=60.0, baseline=5.0, kind="goal", kpi_key="gmv"),
        scenario=scenario,
    )
    assert [(s["kpi_key"], s["skipped"], s["reached"]) for s in found.result_json["steps"]] == [
        ("nps", True, 3.0),
        ("gmv", False, 60.0),
    ]
    assert found.total_objective == 90.0


@pytest.mark.parametrize("seed", range(60))
def test_contributions_and_bonuses_of_the_selected_sum_to_the_objective(seed: int) -> None:
    problem = build_problem(random_snapshot(seed))
    assert isinstance(problem, Problem)
    found = outcome(problem, solve(problem))
    json.dumps(found.result_json)
    if found.total_objective is None:
        return
    own = [item.objective_contribution or 0.0 for item in found.items if item.selected]
    chosen = set(found.result_json["selected"])
    earned = [
        float(problem.objective.coefficients[len(problem.candidates) + position])
        for position, synergy in enumerate(problem.synergies)
        if {problem.keys[synergy.first], problem.keys[synergy.second]} <= chosen
    ]
    assert math.isclose(math.fsum(own + earned), found.total_objective, rel_tol=1e-9, abs_tol=1e-9)
    assert not any(gap.severity == "critical" for gap in found.gaps)
    for item in found.items:
        assert item.reason.startswith(("mandatory", "forced in", "pulled in", "chosen")) == item.selected
