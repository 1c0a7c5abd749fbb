"""Formulas: how an initiative moves its KPIs, in a few lines that a product manager writes.

Pure. A formula is lines `name = expression`, or one bare expression that is given to `value`; `#` starts a comment.
Expressions know numbers, names, + - * / // % **, comparisons, and / or / not, `a if condition else b` and the functions
of `formula_functions`; they mean what they mean in Python, on floats (a comparison is 1 or 0). Anything else is refused
with a sentence that says what to write instead. Names that no line assigns are the formula's parameters. Whatever the
text and the values, the outcome is a value or a FormulaError, within a bounded number of steps, and no NaN or infinity
comes out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import count

from productops.formulas.parser import is_bare, parse_line
from productops.formulas.program import Program, compile_program
from productops.formulas.tokens import Token, shown, tokens_of, too_long
from productops.formulas.tree import (
    MAX_LENGTH,
    MAX_LINES,
    MAX_MAGNITUDE,
    MAX_TOKENS,
    RESULT_NAME,
    Assignment,
    FormulaError,
    FormulaRefused,
    Name,
    names_in,
    plain,
)
from productops.formulas.walk import walk
from sheetsync.values.words import nearest, snake_case, squeeze

__all__ = [
    "Evaluation",
    "Formula",
    "FormulaError",
    "NameMatch",
    "evaluate",
    "match_names",
    "parameters_of",
    "parse_formula",
]

# Some 3 kB each: the formulas of 10,000 initiatives stay at hand while an action goes through its tabs.
_CACHED_FORMULAS = 16_384
_AROUND = 20  # characters on each side of an error's place that are repeated
# Compiling takes as long as walking through the tree some thirty times, and most formulas belong to one initiative.
_WALKS_BEFORE_COMPILING = 16


@dataclass(frozen=True, kw_only=True)
class Formula:
    """A formula that was read and checked."""

    source: str  # the text as written
    assignments: tuple[Assignment, ...]  # one per line, in order; at least one
    names: tuple[str, ...]  # parameters: the names that no line assigns, in order of first use, as written
    evaluations: Iterator[int] = field(default_factory=count, init=False, repr=False, compare=False)  # counts them

    @property
    def assigned(self) -> tuple[str, ...]:
        """The names that the lines assign, in order, as written."""
        return tuple(line.name for line in self.assignments)

    @cached_property
    def parameters(self) -> Mapping[str, tuple[str, ...]]:
        """Assigned name -> the parameters behind it, through other lines too, in order of first use."""
        behind: dict[str, set[str]] = {}
        # A line uses only names of earlier lines, so one pass from the first line down finds everything.
        for line in self.assignments:
            used = {use.name for use in names_in(line.expression)}
            behind[line.name] = used.union(*(behind[name] for name in used if name in behind))
        return {result: tuple(name for name in self.names if name in used) for result, used in behind.items()}

    @cached_property
    def program(self) -> Program:
        """The compiled formula, built when it is first asked for."""
        return compile_program(self.assignments, self.names)


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """What a formula gives for one set of values."""

    results: Mapping[str, float]  # assigned name -> finite number, for every assignment, in order


@dataclass(frozen=True, kw_only=True)
class NameMatch:
    """Which of the available names a formula's parameters mean."""

    names: Mapping[str, str]  # parameter as written -> available name
    notes: tuple[
        str, ...
    ]  # a sentence for each that was taken although it is spelled differently, or could mean several
    missing: tuple[str, ...]  # parameters without an available name, as written


def parse_formula(text: str) -> Formula | FormulaError:
    """Read a formula; any text gives a Formula, or the first error with its line, column and what to write instead."""
    if len(text) > MAX_LENGTH:
        return FormulaError(text=f"The formula has {len(text):,} characters: up to {MAX_LENGTH:,} are accepted.")
    return _parsed(text)


def evaluate(formula: Formula, values: Mapping[str, float | None]) -> Evaluation | FormulaError:
    """Every assignment's result for these values, by parameter name as written; values that the formula doesn't use are
    ignored.

    A parameter that is missing, empty, not a finite number or beyond 1e18, a division by zero, a function outside its
    domain and a step beyond 1e18 give a FormulaError with the line.
    """
    program = formula.__dict__.get("program")
    if program is None:
        if next(formula.evaluations) < _WALKS_BEFORE_COMPILING:
            return _walked(formula, values)
        program = formula.program
    try:
        return Evaluation(results=program(values))
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return _walked(formula, values)


def parameters_of(formula: Formula, result: str) -> tuple[str, ...]:
    """The parameters that an assigned name depends on, through other lines too, in order of first use. KeyError when it
    isn't assigned."""
    return formula.parameters[result]


def match_names(formula: Formula, available: Iterable[str]) -> NameMatch:
    """Find each parameter among the available names: as written, else the only one that differs just by case, spaces or
    underscores."""
    exact = set(available)
    matched = {name: name for name in formula.names if name in exact}
    if len(matched) == len(formula.names):
        return NameMatch(names=matched, notes=(), missing=())
    spellings: dict[str, list[str]] = {}
    for name in sorted(exact):
        spellings.setdefault(_spelling(name), []).append(name)
    notes = []
    for name in (name for name in formula.names if name not in matched):
        alike = spellings.get(_spelling(name), [])
        if len(alike) == 1:
            matched[name] = alike[0]
            notes.append(f"{shown(name)} in the formula is taken as {alike[0]}.")
        elif alike:
            notes.append(f"{shown(name)} in the formula could mean {' or '.join(alike)}: write the one that is meant.")
    return NameMatch(
        names=matched, notes=tuple(notes), missing=tuple(name for name in formula.names if name not in matched)
    )


def _spelling(name: str) -> str:
    return squeeze(snake_case(name))


@lru_cache(maxsize=_CACHED_FORMULAS)
def _parsed(text: str) -> Formula | FormulaError:
    try:
        return _read(text)
    except FormulaRefused as refused:
        return _placed(refused.error, text)
    except RecursionError:  # only where the caller had used up nearly all of the stack
        return FormulaError(text="The formula is nested too deeply: give parts of it names in lines of their own.")


def _read(text: str) -> Formula:
    lines = [tokens for tokens in _token_lines(text) if len(tokens) > 1]
    if not lines:
        raise FormulaRefused("The formula is empty: write name = expression, or one expression.", line=1, column=1)
    if len(lines) > 1:
        _check_named(lines)
    assignments = tuple(parse_line(tokens, bare_name=RESULT_NAME) for tokens in lines)
    _check_assigned_once(assignments)
    _check_order(assignments)
    _check_spellings(assignments)
    assigned = {line.name for line in assignments}
    used = dict.fromkeys(use.name for line in assignments for use in names_in(line.expression))
    return Formula(source=text, assignments=assignments, names=tuple(name for name in used if name not in assigned))


def _placed(error: FormulaError, text: str) -> FormulaError:
    """With what stands around the error's place, so that it is found in a long formula."""
    lines = text.splitlines()
    line = lines[error.line - 1].partition("#")[0].rstrip() if error.line <= len(lines) else ""
    start = max(0, error.column - 1 - _AROUND)
    piece = line[start : error.column - 1 + _AROUND]
    if not piece.strip():
        return error
    before, after = "..." if start else "", "..." if len(line) > start + len(piece) else ""
    return replace(error, around=before + shown(piece.strip(), len(piece)) + after)


def _token_lines(text: str) -> Iterable[list[Token]]:
    left = MAX_TOKENS
    for number, line in enumerate(text.splitlines(), start=1):
        if number > MAX_LINES:
            raise FormulaRefused(
                f"The formula has too many lines: up to {MAX_LINES} are accepted.", line=number, column=1
            )
        tokens = tokens_of(line, number)
        left -= len(tokens)
        if left < 0:
            raise too_long(number)
        yield tokens


def _check_named(lines: Sequence[Sequence[Token]]) -> None:
    """Only a formula of one line may leave out the name: else a forgotten name would go unnoticed."""
    for tokens in lines:
        if is_bare(tokens):
            text = "Give this line's result a name, as in value = ...; only a formula of one line may leave it out."
            raise FormulaRefused(text, line=tokens[0].line, column=tokens[0].column)


def _check_assigned_once(assignments: Sequence[Assignment]) -> None:
    seen: dict[str, Assignment] = {}
    for line in assignments:
        first = seen.setdefault(line.name, line)
        if first is not line:
            text = f"{shown(line.name)} has been given a result in line {first.line}: choose another name."
            raise FormulaRefused(text, line=line.line, column=line.column)


def _check_order(assignments: Sequence[Assignment]) -> None:
    given_in = {line.name: line.line for line in assignments}
    for line in assignments:
        for use in names_in(line.expression):
            if given_in.get(use.name, 0) >= line.line:
                raise FormulaRefused(_order_text(use, given_in[use.name]), line=use.line, column=use.column)


def _order_text(use: Name, given_in: int) -> str:
    name = shown(use.name)
    if given_in == use.line:
        return f"{name} is used to work out {name} itself: call the parameter or the result something else."
    return f"{name} is used before line {given_in} gives it a result: move that line up."


def _check_spellings(assignments: Sequence[Assignment]) -> None:
    """Users and users would be one parameter in the sheet, so they can't be two names here."""
    seen: dict[str, str] = {}
    for line in assignments:
        uses = [(use.name, use.line, use.column) for use in names_in(line.expression)]
        for name, number, column in (*uses, (line.name, line.line, line.column)):
            first = seen.setdefault(snake_case(name), name)
            if first != name:
                text = f"{shown(name)} is also written {shown(first)}: write the same name the same way."
                raise FormulaRefused(text, line=number, column=column)


def _walked(formula: Formula, values: Mapping[str, float | None]) -> Evaluation | FormulaError:
    try:
        known = _given(formula, values)
        results = {}
        for line in formula.assignments:
            results[line.name] = known[line.name] = walk(line.expression, known)
        return Evaluation(results=results)
    except FormulaRefused as refused:
        return _placed(refused.error, formula.source)


def _given(formula: Formula, values: Mapping[str, float | None]) -> dict[str, float]:
    """The parameters' values as floats. Raises FormulaRefused at the first use of one that can't be used."""
    known: dict[str, float] = {}
    assigned = set(formula.assigned)
    for use in (use for line in formula.assignments for use in names_in(line.expression)):
        if use.name in assigned or use.name in known:
            continue
        value = values.get(use.name)
        problem = _value_problem(use.name, value, values)
        if problem:
            raise FormulaRefused(problem, line=use.line, column=use.column)
        known[use.name] = float(value or 0.0)
    return known


def _value_problem(name: str, value: object, values: Mapping[str, float | None]) -> str:
    """Why a parameter can't be used; "" when it can."""
    if name not in values:
        meant = nearest(name, values)
        return f"{shown(name)} has no value" + (f"; the nearest name given is {meant}." if meant else ".")
    if value is None:
        return f"{shown(name)} has no value yet: fill it in."
    if not isinstance(value, int | float):
        return f"{shown(name)} is {shown(str(value))}, which is no number."
    if not -MAX_MAGNITUDE <= value <= MAX_MAGNITUDE:
        given = "too large" if abs(value) > MAX_MAGNITUDE else "not a number"
        return f"{shown(name)} is {given}: numbers up to {plain(MAX_MAGNITUDE)} are accepted."
    return ""
