"""Pages of frameworks and metrics, and the panels of an initiative."""

from __future__ import annotations

import html
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from backlog.models import Initiative
from productops.model_templates.library import LIBRARY
from productops.model_templates.stored import add_templates
from productops.models import InitiativeContribution, InitiativeParam, InitiativeScoring, ModelTemplate
from sheetsync.access.people import PersonScope
from tests.admin_pages import NOW, admin_client, change_url, client_with, initiative, math_model, north_star, param

pytestmark = pytest.mark.django_db
CHAIN = {"nodes": ["visits", "conversion", "gmv"], "edges": [["visits", "conversion"], ["conversion", "gmv"]]}


@pytest.fixture
def ada() -> Client:
    north_star()
    return admin_client()


def text(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return html.unescape(response.content.decode())


def page(client: Client, name: str, **query: str) -> str:
    return text(client, reverse(f"admin:productops_{name}", query=query))


def limited(*permissions: str) -> Client:
    """Bo sees Sales alone."""
    bo = client_with(*permissions)
    PersonScope.objects.create(user_id=bo.session["_auth_user_id"], departments=["Sales"])
    return bo


@pytest.fixture
def library() -> None:
    ModelTemplate.objects.all().delete()
    add_templates(ModelTemplate, ModelTemplate.history.model, LIBRARY)


def elsewhere(owner: Initiative) -> None:
    Initiative.objects.filter(pk=owner.pk).update(department="Finance")


# ---- frameworks ----------------------------------------------------------------------------------------------------------


def score(number: int, rice: float, wsjf: float) -> Initiative:
    owner = initiative(number)
    InitiativeScoring.objects.create(
        initiative=owner, rice_overall_score=rice, wsjf_overall_score=wsjf, rice_reach=rice, wsjf_job_size=1 / wsjf
    )
    return owner


def test_frameworks_are_shown_with_their_correlation_and_where_they_disagree(ada: Client) -> None:
    for number, (rice, wsjf) in enumerate([(9.0, 1.0), (5.0, 2.0), (1.0, 3.0)], start=1):
        score(number, rice, wsjf)
    shown = page(ada, "frameworks")
    assert "-1.00" in shown
    assert "They tend to the opposite order." in shown
    assert "100 % between RICE and WSJF" in shown
    assert "RICE places it high by rice_reach (9, better than 100 % of the others)" in shown
    assert "1 of 3 (9)" in shown


def test_frameworks_without_scores_say_so(ada: Client) -> None:
    assert "No initiative has scores in two frameworks." in page(ada, "frameworks")


def test_an_initiative_is_found_by_key_and_title(ada: Client) -> None:
    for number, (rice, wsjf) in enumerate([(9.0, 1.0), (5.0, 2.0), (1.0, 3.0)], start=1):
        score(number, rice, wsjf)
    shown = page(ada, "frameworks", q="init-000002 idea")
    assert "Idea 2" in shown
    assert "Idea 1" not in shown


def test_frameworks_count_only_what_a_person_may_see() -> None:
    north_star()
    for number, (rice, wsjf) in enumerate([(9.0, 1.0), (5.0, 2.0), (1.0, 3.0)], start=1):
        owner = score(number, rice, wsjf)
    elsewhere(owner)
    shown = page(limited("view_initiativescoring"), "frameworks")
    assert "INIT-000002" in shown
    assert "INIT-000003" not in shown
    assert "1 of 2 (9)" in shown


@pytest.mark.parametrize("name", ["frameworks", "metrics", "adoptions"])
def test_a_page_needs_its_right(name: str) -> None:
    assert client_with("view_initiative").get(reverse(f"admin:productops_{name}")).status_code == 403


# ---- metrics -------------------------------------------------------------------------------------------------------------


def test_metrics_show_initiatives_and_contributions_through_each(ada: Client) -> None:
    initiative(1, metric_chain_json=CHAIN, kpi_contribution_json={"gmv": 100.0})
    initiative(2, metric_chain_json=CHAIN, kpi_contribution_json={"gmv": 20.0, "closed": 1.0})
    shown = page(ada, "metrics")
    assert "conversion" in shown
    assert "gmv 120 GBP" in shown
    assert "closed" not in shown


def test_orphans_and_circles_are_told(ada: Client) -> None:
    initiative(1, metric_chain_json={"nodes": ["a", "b"], "edges": [["a", "b"]]})
    initiative(2, metric_chain_json={"nodes": ["b", "a"], "edges": [["b", "a"]]})
    shown = page(ada, "metrics")
    assert "Goes round in a circle: a, b." in shown
    assert "No chain reaches it" in shown


def test_metrics_count_only_what_a_person_may_see() -> None:
    north_star()
    initiative(1, metric_chain_json=CHAIN, kpi_contribution_json={"gmv": 100.0})
    elsewhere(initiative(2, metric_chain_json=CHAIN, kpi_contribution_json={"gmv": 20.0}))
    shown = page(limited("view_metricconfig"), "metrics")
    assert "gmv 100 GBP" in shown


# ---- an initiative's panels ----------------------------------------------------------------------------------------------


def modelled(number: int = 1, **fields: Any) -> Initiative:
    made = initiative(number, metric_chain_json=CHAIN, **fields)
    math_model(made, approved_by_user=True, metric_chain_text="visits -> conversion -> gmv")
    param(made, approved=True)
    return made


def panels(client: Client, owner: Any) -> str:
    return text(client, change_url(owner))


def test_an_initiative_shows_its_report_the_most_important_first(ada: Client) -> None:
    owner = modelled(kpi_contribution_json={"gmv": 0.4}, immediate_kpi_key="reach")
    modelled(2, kpi_contribution_json={"gmv": 1.0})
    InitiativeContribution.objects.create(
        initiative=owner, adopted_json={"gmv": 0.4}, adopted_at=NOW, adopted_by="cy", adopted_run=""
    )
    shown = panels(ada, owner)
    places = [
        shown.index(said)
        for said in (
            "Adopted on 2026-03-31, and what is computed has changed since.",
            "Differs from computed: gmv is 0.4 beside 0.5",
            'immediate_kpi_key: "reach" isn\'t on the metric chain',
            "INIT-000001 and INIT-000002 claim gmv through visits",
            "mentions none of the formula's inputs (uplift)",
        )
    ]
    assert places == sorted(places)


def test_what_goes_together_says_so(ada: Client) -> None:
    owner = modelled()
    math = owner.math_models.get()
    math.metric_chain_text = "uplift -> gmv"
    math.save()
    InitiativeParam.objects.update(unit="GBP")
    assert "All goes together." in panels(ada, owner)


def test_an_initiative_without_a_model_has_no_empty_panels(ada: Client) -> None:
    shown = panels(ada, initiative())
    for name in ("consistency", "contributions", "models", "params", "scores"):
        assert f"panel-{name}" not in shown


def test_models_params_scores_and_contributions_are_shown(ada: Client) -> None:
    owner = modelled(active_scoring_framework="RICE")
    param(None, param_name="unused_shared")
    InitiativeScoring.objects.create(initiative=owner, rice_overall_score=12.5)
    shown = panels(ada, owner)
    assert "value = uplift * 10" in shown
    assert "value: uplift 0.05 x 10 = 0.5" in shown
    assert "uplift: 0.5" in shown
    assert "by a formula" in shown
    assert "unused_shared" not in shown
    assert "12.5" in shown


def test_a_model_shows_its_steps_on_its_own_page(ada: Client) -> None:
    owner = modelled()
    assert "value: uplift 0.05 x 10 = 0.5" in panels(ada, owner.math_models.get())
    InitiativeParam.objects.update(value=None)
    assert "The model uplift needs a value in Params for uplift." in panels(ada, owner.math_models.get())


def test_an_initiative_leads_to_the_form_that_starts_a_model_from_a_template(ada: Client, library: None) -> None:
    owner = initiative(use_math_model=True)
    address = reverse("admin:sheetsync_actionrun_start_action", args=("pm.populate_initiatives",))
    assert f"{address}?keys=INIT-000001" in panels(ada, owner)
    form = text(ada, f"{address}?keys=INIT-000001")
    assert "INIT-000001" in form
    assert "Retention: Customers who would have left" in form
    assert "No math model yet." in panels(client_with("view_initiative", "view_initiativemathmodel"), owner)


def test_the_ranges_behind_a_number_are_drawn(ada: Client) -> None:
    shown = panels(ada, modelled())
    assert "gmv over" in shown
    assert "What moves gmv" in shown
    assert "0 % of the draws" in shown


def test_without_an_approved_range_there_is_nothing_to_draw(ada: Client) -> None:
    owner = modelled()
    InitiativeParam.objects.update(approved=False)
    assert "panel-ranges" not in panels(ada, owner)


def test_a_person_limited_to_departments_reads_no_keys_of_others() -> None:
    north_star()
    owner = modelled(kpi_contribution_json={"gmv": 0.4})
    elsewhere(modelled(2, kpi_contribution_json={"gmv": 1.0}))
    shown = panels(limited("view_initiative", "view_initiativecontribution"), owner)
    assert "Differs from computed" in shown
    assert "INIT-000002" not in shown


def test_panels_need_the_right_to_view_what_they_show() -> None:
    north_star()
    shown = panels(client_with("view_initiative"), modelled())
    assert "panel-models" not in shown
    assert "panel-params" not in shown


def test_an_initiative_asks_the_database_as_often_with_many_models_as_with_one(
    ada: Client, django_assert_max_num_queries: Any
) -> None:
    owner = modelled()
    with django_assert_max_num_queries(200) as first:
        panels(ada, owner)
    for number in range(2, 12):
        modelled(number)
        math_model(owner, model_name=f"model {number}")
        InitiativeParam.objects.create(initiative=owner, param_name=f"p{number}", value=1.0)
    with django_assert_max_num_queries(len(first)):
        panels(ada, owner)
