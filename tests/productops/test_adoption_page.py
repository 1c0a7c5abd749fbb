"""Adopting computed contributions in the admin."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from backlog.models import Initiative
from productops.contributions import adoption_page
from productops.models import InitiativeContribution, InitiativeParam
from sheetsync.access.people import PersonScope
from sheetsync.models import ActionRun
from tests.admin_pages import admin_client, button_url, client_with, initiative, math_model, north_star, param, workbook

pytestmark = pytest.mark.django_db
COMPUTED = {"gmv": 0.5}


@pytest.fixture
def ada() -> Client:
    north_star()
    return admin_client()


def modelled(number: int = 1, *, approved: bool = True, **fields: Any) -> Initiative:
    """An initiative whose model gives 0.5 gmv."""
    made = initiative(number, **fields)
    math_model(made, approved_by_user=approved)
    param(made, approved=approved)
    return made


def address(**query: str) -> str:
    return reverse("admin:productops_adoptions", query=query)


def page(client: Client, **query: str) -> str:
    return str(client.get(address(**query)).content.decode())


def adopt(client: Client, *owners: Initiative, numbers: Any = COMPUTED) -> Any:
    shown = {f"shown-{owner.pk}": json.dumps(numbers) for owner in owners}
    return client.post(address(), {"adopt": [owner.pk for owner in owners], **shown}, follow=True)


def holds(owner: Initiative) -> Any:
    owner.refresh_from_db()
    return owner.kpi_contribution_json


def test_computed_stands_beside_what_holds(ada: Client) -> None:
    modelled(kpi_contribution_json={"gmv": 0.4})
    shown = page(ada)
    assert "INIT-000001" in shown
    assert "Differs from computed: gmv is 0.4 beside 0.5 (-20.0 %)." in shown


def test_what_is_ticked_is_adopted_as_one_run_with_what_it_rests_on(ada: Client) -> None:
    owners = [modelled(1), modelled(2), modelled(3)]
    said = adopt(ada, *owners[:2]).content.decode()
    assert "2 contributions adopted: INIT-000001, INIT-000002" in said
    assert [holds(owner) for owner in owners] == [COMPUTED, COMPUTED, None]
    run = ActionRun.objects.get()
    assert (run.action, run.requested_by, run.status) == ("admin.adopt", "ada", "success")
    kept = InitiativeContribution.objects.get(initiative=owners[0])
    assert (kept.adopted_json, kept.adopted_by, kept.adopted_run) == (COMPUTED, "ada", run.run_id)
    assert kept.adopted_inputs_json["params"] == {"uplift": 0.05}


def test_an_adoption_is_taken_back_by_undoing_its_run(ada: Client) -> None:
    workbook()
    owner = modelled(kpi_contribution_json={"gmv": 9.0})
    adopt(ada, owner)
    ada.post(button_url(ActionRun.objects.get(), "undo_this_run"), {"confirm": "yes"})
    assert holds(owner) == {"gmv": 9.0}


def test_a_number_that_no_longer_holds_is_not_adopted_and_the_others_are(ada: Client) -> None:
    owner, other = modelled(1), modelled(2)
    InitiativeParam.objects.filter(initiative=owner).update(value=0.06)
    said = adopt(ada, owner, other).content.decode()
    assert (holds(owner), holds(other)) == (None, COMPUTED)
    assert "INIT-000001: the row showed gmv = 0.5; computed is now gmv = 0.6" in said


def test_what_is_not_approved_has_no_tick_and_is_refused_when_posted(ada: Client) -> None:
    owner = modelled(approved=False)
    assert 'name="adopt"' not in page(ada)
    said = adopt(ada, owner).content.decode()
    assert holds(owner) is None
    assert "not everything behind the number is approved" in said.replace("&#x27;", "'")
    assert not ActionRun.objects.exists()


@pytest.mark.parametrize("numbers", [None, "x", {"gmv": "much"}, {"gmv": 5.0}])
def test_only_the_numbers_that_were_shown_are_adopted(ada: Client, numbers: Any) -> None:
    owner = modelled()
    adopt(ada, owner, numbers=numbers)
    assert holds(owner) is None


def test_views_and_search_pick_rows(ada: Client) -> None:
    adopted, waiting = modelled(1), modelled(2, approved=False, title="Faster search")
    adopt(ada, adopted)
    assert "INIT-000001" not in page(ada)
    assert "INIT-000001" in page(ada, view="adopted")
    assert "INIT-000002" not in page(ada, view="ready")
    assert "INIT-000002" in page(ada, view="all", q="faster")
    assert "INIT-000001" not in page(ada, view="all", q="faster")
    InitiativeParam.objects.filter(initiative=adopted).update(value=0.06)
    assert "uplift was 0.05, is 0.06" in page(ada, view="stale")
    assert waiting.initiative_key not in page(ada, view="stale")


def test_who_may_only_look_adopts_nothing() -> None:
    north_star()
    owner = modelled()
    bo = client_with("view_initiativecontribution", "view_initiative")
    shown = page(bo)
    assert "INIT-000001" in shown
    assert 'name="adopt"' not in shown
    assert adopt(bo, owner).status_code == 403
    assert holds(owner) is None


def test_a_person_limited_to_a_department_sees_and_adopts_nothing_of_another() -> None:
    north_star()
    own, other = modelled(1), modelled(2)
    Initiative.objects.filter(pk=other.pk).update(department="Finance")
    bo = client_with("view_initiativecontribution", "adopt_initiativecontribution", "view_initiative")
    PersonScope.objects.create(user_id=bo.session["_auth_user_id"], departments=["Sales"])
    shown = page(bo)
    assert "INIT-000001" in shown
    assert "INIT-000002" not in shown
    adopt(bo, own, other)
    assert (holds(own), holds(other)) == (COMPUTED, None)


def test_the_page_asks_the_database_as_often_for_thirty_rows_as_for_three(
    ada: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(1, 31):
        modelled(number)
    with django_assert_max_num_queries(25):
        assert "INIT-000030" in page(ada)


def test_only_the_initiatives_of_one_page_are_computed_and_the_page_says_so(
    ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adoption_page, "LOOKED_AT", 2)
    adopted = modelled(1)
    adopt(ada, adopted)
    modelled(2), modelled(3)
    first, second = page(ada), page(ada, page="2")
    assert (
        "1 in this view, of the 2 of 3 initiatives that were looked at. The others are worked out on the pages" in first
    )
    assert ("INIT-000002" in first, "INIT-000003" in first) == (True, False)
    assert "1 in this view, of the 1 of 3 initiatives" in second
    assert "INIT-000003" in second


def test_an_initiative_that_has_nothing_to_compare_is_not_looked_at(ada: Client) -> None:
    initiative(1)
    math_model(initiative(2), formula_text="")
    modelled(3)
    assert "of the 1 initiatives" in page(ada)
    assert "of the 2 initiatives" in page(ada, view="all")


def test_a_search_may_hold_anything(ada: Client) -> None:
    modelled()
    assert "No initiative on this page" in page(ada, q="\0" + "x" * 10_000)
