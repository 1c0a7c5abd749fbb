"""The unit of a formula's result: as pint has it, and where bare numbers bend it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pint.errors import DimensionalityError

from productops.formulas.language import Formula, parse_formula
from productops.formulas.units import Inferred, Measure, infer
from productops.units.quantities import Unit, read_unit, registry
from tests.productops.formula_inputs import HOSTILE


def inferred(text: str, **units: str) -> Inferred:
    formula = parse_formula(text)
    assert isinstance(formula, Formula), formula
    return infer(formula.assignments, {name: read_unit(units.get(name, "")) for name in formula.names})


def readings(text: str, **units: str) -> list[str]:
    """How the result may be read, the likeliest first; none where it isn't known."""
    found = inferred(text, **units)
    assert found.unlike == ()
    measure = found.results["value"]
    return [] if measure is None else [str(unit) for unit in measure.readings]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("visits * uplift * basket", "GBP·visits/order/month"),
        ("fee * users", "GBP"),
        ("visits / users", "visits/user/month"),
        ("-fee", "GBP/user"),
        ("fee + fee", "GBP/user"),
        ("fee + 5", "GBP/user"),
        ("max(fee, 0)", "GBP/user"),
        ("clamp(uplift, 0, 1)", "a plain number"),
        ("round(fee, 2)", "GBP/user"),
        ("fee if users > 1000 else 0", "GBP/user"),
        ("fee > 3", "a plain number"),
        ("users ** 2", "users²"),
        ("sqrt(users * users)", "users"),
        ("(1 + uplift) ** years * basket", "GBP/order"),
        ("fee % 3", "GBP/user"),
        ("users // 12", "users"),
        ("reach = visits * uplift\nvalue = reach * basket", "GBP·visits/order/month"),
    ],
)
def test_units_follow_the_steps(text: str, said: str) -> None:
    units = {"visits": "visits/month", "uplift": "fraction", "basket": "GBP/order", "users": "users", "fee": "GBP/user"}
    assert readings(text, **units, years="years")[0] == said


def test_an_unknown_unit_leaves_open_what_it_is_combined_with() -> None:
    assert readings("fee * users * mystery", fee="GBP", users="users") == []
    assert readings("fee + mystery", fee="GBP") == []
    assert readings("fee * users", fee="GBP", users="usrs") == []


@pytest.mark.parametrize(
    ("text", "unit", "said"),
    [
        ("a * 12", "GBP/month", ["GBP/year", "GBP"]),
        ("a / 12", "GBP/year", ["GBP/month"]),
        ("a * 365", "orders/day", ["orders/year", "orders"]),
        ("a * 4", "GBP/quarter", ["GBP/year", "GBP"]),
        ("a / 60", "minutes", ["hours"]),
        ("a * 60", "hours", ["minutes"]),
        ("a / 8", "hours", ["days"]),
        ("a * 18", "GBP/month", ["GBP/month", "GBP"]),
        ("a / 2", "GBP/month", ["GBP/month"]),
        ("a / 100", "%", ["a plain number"]),
        ("a * 100", "fraction", ["a plain number", "%"]),
        ("a * 1000", "kGBP", ["GBP"]),
        ("a / 1000", "GBP", ["GBP", "thousand·GBP"]),
        ("a / 1000", "ms", ["seconds"]),
        ("60 * 24 * a", "days", ["minutes"]),
        ("1 / a", "days", ["1/day"]),
    ],
)
def test_bare_numbers_convert_what_they_stand_beside(text: str, unit: str, said: list[str]) -> None:
    assert readings(text, a=unit) == said


@pytest.mark.parametrize(
    ("text", "a", "b"),
    [
        ("a + b", "GBP", "users"),
        ("a - b", "GBP", "EUR"),
        ("a + b", "GBP", "GBP/user"),
        ("a + b", "GBP/month", "GBP/year"),
        ("a + b", "%", "fraction"),
        ("a + b", "users", "fraction"),
        ("min(a, b)", "days", "GBP"),
        ("a < b", "days", "months"),
        ("a if 1 else b", "GBP", "users"),
        ("1 + a * b", "%", "fraction"),
    ],
)
def test_what_is_not_alike_is_told_with_both_units_and_their_place(text: str, a: str, b: str) -> None:
    found = inferred(f"x = 1\nvalue = {text}", a=a, b=b)
    (unlike,) = found.unlike
    assert (unlike.line, unlike.part) == (2, text)
    assert unlike.left != unlike.right
    assert "<" in text or found.results["value"] is None


@pytest.mark.parametrize(
    ("a", "b"),
    [("users", "orders"), ("GBP", "GBP·users"), ("users", "users·orders"), ("% of visits", "percent"), ("GBP", "£")],
)
def test_a_count_too_many_and_other_words_are_alike(a: str, b: str) -> None:
    assert inferred("a + b", a=a, b=b).unlike == ()


# Units whose sizes pint and people agree on, and a number for each parameter.
_UNITS = {"a": "GBP", "b": "users", "c": "GBP/user/month", "d": "hours", "e": "fraction"}
_IN_PINT = {"user": "thing"}


def random_expression(source: random.Random, depth: int = 4) -> str:
    """Products, quotients, powers and sums of the five parameters; sums may or may not make sense."""
    if depth == 0 or source.random() < 0.15:
        return source.choice("abcde")
    one, two = random_expression(source, depth - 1), random_expression(source, depth - 1)
    forms = [
        f"({one} * {two})",
        f"({one} / {two})",
        f"({one} + {two})",
        f"({one} ** 2)",
        f"-{one}",
        f"abs({one})",
        f"max({one}, {two})",
    ]
    return source.choice(forms)


@settings(max_examples=500, deadline=None)
@given(st.randoms(use_true_random=False))
def test_inference_agrees_with_pint_on_random_expressions(source: random.Random) -> None:
    text = random_expression(source)
    found = inferred(text, **_UNITS)
    units = registry()
    known = {name: _quantity(read_unit(unit)) for name, unit in _UNITS.items()}
    try:
        # Without signs no sum is 0, by which pint couldn't divide; a sign has no unit.
        expected = eval(text.replace("-", ""), {"max": lambda one, two: one + two}, known)
    except DimensionalityError:
        # What pint refuses to add is told here, but for a count too many (see alike).
        expected = None
    measure = found.results["value"]
    if expected is None:
        assert found.unlike or isinstance(measure, Measure)
    elif measure is not None:
        ours = _quantity(measure.readings[0])
        assert ours.dimensionality == expected.dimensionality
        assert ours.to_root_units().magnitude == pytest.approx(
            units.Quantity(1, expected.units).to_root_units().magnitude
        )
    else:
        # Alike but of different sizes, which pint converts, and a formula doesn't.
        assert found.unlike


def _quantity(unit: Unit | None):
    assert unit is not None
    units = registry()
    quantity = units.Quantity(1.0, "")
    for atom, power in unit.powers:
        quantity = quantity * units.Quantity(1.0, _IN_PINT.get(atom, atom)) ** power
    return quantity


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_formulas_have_a_unit_or_none(text: str) -> None:
    formula = parse_formula(text)
    if isinstance(formula, Formula):
        found = infer(formula.assignments, dict.fromkeys(formula.names, read_unit("GBP/user")))
        assert tuple(found.results) == formula.assigned
