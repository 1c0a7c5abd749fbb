"""Reading one row of Constraints or Targets: the rule it states, or why it is refused.

Pure. A refusal names the column, the value, and what would be accepted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from optimization.constraints.rules import (
    ALL,
    CONSTRAINTS_TAB,
    DIMENSIONS,
    EVERYTHING,
    INITIATIVE,
    TARGETS_TAB,
    Place,
    Rule,
    RuleType,
    Slice,
    plain,
)
from sheetsync.values.cells import fold, nearest


@dataclass(frozen=True, kw_only=True)
class ConstraintRow:
    """One row of Constraints, its cells parsed."""

    row: int  # counted from 1
    scenario_name: str = ""
    constraint_set_name: str = ""
    constraint_type: str = ""
    dimension: str = ""
    dimension_key: str = ""
    min_tokens: float | None = None
    max_tokens: float | None = None
    member_keys: tuple[str, ...] = ()
    kpi_key: str = ""
    bonus_value: float | None = None  # in the KPI's unit
    notes: str = ""
    tab: str = CONSTRAINTS_TAB


@dataclass(frozen=True, kw_only=True)
class TargetRow:
    """One row of Targets, its cells parsed."""

    row: int  # counted from 1
    scenario_name: str = ""
    constraint_set_name: str = ""
    dimension: str = ""
    dimension_key: str = ""
    kpi_key: str = ""
    baseline_value: float | None = None  # in the KPI's unit
    target_value: float | None = None  # in the KPI's unit
    floor_or_goal: str = ""
    notes: str = ""
    tab: str = TARGETS_TAB


@dataclass(frozen=True, kw_only=True)
class Known:
    """Names that rows may use: folded -> as spelled."""

    initiatives: Mapping[str, str]
    active_kpis: Mapping[str, str]
    inactive_kpis: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One row, read: a rule, or a refusal."""

    rule: Rule | None = None
    refusal: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Named:
    """A name looked up: as it is spelled where it is defined, or a refusal."""

    value: str = ""
    refusal: str = ""


class _RefusedError(Exception):
    """The row can't be taken; the text says why. Never leaves this module."""


def named(column: str, typed: str, names: Mapping[str, str], what: str) -> Named:
    """A typed name as it is spelled where it is defined; a refusal offers the nearest."""
    if not fold(typed):
        return Named(refusal=f"{column}: empty; needed is {what}.")
    if fold(typed) in names:
        return Named(value=names[fold(typed)])
    return Named(refusal=f"{column}: {typed.strip()!r} isn't {what}.{_hint(typed, names.values())}")


def _hint(typed: str, names: Collection[str]) -> str:
    """What may have been meant: a name that is near; else all names, or the nearest of many."""
    near = nearest(typed, names)
    if near:
        return f" Did you mean {near}?"
    if len(names) > _LISTED:
        return f" The nearest of {len(names)} is {nearest(typed, names, however_far=True)}."
    return f" There are: {_some(names)}."


_LISTED = 8  # so many names are listed


def _some(names: Iterable[str]) -> str:
    listed = sorted(names)
    return (", ".join(listed[:_LISTED]) + (", ..." if len(listed) > _LISTED else "")) or "none"


def _found(column: str, typed: str, names: Mapping[str, str], what: str) -> str:
    name = named(column, typed, names, what)
    if name.refusal:
        raise _RefusedError(name.refusal)
    return name.value


# --- slices ----------------------------------------------------------------------------------------------------------


def read_slice(dimension: str, key: str, known: Known) -> Slice | str:
    """The slice that two cells name, or why they name none."""
    try:
        return _slice(dimension, key, known)
    except _RefusedError as refused:
        return str(refused)


def _slice(dimension: str, key: str, known: Known) -> Slice:
    typed, value = _dimension(dimension), " ".join(key.split())
    if typed in ("", ALL):
        if fold(value) in ("", ALL, "global"):
            return EVERYTHING
        if typed == ALL:
            raise _RefusedError(
                f"dimension_key: {value!r} under dimension all; all has one slice: leave the key empty, or all."
            )
        raise _RefusedError(f"dimension: empty, with the key {value!r}; needed is one of {_some_dimensions()}.")
    if "+" in typed:
        return _crossing(typed, value, known)
    return Slice(dimension=_known_dimension(typed), key=_slice_key(typed, value, known))


def _dimension(typed: str) -> str:
    name = fold(typed).replace(" + ", "+").replace("+ ", "+").replace(" +", "+").replace(" ", "_").replace("-", "_")
    return ALL if name == "global" else name


def _some_dimensions() -> str:
    return ", ".join(DIMENSIONS)


def _known_dimension(name: str) -> str:
    if name in DIMENSIONS:
        return name
    near = nearest(name, DIMENSIONS)
    hint = f" Did you mean {near}?" if near else ""
    raise _RefusedError(
        f"dimension: {name!r} isn't known; accepted are {_some_dimensions()}, "
        f"and crossings such as country+market.{hint}"
    )


def _slice_key(dimension: str, value: str, known: Known) -> str:
    if not value:
        raise _RefusedError(f"dimension_key: empty; needed is a value of {dimension}.")
    if fold(value) == ALL:
        raise _RefusedError(
            f"dimension_key: 'all' under dimension {dimension}; for everything write all in both columns."
        )
    if dimension == INITIATIVE:
        return _found("dimension_key", value, known.initiatives, "the key of an initiative")
    return value


def _crossing(typed: str, value: str, known: Known) -> Slice:
    names, keys = [part.strip() for part in typed.split("+")], [part.strip() for part in value.split("+")]
    if len(names) != len(keys):
        raise _RefusedError(
            f"dimension_key: {value!r} has {len(keys)} part(s), dimension {typed!r} has {len(names)}; "
            "as many are needed, such as UK+Payments for country+product_area."
        )
    for column, said, parts in (("dimension", typed, names), ("dimension_key", value, keys)):
        if not all(parts):
            raise _RefusedError(
                f"{column}: a part of {said!r} is missing beside the +; both columns need every part, such as UK+Payments "
                "for country+product_area."
            )
    if any(part in (ALL, "global") for part in names) or any(fold(part) == ALL for part in keys):
        raise _RefusedError(
            f"dimension: 'all' can't be part of a crossing ({typed} / {value}); leave that part out on both sides."
        )
    held = {_known_dimension(name): _slice_key(name, key, known) for name, key in zip(names, keys, strict=True)}
    if len(held) < len(names):
        raise _RefusedError(f"dimension: {typed!r} names a dimension twice; each may be there once.")
    ordered = sorted(held, key=DIMENSIONS.index)
    return Slice(dimension="+".join(ordered), key="+".join(held[name] for name in ordered))


# --- rows of Constraints ---------------------------------------------------------------------------------------------


def read_constraint(row: ConstraintRow, known: Known) -> Reading:
    """The rule of a row of Constraints."""
    try:
        kind = RuleType(
            _found(
                "constraint_type", row.constraint_type.replace(" ", "_").replace("-", "_"), _TYPES, "a constraint_type"
            )
        )
        rule = _READERS[kind](kind, row, known)
    except _RefusedError as refused:
        return Reading(refusal=str(refused))
    return Reading(rule=rule, warnings=tuple(_unused(kind, row)))


_TYPES = {kind.value: kind.value for kind in RuleType if kind is not RuleType.TARGET}
# The columns that a type reads beside scenario, set and type; what else is filled is pointed out.
_USED = {
    RuleType.CAPACITY_FLOOR: ("dimension", "dimension_key", "min_tokens"),
    RuleType.CAPACITY_CAP: ("dimension", "dimension_key", "max_tokens"),
    RuleType.MANDATORY: ("dimension", "dimension_key", "member_keys"),
    RuleType.EXCLUDE: ("dimension", "dimension_key", "member_keys"),
    RuleType.BUNDLE: ("dimension", "dimension_key", "member_keys"),
    RuleType.EXCLUDE_PAIR: ("dimension", "member_keys"),
    RuleType.PREREQUISITE: ("dimension", "dimension_key", "member_keys"),
    RuleType.SYNERGY: ("dimension", "member_keys", "kpi_key", "bonus_value"),
}
_CONTENT = ("dimension_key", "min_tokens", "max_tokens", "member_keys", "kpi_key", "bonus_value")


def _unused(kind: RuleType, row: ConstraintRow) -> Iterable[str]:
    for column in _CONTENT:
        value = getattr(row, column)
        if column not in _USED[kind] and value not in (None, "", ()):
            shown = (
                plain(value)
                if isinstance(value, float | int)
                else ", ".join(value)
                if isinstance(value, tuple)
                else value
            )
            yield f"{column}: {shown} doesn't count in a {kind.value}."


def _tokens(kind: RuleType, row: ConstraintRow, known: Known) -> Rule:
    column = "min_tokens" if kind is RuleType.CAPACITY_FLOOR else "max_tokens"
    where = _slice(row.dimension, row.dimension_key, known)
    number = _number(column, row.min_tokens if kind is RuleType.CAPACITY_FLOOR else row.max_tokens)
    if number < 0:
        raise _RefusedError(
            f"{column}: {plain(number)} is negative; a {kind.value} takes a number of tokens, 0 or more."
        )
    return Rule(type=kind, places=(_place(row),), slice=where, number=number)


def _number(column: str, number: float | None) -> float:
    if number is None or not math.isfinite(number):
        raise _RefusedError(f"{column}: empty; a number is needed.")
    return float(number)


def _listed(kind: RuleType, row: ConstraintRow, known: Known) -> Rule:
    _of_initiatives(kind, row)
    named_alone = _members([row.dimension_key], known, "dimension_key")
    members = tuple(dict.fromkeys((*named_alone, *_members(row.member_keys, known))))
    if not members:
        raise _RefusedError(f"member_keys: empty; {kind.value} needs an initiative's key here or in dimension_key.")
    return Rule(type=kind, places=(_place(row),), members=members)


def _bundle(kind: RuleType, row: ConstraintRow, known: Known) -> Rule:
    _of_initiatives(kind, row)
    members = _members(row.member_keys, known)
    if len(members) < 2:
        raise _RefusedError(f"member_keys: {_count(members, row)}; a bundle needs two or more initiatives.")
    name = " ".join(row.dimension_key.split()) or f"bundle_row_{row.row}"
    return Rule(type=kind, places=(_place(row),), members=members, bundle_key=name)


def _pair(kind: RuleType, row: ConstraintRow, known: Known) -> Rule:
    _of_initiatives(kind, row)
    members = _members(row.member_keys, known)
    if len(members) != 2:
        raise _RefusedError(f"member_keys: {_count(members, row)}; {kind.value} needs exactly two initiatives.")
    return Rule(type=kind, places=(_place(row),), members=tuple(sorted(members)))


def _prerequisites(kind: RuleType, row: ConstraintRow, known: Known) -> Rule:
    _of_initiatives(kind, row)
    dependent = _found(
        "dimension_key", row.dimension_key, known.initiatives, "the key of the initiative that depends on others"
    )
    members = _members(row.member_keys, known)
    if not members:
        raise _RefusedError(f"member_keys: empty; needed are the initiatives that {dependent} depends on.")
    if dependent in members:
        raise _RefusedError(f"member_keys: {dependent} is its own prerequisite; name other initiatives.")
    return Rule(type=kind, places=(_place(row),), dependent=dependent, members=members)


def _synergy(kind: RuleType, row: ConstraintRow, known: Known) -> Rule:
    pair = _pair(kind, row, known)
    kpi = _kpi(row.kpi_key, known)
    return Rule(
        type=kind, places=pair.places, members=pair.members, kpi_key=kpi, number=_number("bonus_value", row.bonus_value)
    )


_READERS: Mapping[RuleType, Callable[[RuleType, ConstraintRow, Known], Rule]] = {
    RuleType.CAPACITY_FLOOR: _tokens,
    RuleType.CAPACITY_CAP: _tokens,
    RuleType.MANDATORY: _listed,
    RuleType.EXCLUDE: _listed,
    RuleType.BUNDLE: _bundle,
    RuleType.EXCLUDE_PAIR: _pair,
    RuleType.PREREQUISITE: _prerequisites,
    RuleType.SYNERGY: _synergy,
}


def _place(row: ConstraintRow | TargetRow) -> Place:
    return Place(tab=row.tab, row=row.row)


def _of_initiatives(kind: RuleType, row: ConstraintRow) -> None:
    if _dimension(row.dimension) not in ("", INITIATIVE):
        raise _RefusedError(f"dimension: {row.dimension.strip()!r}; {kind.value} takes initiative, or an empty cell.")


def _members(typed: Iterable[str], known: Known, column: str = "member_keys") -> tuple[str, ...]:
    keys = (_found(column, key, known.initiatives, "the key of an initiative") for key in typed if fold(key))
    return tuple(dict.fromkeys(keys))


def _count(members: tuple[str, ...], row: ConstraintRow) -> str:
    if len(members) > 1:
        return f"{len(members)} initiatives ({', '.join(members)})"
    if not members:
        return "empty"
    times = sum(1 for key in row.member_keys if fold(key))
    return f"{members[0]} {times} times, which is one initiative" if times > 1 else f"only {members[0]}"


def _kpi(typed: str, known: Known) -> str:
    if fold(typed) in known.inactive_kpis and fold(typed) not in known.active_kpis:
        active = _some(known.active_kpis.values())
        raise _RefusedError(f"kpi_key: {typed.strip()!r} isn't active in Metrics_Config; active are {active}.")
    return _found("kpi_key", typed, known.active_kpis, "an active KPI of Metrics_Config")


# --- rows of Targets -------------------------------------------------------------------------------------------------


def read_target(row: TargetRow, known: Known) -> Reading:
    """The rule of a row of Targets."""
    try:
        where = _slice(row.dimension, row.dimension_key, known)
        kpi = _kpi(row.kpi_key, known)
        target = _number("target_value", row.target_value)
        kind = _found("floor_or_goal", row.floor_or_goal, {"floor": "floor", "goal": "goal"}, "floor or goal")
    except _RefusedError as refused:
        return Reading(refusal=str(refused))
    rule = Rule(
        type=RuleType.TARGET,
        places=(_place(row),),
        slice=where,
        kpi_key=kpi,
        number=target,
        baseline=row.baseline_value,
        kind=kind,
        notes=row.notes.strip(),
    )
    return Reading(rule=rule, warnings=tuple(_met_already(rule)))


def _met_already(rule: Rule) -> Iterable[str]:
    if rule.baseline is not None and rule.baseline >= rule.number:
        yield (
            f"target_value: {plain(rule.number)} isn't above baseline_value {plain(rule.baseline)}; the target is met "
            "before anything is chosen."
        )
