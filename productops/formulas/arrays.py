"""Evaluation of one formula for many draws at once, over the same tree as at a point. Pure.

Draw by draw the outcome is that of `formulas.evaluate`: the same numbers, errors where it has errors, and in a choice
only the part that is taken counts. (The last bits of exp, log and ** may be numpy's instead of the C library's.) A draw
without a number is marked, and never holds NaN.

What is known of sizes goes along with the numbers, so that most steps needn't look at their results to know that they
are within bounds: that, and no mask while nothing failed, is what keeps this close to bare numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from productops.formulas.array_functions import CALLS, UNKNOWN, Part, any_of, checked, settled
from productops.formulas.functions import FUNCTIONS
from productops.formulas.language import Formula, FormulaError, evaluate
from productops.formulas.tree import (
    MAX_EXPONENT,
    MAX_MAGNITUDE,
    Arithmetic,
    Call,
    Choice,
    Comparison,
    Expression,
    Logic,
    Name,
    Negation,
    Not,
    Number,
)
from productops.formulas.walk import OPERATORS as POINT_OPERATORS

Numbers = NDArray[np.float64]
Marks = NDArray[np.bool_]

_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "//": np.floor_divide,
    "%": np.remainder,
}
_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Samples:
    """A parameter's number in each draw."""

    values: Numbers  # one per draw, all finite
    low: float  # none of them is less
    high: float  # none of them is greater


@dataclass(frozen=True, kw_only=True, eq=False)
class DrawnEvaluation:
    """What a formula gives in each draw."""

    results: Mapping[str, Numbers]  # assigned name -> a number per draw, in order; 0 where the draw failed
    failed: Marks | None = None  # which draws gave an error; None for none
    error: FormulaError | None = None  # that of the first draw that failed


def evaluate_draws(
    formula: Formula, values: Mapping[str, float | Samples | None], draws: int
) -> DrawnEvaluation | FormulaError:
    """Every assignment's result in each of the draws. A parameter, by name as written, is one number for all draws or a
    number in each; values that the formula doesn't use are ignored.

    A parameter that can't be used at all gives a FormulaError, as does a formula that fails in every draw.
    """
    given: dict[str, Part] = {}
    for name in formula.names:
        part = _given(values.get(name))
        if part is None:
            return _point_error(formula, values, 0)
        given[name] = part
    results, failed = _results(formula, given)
    return _evaluation(formula, values, results, failed, draws)


def _results(formula: Formula, known: dict[str, Part]) -> tuple[dict[str, Any], Any]:
    """Assigned name -> result, and which draws failed in any of them, None for none."""
    results, failed = {}, None
    with np.errstate(all="ignore"):
        for line in formula.assignments:
            part = known[line.name] = _PARTS[type(line.expression)](line.expression, known)
            results[line.name] = part[0]
            if part[3] is not None:
                failed = any_of(failed, part[3])
    return results, failed


def _given(value: float | Samples | None) -> Part | None:
    """A parameter as a part; None when it can't be used."""
    if isinstance(value, Samples):
        # A range on both sides of 0 says nothing of how near to it the numbers come.
        least = min(abs(value.low), abs(value.high)) if value.low > 0 or value.high < 0 else 0.0
        most = max(abs(value.low), abs(value.high))
        return (value.values, most, least, None) if most <= MAX_MAGNITUDE else None
    if not isinstance(value, int | float) or not -MAX_MAGNITUDE <= value <= MAX_MAGNITUDE:
        return None
    return float(value), abs(value), abs(value), None


def _evaluation(
    formula: Formula,
    values: Mapping[str, float | Samples | None],
    results: Mapping[str, Any],
    failed: Any,
    draws: int,
) -> DrawnEvaluation | FormulaError:
    whole = {name: _whole(result, draws) for name, result in results.items()}
    if failed is None or not np.any(failed):
        return DrawnEvaluation(results=whole)
    marks: Marks = np.broadcast_to(failed, (draws,))
    error = _point_error(formula, values, int(np.argmax(marks)))
    if marks.all():
        return error
    kept = {name: np.where(marks, 0.0, result) for name, result in whole.items()}
    return DrawnEvaluation(results=kept, failed=marks, error=error)


def _whole(result: Any, draws: int) -> Numbers:
    if isinstance(result, np.ndarray):
        return result
    return np.full(draws, result)


def _point_error(formula: Formula, values: Mapping[str, float | Samples | None], draw: int) -> FormulaError:
    """What evaluation at a point says to one draw."""
    at = {name: float(value.values[draw]) if isinstance(value, Samples) else value for name, value in values.items()}
    error = evaluate(formula, at)
    if isinstance(error, FormulaError):
        return error
    # Only numpy's last bits of exp, log or ** can make this difference.
    return FormulaError(text="A step lies on the very edge of what has a value, and some draws fall beyond it.")


# ---- the kinds of nodes --------------------------------------------------------------------------------------------


def _number(node: Number, known: Mapping[str, Part]) -> Part:
    return node.value, node.value, node.value, None


def _name(node: Name, known: Mapping[str, Part]) -> Part:
    return known[node.name]


def _negation(node: Negation, known: Mapping[str, Part]) -> Part:
    value, bound, least, failed = _part(node.operand, known)
    return -value, bound, least, failed


def _arithmetic(node: Arithmetic, known: Mapping[str, Part]) -> Part:
    left, most, _, failed = _part(node.left, known)
    right, right_most, right_least, right_failed = _part(node.right, known)
    if right_failed is not None:
        failed = any_of(failed, right_failed)
    sign = node.operator
    if type(left) is float and type(right) is float:
        return settled(POINT_OPERATORS[sign], [left, right], failed)
    if sign == "*":
        bound = most * right_most
    elif sign in "+-":
        bound = most + right_most
    elif sign == "**":
        return _powered(left, right, right_most, failed)
    elif right_least:
        # A remainder is no larger than its divisor; rounding down adds 1 at most.
        bound = right_most if sign == "%" else most / right_least + 1.0
    else:
        bound = UNKNOWN
    return checked(_ARITHMETIC[sign](left, right), bound, failed)


def _powered(base: Any, exponent: Any, exponent_most: float, failed: Any) -> Part:
    if exponent_most > MAX_EXPONENT:
        failed = any_of(failed, np.abs(exponent) > MAX_EXPONENT)
    return checked(np.power(base, exponent), UNKNOWN, failed)


def _comparison(node: Comparison, known: Mapping[str, Part]) -> Part:
    left, _, _, failed = _part(node.operands[0], known)
    holds: Any = None  # the draws in which every pair so far holds; None before the first
    for sign, operand in zip(node.operators, node.operands[1:], strict=True):
        right, _, _, right_failed = _part(operand, known)
        if right_failed is not None:
            failed = any_of(failed, right_failed if holds is None else right_failed & holds)
        pair = _COMPARISONS[sign](left, right)
        holds = pair if holds is None else holds & pair
        left = right
    return _as_number(holds), 1.0, 0.0, failed


def _not(node: Not, known: Mapping[str, Part]) -> Part:
    value, _, _, failed = _part(node.operand, known)
    return _as_number(value == 0.0), 1.0, 0.0, failed


def _as_number(holds: Any) -> Any:
    return np.where(holds, 1.0, 0.0) if isinstance(holds, np.ndarray) else float(holds)


def _logic(node: Logic, known: Mapping[str, Part]) -> Part:
    """`a and b and c` is `(b and c) if a else a`, `a or b or c` is `a if a else (b or c)`."""
    part = _part(node.parts[-1], known)
    for earlier in reversed(node.parts[:-1]):
        test = _part(earlier, known)
        part = _taken(test, part, test) if node.operator == "and" else _taken(test, test, part)
    return part


def _choice(node: Choice, known: Mapping[str, Part]) -> Part:
    return _taken(_part(node.test, known), _part(node.chosen, known), _part(node.otherwise, known))


def _taken(test: Part, chosen: Part, otherwise: Part) -> Part:
    """One of two parts in each draw; what the other one failed at doesn't count there."""
    if type(test[0]) is float:
        value, bound, least, failed = chosen if test[0] else otherwise
        return value, bound, least, any_of(test[3], failed)
    is_chosen = test[0] != 0.0
    failed = test[3]
    if chosen[3] is not None:
        failed = any_of(failed, chosen[3] & is_chosen)
    if otherwise[3] is not None:
        failed = any_of(failed, otherwise[3] & ~is_chosen)
    value = np.where(is_chosen, chosen[0], otherwise[0])
    return value, max(chosen[1], otherwise[1]), min(chosen[2], otherwise[2]), failed


def _call(node: Call, known: Mapping[str, Part]) -> Part:
    parts = [_part(argument, known) for argument in node.arguments]
    failed = None
    for part in parts:
        failed = any_of(failed, part[3])
    if all(type(part[0]) is float for part in parts):
        return settled(FUNCTIONS[node.function].call, [part[0] for part in parts], failed)
    return CALLS[node.function](parts, failed)


_PARTS: Mapping[type, Callable[[Any, Mapping[str, Part]], Part]] = {
    Number: _number,
    Name: _name,
    Negation: _negation,
    Arithmetic: _arithmetic,
    Comparison: _comparison,
    Not: _not,
    Logic: _logic,
    Choice: _choice,
    Call: _call,
}


def _part(node: Expression, known: Mapping[str, Part]) -> Part:
    return _PARTS[type(node)](node, known)
