"""What pages ask of an initiative: the steps of its models, and how far its contributions may lie apart."""

from __future__ import annotations

from typing import Any

import pytest

from backlog.models import Initiative
from productops.services import explanations_of, spreads_of
from tests.factories import InitiativeFactory, InitiativeMathModelFactory, InitiativeParamFactory
from tests.productops.desk import north_star

pytestmark = pytest.mark.django_db


@pytest.fixture
def initiative() -> Initiative:
    north_star("gmv", unit="GBP")
    made = InitiativeFactory()
    for name, formula in (("second", "uplift * 100"), ("first", "users * uplift")):
        InitiativeMathModelFactory(initiative=made, model_name=name, formula_text=formula, target_kpi_key="gmv")
    InitiativeParamFactory(initiative=made, param_name="users", value=1000, unit="users", approved=True)
    InitiativeParamFactory(initiative=made, param_name="uplift", value=0.02, min=0.01, max=0.04, approved=True)
    return made


def test_models_are_explained_in_order_of_name(initiative: Initiative) -> None:
    found = explanations_of(initiative.pk)
    assert [(one.name, [str(step) for step in one.steps], one.error) for one in found] == [
        ("first", ["value: users 1,000 x uplift 0.02 = 20"], ""),
        ("second", ["value: uplift 0.02 x 100 = 2"], ""),
    ]


def test_a_model_that_cannot_be_computed_says_why(initiative: Initiative) -> None:
    initiative.params.filter(param_name="users").delete()
    assert explanations_of(initiative.pk)[0].steps == ()
    assert "needs a row in Params for users" in explanations_of(initiative.pk)[0].error


def test_all_models_of_an_initiative_are_spread_together(initiative: Initiative) -> None:
    (spread,) = spreads_of(initiative.pk)
    (swing,) = spread.swings
    assert (swing.at_low, swing.at_high) == (pytest.approx(11.0), pytest.approx(44.0))
    assert 11.0 < spread.p10 < spread.p50 < spread.p90 < 44.0


def test_an_installation_without_draws_shows_no_spread(initiative: Initiative, settings: Any) -> None:
    settings.RANGE_DRAWS = 0
    assert spreads_of(initiative.pk) == ()
