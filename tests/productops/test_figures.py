"""Numbers in sentences, units, and what is said of contributions: pure, and total."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from productops.contributions.adoption import Adoption
from productops.contributions.check import Standing, check_text, warnings
from productops.figures import amount, assignments, same_numbers
from productops.scores.scoring import Contributions, ModelInput

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0"),
        (120_000, "120,000"),
        (0.01, "0.01"),
        (1234.5678, "1,234.57"),
        (-2.5, "-2.5"),
        (1 / 3, "0.333333"),
        (1_234_567.8, "1,234,568"),
        (1e20, "1e+20"),
        (1.5e-9, "1.5e-09"),
    ],
)
def test_numbers_are_shown_as_people_write_them(number, shown):
    assert amount(number) == shown


@given(NUMBERS)
def test_what_is_shown_is_the_number_to_six_digits(number):
    assert math.isclose(float(amount(number).replace(",", "")), number, rel_tol=1e-5)


def test_results_are_listed_in_order():
    assert assignments({"value": 120_000, "effort": 20}) == "value = 120,000; effort = 20"


@given(st.dictionaries(st.text(max_size=3), NUMBERS))
def test_numbers_are_the_same_as_themselves(numbers):
    assert same_numbers(numbers, dict(numbers))


@pytest.mark.parametrize("other", [None, {}, {"gmv": 1}, {"gmv": 1, "orders": 2}, {"gmv": 1.0001, "retention": 2}])
def test_other_names_or_other_numbers_are_not_the_same(other):
    assert not same_numbers({"gmv": 1, "retention": 2}, other)


def standing(entered=None, computed=None, **fields):
    numbers = computed or {}
    known = {"key": "INIT-000001", "models": [ModelInput(name="main", formula_text="")], "active": ("gmv", "orders")}
    return Standing(
        entered=entered,
        computed=Contributions(numbers=numbers, by_model=(), approved=bool(numbers)),
        **{**known, **fields},
    )


@pytest.mark.parametrize(
    ("entered", "computed", "said"),
    [
        (None, {"gmv": 1}, "Nothing is entered yet."),
        ({"gmv": 1}, None, "Entered by hand; nothing is computed."),
        ({"gmv": 1}, {"gmv": 1}, "Equals computed."),
        ({"gmv": 3}, {"gmv": 2}, "Differs from computed: gmv is 3 beside 2 (+50.0 %)."),
        ({"gmv": 3}, {"gmv": 0}, "Differs from computed: gmv is 3 beside 0."),
        ({"gmv": -1}, {"gmv": -2}, "Differs from computed: gmv is -1 beside -2 (+50.0 %)."),
        (
            {"gmv": 3},
            {"orders": 2},
            "Differs from computed: gmv is entered (3) and not computed; orders is computed (2) and not entered.",
        ),
    ],
)
def test_entered_and_computed_are_compared_kpi_by_kpi(entered, computed, said):
    assert check_text(standing(entered, computed)) == said


def test_an_adopted_number_is_stale_only_while_it_is_the_one_that_holds():
    adopted = {"adoption": Adoption(numbers={"gmv": 1}, on="2026-03-31")}
    assert standing({"gmv": 1}, {"gmv": 2}, **adopted).is_stale
    assert not standing({"gmv": 5}, {"gmv": 2}, **adopted).is_stale
    assert not standing({"gmv": 1}, {"gmv": 1}, **adopted).is_stale


def test_a_kpi_that_does_not_count_any_more_is_named_with_the_nearest():
    (text,) = warnings(standing({"order": 1}))
    assert text == "kpi_contribution_json names order, which is no active KPI any more; the nearest is orders"
