"""Scenarios, constraint sets, runs and portfolios in the admin."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from optimization.constraints.rules import Place, Rule, RuleType, Slice
from optimization.models import OptimizationConstraintSet, OptimizationRun, OptimizationScenario, Portfolio
from sheetsync.models import ActionRun, RecordChange
from tests.admin_pages import admin_client, change_url, edit, fill

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Client:
    fill(1, 1)
    ActionRun.objects.all().delete()
    return admin_client()


def test_a_constraint_set_is_put_out_of_use_as_a_run(ada: Client) -> None:
    rules = OptimizationConstraintSet.objects.get()
    assert edit(ada, rules, is_active=None).status_code == 302
    rules.refresh_from_db()
    assert rules.is_active is False
    assert RecordChange.objects.get().fields == {"is_active": [True, False]}
    assert ActionRun.objects.get().action == "admin.edit"


def test_the_rules_of_a_set_cannot_be_posted(ada: Client) -> None:
    rules = OptimizationConstraintSet.objects.get()
    edit(ada, rules, mandatory_initiatives_json="[]", constraint_set_name="other")
    rules.refresh_from_db()
    assert (rules.mandatory_initiatives_json, rules.constraint_set_name) == (["INIT-000001"], "base")


def test_a_set_shows_its_rules_and_the_rows_it_refused(ada: Client) -> None:
    rules = OptimizationConstraintSet.objects.get()
    place = Place(tab="Constraints", row=7)
    cap = Rule(type=RuleType.CAPACITY_CAP, places=(place,), slice=Slice(dimension="country", key="UK"), number=40.0)
    rules.rules_json = [cap.to_json()]
    rules.save()
    page = ada.get(change_url(rules)).content.decode()
    assert "at most 40 tokens in country UK" in page
    assert "row 7 of Constraints" in page
    assert "no such initiative" in page


def test_a_scenario_is_edited_but_not_renamed(ada: Client) -> None:
    scenario = OptimizationScenario.objects.get()
    assert edit(ada, scenario, capacity_total_tokens="250", scenario_name="other").status_code == 302
    scenario.refresh_from_db()
    assert (scenario.capacity_total_tokens, scenario.scenario_name) == (250.0, "S1")


def test_a_runs_page_shows_what_went_in_and_what_came_out(ada: Client) -> None:
    page = ada.get(change_url(OptimizationRun.objects.get())).content.decode()
    assert "candidates" in page
    assert "1 of 3" in ada.get(reverse("admin:optimization_optimizationrun_changelist")).content.decode()


@pytest.mark.parametrize("model", [OptimizationRun, Portfolio])
def test_outcomes_are_never_edited(ada: Client, model: type[OptimizationRun] | type[Portfolio]) -> None:
    record = model.objects.get()
    assert ada.post(change_url(record), {}).status_code == 403


def test_a_run_without_a_portfolio_has_a_page(ada: Client) -> None:
    run = OptimizationRun.objects.create(scenario_name="S1", status="infeasible")
    assert ada.get(change_url(run)).status_code == 200
    assert ada.get(reverse("admin:optimization_optimizationrun_changelist")).status_code == 200


def test_a_run_tells_its_story_before_what_is_stored(ada: Client) -> None:
    page = ada.get(change_url(OptimizationRun.objects.get())).content.decode()
    assert 0 < page.index("At a glance</h2>") < page.index("The result, as stored")
