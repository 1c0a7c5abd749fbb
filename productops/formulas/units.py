"""The unit that a formula's result has, worked out over the same tree as its number. Pure.

A unit that isn't known says nothing, and neither does what it is combined with. A bare number fits itself to its
neighbours: added to pounds it is pounds; 12 times something per month is per year, or the sum of twelve months; % divided
by 100 is a fraction. Where it can be read in two ways, both are kept, and either may fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

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
from productops.formulas.words import quoted
from productops.units.quantities import COUNT, PLAIN, Unit, product
from productops.units.words import SIZES

# Bare numbers that people convert with: (numbers, what there is so many of, in one of what; "" for a plain number).
_CONVERSIONS: tuple[tuple[frozenset[float], str, str], ...] = (
    (frozenset({12.0}), "month", "year"),
    (frozenset({52.0, 53.0}), "week", "year"),
    (frozenset({365.0, 365.25, 360.0, 364.0, 366.0, 250.0, 252.0, 260.0, 220.0, 230.0}), "day", "year"),
    (frozenset({4.0}), "quarter", "year"),
    (frozenset({3.0}), "month", "quarter"),
    (frozenset({13.0}), "week", "quarter"),
    (frozenset({90.0, 91.0, 92.0}), "day", "quarter"),
    (frozenset({30.0, 31.0, 28.0, 30.4, 20.0, 21.0, 22.0}), "day", "month"),
    (frozenset({4.0, 4.3, 4.33, 4.345, 4.35}), "week", "month"),
    (frozenset({7.0, 5.0}), "day", "week"),
    (frozenset({24.0, 8.0}), "hour", "day"),
    (frozenset({168.0, 40.0}), "hour", "week"),
    (frozenset({8760.0}), "hour", "year"),
    (frozenset({60.0}), "minute", "hour"),
    (frozenset({1440.0}), "minute", "day"),
    (frozenset({60.0}), "second", "minute"),
    (frozenset({3600.0}), "second", "hour"),
    (frozenset({86400.0}), "second", "day"),
    (frozenset({1000.0}), "millisecond", "second"),
    (frozenset({100.0}), "percent", ""),
    (frozenset({10000.0}), "basis point", ""),
    *((frozenset({worth}), "", size) for size, worth in SIZES.items()),
)
_MOST_READINGS = 6
_LARGEST_POWER = 24.0  # beyond it nobody means a unit any more
_NEARLY_THE_SAME = 1.01  # sizes of units that count as one


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What is known of a part's unit."""

    readings: tuple[Unit, ...]  # the likeliest first; at least one
    number: float | None = None  # what the part is worth when it is made of bare numbers alone


@dataclass(frozen=True, kw_only=True)
class Unlike:
    """Two parts that are added, compared or chosen between, and aren't alike."""

    line: int  # counted from 1
    column: int
    doing: str  # continued by `this and that`: adds, compares, chooses between
    part: str  # the whole expression, shortened
    left: Unit
    right: Unit


@dataclass(frozen=True, kw_only=True)
class Inferred:
    """The units of a formula's results, and what doesn't go together on the way."""

    results: Mapping[str, Measure | None]  # assigned name -> its unit, None where it isn't known
    unlike: tuple[Unlike, ...]  # in the order of the text


def infer(assignments: Iterable[Assignment], units: Mapping[str, Unit | None]) -> Inferred:
    """The unit of each assigned name; `units`: parameter as written -> its unit, None for one that isn't known."""
    walk = UnitWalk(units)
    results = {line.name: walk.assign(line) for line in assignments}
    return Inferred(results=results, unlike=tuple(walk.unlike))


def alike(one: Unit, other: Unit) -> bool:
    """Whether two units may be added: the same dimensions and size. A count too many doesn't matter, since what is worth
    pounds for each of many things is often just written as pounds."""
    if one.powers == other.powers:
        return True
    if one.ratio(other) > _NEARLY_THE_SAME:
        return False
    return same_dimensions(one, other)


def same_dimensions(one: Unit, other: Unit) -> bool:
    """Whether two units are of one kind, whatever their sizes."""
    first, second = dict(one.dimensions), dict(other.dimensions)
    counts = first.pop(COUNT, 0.0), second.pop(COUNT, 0.0)
    if first.keys() != second.keys() or any(abs(first[name] - second[name]) > 1e-9 for name in first):
        return False
    return counts[0] == counts[1] or (min(counts) >= 0 and (bool(first) or min(counts) > 0))


def _of(unit: Unit | None) -> Measure | None:
    return None if unit is None else Measure(readings=(unit,))


class UnitWalk:
    """One walk through a formula's lines, from the first one down."""

    def __init__(self, units: Mapping[str, Unit | None]) -> None:
        self.known: dict[str, Measure | None] = {name: _of(unit) for name, unit in units.items()}
        self.unlike: list[Unlike] = []  # what didn't go together so far

    def assign(self, line: Assignment) -> Measure | None:
        """The unit of a line's result, which later lines may use."""
        self.known[line.name] = self.measure(line.expression)
        return self.known[line.name]

    def measure(self, node: Expression) -> Measure | None:
        """The unit of a part."""
        match node:
            case Number():
                return Measure(readings=(PLAIN,), number=node.value)
            case Name():
                return self.known.get(node.name)
            case Negation():
                return _negated(self.measure(node.operand))
            case Arithmetic():
                return self._arithmetic(node)
            case Comparison():
                self._together(node, "compares", [self.measure(operand) for operand in node.operands])
                return Measure(readings=(PLAIN,))
            case Not():
                self.measure(node.operand)
                return Measure(readings=(PLAIN,))
            case Logic():
                return self._logic(node)
            case Choice():
                self.measure(node.test)
                parts = [self.measure(part) for part in (node.chosen, node.otherwise)]
                return self._together(node, "chooses between", parts)
            case Call():
                return self._call(node)

    def _arithmetic(self, node: Arithmetic) -> Measure | None:
        if node.operator in "+-":
            return self._sum(node)
        left, right = self.measure(node.left), self.measure(node.right)
        if left is None or right is None:
            return None
        if node.operator == "*":
            return _multiplied(left, right)
        if node.operator in ("/", "//"):
            divisor = _power(right, -1.0)
            return None if divisor is None else _multiplied(left, divisor)
        return left if node.operator == "%" else _raised(left, right)

    def _sum(self, node: Arithmetic) -> Measure | None:
        doing = "adds" if node.operator == "+" else "subtracts"
        left, right = self.measure(node.left), self.measure(node.right)
        for one, other in ((left, right), (right, left)):
            # 1 + growth means a fraction; with a growth of 5 % it is 6.
            if one is not None and one.number == 1.0 and _is_percent(other):
                self._tell(node, doing, PLAIN, other.readings[0])
                return None
        return self._together(node, doing, [left, right])

    def _logic(self, node: Logic) -> Measure | None:
        parts = [self.measure(part) for part in node.parts]
        return parts[0] if parts[0] is not None and all(part == parts[0] for part in parts) else None

    def _call(self, node: Call) -> Measure | None:
        measures = [self.measure(argument) for argument in node.arguments]
        if node.function in ("min", "max", "sum", "clamp"):
            return self._together(node, "adds" if node.function == "sum" else "compares", measures)
        first = measures[0]
        if first is None or node.function in ("abs", "round", "floor", "ceil"):
            return first
        return _power(first, 0.5) if node.function == "sqrt" else Measure(readings=(PLAIN,))

    def _together(self, node: Expression, doing: str, measures: Sequence[Measure | None]) -> Measure | None:
        """The unit that parts have together; a part of bare numbers fits in, and one that isn't known leaves it open."""
        known = [measure for measure in measures if measure is not None and measure.number is None]
        if not known:
            return None if None in measures else Measure(readings=(PLAIN,))
        shared = known[0]
        for other in known[1:]:
            readings = _shared(shared, other)
            if not readings:
                self._tell(node, doing, shared.readings[0], other.readings[0])
                return None
            shared = Measure(readings=readings)
        return None if None in measures else shared

    def _tell(self, node: Expression, doing: str, left: Unit, right: Unit) -> None:
        told = Unlike(line=node.line, column=node.column, doing=doing, part=quoted(node), left=left, right=right)
        self.unlike.append(told)


def _shared(one: Measure, other: Measure) -> tuple[Unit, ...]:
    """The readings in which two measures are alike; of two that differ in a count, the one with more of it."""
    found = [
        max(first, second, key=lambda unit: unit.dimensions.get(COUNT, 0.0))
        for first in one.readings
        for second in other.readings
        if alike(first, second)
    ]
    return tuple(dict.fromkeys(found))[:_MOST_READINGS]


def _measure(readings: Iterable[Unit], number: float | None = None) -> Measure | None:
    """A measure of these readings, but for those that nobody means; None when nothing is left."""
    meant = (unit for unit in readings if all(abs(power) <= _LARGEST_POWER for _atom, power in unit.powers))
    kept = tuple(dict.fromkeys(meant))[:_MOST_READINGS]
    return Measure(readings=kept, number=number) if kept else None


def _is_percent(measure: Measure | None) -> TypeGuard[Measure]:
    return measure is not None and all(unit.power_of("percent") for unit in measure.readings)


def _negated(measure: Measure | None) -> Measure | None:
    if measure is None or measure.number is None:
        return measure
    return Measure(readings=measure.readings, number=-measure.number)


def _power(measure: Measure, power: float) -> Measure | None:
    if measure.number is not None:
        return Measure(readings=(PLAIN,), number=_number_power(measure.number, power))
    if abs(power) > _LARGEST_POWER:
        return None
    return _measure(PLAIN.by(unit, power) for unit in measure.readings)


def _number_power(number: float, power: float) -> float:
    """Bare numbers are followed only so far as people convert with them; 1 converts nothing."""
    try:
        return number**power if number > 0 else 1.0
    except OverflowError:
        return 1.0


def _raised(base: Measure, exponent: Measure) -> Measure | None:
    if exponent.number is not None:
        return _power(base, exponent.number)
    plain = all(unit.dimensions == {} for unit in base.readings)
    return Measure(readings=(PLAIN,)) if plain else None


def _multiplied(left: Measure, right: Measure) -> Measure | None:
    if left.number is not None and right.number is not None:
        return Measure(readings=(PLAIN,), number=left.number * right.number)
    if left.number is not None:
        return _fitted(right, left.number)
    if right.number is not None:
        return _fitted(left, right.number)
    return _measure(first.by(second) for first in left.readings for second in right.readings)


def _fitted(measure: Measure, number: float) -> Measure | None:
    """A measure times a bare number, which may convert it."""
    return _measure(reading for unit in measure.readings for reading in _readings(unit, number))


def _readings(unit: Unit, number: float) -> Iterator[Unit]:
    converted = _converted(unit, number)
    if converted is not None:
        yield converted
    else:
        yield unit
        yield from _resized(unit, number)
    # 12 x something per month may be what twelve months bring.
    rates = [atom for atom, power in unit.times.items() if power == -1.0]
    if number > 1.0 and len(rates) == 1:
        yield unit.by(product([(rates[0], 1.0)]))


def _converted(unit: Unit, number: float) -> Unit | None:
    """The unit that a number converts this one to; None when it isn't one that people convert with."""
    for numbers, small, big in _CONVERSIONS:
        if _among(number, numbers) and (unit.power_of(small) < 0 or unit.power_of(big) > 0):
            return unit.by(_exchange(small, big))
        if number and _among(1.0 / number, numbers) and (unit.power_of(small) > 0 or unit.power_of(big) < 0):
            return unit.by(_exchange(small, big), -1.0)
    return None


def _resized(unit: Unit, number: float) -> Iterator[Unit]:
    """The other sizes that a number may bring along: 100 x a fraction is a percentage, pounds / 1000 are thousands."""
    if number == 100.0:
        yield unit.by(product([("percent", 1.0)]))
    for size, worth in SIZES.items():
        if number and _among(1.0 / number, (worth,)):
            yield unit.by(product([(size, 1.0)]))


def _exchange(small: str, big: str) -> Unit:
    """So much of a small one in one big one: the unit of the 12 in `12 months are a year`."""
    return product((atom, power) for atom, power in ((small, 1.0), (big, -1.0)) if atom)


def _among(number: float, numbers: Iterable[float]) -> bool:
    return any(abs(number - one) <= 1e-6 * one for one in numbers)
