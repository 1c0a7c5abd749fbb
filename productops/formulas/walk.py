"""Evaluation step by step over the tree: slower than a compiled program, and able to say which step failed, where and
why. Pure."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping

from productops.formulas.functions import FUNCTIONS, power
from productops.formulas.tokens import shown
from productops.formulas.tree import (
    MAX_EXPONENT,
    MAX_MAGNITUDE,
    Arithmetic,
    Call,
    Choice,
    Comparison,
    Expression,
    FormulaRefused,
    Logic,
    Name,
    Negation,
    Not,
    Number,
    plain,
)

OPERATORS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": power,
}
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def walk(node: Expression, known: Mapping[str, float]) -> float:
    """The value of an expression; `known` has every name in it. Raises FormulaRefused with the place of the step that
    failed."""
    match node:
        case Number():
            return node.value
        case Name():
            return known[node.name]
        case Negation():
            return -walk(node.operand, known)
        case Arithmetic():
            return _arithmetic(node, known)
        case Comparison():
            return _comparison(node, known)
        case Not():
            return 0.0 if walk(node.operand, known) else 1.0
        case Logic():
            return _logic(node, known)
        case Choice():
            return walk(node.chosen if walk(node.test, known) else node.otherwise, known)
        case Call():
            return _call(node, known)


def _refusal(text: str, node: Expression) -> FormulaRefused:
    return FormulaRefused(text, line=node.line, column=node.column)


def _arithmetic(node: Arithmetic, known: Mapping[str, float]) -> float:
    left, right = walk(node.left, known), walk(node.right, known)
    try:
        return _within_bounds(OPERATORS[node.operator](left, right), node)
    except ZeroDivisionError:
        raise _refusal(_zero_text(node), node) from None
    except OverflowError:
        raise _refusal(_too_large_text(), node) from None
    except ValueError:
        raise _refusal(_power_text(left, right), node) from None


def _zero_text(node: Arithmetic) -> str:
    if node.operator == "**":
        return "0 to a negative power divides by zero."
    divisor = (
        f"{shown(node.right.name)} is 0" if isinstance(node.right, Name) else f"what stands after {node.operator} is 0"
    )
    return f"Division by zero: {divisor}."


def _power_text(base: float, exponent: float) -> str:
    if abs(exponent) > MAX_EXPONENT:
        most = plain(MAX_EXPONENT)
        return f"The exponent {plain(exponent)} is too large: exponents from -{most} to {most} are accepted."
    return f"{plain(base)} ** {plain(exponent)} has no value: a negative number takes whole exponents only."


def _too_large_text() -> str:
    return "The result of this step is too large: numbers up to 1e18 are accepted. Check the units of the parameters."


def _within_bounds(value: float, node: Expression) -> float:
    if -MAX_MAGNITUDE <= value <= MAX_MAGNITUDE:
        return value
    raise _refusal(_too_large_text() if not math.isnan(value) else "This step has no value.", node)


def _comparison(node: Comparison, known: Mapping[str, float]) -> float:
    left = walk(node.operands[0], known)
    for sign, operand in zip(node.operators, node.operands[1:], strict=True):
        right = walk(operand, known)
        if not _COMPARISONS[sign](left, right):
            return 0.0
        left = right
    return 1.0


def _logic(node: Logic, known: Mapping[str, float]) -> float:
    settles = node.operator == "or"
    value = 0.0
    for part in node.parts:
        value = walk(part, known)
        if bool(value) is settles:
            break
    return value


def _call(node: Call, known: Mapping[str, float]) -> float:
    arguments = [walk(argument, known) for argument in node.arguments]
    function = FUNCTIONS[node.function]
    try:
        return _within_bounds(function.call(*arguments), node)
    except (ArithmeticError, ValueError):
        given = ", ".join(plain(argument) for argument in arguments)
        text = f"{node.function}({given}) has no value within bounds: {node.function} takes {function.accepts}."
        raise _refusal(text, node) from None
