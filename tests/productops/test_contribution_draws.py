"""Contributions draw by draw from what is stored: which initiatives vary, and why the others don't."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backlog.models import Initiative
from productops.models import InitiativeMathModel, InitiativeParam
from productops.services import ContributionDraws, contribution_draws
from tests.factories import (
    InitiativeContributionFactory,
    InitiativeFactory,
    InitiativeMathModelFactory,
    InitiativeParamFactory,
    MetricConfigFactory,
)
from tests.productops.desk import NOW, north_star

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _kpis() -> None:
    north_star("gmv")
    MetricConfigFactory(kpi_key="retention_30d")


def adopted(formula: str = "users * uplift", expected: float = 20.0, **uplift: Any) -> Initiative:
    """An initiative whose contribution was adopted from an approved model; uplift has an approved range."""
    numbers = {"gmv": expected}
    initiative = InitiativeFactory(kpi_contribution_json=numbers)
    InitiativeContributionFactory(initiative=initiative, adopted_json=numbers, adopted_at=NOW)
    InitiativeMathModelFactory(
        initiative=initiative, formula_text=formula, target_kpi_key="gmv", approved_by_user=True, model_name="Uplift"
    )
    InitiativeParamFactory(initiative=initiative, param_name="users", value=1000.0, approved=True)
    given = {"value": 0.02, "min": 0.01, "max": 0.04, "approved": True, **uplift}
    InitiativeParamFactory(initiative=initiative, param_name="uplift", **given)
    return initiative


def made(draws: int = 50, seed: int = 1, keys: list[str] | None = None) -> ContributionDraws:
    return contribution_draws(keys, draws=draws, seed=seed)


def column(found: ContributionDraws, key: str, kpi: str = "gmv") -> list[float]:
    return found.numbers[:, found.keys.index(key), found.kpis.index(kpi)].tolist()


def test_an_adopted_number_varies_with_the_approved_ranges_behind_it() -> None:
    initiative = adopted()
    found = made()
    assert found.numbers.shape == (50, 1, 2)
    assert (found.keys, found.kpis) == ((initiative.initiative_key,), ("gmv", "retention_30d"))
    assert (found.varying, found.still) == ({initiative.initiative_key}, {})
    (param,) = found.params
    assert (param.owner, param.name, param.low, param.high) == (initiative.initiative_key, "uplift", 0.01, 0.04)
    assert param.used_by == {initiative.initiative_key}
    assert column(found, initiative.initiative_key) == (1000.0 * param.values).tolist()
    assert column(found, initiative.initiative_key, "retention_30d") == [0.0] * 50


def changed_model(initiative: Initiative, **fields: Any) -> None:
    InitiativeMathModel.objects.filter(initiative=initiative).update(**fields)


def changed_param(initiative: Initiative, name: str, **fields: Any) -> None:
    InitiativeParam.objects.filter(initiative=initiative, param_name=name).update(**fields)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda one: Initiative.objects.update(kpi_contribution_json={"gmv": 21.0}), "typed by hand"),
        (lambda one: one.contribution.delete(), "typed by hand"),
        (lambda one: changed_param(one, "users", value=2000.0), "has changed since"),
        (lambda one: changed_model(one, formula_text="users * uplift * 2"), "has changed since"),
        (lambda one: changed_model(one, approved_by_user=False), "Not approved any more: Uplift."),
        (lambda one: changed_param(one, "uplift", approved=False), "uplift has a range that isn't approved"),
        (lambda one: changed_param(one, "uplift", min=None), "uplift has no min"),
        (lambda one: changed_param(one, "uplift", max=0.015), "uplift has a value outside its min and max"),
    ],
    ids=["typed", "never adopted", "stale value", "stale formula", "model", "range", "no min", "outside"],
)
def test_what_does_not_rest_on_approved_ranges_is_the_stored_number_in_each_draw(change: Any, said: str) -> None:
    initiative = adopted()
    change(initiative)
    found = made()
    assert said in found.still[initiative.initiative_key]
    stored = Initiative.objects.get().kpi_contribution_json["gmv"]
    assert column(found, initiative.initiative_key) == [stored] * 50
    assert (found.varying, found.params) == (set(), ())


def test_nothing_entered_is_nothing_contributed() -> None:
    initiative = InitiativeFactory()
    found = made()
    assert column(found, initiative.initiative_key) == [0.0] * 50
    assert found.still == {initiative.initiative_key: "Nothing is entered in kpi_contribution_json."}


def test_an_initiative_whose_draws_fail_keeps_its_stored_number() -> None:
    initiative = adopted("users * sqrt(uplift - 0.015)", expected=1000.0 * 0.005**0.5)
    found = made()
    assert found.still[initiative.initiative_key].endswith("sqrt takes a number of 0 or more.")
    assert "of 50 draws give no number" in found.still[initiative.initiative_key]
    assert np.isfinite(found.numbers).all()
    assert len(set(column(found, initiative.initiative_key))) == 1


def test_a_shared_parameter_moves_everybody_who_uses_it_at_once() -> None:
    one, two = adopted(), adopted("users * uplift * 2", expected=40.0)
    InitiativeParam.objects.filter(param_name="uplift").delete()
    InitiativeParamFactory(initiative=None, param_name="uplift", value=0.02, min=0.01, max=0.04, approved=True)
    found = made()
    (param,) = found.params
    assert (param.owner, param.used_by) == ("SHARED", {one.initiative_key, two.initiative_key})
    assert column(found, two.initiative_key) == pytest.approx([2 * n for n in column(found, one.initiative_key)])


def test_the_draws_of_a_key_are_the_same_whoever_is_asked_for_along_with_it() -> None:
    one, two = adopted(), adopted()
    together, alone = made(), made(keys=[two.initiative_key])
    assert (together.keys, alone.keys) == ((one.initiative_key, two.initiative_key), (two.initiative_key,))
    assert column(alone, two.initiative_key) == column(together, two.initiative_key)
    assert column(together, one.initiative_key) != column(together, two.initiative_key)


def test_the_same_seed_repeats_and_another_one_differs() -> None:
    key = adopted().initiative_key
    assert column(made(), key) == column(made(), key)
    assert column(made(seed=2), key) != column(made(), key)


def test_blocks_of_draws_continue_each_other() -> None:
    key = adopted().initiative_key
    second = contribution_draws(None, draws=20, seed=1, first=30)
    assert column(second, key) == column(made(50), key)[30:]


def test_a_kpi_that_is_not_active_any_more_is_left_out() -> None:
    key = InitiativeFactory(kpi_contribution_json={"gmv": 5.0, "old": 7.0}).initiative_key
    found = made(draws=2)
    assert found.kpis == ("gmv", "retention_30d")
    assert column(found, key) == [5.0, 5.0]


@pytest.mark.parametrize("shape", ["uniform", "triangular"])
def test_the_shape_of_ranges_is_a_setting(shape: str, settings: Any) -> None:
    key = adopted().initiative_key
    before = np.std(column(made(500), key))
    settings.RANGE_SHAPE = shape
    assert np.std(column(made(500), key)) > before * 1.1


def test_the_number_of_queries_does_not_grow_with_the_initiatives(django_assert_num_queries: Any) -> None:
    for _ in range(3):
        adopted()
    with django_assert_num_queries(5):
        made()
