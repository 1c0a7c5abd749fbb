"""Metrics, models, parameters and scores in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from productops.model_templates.library import LIBRARY
from productops.model_templates.stored import add_templates
from productops.models import (
    InitiativeContribution,
    InitiativeMathModel,
    InitiativeParam,
    InitiativeScoring,
    MetricConfig,
    ModelTemplate,
)
from sheetsync.models import ActionRun, RecordChange
from tests.admin_pages import (
    NOW,
    admin_client,
    button_url,
    change_url,
    client_with,
    edit,
    errors,
    initiative,
    math_model,
    north_star,
    param,
    workbook,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Client:
    return admin_client()


def test_changing_an_approved_formula_takes_the_approval_back(ada: Client) -> None:
    north_star()
    model = math_model(initiative(), approved_by_user=True)
    response = edit(ada, model, formula_text="value = uplift * 20")
    assert response.status_code == 302
    model.refresh_from_db()
    assert (model.formula_text, model.approved_by_user) == ("value = uplift * 20", False)
    assert "approval" in ada.get(response["Location"]).content.decode()
    assert RecordChange.objects.get(model="productops.InitiativeMathModel").fields["approved_by_user"] == [True, False]


def test_changing_what_the_approval_does_not_cover_keeps_it(ada: Client) -> None:
    north_star()
    model = math_model(initiative(), approved_by_user=True)
    edit(ada, model, assumptions_text="as last year")
    model.refresh_from_db()
    assert (model.assumptions_text, model.approved_by_user) == ("as last year", True)


def test_a_formula_is_approved_along_with_its_change_by_ticking_it(ada: Client, settings: Any) -> None:
    settings.APPROVE_OWN_ENTRIES = True
    north_star()
    model = math_model(initiative(), approved_by_user=False)
    edit(ada, model, formula_text="value = uplift * 20", approved_by_user="on")
    model.refresh_from_db()
    assert (model.formula_text, model.approved_by_user) == ("value = uplift * 20", True)


@pytest.mark.parametrize(("field", "posted"), [("value", "0.06"), ("min", "0.02"), ("max", "0.2"), ("unit", "percent")])
def test_changing_an_approved_number_takes_the_approval_back(ada: Client, field: str, posted: str) -> None:
    assumption = param(initiative(), approved=True)
    edit(ada, assumption, **{field: posted})
    assumption.refresh_from_db()
    assert str(getattr(assumption, field)) == posted
    assert assumption.approved is False


def test_a_note_on_an_approved_number_keeps_the_approval(ada: Client) -> None:
    assumption = param(initiative(), approved=True)
    edit(ada, assumption, notes="from the survey")
    assumption.refresh_from_db()
    assert (assumption.notes, assumption.approved) == ("from the survey", True)


def test_a_formula_that_cannot_be_read_is_refused_as_in_the_sheet(ada: Client) -> None:
    north_star()
    model = math_model(initiative())
    response = edit(ada, model, formula_text="value = __import__('os')")
    assert list(errors(response)) == ["formula_text"]
    assert not ActionRun.objects.exists()


@pytest.mark.parametrize(("field", "posted"), [("model_name", "another"), ("suggested_by_llm", "on")])
def test_what_finds_the_row_and_what_jobs_set_cannot_be_posted(ada: Client, field: str, posted: str) -> None:
    north_star()
    model = math_model(initiative())
    before = getattr(model, field)
    edit(ada, model, **{field: posted})
    model.refresh_from_db()
    assert getattr(model, field) == before


def test_a_parameter_that_all_share_has_a_page(ada: Client) -> None:
    shared = param(None)
    assert "SHARED" in ada.get(reverse("admin:productops_initiativeparam_changelist")).content.decode()
    edit(ada, shared, notes="for all")
    shared.refresh_from_db()
    assert shared.notes == "for all"


def test_the_last_active_north_star_stays(ada: Client) -> None:
    star = north_star()
    response = edit(ada, star, is_active=None)
    assert "north_star" in str(response.context["adminform"].form.errors)
    star.refresh_from_db()
    assert star.is_active


def test_a_second_north_star_is_refused_without_naming_rows(ada: Client) -> None:
    north_star()
    other = MetricConfig.objects.create(kpi_key="retention", kpi_level="strategic")
    response = edit(ada, other, kpi_level="north_star")
    told = str(response.context["adminform"].form.non_field_errors())
    assert "retention" in told
    assert "row" not in told


def test_inputs_of_a_framework_are_saved_with_the_initiative_named(ada: Client) -> None:
    north_star()
    scoring = InitiativeScoring.objects.create(initiative=initiative(), rice_reach=100.0)
    assert edit(ada, scoring, rice_confidence="0.8").status_code == 302
    scoring.refresh_from_db()
    assert scoring.rice_confidence == 0.8
    change = RecordChange.objects.get()
    assert (change.model, change.object_id, change.row_key) == (
        "productops.InitiativeScoring",
        scoring.pk,
        "INIT-000001",
    )


def test_scores_cannot_be_posted(ada: Client) -> None:
    scoring = InitiativeScoring.objects.create(initiative=initiative(), rice_overall_score=1.0)
    edit(ada, scoring, rice_overall_score="99")
    scoring.refresh_from_db()
    assert scoring.rice_overall_score == 1.0


def test_deleting_a_model_is_a_run_that_can_be_undone(ada: Client) -> None:
    workbook()
    model = math_model(initiative())
    response = ada.post(
        reverse("admin:productops_initiativemathmodel_delete", args=(model.pk,)), {"post": "yes"}, follow=True
    )
    assert not InitiativeMathModel.objects.exists()
    assert "MathModels" in response.content.decode()
    run = ActionRun.objects.get()
    assert run.action == "admin.delete"
    ada.post(button_url(run, "undo_this_run"), {"confirm": "yes"})
    assert InitiativeMathModel.objects.get().formula_text == model.formula_text


def test_selected_parameters_are_deleted_as_one_run(ada: Client) -> None:
    owner = initiative()
    chosen = [param(owner, param_name=name) for name in ("a", "b")]
    ada.post(
        reverse("admin:productops_initiativeparam_changelist"),
        {"action": "delete_selected", "_selected_action": [one.pk for one in chosen], "post": "yes"},
    )
    assert not InitiativeParam.objects.exists()
    assert ActionRun.objects.get().record_changes.filter(deleted=True).count() == 2


def test_an_edit_of_a_model_can_be_undone(ada: Client) -> None:
    north_star()
    workbook()
    model = math_model(initiative(), approved_by_user=True)
    edit(ada, model, formula_text="value = uplift * 20")
    run = ActionRun.objects.get()
    ada.post(button_url(run, "undo_this_run"), {"confirm": "yes"})
    model.refresh_from_db()
    assert (model.formula_text, model.approved_by_user) == ("value = uplift * 10", True)


def test_the_page_says_that_a_key_is_not_changed_here(ada: Client) -> None:
    assert "Part of what finds the row in Metrics_Config" in ada.get(change_url(north_star())).content.decode()


# ---- templates -----------------------------------------------------------------------------------------------------------


NEW = {
    "template_name": "Fees",
    "description": "A fee for each of many.",
    "formula_text": "value = payers * fee",
    "metric_chain_text": "payers -> {kpi}",
    "target_kpi_key": "",
    "assumptions_text": "",
    "params_json": "payers | users | 100 | 80 | 120 | Who pays\nfee | GBP/user | 2 | 1 | 3",
    "example_result": "200",
    "is_active": "on",
}


def add_template(ada: Client, **changes: str) -> Any:
    return ada.post(reverse("admin:productops_modeltemplate_add"), {**NEW, **changes})


def template() -> ModelTemplate:
    ModelTemplate.objects.all().delete()
    add_templates(ModelTemplate, ModelTemplate.history.model, LIBRARY[:1])
    return ModelTemplate.objects.get()


def test_a_template_is_added_as_a_run_that_can_be_undone(ada: Client) -> None:
    assert add_template(ada).status_code == 302
    made = ModelTemplate.objects.get(template_name="Fees")
    assert made.params_json[0] == {
        "name": "payers", "unit": "users", "value": 100, "min": 80, "max": 120, "description": "Who pays"
    }  # fmt: skip
    run = ActionRun.objects.get()
    assert (run.action, run.requested_by) == ("admin.add", "ada")
    assert made.history.count() == 1
    workbook()
    ada.post(button_url(run, "undo_this_run"), {"confirm": "yes"})
    assert not ModelTemplate.objects.filter(template_name="Fees").exists()


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"example_result": "201"}, "__all__", "The worked example gives 200, and example_result says 201"),
        ({"formula_text": "value = payers *"}, "formula_text", "line 1"),
        ({"params_json": "payers | users | 100"}, "params_json", "Line 1"),
        ({"metric_chain_text": "payers ->"}, "metric_chain_text", "A metric is missing beside an arrow"),
        ({"target_kpi_key": "gmw"}, "target_kpi_key", "gmw is no active KPI; the nearest is gmv"),
        ({"template_name": ""}, "template_name", "required"),
    ],
)
def test_a_template_that_cannot_be_kept_is_refused_at_its_field(
    ada: Client, changes: dict[str, str], field: str, said: str
) -> None:
    north_star()
    found = errors(add_template(ada, **changes))
    assert said in str(found[field])
    assert not ModelTemplate.objects.filter(template_name="Fees").exists()


def test_a_template_is_changed_and_taken_out_of_use(ada: Client) -> None:
    stored = template()
    assert edit(ada, stored, is_active=None, description="ours").status_code == 302
    stored.refresh_from_db()
    assert (stored.is_active, stored.description) == (False, "ours")
    assert ActionRun.objects.get().record_changes.get().fields == {
        "is_active": [True, False],
        "description": [LIBRARY[0].description, "ours"],
    }


def test_saving_an_unchanged_template_changes_nothing(ada: Client) -> None:
    edit(ada, template())
    assert not ActionRun.objects.exists()


def test_who_may_only_look_at_templates_adds_none() -> None:
    bo = client_with("view_modeltemplate")
    assert bo.get(reverse("admin:productops_modeltemplate_changelist")).status_code == 200
    assert bo.post(reverse("admin:productops_modeltemplate_add"), NEW).status_code == 403


# ---- lists ---------------------------------------------------------------------------------------------------------------


def listed(ada: Client, model: str, **query: str) -> str:
    return str(ada.get(reverse(f"admin:productops_{model}_changelist", query=query)).content.decode())


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"numbers": "empty"}, {"no_value"}),
        ({"numbers": "certain"}, {"no_range"}),
        ({"numbers": "outside"}, {"outside"}),
        ({"belongs": "shared"}, {"for_all"}),
        ({"numbers": "range", "belongs": "own"}, {"outside", "spread"}),
    ],
)
def test_parameters_are_found_by_what_they_still_need(ada: Client, query: dict[str, str], names: set[str]) -> None:
    owner = initiative()
    param(owner, param_name="no_value", value=None, min=None, max=None)
    param(owner, param_name="no_range", min=None)
    param(owner, param_name="outside", value=7.0)
    param(owner, param_name="spread")
    param(None, param_name="for_all")
    shown = listed(ada, "initiativeparam", **query)
    assert {name for name in ("no_value", "no_range", "outside", "spread", "for_all") if f">{name}<" in shown} == names


def test_models_are_found_by_what_they_still_need(ada: Client) -> None:
    owner = initiative()
    math_model(owner, model_name="without", formula_text="")
    math_model(owner, model_name="with_chain", metric_chain_text="a -> gmv")
    shown = listed(ada, "initiativemathmodel", written="no_formula")
    assert "without" in shown
    assert "with_chain" not in shown


def test_another_framework_counts_for_the_selected_initiatives_alone(ada: Client) -> None:
    owners = [initiative(number, active_scoring_framework="RICE") for number in (1, 2)]
    scorings = [InitiativeScoring.objects.create(initiative=owner, wsjf_overall_score=4.0) for owner in owners]
    ada.post(
        reverse("admin:productops_initiativescoring_changelist"),
        {"action": "count_wsjf", "_selected_action": [scorings[0].pk]},
    )
    run = ActionRun.objects.get()
    assert (run.action, run.payload) == ("pm.switch_framework", {"framework": "WSJF", "keys": ["INIT-000001"]})


def test_who_may_start_no_action_switches_no_framework() -> None:
    scoring = InitiativeScoring.objects.create(initiative=initiative(), wsjf_overall_score=4.0)
    bo = client_with("view_initiativescoring", "change_initiativescoring")
    address = reverse("admin:productops_initiativescoring_changelist")
    bo.post(address, {"action": "count_wsjf", "_selected_action": [scoring.pk]})
    assert not ActionRun.objects.exists()


def test_an_adoption_shows_what_it_rested_on(ada: Client) -> None:
    basis = {
        "models": {"main": {"formula_text": "value = visits", "target_kpi_key": "gmv"}},
        "params": {"visits": 50.0},
    }
    made = InitiativeContribution.objects.create(
        initiative=initiative(), adopted_json={"gmv": 50.0}, adopted_at=NOW, adopted_inputs_json=basis
    )
    shown = ada.get(change_url(made)).content.decode()
    assert "model main" in shown
    assert "value = visits" in shown
    assert ">50<" in "".join(shown.split())
