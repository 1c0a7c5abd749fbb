"""The functions that formulas know, and what to write instead of those they don't. Pure.

Each function takes floats and gives a float; outside its domain it raises ValueError or an ArithmeticError, which
evaluation turns into a message. Rounding is Python's: a tie goes to the even neighbour.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from productops.formulas.tree import MAX_EXPONENT

MAX_DIGITS = 15.0  # a float holds no more


@dataclass(frozen=True, kw_only=True)
class Function:
    """One function of the formula language."""

    call: Callable[..., float]  # floats -> float
    usage: str  # how it is written
    least: int  # fewest arguments
    most: int | None  # most arguments; None for any number
    accepts: str  # its domain, in words that follow "it takes"
    builtin: Callable[..., float] | None = None  # the same for two or more arguments, without a detour


def power(base: float, exponent: float) -> float:
    """`base ** exponent`. ValueError for exponents beyond the bound and for roots of negative numbers."""
    if abs(exponent) > MAX_EXPONENT or (base < 0 and exponent != math.floor(exponent)):
        raise ValueError("outside the domain of **")
    return float(base**exponent)


def _least(*values: float) -> float:
    return min(values)


def _greatest(*values: float) -> float:
    return max(values)


def _total(*values: float) -> float:
    # As + adds; the builtin sum carries the bits that + rounds off.
    total = values[0]
    for value in values[1:]:
        total += value
    return total


def _rounded(number: float, digits: float = 0.0) -> float:
    if digits != math.floor(digits) or abs(digits) > MAX_DIGITS:
        raise ValueError("not a number of digits")
    return float(round(number, int(digits)))


def _floor(number: float) -> float:
    return float(math.floor(number))


def _ceil(number: float) -> float:
    return float(math.ceil(number))


def _clamped(number: float, low: float, high: float) -> float:
    if low > high:
        raise ValueError("low is above high")
    return max(low, min(number, high))


FUNCTIONS: dict[str, Function] = {
    "min": Function(call=_least, usage="min(a, b, ...)", least=1, most=None, accepts="any numbers", builtin=min),
    "max": Function(call=_greatest, usage="max(a, b, ...)", least=1, most=None, accepts="any numbers", builtin=max),
    "abs": Function(call=abs, usage="abs(x)", least=1, most=1, accepts="any number"),
    "round": Function(
        call=_rounded,
        usage="round(x) or round(x, digits)",
        least=1,
        most=2,
        accepts="a whole number of digits from -15 to 15",
    ),
    "sqrt": Function(call=math.sqrt, usage="sqrt(x)", least=1, most=1, accepts="a number of 0 or more"),
    "exp": Function(call=math.exp, usage="exp(x)", least=1, most=1, accepts="a number up to about 41"),
    "log": Function(
        call=math.log,
        usage="log(x) or log(x, base)",
        least=1,
        most=2,
        accepts="a number above 0, and a base above 0 other than 1",
    ),
    "floor": Function(call=_floor, usage="floor(x)", least=1, most=1, accepts="any number"),
    "ceil": Function(call=_ceil, usage="ceil(x)", least=1, most=1, accepts="any number"),
    "sum": Function(call=_total, usage="sum(a, b, ...)", least=1, most=None, accepts="any numbers"),
    "clamp": Function(
        call=_clamped, usage="clamp(x, low, high)", least=3, most=3, accepts="a low that isn't above the high"
    ),
}

# Words of the language that are no names.
KEYWORDS = frozenset({"if", "else", "and", "or", "not"})

# What people write out of habit -> what to write here.
INSTEAD: dict[str, str] = {
    "average": "(a + b) / 2",
    "avg": "(a + b) / 2",
    "ceiling": "ceil(x)",
    "floordiv": "a // b",
    "if": "a if condition else b",
    "ifs": "a if condition else b",
    "iff": "a if condition else b",
    "iferror": "a / b if b != 0 else 0",
    "int": "floor(x)",
    "ln": "log(x)",
    "log10": "log(x, 10)",
    "log2": "log(x, 2)",
    "maximum": "max(a, b)",
    "mean": "(a + b) / 2",
    "minimum": "min(a, b)",
    "mod": "a % b",
    "pow": "a ** b",
    "power": "a ** b",
    "product": "a * b",
    "rounddown": "floor(x)",
    "roundup": "ceil(x)",
    "sqr": "x ** 2",
    "trunc": "floor(x)",
    "true": "1",
    "false": "0",
    "none": "0",
    "null": "0",
}
