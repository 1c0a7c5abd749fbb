"""A formula over many draws at once: draw by draw what it is at a point, errors included."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from productops.formulas.arrays import DrawnEvaluation, Samples, evaluate_draws
from productops.formulas.language import Evaluation, Formula, FormulaError, evaluate, parse_formula
from tests.productops.formula_inputs import HOSTILE, exact_formula, formula_inputs

ODD = [0.0, 1.0, -1.0, 2.5, -7.0, 1e9, 1e17, 0.5, 3.0]


def samples(*numbers: float) -> Samples:
    return Samples(values=np.array(numbers), low=min(numbers), high=max(numbers))


def formula(text: str) -> Formula:
    read = parse_formula(text)
    assert isinstance(read, Formula), read
    return read


def drawn(text: str, **values: float | Samples) -> DrawnEvaluation:
    draws = next((len(value.values) for value in values.values() if isinstance(value, Samples)), 1)
    outcome = evaluate_draws(formula(text), values, draws)
    assert isinstance(outcome, DrawnEvaluation), outcome
    return outcome


def numbers(text: str, **values: float | Samples) -> list[float]:
    outcome = drawn(text, **values)
    assert outcome.failed is None, outcome.error
    return outcome.results["value"].tolist()


def failures(text: str, **values: float | Samples) -> list[bool]:
    """Which draws failed; those that did hold 0."""
    outcome = drawn(text, **values)
    assert outcome.failed is not None
    assert (outcome.results["value"][outcome.failed] == 0.0).all()
    return outcome.failed.tolist()


def test_every_line_gets_a_number_per_draw_in_order() -> None:
    outcome = drawn("users = reach * 2\nvalue = users * aov\neffort = 3", reach=samples(1.0, 2.0), aov=10.0)
    assert {name: result.tolist() for name, result in outcome.results.items()} == {
        "users": [2.0, 4.0],
        "value": [20.0, 40.0],
        "effort": [3.0, 3.0],
    }


def test_only_the_draws_that_fail_are_left_out_and_the_first_of_them_is_told() -> None:
    outcome = drawn("x = 1\nvalue = x / days", days=samples(2.0, 0.0, 4.0))
    assert outcome.failed is not None
    assert outcome.failed.tolist() == [False, True, False]
    assert outcome.results["value"].tolist() == [0.5, 0.0, 0.25]
    assert str(outcome.error) == 'line 2, near "value = x / days": Division by zero: days is 0.'


def test_a_failure_in_one_line_fails_the_draw_in_all_lines() -> None:
    outcome = drawn("value = a\neffort = 1 / a", a=samples(0.0, 5.0))
    assert outcome.results["value"].tolist() == [0.0, 5.0]
    assert outcome.results["effort"].tolist() == [0.0, 0.2]


def test_what_the_other_part_of_a_choice_would_fail_at_does_not_count() -> None:
    assert numbers("gain / effort if effort > 0 else 0", gain=10.0, effort=samples(0.0, 5.0)) == [0.0, 2.0]
    assert failures("gain / effort if effort < 1 else 0", gain=10.0, effort=samples(0.0, 5.0)) == [True, False]


def test_what_and_or_and_chained_comparisons_do_not_need_does_not_count() -> None:
    assert numbers("a > 0 and 1 / a > 0.3", a=samples(0.0, 2.0, 9.0)) == [0.0, 1.0, 0.0]
    assert numbers("a == 0 or 1 / a", a=samples(0.0, 2.0)) == [1.0, 0.5]
    assert numbers("1 < a < 6 / (a - 1)", a=samples(1.0, 2.0)) == [0.0, 1.0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a * 1e10", [False, False, True]),
        ("a + 1e18", [False, False, True]),
        ("0 - a - 1e18", [False, False, True]),
        ("1e18 / a", [True, False, False]),
        ("5 % a", [True, False, False]),
        ("5 // a", [True, False, False]),
        ("(a - 1) ** 0.5", [True, False, False]),
        ("a ** -1", [True, False, False]),
        ("1 ** (a - 1)", [False, False, True]),
        ("2 ** a", [False, False, True]),
        ("sqrt(a - 1)", [True, False, False]),
        ("log(a)", [True, False, False]),
        ("log(5, a)", [True, True, False]),
        ("exp(a * 50)", [False, True, True]),
        ("round(1.25, a / 2)", [False, True, True]),
        ("clamp(1, a, 0.5)", [False, True, True]),
        ("sum(a, 1e18)", [False, False, True]),
        ("min(a * 1e10, 5)", [False, False, True]),
    ],
)
def test_each_step_fails_in_the_draws_in_which_it_fails_at_a_point(text: str, expected: list[bool]) -> None:
    spread = (0.0, 1.0, 1e9)
    assert [isinstance(evaluate(formula(text), {"a": a}), FormulaError) for a in spread] == expected
    assert failures(text, a=samples(*spread)) == expected


def test_a_formula_that_fails_in_every_draw_is_an_error() -> None:
    error = evaluate_draws(formula("sqrt(0 - a)"), {"a": samples(1.0, 2.0)}, 2)
    assert isinstance(error, FormulaError)
    assert "sqrt(-1)" in error.text


def test_a_parameter_without_a_usable_value_is_the_error_of_evaluation_at_a_point() -> None:
    for value in (None, 1e19, float("nan")):
        given = {"a": samples(1.0, 2.0), "b": value}
        assert evaluate_draws(formula("a * b"), given, 2) == evaluate(formula("a * b"), {"a": 1.0, "b": value})
    assert isinstance(evaluate_draws(formula("a * b"), {"a": samples(1.0, 1e19), "b": 1.0}, 2), FormulaError)


@pytest.mark.parametrize(
    ("text", "function"),
    [("exp(a)", np.exp), ("log(a)", np.log), ("a ** b", np.power), ("log(a, b)", lambda a, b: np.log(a) / np.log(b))],
    ids=["exp", "log", "**", "log with base"],
)
def test_exp_log_and_powers_are_those_of_a_point_but_for_the_last_bits(text: str, function: object) -> None:
    dice = random.Random(5)
    a, b = [dice.uniform(0.1, 30) for _ in range(200)], [dice.uniform(2, 9) for _ in range(200)]
    at_points = [evaluate(formula(text), {"a": one, "b": other}) for one, other in zip(a, b, strict=True)]
    expected = [point.results["value"] for point in at_points if isinstance(point, Evaluation)]
    assert numbers(text, a=samples(*a), b=samples(*b)) == pytest.approx(expected, rel=1e-14)


def assert_draw_by_draw(read: Formula, values: dict[str, float | Samples], draws: int) -> None:
    """Vector equals point in each draw: the same numbers, errors in the same draws, never NaN."""
    outcome = evaluate_draws(read, values, draws)
    points = [
        evaluate(read, {name: float(v.values[draw]) if isinstance(v, Samples) else v for name, v in values.items()})
        for draw in range(draws)
    ]
    if isinstance(outcome, FormulaError):
        assert points[0] == outcome
        assert all(isinstance(point, FormulaError) for point in points)
        return
    failed = [False] * draws if outcome.failed is None else outcome.failed.tolist()
    assert failed == [isinstance(point, FormulaError) for point in points]
    for name, result in outcome.results.items():
        expected = [0.0 if isinstance(point, FormulaError) else point.results[name] for point in points]
        assert result.tolist() == expected
    first = next((point for point in points if isinstance(point, FormulaError)), None)
    assert outcome.error == first


@settings(max_examples=500, deadline=None)
@given(st.randoms(use_true_random=False))
def test_vector_equals_point_for_each_draw(source: random.Random) -> None:
    read = formula(f"x = {exact_formula(source)}\nvalue = {exact_formula(source)} + x")
    values: dict[str, float | Samples] = {}
    for name in "abcde":
        varies = source.random() < 0.6
        values[name] = samples(*source.choices([*ODD, source.uniform(-50, 50)], k=12)) if varies else source.choice(ODD)
    assert_draw_by_draw(read, values, 12)


def test_hostile_formulas_give_finite_numbers_or_errors_over_draws_as_well() -> None:
    for text in (*HOSTILE, *formula_inputs(seed=5, count=600)):
        read = parse_formula(text)
        if isinstance(read, Formula):
            values = {name: samples(*ODD[place % 5 :]) for place, name in enumerate(read.names)}
            values = {name: Samples(values=v.values[:4], low=v.low, high=v.high) for name, v in values.items()}
            outcome = evaluate_draws(read, values, 4)
            if isinstance(outcome, DrawnEvaluation):
                assert all(np.abs(result).max() <= 1e18 for result in outcome.results.values())
