"""Adopting, comparing and drawing in a browser, by day and by night."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from backlog.models import Initiative
from productops.models import InitiativeScoring
from tests.admin_pages import initiative, math_model, north_star, param

pytestmark = pytest.mark.django_db(transaction=True)
CHAIN = {"nodes": ["visits", "uplift", "gmv"], "edges": [["visits", "uplift"], ["uplift", "gmv"]]}


@pytest.fixture
def company(signed_in: Any) -> list[Initiative]:
    """Three initiatives whose models give 0.5 gmv each, scored by two frameworks; ada is signed in."""
    signed_in("superuser")
    north_star()
    owners = [initiative(number, metric_chain_json=CHAIN) for number in (1, 2, 3)]
    for place, owner in enumerate(owners, start=1):
        math_model(owner, approved_by_user=True, metric_chain_text="visits -> uplift -> gmv")
        param(owner, approved=True)
        InitiativeScoring.objects.create(
            initiative=owner,
            rice_overall_score=place,
            wsjf_overall_score=1 / place,
            rice_reach=place,
            wsjf_job_size=place,
        )
    return owners


def test_what_is_ticked_is_adopted(page: Page, company: list[Initiative]) -> None:
    page.goto("/admin/adoptions/")
    page.get_by_label("Adopt what is computed for INIT-000002").check()
    page.get_by_role("button", name="Adopt what is ticked").click()
    expect(page.get_by_text("1 contribution adopted: INIT-000002")).to_be_visible()
    held = dict(Initiative.objects.values_list("initiative_key", "kpi_contribution_json"))
    assert held == {"INIT-000001": None, "INIT-000002": {"gmv": 0.5}, "INIT-000003": None}


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("address", ["adoptions/?view=all", "frameworks/", "metrics/", "productops/modeltemplate/"])
def test_pages_are_accessible(page: Page, company: list[Initiative], accessible: Any, address: str) -> None:
    page.goto(f"/admin/{address}")
    accessible()


def test_an_initiative_leads_to_its_models_parameters_and_report(page: Page, company: list[Initiative]) -> None:
    page.goto(f"/admin/backlog/initiative/{company[0].pk}/change/")
    page.wait_for_load_state("networkidle")
    expect(page.locator("#panel-consistency")).to_contain_text(
        "INIT-000001, INIT-000002 and INIT-000003 claim gmv through visits"
    )
    expect(page.locator("#panel-params")).to_contain_text("uplift")
