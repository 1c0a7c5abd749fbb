"""How a formula comes to its results: its tree as steps, with the numbers filled in and their units. Pure.

`orders = visits * rate` with its numbers is the step `visits 120,000 x rate 0.02 = 2,400 orders`. What stands in brackets,
a function and a condition are steps of their own, before the one that uses them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from productops.figures import amount
from productops.formulas.language import Formula, FormulaError, evaluate
from productops.formulas.tree import (
    Arithmetic,
    Assignment,
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
from productops.formulas.units import Measure, UnitWalk
from productops.formulas.walk import walk
from productops.units.quantities import PLAIN, Unit, simplified

_SIGNS = {"*": "x", "+": "+", "-": "-", "/": "/", "//": "//", "%": "%", "**": "**"}
_SUMS, _PRODUCTS = frozenset({"+", "-"}), frozenset({"*", "/", "//", "%"})


@dataclass(frozen=True, kw_only=True)
class Operand:
    """A parameter, an earlier result or a number that a step works with."""

    label: str  # the name as written; "" for a bare number or an earlier step's result
    number: float
    unit: str  # in words; "" where it isn't known, or is a plain number


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a formula."""

    name: str  # the name that is assigned; "" for a step on the way
    text: str  # the left side with its numbers: `visits 120,000 x rate 0.02`
    operands: tuple[Operand, ...]  # in the order of the text
    number: float  # what it gives; 1 or 0 for a condition
    unit: str  # of that number, in words; "" where it isn't known, or is a plain number
    is_condition: bool  # whether the number says yes or no
    line: int  # counted from 1

    @property
    def result(self) -> str:
        """`2,400 orders`, or yes or no."""
        if self.is_condition:
            return "yes" if self.number else "no"
        return f"{amount(self.number)} {self.unit}".rstrip()

    def __str__(self) -> str:
        if self.name and self.text == amount(self.number):
            return f"{self.name} = {self.result}"
        lead = f"{self.name}: " if self.name else ""
        return f"{lead}{self.text}{': ' if self.is_condition else ' = '}{self.result}"


def explain_formula(
    formula: Formula, values: Mapping[str, float | None], units: Mapping[str, Unit | None] | None = None
) -> tuple[Step, ...] | FormulaError:
    """The steps of a formula, in the order in which they are taken, with these values and units by parameter name as
    written. Where it can't be evaluated: the error, as evaluation gives it."""
    evaluation = evaluate(formula, values)
    if isinstance(evaluation, FormulaError):
        return evaluation
    known = {name: float(values[name] or 0.0) for name in formula.names}
    told = _Telling({**known, **evaluation.results}, UnitWalk(dict(units or {})))
    for line in formula.assignments:
        told.line(line)
    return tuple(told.steps)


def steps_text(steps: Sequence[Step]) -> str:
    """A step a line."""
    return "\n".join(map(str, steps))


class _Telling:
    """One walk through a formula; a part that isn't simple becomes a step before it is used."""

    def __init__(self, known: Mapping[str, float], units: UnitWalk) -> None:
        self.known = known
        self.units = units
        self.steps: list[Step] = []
        self.operands: list[Operand] = []

    def line(self, line: Assignment) -> None:
        """The steps of one line; the last of them gives the name its number."""
        self._step(line.expression, line.name, line.line)
        self.units.assign(line)

    def _step(self, node: Expression, name: str, line: int) -> None:
        while isinstance(node, Choice):
            self._step(node.test, "", line)
            node = node.chosen if walk(node.test, self.known) else node.otherwise
        outer, self.operands = self.operands, []
        text = self._top(node, line)
        step = Step(
            name=name,
            text=text,
            operands=tuple(self.operands),
            number=walk(node, self.known),
            unit=self._unit(node),
            is_condition=isinstance(node, Comparison | Not | Logic),
            line=line,
        )
        self.operands = outer
        self.steps.append(step)

    def _top(self, node: Expression, line: int) -> str:
        """The text of a step's own expression."""
        match node:
            case Arithmetic():
                return self._chain(node, line)
            case Comparison():
                return self._comparison(node, line)
            case Logic():
                return self._logic(node, line)
            case Not():
                return f"not {self._operand(node.operand, line)}"
            case Call():
                return f"{node.function}({', '.join(self._operand(part, line) for part in node.arguments)})"
            case _:
                return self._operand(node, line)

    def _comparison(self, node: Comparison, line: int) -> str:
        """The pairs up to the first that doesn't hold; what comes after it isn't worked out."""
        text, left = self._operand(node.operands[0], line), node.operands[0]
        for sign, right in zip(node.operators, node.operands[1:], strict=True):
            text += f" {sign} {self._operand(right, line)}"
            pair = Comparison(operators=(sign,), operands=(left, right), line=node.line, column=node.column)
            if not walk(pair, self.known):
                break
            left = right
        return text

    def _logic(self, node: Logic, line: int) -> str:
        """The parts up to the one that settles it."""
        texts = []
        for part in node.parts:
            texts.append(self._operand(part, line))
            if bool(walk(part, self.known)) is (node.operator == "or"):
                break
        return f" {node.operator} ".join(texts)

    def _chain(self, node: Arithmetic, line: int) -> str:
        """Operators of one strength in a row; products inside a sum stand in the same step."""
        left = self._within(node.left, node.operator, line)
        right = self._within(node.right, node.operator, line, is_right=True)
        return f"{left} {_SIGNS[node.operator]} {right}"

    def _within(self, node: Expression, operator: str, line: int, *, is_right: bool = False) -> str:
        if isinstance(node, Arithmetic):
            same = not is_right and _is_row(node.operator, operator)
            inside = operator in _SUMS and node.operator in _PRODUCTS
            if same or inside:
                return self._chain(node, line)
        return self._operand(node, line)

    def _operand(self, node: Expression, line: int) -> str:
        """A simple part with its number; any other one becomes a step, and its number stands here."""
        if isinstance(node, Name):
            number = self.known[node.name]
            self.operands.append(Operand(label=node.name, number=number, unit=self._unit(node)))
            return f"{node.name} {amount(number)}"
        if isinstance(node, Number):
            self.operands.append(Operand(label="", number=node.value, unit=""))
            return amount(node.value)
        if isinstance(node, Negation):
            return f"-{self._operand(node.operand, line)}"
        self._step(node, "", line)
        number = walk(node, self.known)
        self.operands.append(Operand(label="", number=number, unit=self._unit(node)))
        return amount(number)

    def _unit(self, node: Expression) -> str:
        return unit_text(self.units.measure(node))


def _is_row(inner: str, outer: str) -> bool:
    return any(inner in row and outer in row for row in (_SUMS, _PRODUCTS))


def unit_text(measure: Measure | None) -> str:
    """The likeliest unit of a result in words; "" where it isn't known, or is a plain number."""
    unit = simplified(measure.readings[0]) if measure is not None and measure.number is None else PLAIN
    return str(unit) if unit.powers else ""
