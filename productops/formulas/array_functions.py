"""What the functions of formulas do with many draws at once, and how a step's draws fail. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from productops.formulas.functions import MAX_DIGITS
from productops.formulas.tree import MAX_MAGNITUDE

# What a part of a formula is worth: a number per draw, or one number for all of them; how far from 0 any of them is
# at most, and at least; which draws failed, None for none. A plain tuple: a step may take hardly longer than numpy's.
Part = tuple[Any, float, float, Any]

UNKNOWN = float("inf")  # how large a step's result may be, where only a look at it tells


def any_of(one: Any, other: Any) -> Any:
    """Two sets of failed draws together; None for none."""
    if one is None:
        return other
    return one if other is None else one | other


def _beyond(result: Any) -> Any:
    """The draws whose result isn't within bounds, None for none; NaN isn't."""
    if np.abs(result).max() <= MAX_MAGNITUDE:
        return None
    return ~(np.abs(result) <= MAX_MAGNITUDE)


def checked(result: Any, bound: float, failed: Any) -> Part:
    """A step's result; it is looked at only where its size isn't known to be within bounds."""
    if bound <= MAX_MAGNITUDE:
        return result, bound, 0.0, failed
    return result, MAX_MAGNITUDE, 0.0, any_of(failed, _beyond(result))


def settled(function: Callable[..., float], arguments: list[Any], failed: Any) -> Part:
    """A function of numbers that no draw changes: worked out once, as at a point."""
    try:
        result = function(*arguments)
    except (ArithmeticError, ValueError):
        return 0.0, 0.0, 0.0, np.True_
    if not abs(result) <= MAX_MAGNITUDE:
        return 0.0, 0.0, 0.0, np.True_
    return result, abs(result), abs(result), failed


def _largest(parts: list[Part]) -> float:
    return max(part[1] for part in parts)


def _least(parts: list[Part], failed: Any) -> Part:
    value = parts[0][0]
    for part in parts[1:]:
        value = np.minimum(value, part[0])
    return checked(value, _largest(parts), failed)


def _greatest(parts: list[Part], failed: Any) -> Part:
    value = parts[0][0]
    for part in parts[1:]:
        value = np.maximum(value, part[0])
    return checked(value, _largest(parts), failed)


def _total(parts: list[Part], failed: Any) -> Part:
    value = parts[0][0]
    for part in parts[1:]:
        value = value + part[0]
    return checked(value, sum(part[1] for part in parts), failed)


def _absolute(parts: list[Part], failed: Any) -> Part:
    ((value, bound, least, _),) = parts
    return np.abs(value), bound, least, failed


def _rounded(parts: list[Part], failed: Any) -> Part:
    value, bound = parts[0][0], parts[0][1]
    if len(parts) == 1:
        return checked(np.rint(value), bound + 1.0, failed)
    digits = parts[1][0]
    refused = (digits != np.floor(digits)) | (np.abs(digits) > MAX_DIGITS)
    places = np.where(refused, 0.0, digits)
    # numpy rounds a scaled number; only Python's own rounding gives the decimals that are meant.
    pairs = np.nditer([value, places])
    result = np.array([round(float(number), int(place)) for number, place in pairs])
    return checked(result, UNKNOWN, any_of(failed, refused))


def _root(parts: list[Part], failed: Any) -> Part:
    return checked(np.sqrt(parts[0][0]), UNKNOWN, failed)


def _exponential(parts: list[Part], failed: Any) -> Part:
    return checked(np.exp(parts[0][0]), UNKNOWN, failed)


def _logarithm(parts: list[Part], failed: Any) -> Part:
    result = np.log(parts[0][0])
    if len(parts) == 2:
        base = parts[1][0]
        failed = any_of(failed, base <= 0.0)
        result = result / np.log(base)
    return checked(result, UNKNOWN, failed)


def _lowered(parts: list[Part], failed: Any) -> Part:
    return checked(np.floor(parts[0][0]), parts[0][1] + 1.0, failed)


def _raised(parts: list[Part], failed: Any) -> Part:
    return checked(np.ceil(parts[0][0]), parts[0][1] + 1.0, failed)


def _clamped(parts: list[Part], failed: Any) -> Part:
    value, low, high = (part[0] for part in parts)
    crossed = low > high
    if np.any(crossed):
        failed = any_of(failed, crossed)
    return checked(np.maximum(low, np.minimum(value, high)), _largest(parts), failed)


CALLS: Mapping[str, Callable[[list[Part], Any], Part]] = {
    "min": _least,
    "max": _greatest,
    "abs": _absolute,
    "round": _rounded,
    "sqrt": _root,
    "exp": _exponential,
    "log": _logarithm,
    "floor": _lowered,
    "ceil": _raised,
    "sum": _total,
    "clamp": _clamped,
}
