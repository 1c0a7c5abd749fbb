"""What the database and the tabs don't hold: a list that is kept, and columns of PMs' own under these names."""

from __future__ import annotations

import pytest
from django.apps import apps

from sheetsync.registry import registry
from sheetsync.syncing.headers import header_names, normalise
from sheetsync.tabs import Owner, Role
from sheetsync.workbooks.memory import Formula
from tests.sheetsync.world import BACKLOG, INTAKE, edit_in_the_database, filled_world, initiative, key_of

# Neither stored nor a column of any tab.
DROPPED = (
    "current_pain",
    "desired_outcome",
    "target_metrics",
    "strategic_theme",
    "linked_objectives",
    "expected_impact_description",
    "impact_metric",
    "impact_unit",
    "impact_low",
    "impact_expected",
    "impact_high",
    "total_cost_estimate",
    "time_sensitivity",
    "missing_fields",
    "primary_kpi_key",
)
# Shown where they belong, never stored.
SHOWN_ONLY = ("llm_notes", "math_warnings", "run_status", "missing_fields")
DOMAIN_APPS = ("backlog", "productops", "optimization")


def stored_names() -> set[str]:
    return {
        field.name
        for app in DOMAIN_APPS
        for model in apps.get_app_config(app).get_models()
        for field in model._meta.get_fields()
    }


def test_dropped_fields_are_in_no_model():
    assert stored_names() & {*DROPPED, *SHOWN_ONLY} == set()


def test_dropped_columns_are_in_no_tab_under_any_alias():
    for tab in registry.tabs():
        meant = {name: column.name for column in tab.columns for name in header_names(column)}
        assert [meant[normalise(name)] for name in DROPPED if normalise(name) in meant] == [], tab.name


@pytest.mark.parametrize(
    ("role", "tab", "absent"),
    [
        (Role.BACKLOG, "Backlog", {"strategic_theme", "llm_notes"}),
        (
            Role.PRODUCTOPS,
            "Scoring_Inputs",
            {"strategic_priority_coefficient", "risk_level", "time_sensitivity_score"},
        ),
    ],
)
def test_columns_stand_only_in_the_tabs_they_belong_to(role, tab, absent):
    assert absent & {column.name for column in registry.get(role, tab).tab.columns} == set()


@pytest.mark.parametrize(
    ("field", "tab"),
    [
        ("use_math_model", "Scoring_Inputs"),
        ("immediate_kpi_key", "Scoring_Inputs"),
        ("metric_chain_text", "MathModels"),
        ("kpi_contribution_json", "KPI_Contributions"),
        ("is_optimization_candidate", "Backlog"),
        ("candidate_period_key", "Backlog"),
    ],
)
def test_these_are_entered_in_one_tab_and_mirrored_elsewhere(field, tab):
    owners = {
        declared.name: declared.column(field).owner
        for declared in registry.tabs()
        if field in {column.name for column in declared.columns}
    }
    assert [name for name, owner in owners.items() if owner in (Owner.ENTRY, Owner.OVERRIDE)] == [tab]


def test_what_departments_hand_in_is_entered_in_intake_and_an_override_in_backlog():
    handed_in = [column.name for column in INTAKE.named(Owner.ENTRY)]
    assert handed_in == [column.name for column in BACKLOG.named(Owner.OVERRIDE)]
    assert handed_in == [
        *("title", "department", "requesting_team", "requester_name", "requester_email", "country", "product_area"),
        *("problem_statement", "hypothesis", "customer_segment", "initiative_type"),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("header", ["canonical", "in words"])
def test_a_dropped_column_that_a_pm_adds_again_is_left_alone(header):
    world, _intake, backlog = filled_world(2)
    own = [name if header == "canonical" else name.replace("_", " ").capitalize() for name in DROPPED]
    first = len(backlog.book.values("Backlog")[0])
    for place, name in enumerate(own, first):
        backlog.book.set_cell("Backlog", 0, place, name)
        backlog.book.set_cell("Backlog", 1, place, "by hand")
        backlog.book.set_cell("Backlog", 2, place, Formula("=A3", "by formula"))
    backlog.type({"initiative_key": key_of(1)}, market="EMEA")
    edit_in_the_database(2, market="APAC")
    done = world.sync()
    assert (initiative(1).market, backlog.row(initiative_key=key_of(2))["market"]) == ("EMEA", "APAC")
    for place in range(first, first + len(own)):
        assert backlog.book.cell("Backlog", 1, place) == "by hand"
        assert backlog.book.cell("Backlog", 2, place) == Formula("=A3", "by formula")
    assert done.report.status == "success"
    assert [message for message in done.report.messages if message.status != "OK"] == []
    assert backlog.state.message == ""
