"""Scores per framework, and what models contribute: which numbers, and what keeps them from being adopted."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from productops.scores.scoring import (
    Contributions,
    ModelInput,
    ParamInput,
    Score,
    contributions,
    evaluate_model,
    math_score,
    rice,
    wsjf,
)

KPIS = ("gmv", "retention_30d")


def params(**values: float | None) -> dict[str, ParamInput]:
    return {name: ParamInput(value=value, approved=True) for name, value in values.items()}


def model(name: str = "Uplift", formula: str = "users * aov", **changes: object) -> ModelInput:
    """An approved model of GMV with all its parameters approved, but for the changes."""
    fields: dict[str, object] = {
        "target_kpi_key": "gmv",
        "approved": True,
        "params": params(users=10.0, aov=5.0),
    }
    return ModelInput(name=name, formula_text=formula, **{**fields, **changes})  # type: ignore[arg-type]


def rice_of(**changes: float | None) -> Score:
    return rice(**{"reach": 1000.0, "impact": 2.0, "confidence": 0.5, "effort": 4.0, **changes})


def wsjf_of(**changes: float | None) -> Score:
    given = {"business_value": 8.0, "time_criticality": 5.0, "risk_reduction": 3.0, "job_size": 2.0}
    return wsjf(**{**given, **changes})


# RICE and WSJF


def test_rice_multiplies_and_divides_by_effort():
    assert rice_of() == Score(value=1000.0, effort=4.0, overall=250.0)


def test_wsjf_adds_and_divides_by_job_size():
    assert wsjf_of() == Score(value=16.0, effort=2.0, overall=8.0)


@pytest.mark.parametrize("name", ["reach", "impact", "confidence"])
def test_a_missing_input_leaves_no_rice_value_and_is_named(name: str):
    score = rice_of(**{name: None})
    assert (score.value, score.effort, score.overall) == (None, 4.0, None)
    assert score.missing == (f"rice_{name}",)


@pytest.mark.parametrize("name", ["business_value", "time_criticality", "risk_reduction"])
def test_a_missing_input_leaves_no_wsjf_value_and_is_named(name: str):
    score = wsjf_of(**{name: None})
    assert (score.value, score.overall, score.missing) == (None, None, (f"wsjf_{name}",))


def test_a_missing_effort_leaves_the_value_and_no_overall():
    assert rice_of(effort=None) == Score(value=1000.0, effort=None, overall=None, missing=("rice_effort",))
    assert wsjf_of(job_size=None) == Score(value=16.0, effort=None, overall=None, missing=("wsjf_job_size",))


def test_everything_missing_is_named_in_order():
    assert rice(reach=None, impact=None, confidence=None, effort=None).missing == (
        "rice_reach",
        "rice_impact",
        "rice_confidence",
        "rice_effort",
    )


def test_zero_is_an_input_like_others():
    assert rice_of(reach=0.0).overall == 0.0
    assert wsjf_of(risk_reduction=0.0).value == 13.0


@pytest.mark.parametrize("effort", [0.0, -1.0])
def test_an_effort_of_zero_or_less_gives_no_overall_and_says_why(effort: float):
    score = rice_of(effort=effort)
    assert (score.value, score.effort, score.overall) == (1000.0, effort, None)
    assert f"rice_effort is {effort:g}" in score.note


@pytest.mark.parametrize("confidence", [80.0, -0.1, math.inf])
def test_a_confidence_outside_0_to_1_gives_no_value_and_says_why(confidence: float):
    score = rice_of(confidence=confidence)
    assert score.value is None
    assert score.missing == ("rice_confidence",)
    assert str(confidence) in score.note


def test_inputs_too_large_together_give_no_value_and_say_so():
    score = rice_of(reach=1e200, impact=1e200)
    assert (score.value, score.missing) == (None, ())
    assert "too large" in score.note


def test_an_effort_too_small_gives_no_overall_and_says_so():
    score = wsjf_of(business_value=1e300, job_size=1e-300)
    assert score.overall is None
    assert "wsjf_job_size is too small" in score.note


any_number = st.none() | st.floats() | st.integers() | st.just(10**400)


@settings(max_examples=300, deadline=None)
@given(any_number, any_number, any_number, any_number)
def test_no_input_raises_or_leaves_a_number_that_is_not_finite(one, two, three, four):
    for score in (
        rice(reach=one, impact=two, confidence=three, effort=four),
        wsjf(business_value=one, time_criticality=two, risk_reduction=three, job_size=four),
        math_score(
            [model(params={"users": ParamInput(value=one), "aov": ParamInput(value=two)})], north_star="", tokens=four
        ),
    ):
        assert all(part is None or math.isfinite(part) for part in (score.value, score.effort, score.overall))
        assert score.overall is not None or score.missing or score.note


# The math score


def test_the_model_that_targets_the_north_star_is_scored():
    models = [model("A", "1", target_kpi_key="nps"), model("B", "users * aov", target_kpi_key=" GMV ")]
    score = math_score(models, north_star="gmv", tokens=5.0)
    assert (score.value, score.effort, score.overall) == (50.0, 5.0, 10.0)
    assert score.note == "From the model B, which targets the north star gmv."


def test_else_the_first_by_name_is_scored():
    models = [model("b", "2", target_kpi_key="nps"), model("A", "1", target_kpi_key="")]
    score = math_score(models, north_star="gmv", tokens=1.0)
    assert score.value == 1.0
    assert score.note == "From the model A, the first by name: none targets the north star."


def test_without_a_north_star_a_model_without_a_target_is_not_taken_for_it():
    models = [model("B", "2", target_kpi_key=""), model("A", "1", target_kpi_key="gmv")]
    assert math_score(models, north_star="", tokens=1.0).value == 1.0


def test_what_the_formula_assigns_wins_over_tokens_and_the_quotient():
    score = math_score([model(formula="value = 10\neffort = 4\noverall = 7")], north_star="gmv", tokens=99.0)
    assert (score.value, score.effort, score.overall) == (10.0, 4.0, 7.0)


def test_without_an_overall_it_is_value_by_effort():
    assert math_score([model(formula="value = 10\neffort = 4")], north_star="gmv", tokens=99.0).overall == 2.5


def test_an_assigned_name_counts_in_any_case():
    assert math_score([model(formula="Value = 10")], north_star="gmv", tokens=5.0).overall == 2.0


def test_without_effort_and_tokens_there_is_a_value_and_no_overall():
    score = math_score([model()], north_star="gmv", tokens=None)
    assert (score.value, score.effort, score.overall) == (50.0, None, None)
    assert score.missing == ("engineering_tokens",)


def test_an_assigned_overall_needs_no_effort():
    score = math_score([model(formula="value = 1\noverall = 3")], north_star="gmv", tokens=None)
    assert (score.overall, score.missing) == (3.0, ())


def test_zero_tokens_give_no_overall_and_say_why():
    score = math_score([model()], north_star="gmv", tokens=0.0)
    assert score.overall is None
    assert "engineering_tokens is 0" in score.note


def test_a_formula_without_a_value_is_said():
    score = math_score([model(formula="gmv = 10\neffort = 2")], north_star="gmv", tokens=1.0)
    assert (score.value, score.effort, score.overall) == (None, 2.0, None)
    assert score.missing == ("value",)
    assert "value = ..." in score.note


def test_a_missing_parameter_is_named():
    score = math_score([model(params=params(users=None))], north_star="gmv", tokens=1.0)
    assert score.value is None
    assert score.missing == ("users", "aov")
    assert "needs a row in Params for aov and a value in Params for users." in score.note


def test_a_formula_error_is_said_with_its_line():
    score = math_score([model(formula="a = 1\nvalue = a / 0")], north_star="gmv", tokens=1.0)
    assert score.value is None
    assert 'formula_text of the model Uplift, line 2, near "value = a / 0": Division by zero' in score.note


def test_no_model_and_no_formula_are_missing_the_formula():
    assert math_score([], north_star="gmv", tokens=1.0).missing == ("formula_text",)
    assert math_score([model(formula="  ")], north_star="gmv", tokens=1.0).missing == ("formula_text",)


def test_a_score_that_nobody_approved_is_computed_and_said():
    score = math_score([model(approved=False)], north_star="gmv", tokens=5.0)
    assert score.overall == 10.0
    assert "isn't approved" in score.note


# Contributions


def test_value_goes_to_the_target_kpi():
    outcome = contributions([model()], KPIS)
    assert (outcome.numbers, outcome.approved, outcome.reasons, outcome.notes) == ({"gmv": 50.0}, True, (), ())


def test_a_kpi_assigned_by_name_is_a_contribution_of_its_own():
    outcome = contributions([model(formula="value = users * aov\nretention_30d = 0.01")], KPIS)
    assert outcome.numbers == {"gmv": 50.0, "retention_30d": 0.01}


def test_a_kpi_assigned_by_name_replaces_what_value_would_give_it():
    outcome = contributions([model(formula="value = 1\nGMV = users * 2")], KPIS)
    assert outcome.numbers == {"gmv": 20.0}


def test_models_add_up_per_kpi_and_stand_apart():
    outcome = contributions([model("B", "value = 1\nretention_30d = 0.5"), model("A", "2")], KPIS)
    assert outcome.numbers == {"gmv": 3.0, "retention_30d": 0.5}
    assert [(part.name, dict(part.numbers)) for part in outcome.by_model] == [
        ("A", {"gmv": 2.0}),
        ("B", {"retention_30d": 0.5, "gmv": 1.0}),
    ]


def test_a_model_that_is_not_approved_is_computed_and_cannot_be_adopted():
    outcome = contributions([model("A"), model("B", approved=False)], KPIS)
    assert outcome.numbers == {"gmv": 100.0}
    assert not outcome.approved
    assert outcome.reasons == ("The model B isn't approved.",)
    assert [part.approved for part in outcome.by_model] == [True, False]


def test_a_parameter_that_is_not_approved_keeps_what_rests_on_it_from_being_adopted():
    given = {**params(users=10.0), "aov": ParamInput(value=5.0, approved=False)}
    outcome = contributions([model(formula="each = aov * 2\nvalue = users * each", params=given)], KPIS)
    assert outcome.numbers == {"gmv": 100.0}
    assert not outcome.approved
    assert "aov" in outcome.reasons[0]


def test_a_parameter_behind_the_effort_alone_keeps_no_contribution_from_being_adopted():
    given = {**params(users=10.0, aov=5.0), "days": ParamInput(value=3.0, approved=False)}
    assert contributions([model(formula="value = users * aov\neffort = days", params=given)], KPIS).approved


def test_a_model_that_cannot_be_computed_keeps_the_sum_from_being_adopted():
    outcome = contributions([model("A"), model("B", "users / 0")], KPIS)
    assert outcome.numbers == {"gmv": 50.0}
    assert not outcome.approved
    assert "Division by zero" in outcome.reasons[0]
    assert "Division by zero" in outcome.by_model[1].error


def test_a_model_without_a_formula_adds_nothing_and_keeps_nothing():
    outcome = contributions([model("A"), model("B", "", approved=False)], KPIS)
    assert (outcome.numbers, outcome.approved) == ({"gmv": 50.0}, True)
    assert outcome.notes == ("The model B has no formula yet.",)


def test_a_target_that_is_no_active_kpi_is_ignored_and_said_with_the_nearest():
    outcome = contributions([model(target_kpi_key="retention_30", formula="value = 5\ngmv = 1")], KPIS)
    assert outcome.numbers == {"gmv": 1.0}
    assert "retention_30, which is no active KPI; the nearest is retention_30d" in outcome.notes[0]


def test_a_model_that_gives_no_kpi_a_number_is_said():
    outcome = contributions([model(target_kpi_key="", approved=False)], KPIS)
    assert outcome.numbers == {}
    assert outcome.reasons == ("No model gives a number for an active KPI.",)
    assert "set target_kpi_key" in outcome.notes[0]


def test_without_models_there_is_nothing_to_adopt():
    outcome = contributions([], KPIS)
    assert outcome == Contributions(
        numbers={}, by_model=(), approved=False, reasons=("No model gives a number for an active KPI.",)
    )


def test_a_parameter_spelled_differently_is_taken_and_said():
    outcome = contributions([model(formula="Users * AOV")], KPIS)
    assert outcome.numbers == {"gmv": 50.0}
    assert [note.split(" in the formula")[0] for note in outcome.notes] == ["Uplift: Users", "Uplift: AOV"]


def test_a_missing_parameter_is_said_with_the_nearest_one():
    outcome = evaluate_model(model(formula="user * aov"))
    assert outcome.missing == ("user",)
    assert outcome.error == "The model Uplift needs a row in Params for user (is users meant?)."


def test_a_result_that_has_the_name_of_a_parameter_is_said_and_goes_before_it():
    outcome = contributions([model(formula="Users = 3\nvalue = Users * aov")], KPIS)
    assert outcome.numbers == {"gmv": 15.0}
    assert outcome.notes == (
        "Uplift: Users gets a result in line 1, so the parameter users of Params isn't read there.",
    )
