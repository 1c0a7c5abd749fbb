"""The declarations of the ProductOps tabs: names, owners and order are what users rely on."""

from __future__ import annotations

import pytest

from sheetsync.registry import registry
from sheetsync.syncing.headers import Header, alias_clashes, find_header
from sheetsync.tabs import Owner, Role

FEEDBACK = ["run_status", "updated_source", "updated_at"]
ORDER = {
    "Metrics_Config": ["kpi_key", "kpi_name", "kpi_level", "unit", "description", "is_active", "notes", *FEEDBACK],
    "Scoring_Inputs": [
        "initiative_key title use_math_model active_scoring_framework immediate_kpi_key rice_reach rice_impact",
        "rice_confidence rice_effort wsjf_business_value wsjf_time_criticality wsjf_risk_reduction wsjf_job_size",
        "rice_value_score rice_effort_score rice_overall_score wsjf_value_score wsjf_effort_score wsjf_overall_score",
        "math_value_score math_effort_score math_overall_score value_score effort_score overall_score math_warnings",
        *FEEDBACK,
    ],
    "MathModels": [
        "initiative_key title model_name model_description_free_text target_kpi_key formula_text metric_chain_text",
        "assumptions_text approved_by_user model_prompt_to_llm suggested_by_llm computed_outputs",
        "llm_suggested_formula_text llm_suggested_metric_chain_text llm_notes",
        *FEEDBACK,
    ],
    "Params": [
        "initiative_key title param_name model_name is_auto_seeded framework param_display description unit value min max",
        "source approved notes",
        *FEEDBACK,
    ],
    "KPI_Contributions": [
        "initiative_key title kpi_contribution_json notes adopt_computed computed_contribution_json contribution_check",
        *FEEDBACK,
    ],
}
ENTRIES = {
    "Metrics_Config": "kpi_key kpi_name kpi_level unit description is_active notes",
    "Scoring_Inputs": "use_math_model active_scoring_framework immediate_kpi_key rice_reach rice_impact rice_confidence "
    "rice_effort wsjf_business_value wsjf_time_criticality wsjf_risk_reduction wsjf_job_size",
    "MathModels": "model_name model_description_free_text target_kpi_key formula_text metric_chain_text assumptions_text "
    "approved_by_user",
    "Params": "param_name framework param_display description unit value min max source approved notes",
    "KPI_Contributions": "kpi_contribution_json notes",
}


def productops_tab(name):
    return registry.get(Role.PRODUCTOPS, name).tab


def test_tabs_are_saved_in_the_order_in_which_they_refer_to_each_other():
    assert [tab.name for tab in registry.tabs(Role.PRODUCTOPS)] == list(ORDER)


@pytest.mark.parametrize("name", ORDER)
def test_columns_stand_in_the_order_people_know(name):
    assert [column.name for column in productops_tab(name).columns] == " ".join(ORDER[name]).split()


@pytest.mark.parametrize("name", ENTRIES)
def test_people_enter_these_columns_and_no_others(name):
    assert [column.name for column in productops_tab(name).named(Owner.ENTRY)] == ENTRIES[name].split()


@pytest.mark.parametrize("name", ORDER)
def test_no_two_columns_share_a_header(name):
    assert alias_clashes(productops_tab(name)) == []


@pytest.mark.parametrize("name", ORDER)
def test_every_column_says_what_it_is(name):
    assert all(column.help.endswith(".") for column in productops_tab(name).columns)


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("Metrics_Config", ["KPI", "Level", "Unit", "Active"]),
        ("Scoring_Inputs", ["Key", "Initiative Title", "Reach", "Impact", "Confidence (%)", "Effort", "Job Size"]),
        ("MathModels", ["Initiative", "Model", "Formula", "Chain", "Approved"]),
        ("Params", ["Initiative Key", "Parameter", "Value", "Low", "High", "Approved"]),
        ("KPI_Contributions", ["Key", "Contribution", "Adopt", "Check"]),
    ],
)
def test_headers_that_people_type_are_recognised(name, typed):
    header = find_header(productops_tab(name), [typed])
    assert isinstance(header, Header)
    assert (len(header.columns), header.unknown) == (len(typed), ())


def test_the_models_tab_shows_when_the_model_changed_not_the_row():
    column = productops_tab("MathModels").column("updated_at")
    assert (column.owner, column.path) == (Owner.MIRROR, "updated_at")
