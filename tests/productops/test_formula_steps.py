"""A formula as steps with its numbers filled in."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from productops.formulas.language import Evaluation, Formula, FormulaError, evaluate, parse_formula
from productops.formulas.steps import Operand, Step, explain_formula, steps_text
from productops.units.quantities import read_unit
from tests.productops.formula_inputs import good_formula

Given = tuple[float, str]  # (number, unit)


def steps(text: str, **given: Given) -> tuple[Step, ...]:
    formula = parse_formula(text)
    assert isinstance(formula, Formula), formula
    values = {name: number for name, (number, _unit) in given.items()}
    found = explain_formula(formula, values, {name: read_unit(unit) for name, (_number, unit) in given.items()})
    assert not isinstance(found, FormulaError), found
    return found


def told(text: str, **given: Given) -> list[str]:
    return steps_text(steps(text, **given)).splitlines()


def test_a_product_is_one_step_with_numbers_and_unit():
    (step,) = steps(
        "traffic_uplift * discovery_conversion_rate",
        traffic_uplift=(120_000, "diners/month"),
        discovery_conversion_rate=(0.6, "fraction"),
    )
    assert step.text == "traffic_uplift 120,000 x discovery_conversion_rate 0.6"
    assert (step.number, step.unit, step.result) == (72_000, "diners/month", "72,000 diners/month")
    assert step.operands == (
        Operand(label="traffic_uplift", number=120_000, unit="diners/month"),
        Operand(label="discovery_conversion_rate", number=0.6, unit=""),
    )


def test_lines_follow_each_other():
    assert told("orders = visits * rate\nvalue = orders * basket - cost", visits=(1000, "visits"), rate=(0.02, "fraction"),
                basket=(50, "GBP/order"), cost=(100, "GBP")) == [
        "orders: visits 1,000 x rate 0.02 = 20 visits",
        "value: orders 20 x basket 50 - cost 100 = 900 GBP",
    ]  # fmt: skip


def test_brackets_functions_and_conditions_are_steps_before_the_one_that_uses_them():
    assert told(
        "value = min(users, cap) * (after - before) if after > before else 0",
        users=(9000, "users"), cap=(5000, "users"), after=(0.06, ""), before=(0.05, ""),
    ) == [
        "after 0.06 > before 0.05: yes",
        "min(users 9,000, cap 5,000) = 5,000 users",
        "after 0.06 - before 0.05 = 0.01",
        "value: 5,000 x 0.01 = 50",
    ]  # fmt: skip


def test_only_the_part_of_a_choice_that_is_taken_is_told():
    assert told("1 / a if a else 7", a=(0, "")) == ["a 0 = 0", "value = 7"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a - (b - 1)", ["b 2 - 1 = 1", "value: a 3 - 1 = 2"]),
        ("a / b / 2", ["value: a 3 / b 2 / 2 = 0.75"]),
        ("a / (b * 2)", ["b 2 x 2 = 4", "value: a 3 / 4 = 0.75"]),
        ("-a * 2", ["value: -a 3 x 2 = -6"]),
        ("(a + 1) ** 2", ["a 3 + 1 = 4", "value: 4 ** 2 = 16"]),
        ("a * b + a * 2", ["value: a 3 x b 2 + a 3 x 2 = 12"]),
        ("a > 1 and b > 9", ["a 3 > 1: yes", "b 2 > 9: no", "value: 1 and 0: no"]),
        ("not a", ["value: not a 3: no"]),
        ("sqrt(a * 3)", ["a 3 x 3 = 9", "value: sqrt(9) = 3"]),
        ("5", ["value = 5"]),
    ],
)
def test_steps_keep_what_is_meant(text: str, said: list[str]):
    assert told(text, a=(3, ""), b=(2, "")) == said


def test_what_a_condition_does_not_need_is_not_told():
    assert told("a > 5 and 1 / (a - 3) > 2", a=(3, "")) == ["a 3 > 5: no", "value = no"]
    assert told("9 < a < 1 / (a - 3)", a=(3, "")) == ["value: 9 < a 3: no"]


def test_a_formula_that_fails_gives_its_error():
    formula = parse_formula("x = 1\nvalue = x / a")
    assert isinstance(formula, Formula)
    error = explain_formula(formula, {"a": 0.0})
    assert isinstance(error, FormulaError)
    assert error.line == 2


@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_last_step_of_every_line_has_the_number_of_the_evaluation(source):
    formula = parse_formula(f"x = {good_formula(source)}\nvalue = {good_formula(source)} + x")
    assert isinstance(formula, Formula)
    values = {name: source.choice([0.0, 1.0, -1.0, 2.5, -7.0]) for name in "abcde"}
    evaluation = evaluate(formula, values)
    found = explain_formula(formula, values)
    if isinstance(evaluation, Evaluation):
        assert not isinstance(found, FormulaError)
        assert {step.name: step.number for step in found if step.name} == evaluation.results
    else:
        assert found == evaluation
