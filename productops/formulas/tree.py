"""What a formula is once read: a small tree of frozen nodes, each knowing its place in the text, and the bounds on all
of it.

Pure. A person's text becomes these nodes and nothing else; whatever works on formulas (evaluation, units, explanations)
visits them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

MAX_LENGTH = 10_000  # characters of a formula's text
MAX_LINES = 200  # lines, blank ones and comments included
MAX_TOKENS = 1_000  # numbers, names and signs; no tree has more nodes
MAX_DEPTH = 64  # levels of a tree; a + b + c has three
MAX_EXPONENT = 1_000.0  # either sign; daily rates over two years still fit
MAX_MAGNITUDE = 1e18  # either sign, for numbers typed, numbers given and every step's result

RESULT_NAME = "value"  # what one bare expression gives its result to


@dataclass(frozen=True, kw_only=True, slots=True)
class FormulaError:
    """Why a formula can't be read or evaluated, said to the person who wrote it."""

    text: str  # a sentence: what is wrong, and what would be accepted
    line: int = 1  # counted from 1
    column: int = 1  # character in the line, counted from 1
    around: str = ""  # what the formula says there, shortened

    def __str__(self) -> str:
        near = f', near "{self.around}"' if self.around else ""
        return f"line {self.line}{near}: {self.text}"


class FormulaRefused(Exception):
    """Leaves the inner steps of reading or evaluating at the first error; the public functions hand `error` back as a
    value."""

    def __init__(self, text: str, *, line: int, column: int) -> None:
        super().__init__(text)
        self.error = FormulaError(text=text, line=line, column=column)


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """What every node has."""

    line: int  # of the token that made it, counted from 1
    column: int  # of that token, counted from 1
    depth: int = 1  # levels of the tree from here down


@dataclass(frozen=True, kw_only=True, slots=True)
class Number(Node):
    """A number as typed."""

    value: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Name(Node):
    """A parameter, or what an earlier line assigned."""

    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Negation(Node):
    """`-operand`."""

    operand: Expression


@dataclass(frozen=True, kw_only=True, slots=True)
class Arithmetic(Node):
    """`left operator right`."""

    operator: str  # + - * / // % **
    left: Expression
    right: Expression


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison(Node):
    """`a < b <= c`: 1 when each neighbouring pair holds, else 0."""

    operators: tuple[str, ...]  # < <= > >= == !=; one fewer than operands
    operands: tuple[Expression, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Not(Node):
    """`not operand`: 1 when the operand is 0, else 0."""

    operand: Expression


@dataclass(frozen=True, kw_only=True, slots=True)
class Logic(Node):
    """`a and b and c`: the first part that settles it (0 for and, anything else for or), else the last."""

    operator: str  # and, or
    parts: tuple[Expression, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice(Node):
    """`chosen if test else otherwise`: only the part that is taken is evaluated."""

    chosen: Expression
    test: Expression
    otherwise: Expression


@dataclass(frozen=True, kw_only=True, slots=True)
class Call(Node):
    """`function(arguments)`."""

    function: str  # a key of formula_functions.FUNCTIONS
    arguments: tuple[Expression, ...]


Expression = Number | Name | Negation | Arithmetic | Comparison | Not | Logic | Choice | Call


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """One line: a name and what it is given."""

    name: str  # as written
    expression: Expression
    line: int  # counted from 1
    column: int  # where the name stands, counted from 1


def children(node: Expression) -> tuple[Expression, ...]:
    """The nodes right below, in the order of the text."""
    match node:
        case Number() | Name():
            return ()
        case Negation() | Not():
            return (node.operand,)
        case Arithmetic():
            return (node.left, node.right)
        case Comparison():
            return node.operands
        case Logic():
            return node.parts
        case Choice():
            return (node.chosen, node.test, node.otherwise)
        case Call():
            return node.arguments


def names_in(node: Expression) -> Iterator[Name]:
    """Every use of a name, in the order of the text."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if isinstance(current, Name):
            yield current
        waiting.extend(reversed(children(current)))


def plain(number: float) -> str:
    """A number as a person types it: 5000 rather than 5000.0, at most 12 digits."""
    return f"{number:.0f}" if abs(number) < 1e15 and number == int(number) else f"{number:.12g}"
