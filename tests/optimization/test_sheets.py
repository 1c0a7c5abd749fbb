"""The declarations of optimization workbooks: what users' sheets rely on."""

from __future__ import annotations

import pytest

from optimization.constraints.rules import DIMENSIONS, RuleType
from sheetsync.checks import check_declarations
from sheetsync.registry import registry
from sheetsync.syncing.headers import Header, find_header
from sheetsync.tabs import TWO_WAY, Owner, Role, Tab

FEEDBACK = "run_status updated_source updated_at"
COLUMNS = {
    "Candidates": "initiative_key title country market department category product_area program_key engineering_tokens "
    "deadline_date active_scoring_framework overall_score immediate_kpi_key lifecycle_status north_star_contribution "
    f"strategic_kpi_contributions constraint_summary data_gaps is_selected_for_run force notes {FEEDBACK}",
    "Scenario_Config": "scenario_name period_key capacity_total_tokens objective_mode objective_weights_json "
    f"objective_scope notes {FEEDBACK}",
    "Constraints": "scenario_name constraint_set_name constraint_type dimension dimension_key min_tokens max_tokens "
    f"member_keys kpi_key bonus_value notes {FEEDBACK}",
    "Targets": "scenario_name constraint_set_name dimension dimension_key kpi_key baseline_value target_value "
    f"floor_or_goal notes {FEEDBACK}",
    "Runs": "run_id scenario_name constraint_set_name period_key objective_mode status created_at finished_at "
    "candidate_count selected_count capacity_total capacity_used total_objective greedy_objective optimality_gap gap_summary",
    "Results": "run_id initiative_key title selected rank allocated_tokens country market department category "
    "north_star_gain objective_contribution strategic_kpi_contributions dependency_status reason why_not selection_frequency",
    "Gaps_And_Alerts": "run_id dimension dimension_key kpi_key baseline target floor_or_goal achieved gap severity "
    "recommendation",
    "Frontier": "run_id capacity capacity_used objective marginal_per_token enters leaves",
    "Measure_Next": "run_id rank initiative_key param_name low high expected_regret share_of_regret",
}
FILLED_BY_RUNS = ("Runs", "Results", "Gaps_And_Alerts", "Frontier", "Measure_Next")


def tab(name: str) -> Tab:
    return registry.get(Role.OPTIMIZATION, name).tab


def test_the_nine_tabs_stand_in_the_order_in_which_they_are_saved() -> None:
    assert [tab.name for tab in registry.tabs(Role.OPTIMIZATION)] == list(COLUMNS)


@pytest.mark.parametrize("name", COLUMNS)
def test_a_tab_has_the_columns_that_users_rely_on_in_their_order(name: str) -> None:
    assert [column.name for column in tab(name).columns] == COLUMNS[name].split()


def test_no_declaration_and_no_field_of_optimization_is_amiss() -> None:
    assert [error.msg for error in check_declarations() if "optimization" in error.msg.casefold()] == []


def test_candidates_has_no_column_that_people_enter() -> None:
    assert tab("Candidates").named(*TWO_WAY) == ()
    assert [column.name for column in tab("Candidates").named(Owner.SHEET_ONLY)] == [
        "is_selected_for_run",
        "force",
        "notes",
    ]


@pytest.mark.parametrize("name", FILLED_BY_RUNS)
def test_tabs_that_runs_fill_are_computed_throughout_and_found_by_headers_that_they_need(name: str) -> None:
    filled = tab(name)
    assert filled.named(Owner.COMPUTED) == filled.columns
    assert not filled.has_feedback
    assert all(filled.column(identity).required for identity in filled.identity)


@pytest.mark.parametrize("header", ["member_keys", "Bundle Member Keys", "prereq_member_keys", "Members"])
def test_member_keys_goes_by_its_aliases(header: str) -> None:
    found = find_header(tab("Constraints"), [["scenario", "set", "constraint type", header]])
    assert isinstance(found, Header)
    assert found.columns["member_keys"] == 3


def test_dropdowns_offer_every_type_and_dimension() -> None:
    kinds = set(tab("Constraints").column("constraint_type").choices)
    assert kinds == {kind.value for kind in RuleType} - {"target"}
    assert set(DIMENSIONS) <= set(tab("Targets").column("dimension").suggestions)


def test_constraints_and_targets_are_always_saved_together() -> None:
    assert tab("Constraints").saved_with == ("Targets",)
    assert tab("Targets").saved_with == ("Constraints",)


def test_every_column_says_what_it_is() -> None:
    assert all(column.help.endswith(".") for name in COLUMNS for column in tab(name).columns)
