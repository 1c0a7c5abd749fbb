"""Numbers as sentences and display cells show them. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

DIGITS = 6  # significant digits that a display shows


def amount(number: float) -> str:
    """A number for people: 120,000, 0.01, 1.5e+20; six significant digits, whole numbers up to 1e15 in full."""
    size = abs(number)
    if number == int(number) and size < 1e15:
        return f"{number:,.0f}"
    if size >= 1e15 or size < 1e-6:
        return f"{number:.{DIGITS}g}"
    decimals = max(0, DIGITS - 1 - math.floor(math.log10(size)))
    shown = f"{number:,.{decimals}f}"
    return shown.rstrip("0").rstrip(".") if decimals else shown


def assignments(numbers: Mapping[str, float]) -> str:
    """`value = 120,000; effort = 20`, in the order given."""
    return "; ".join(f"{name} = {amount(number)}" for name, number in numbers.items())


def same_numbers(one: Mapping[str, float] | None, other: Mapping[str, float] | None) -> bool:
    """Whether both name the same KPIs with equal numbers, but for what storing and showing them rounds."""
    one, other = one or {}, other or {}
    return one.keys() == other.keys() and all(same_number(one[name], other[name]) for name in one)


def same_number(one: float | None, other: float | None) -> bool:
    """Equal but for the last digits that storing and showing round; None equals None alone."""
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-12)
