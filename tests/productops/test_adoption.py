"""What an adopted number rests on, and which of it changed since."""

from __future__ import annotations

import json

import pytest

from productops.contributions.adoption import Basis, Since, basis_of, changes
from productops.scores.scoring import ModelInput, ParamInput, contributions

FORMULA = "value = visits * uplift"


def model(name="main", formula=FORMULA, target="gmv", **values):
    numbers = {"visits": 50.0, "uplift": 2.0, "unused": 7.0, **values}
    params = {param: ParamInput(value=value, approved=True) for param, value in numbers.items()}
    return ModelInput(name=name, formula_text=formula, target_kpi_key=target, approved=True, params=params)


def basis(*models):
    return basis_of(models, contributions(models, ["gmv", "orders"]))


def told(*models):
    return str(Since(changes=changes(basis(model()), basis(*models))))


def test_a_number_rests_on_the_models_that_give_it_and_the_parameters_that_they_use():
    silent = model("silent", formula="effort = 3")
    assert list(basis(model(), silent).models) == ["main"]
    assert basis(model(), silent).params == {"visits": 50.0, "uplift": 2.0}


def test_what_it_rests_on_is_stored_and_read_back():
    stored = json.loads(json.dumps(basis(model()).as_json()))
    assert Basis.from_json(stored) == basis(model())


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ([model()], ""),
        ([model(unused=8.0)], ""),
        ([model(visits=60.0)], "visits was 50, is 60"),
        ([model(visits=60.0, uplift=2.5)], "visits was 50, is 60, uplift was 2, is 2.5"),
        ([model(formula="value = visits * 3")], "the formula of main is another one"),
        ([model(target="orders")], "target_kpi_key of main was gmv, is orders"),
        ([], "the model main gives no number any more"),
        ([model(), model("second")], "the model second gives a number, too"),
    ],
)
def test_each_change_is_told_once(after, said):
    assert told(*after) == said


def test_a_change_is_told_with_the_day_where_it_is_known():
    found = changes(basis(model()), basis(model(visits=60.0, uplift=3.0)))
    days = {("param", "visits"): "2026-04-02"}
    assert str(Since(changes=found, days=days)) == "visits was 50, is 60 since 2026-04-02, uplift was 2, is 3"
