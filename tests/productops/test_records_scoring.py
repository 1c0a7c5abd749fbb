"""Scoring_Inputs: inputs are saved, the chosen framework's scores become the active ones, warnings are told."""

from __future__ import annotations

import pytest

from backlog.models import Initiative
from productops.models import InitiativeScoring
from tests.factories import (
    InitiativeFactory,
    InitiativeMathModelFactory,
    InitiativeParamFactory,
    InitiativeScoringFactory,
)
from tests.productops.desk import Desk, north_star

pytestmark = pytest.mark.django_db
TAB = "Scoring_Inputs"
RICE = {"rice_reach": 1000, "rice_impact": 2, "rice_confidence": 0.5, "rice_effort": 4}


@pytest.fixture
def desk():
    return Desk()


@pytest.fixture
def initiative():
    return InitiativeFactory(initiative_key="INIT-000001")


def add(desk, **cells):
    return desk.add(TAB, initiative_key="INIT-000001", **cells)


def test_inputs_are_saved_beside_the_initiative(desk, initiative):
    add(desk, **RICE, use_math_model=True, immediate_kpi_key="Page load time")
    assert desk.save(TAB).status == "success"
    initiative.refresh_from_db()
    assert (initiative.use_math_model, initiative.immediate_kpi_key) == (True, "page_load_time")
    assert InitiativeScoring.objects.values(*RICE).get() == RICE


@pytest.mark.parametrize(
    ("column", "typed", "said"),
    [
        ("rice_effort", 0, "more than 0"),
        ("rice_effort", -3, "more than 0"),
        ("wsjf_job_size", 0, "more than 0"),
        ("wsjf_job_size", "-1", "more than 0"),
        ("rice_reach", -1, "0 or more"),
        ("rice_confidence", 1.5, "share"),
        ("rice_confidence", "120%", "share"),
        ("rice_impact", "high", "number"),
        ("active_scoring_framework", "RISE", "RICE"),
        ("immediate_kpi_key", "123", "name"),
        ("use_math_model", "maybe", "TRUE or FALSE"),
    ],
)
def test_a_bad_input_is_refused_with_column_value_and_what_would_do(desk, initiative, column, typed, said):
    add(desk, **{"wsjf_risk_reduction": 3, column: typed})
    assert desk.save(TAB).status == "partial"
    status = desk.status(TAB)
    assert status.startswith(f"FAILED: {column}")
    assert str(typed) in status
    assert said in status
    assert InitiativeScoring.objects.get().wsjf_risk_reduction == 3


def test_a_refused_input_leaves_the_stored_value(desk, initiative):
    place = add(desk, **RICE)
    desk.save(TAB)
    desk.type(TAB, place, rice_effort=0)
    desk.save(TAB)
    assert InitiativeScoring.objects.get().rice_effort == 4


def test_confidence_is_understood_as_a_percent(desk, initiative):
    add(desk, rice_confidence="80%")
    desk.save(TAB)
    assert InitiativeScoring.objects.get().rice_confidence == 0.8


def test_an_unknown_key_is_told_with_the_nearest(desk, initiative):
    desk.add(TAB, initiative_key="INIT-000011", rice_reach=1)
    desk.save(TAB)
    assert desk.status(TAB).startswith('FAILED: initiative_key: "INIT-000011" doesn\'t exist')
    assert "INIT-000001" in desk.status(TAB)


def test_choosing_a_framework_makes_its_stored_scores_the_active_ones(desk, initiative):
    InitiativeScoringFactory(
        initiative=initiative, wsjf_value_score=16, wsjf_effort_score=4, wsjf_overall_score=4, rice_overall_score=9
    )
    place = add(desk, active_scoring_framework="WSJF")
    desk.save(TAB)
    initiative.refresh_from_db()
    assert (initiative.value_score, initiative.effort_score, initiative.overall_score) == (16, 4, 4)
    assert desk.row(TAB)["overall_score"] == 4
    desk.type(TAB, place, active_scoring_framework=None)
    desk.save(TAB)
    initiative.refresh_from_db()
    assert (initiative.value_score, initiative.effort_score, initiative.overall_score) == (None, None, None)
    assert desk.row(TAB)["overall_score"] is None


def test_what_the_active_framework_lacks_is_named(desk, initiative):
    add(desk, active_scoring_framework="RICE", rice_reach=5, rice_impact=1)
    desk.save(TAB)
    assert desk.status(TAB).startswith("OK: missing rice_confidence, rice_effort")


def test_scores_that_are_not_those_of_the_inputs_are_told(desk, initiative):
    add(desk, active_scoring_framework="RICE", **RICE)
    desk.save(TAB)
    assert desk.status(TAB) == "OK: scores of RICE aren't computed from these inputs yet: pm.score_selected does it"


def test_an_immediate_kpi_off_the_chain_is_a_warning(desk, initiative):
    Initiative.objects.update(metric_chain_json={"nodes": ["load_time", "conversion", "gmv"], "edges": []})
    place = add(desk, immediate_kpi_key="conversions")
    assert desk.save(TAB).status == "success"
    assert desk.status(TAB).startswith('WARNING: immediate_kpi_key: "conversions" isn\'t on the metric chain')
    assert "conversion" in desk.status(TAB)
    desk.type(TAB, place, immediate_kpi_key="conversion")
    desk.save(TAB)
    assert desk.status(TAB).startswith("OK")


def test_without_a_chain_any_metric_may_be_the_immediate_one(desk, initiative):
    add(desk, immediate_kpi_key="conversion", active_scoring_framework="RICE", **RICE)
    desk.save(TAB)
    assert desk.status(TAB).startswith("OK")


def warn(desk, initiative, **cells):
    add(desk, **cells)
    desk.save(TAB)
    return desk.row(TAB)["math_warnings"] or ""


def test_math_warnings_name_what_the_formula_cannot_find(desk, initiative):
    north_star()
    InitiativeMathModelFactory(
        initiative=initiative, model_name="gmv", formula_text="value = visits * uplift", target_kpi_key="gmv"
    )
    InitiativeParamFactory(initiative=initiative, param_name="visit", value=3)
    text = warn(desk, initiative, use_math_model=True)
    assert "needs a row in Params for visits (is visit meant?), uplift" in text


def test_math_warnings_name_what_nobody_approved(desk, initiative):
    north_star()
    InitiativeMathModelFactory(
        initiative=initiative, model_name="gmv", formula_text="value = visits", target_kpi_key="gmv"
    )
    InitiativeParamFactory(initiative=initiative, param_name="visits", value=3)
    Initiative.objects.update(engineering_tokens=5)
    text = warn(desk, initiative, use_math_model=True)
    assert text == "The model gmv isn't approved. Not approved in Params, and used by the model gmv: visits."


def test_math_warnings_stay_silent_where_nobody_relies_on_the_models(desk, initiative):
    InitiativeMathModelFactory(initiative=initiative, formula_text="value = visits")
    assert warn(desk, initiative, active_scoring_framework="RICE") == ""


def test_a_math_framework_without_a_model_says_what_to_add(desk, initiative):
    text = warn(desk, initiative, active_scoring_framework="MATH_MODEL")
    assert "use_math_model isn't ticked" in text
    assert "add a row for it in MathModels" in text


def test_math_warnings_say_that_tokens_are_missing_by_the_column_that_counts(desk, initiative):
    north_star()
    Initiative.objects.update(scope_mode="mvp", engineering_tokens=4)
    InitiativeMathModelFactory(
        initiative=initiative, formula_text="value = 7", target_kpi_key="gmv", approved_by_user=True
    )
    assert warn(desk, initiative, use_math_model=True) == "No math score: engineering_tokens_mvp is missing."


def test_the_row_says_which_model_the_math_score_comes_from(desk, initiative):
    north_star()
    for name, target in (("a model", ""), ("the other", "gmv")):
        InitiativeMathModelFactory(
            initiative=initiative,
            model_name=name,
            formula_text="value = 7\neffort = 2",
            target_kpi_key=target,
            approved_by_user=True,
        )
    add(desk, use_math_model=True, active_scoring_framework="MATH_MODEL")
    desk.save(TAB)
    assert "From the model the other, which targets the north star gmv" in desk.status(TAB)


def test_math_warnings_tell_where_chain_formula_and_params_do_not_go_together(desk, initiative):
    north_star()
    InitiativeMathModelFactory(
        initiative=initiative,
        model_name="main",
        formula_text="value = visits",
        target_kpi_key="gmv",
        metric_chain_text="page_load -> bounce",
        approved_by_user=True,
    )
    for name in ("visits", "zeal"):
        InitiativeParamFactory(initiative=initiative, param_name=name, value=3, approved=True)
    Initiative.objects.update(engineering_tokens=5)
    assert warn(desk, initiative, use_math_model=True) == (
        "main: metric_chain_text ends at bounce, and the model contributes to gmv; let a chain end with -> gmv, "
        "or contribute to what it ends at. "
        "main: the chain (page_load -> bounce) mentions none of the formula's inputs (visits); "
        "name the metric that each of them moves, or look whether chain and formula belong together. "
        "No formula uses zeal of Params: use the name in formula_text, or delete the row."
    )


def modelled(desk, formula, **units):
    """A model of gmv (GBP) that somebody relies on; every parameter is worth 2."""
    north_star("gmv", unit="GBP")
    initiative = InitiativeFactory(initiative_key="INIT-000001")
    InitiativeMathModelFactory(
        initiative=initiative, model_name="main", formula_text=formula, target_kpi_key="gmv", approved_by_user=True
    )
    for name, unit in units.items():
        InitiativeParamFactory(initiative=initiative, param_name=name, value=2, unit=unit, approved=True)
    add(desk, use_math_model=True)
    desk.add("KPI_Contributions", initiative_key="INIT-000001")
    desk.score()


def test_units_that_do_not_fit_are_warned_of_and_change_no_number(desk):
    modelled(desk, "users * fee", users="users/month", fee="GBP/user")
    warning = "main, line 1: value is in GBP/month, and gmv in GBP: 1/month is left over from users."
    assert warning in desk.row(TAB)["math_warnings"]
    assert warning in desk.row("KPI_Contributions")["contribution_check"]
    assert "Can't be adopted" not in desk.row("KPI_Contributions")["contribution_check"]
    assert desk.row("KPI_Contributions")["computed_contribution_json"] == '{"gmv":4}'


def test_units_that_fit_are_not_spoken_of(desk):
    modelled(desk, "users * fee * 12", users="users/month", fee="GBP/user")
    assert "line 1" not in str(desk.row(TAB)["math_warnings"])
