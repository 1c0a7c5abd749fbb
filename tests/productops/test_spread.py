"""Contributions over draws of their parameters' ranges: what varies, what doesn't and why, what fails."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from productops.scores.scoring import ModelInput, ParamInput
from productops.spreads.draws import Shape
from productops.spreads.spread import Sampler, Spread, spread_of

KPIS = ("gmv", "retention_30d")
UPLIFT = ParamInput(value=0.02, approved=True, low=0.01, high=0.04, owner="INIT-000001")
USERS = ParamInput(value=1000.0, approved=True, owner="INIT-000001")


def model(formula: str = "users * uplift", name: str = "Uplift", **params: ParamInput) -> ModelInput:
    """An approved model of GMV."""
    given = {"users": USERS, "uplift": UPLIFT, **params}
    return ModelInput(name=name, formula_text=formula, target_kpi_key="gmv", approved=True, params=given)


def sampler(**changes: int) -> Sampler:
    given = {"seed": 1, "draws": 200, **changes}
    return Sampler(shape=Shape.PERT, **given)


def spread(*models: ModelInput, **changes: int) -> Spread:
    return spread_of(models, KPIS, sampler(**changes))


def test_contributions_vary_with_the_parameters_that_have_an_approved_range() -> None:
    found = spread(model())
    assert [param.name for param in found.varying] == ["uplift"]
    assert found.numbers["gmv"].tolist() == (1000.0 * found.varying[0].samples.values).tolist()
    assert 10.0 < found.numbers["gmv"].min() < 20.0 < found.numbers["gmv"].max() < 40.0
    assert found.constant == {"users": "has no range"}


def test_without_a_range_that_counts_every_draw_is_the_computed_number() -> None:
    found = spread(model(uplift=dataclasses.replace(UPLIFT, approved=False)))
    assert (found.numbers["gmv"] == 20.0).all()
    assert found.varying == ()
    assert found.constant["uplift"] == "has a range that isn't approved"


def test_models_are_summed_draw_by_draw() -> None:
    found = spread(model(), model("value = users * uplift * 2\nretention_30d = uplift", "Second"))
    uplift = found.varying[0].samples.values
    assert found.numbers["gmv"] == pytest.approx(uplift * 3000.0, rel=1e-12)
    assert found.numbers["retention_30d"].tolist() == uplift.tolist()


def test_another_parameter_leaves_the_draws_of_the_others_as_they_are() -> None:
    alone = spread(model()).varying[0]
    users = dataclasses.replace(USERS, low=500.0, high=2000.0)
    beside = {param.name: param for param in spread(model(users=users)).varying}
    assert beside["uplift"].samples.values.tolist() == alone.samples.values.tolist()
    assert not np.isin(beside["users"].samples.values, alone.samples.values).any()


def test_a_shared_parameter_is_drawn_once_for_all_initiatives() -> None:
    one, shared = sampler(), dataclasses.replace(UPLIFT, owner="SHARED")
    first = spread_of([model(uplift=shared)], KPIS, one)
    second = spread_of([model("users * uplift * 3", uplift=shared)], KPIS, one)
    assert second.numbers["gmv"] == pytest.approx(first.numbers["gmv"] * 3, rel=1e-12)


def test_parameters_of_two_initiatives_are_drawn_apart() -> None:
    one, other = sampler(), dataclasses.replace(UPLIFT, owner="INIT-000002")
    first = spread_of([model()], KPIS, one)
    second = spread_of([model(uplift=other)], KPIS, one)
    assert abs(np.corrcoef(first.numbers["gmv"], second.numbers["gmv"])[0, 1]) < 0.3


def test_a_parameter_behind_the_effort_alone_does_not_vary() -> None:
    days = ParamInput(value=3.0, approved=True, low=2.0, high=9.0)
    found = spread(model("value = users * uplift\neffort = days", days=days))
    assert [param.name for param in found.varying] == ["uplift"]
    assert "days" not in found.constant


def test_draws_that_fail_are_counted_and_left_out() -> None:
    edge = dataclasses.replace(UPLIFT, low=-0.01)
    found = spread(model("users * sqrt(uplift)", uplift=edge))
    negative = found.varying[0].samples.values < 0
    assert found.failed is not None
    assert found.failed.tolist() == negative.tolist()
    assert found.failures == negative.sum() > 0
    assert len(found.kept(found.numbers["gmv"])) == 200 - found.failures
    assert 'line 1, near "users * sqrt(uplift)": sqrt(' in found.error


def test_a_formula_whose_every_draw_fails_keeps_no_draw() -> None:
    found = spread(model("users / (1 if uplift == 0.02 else 0)"))
    assert found.failures == 200
    assert len(found.kept(found.numbers["gmv"])) == 0


def test_a_model_that_cannot_be_computed_adds_nothing() -> None:
    found = spread(model(), model("users / 0", "Broken"))
    assert found.numbers["gmv"].tolist() == spread(model()).numbers["gmv"].tolist()


def test_the_same_seed_gives_the_same_numbers_on_any_machine() -> None:
    users = dataclasses.replace(USERS, low=500.0, high=2000.0)
    numbers = spread(model("users * uplift * exp(-uplift * 12)", users=users)).numbers["gmv"]
    golden = [12.068989633469222, 9.74651552750284, 24.51538629872832]
    assert numbers[:3] == pytest.approx(golden, rel=1e-9)
    assert np.percentile(numbers, [10, 50, 90]) == pytest.approx(
        [11.289609663908008, 18.17770360241716, 26.546699361712715], rel=1e-9
    )
