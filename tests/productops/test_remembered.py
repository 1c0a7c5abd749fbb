"""What pages work out over all initiatives is kept while nothing changes, and only for those who see the same."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from backlog.models import Initiative
from productops import remembered
from productops.models import InitiativeScoring
from sheetsync.access.people import PersonScope
from tests.admin_pages import admin_client, client_with, initiative, north_star

pytestmark = pytest.mark.django_db
CHAIN = {"nodes": ["visits", "gmv"], "edges": [["visits", "gmv"]]}


@pytest.fixture(autouse=True)
def many(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(remembered, "MANY", 1)
    cache.clear()
    yield
    cache.clear()


def metrics(client: Client) -> str:
    return str(client.get(reverse("admin:productops_metrics")).content.decode())


def frameworks(client: Client, **query: str) -> str:
    return str(client.get(reverse("admin:productops_frameworks", query=query)).content.decode())


def test_with_many_initiatives_the_tree_is_worked_out_once_and_anew_after_a_change() -> None:
    north_star()
    ada = admin_client()
    owner = initiative(1, metric_chain_json=CHAIN, kpi_contribution_json={"gmv": 100.0})
    assert "gmv 100 GBP" in metrics(ada)
    Initiative.objects.filter(pk=owner.pk).update(
        kpi_contribution_json={"gmv": 5.0}
    )  # past the history, as nobody does
    assert "gmv 100 GBP" in metrics(ada)
    initiative(2, metric_chain_json=CHAIN, kpi_contribution_json={"gmv": 1.0})
    assert "gmv 6 GBP" in metrics(ada)


def test_what_is_kept_for_one_person_is_not_shown_to_one_who_sees_less() -> None:
    north_star()
    initiative(1, metric_chain_json=CHAIN, kpi_contribution_json={"gmv": 100.0})
    assert "gmv 100 GBP" in metrics(admin_client())
    bo = client_with("view_metricconfig")
    PersonScope.objects.create(user_id=bo.session["_auth_user_id"], departments=["Finance"])
    assert "gmv 100 GBP" not in metrics(bo)


def test_each_search_is_kept_by_itself() -> None:
    ada = admin_client()
    for number, (rice, wsjf) in enumerate([(9.0, 1.0), (5.0, 2.0), (1.0, 3.0)], start=1):
        InitiativeScoring.objects.create(
            initiative=initiative(number), rice_overall_score=rice, wsjf_overall_score=wsjf
        )
    assert "INIT-000001" in frameworks(ada)
    assert "INIT-000001" not in frameworks(ada, q="init-000002")
    assert "INIT-000002" in frameworks(ada, q="init-000002")


def test_few_initiatives_are_worked_out_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MANY", 2)
    north_star()
    ada = admin_client()
    owner = initiative(1, metric_chain_json=CHAIN, kpi_contribution_json={"gmv": 100.0})
    assert "gmv 100 GBP" in metrics(ada)
    Initiative.objects.filter(pk=owner.pk).update(kpi_contribution_json={"gmv": 5.0})
    assert "gmv 5 GBP" in metrics(ada)
