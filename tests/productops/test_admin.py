"""Metrics, models, parameters and scores in the admin."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from productops.models import InitiativeMathModel, InitiativeParam, InitiativeScoring, MetricConfig
from sheetsync.models import ActionRun, RecordChange
from tests.admin_pages import (
    admin_client,
    button_url,
    change_url,
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


def test_a_formula_is_approved_along_with_its_change_by_ticking_it(ada: Client) -> None:
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
