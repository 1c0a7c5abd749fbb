"""From rows of Constraints and Targets to constraint sets: a verdict per row, compiled rules per (scenario, set).

Pure. Names match trimmed, with runs of spaces as one, ignoring case; scenario and set are spelled as first seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from optimization.constraints.readings import (
    ConstraintRow,
    Known,
    Reading,
    TargetRow,
    named,
    read_constraint,
    read_target,
)
from optimization.constraints.rules import Place, Rule, RuleType
from optimization.solving.facts import Initiative, Scenario, Snapshot
from optimization.solving.presolve import by_place, contradictions
from optimization.solving.problem import Problem, build_problem
from sheetsync.values.cells import fold, nearest

__all__ = [
    "Compilation",
    "CompiledSet",
    "ConstraintRow",
    "KnownWorld",
    "RefusedRow",
    "Rule",
    "TargetRow",
    "Verdict",
    "compile_constraints",
]

Row = ConstraintRow | TargetRow


@dataclass(frozen=True, kw_only=True)
class KnownWorld:
    """What rows may refer to, as it stands when they are saved."""

    scenarios: Sequence[str]  # names, as spelled in Scenario_Config
    initiative_keys: Sequence[str]
    active_kpis: Sequence[str]
    inactive_kpis: Sequence[str] = ()
    # Dimension -> values that initiatives have, folded -> as spelled; a dimension that isn't here isn't looked at.
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    # For contradictions that can be seen without solving; without them none are looked for.
    north_star: str = ""
    initiatives: Sequence[Initiative] = ()
    scenario_facts: Mapping[str, Scenario] = field(default_factory=dict)  # by name as in `scenarios`


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of a row."""

    refusal: str = ""  # why the row isn't taken
    warnings: tuple[str, ...] = ()  # it is taken all the same

    @property
    def run_status(self) -> str:
        """The text for the row's run_status."""
        if self.refusal:
            return f"FAILED: {self.refusal}"
        return f"WARNING: {' '.join(self.warnings)}" if self.warnings else "OK"


@dataclass(frozen=True, kw_only=True)
class RefusedRow:
    """A row that isn't in its set."""

    place: Place
    text: str  # why

    def to_json(self) -> dict[str, Any]:
        """{"tab", "row", "text"}."""
        return {**self.place.to_json(), "text": self.text}


@dataclass(frozen=True, kw_only=True)
class CompiledSet:
    """The rules of one (scenario, constraint set)."""

    scenario_name: str  # as in the scenario table
    constraint_set_name: str  # as first seen
    rules: tuple[Rule, ...] = ()  # in order of their rows, Constraints first
    refused: tuple[RefusedRow, ...] = ()  # rows that aren't in the set

    def _of(self, kind: RuleType) -> list[Rule]:
        return [rule for rule in self.rules if rule.type is kind]

    def to_json(self) -> dict[str, Any]:
        """Every JSON field of a stored constraint set, by the field's name."""
        return {
            "floors_json": _by_slice(self._of(RuleType.CAPACITY_FLOOR)),
            "caps_json": _by_slice(self._of(RuleType.CAPACITY_CAP)),
            "targets_json": _targets(self._of(RuleType.TARGET)),
            "mandatory_initiatives_json": _keys(self._of(RuleType.MANDATORY)),
            "bundles_json": _bundles(self._of(RuleType.BUNDLE)),
            "exclusions_initiatives_json": _keys(self._of(RuleType.EXCLUDE)),
            "exclusions_pairs_json": sorted(list(rule.members) for rule in self._of(RuleType.EXCLUDE_PAIR)),
            "prerequisites_json": _prerequisites(self._of(RuleType.PREREQUISITE)),
            "synergy_bonuses_json": [
                {"members": list(rule.members), "kpi_key": rule.kpi_key, "value": rule.number}
                for rule in self._of(RuleType.SYNERGY)
            ],
            "rules_json": [rule.to_json() for rule in self.rules],
            "refused_rows_json": [refused.to_json() for refused in self.refused],
        }


def _by_slice(rules: Iterable[Rule]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for rule in rules:
        found.setdefault(rule.slice.dimension, {})[rule.slice.key] = rule.number
    return found


def _targets(rules: Iterable[Rule]) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    found: dict[str, dict[str, dict[str, dict[str, Any]]]] = {}
    for rule in rules:
        entry: dict[str, Any] = {"type": rule.kind, "value": rule.number}
        if rule.baseline is not None:
            entry["baseline"] = rule.baseline
        if rule.notes:
            entry["notes"] = rule.notes
        found.setdefault(rule.slice.dimension, {}).setdefault(rule.slice.key, {})[rule.kpi_key] = entry
    return found


def _keys(rules: Iterable[Rule]) -> list[str]:
    return sorted({key for rule in rules for key in rule.members})


def _bundles(rules: Iterable[Rule]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for rule in rules:
        bundle = found.setdefault(fold(rule.bundle_key), {"bundle_key": rule.bundle_key, "members": []})
        bundle["members"] += [key for key in rule.members if key not in bundle["members"]]
    return list(found.values())


def _prerequisites(rules: Iterable[Rule]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for rule in rules:
        needed = found.setdefault(rule.dependent, [])
        needed += [key for key in rule.members if key not in needed]
    return found


@dataclass(frozen=True, kw_only=True)
class Compilation:
    """What came of saving the rows."""

    verdicts: Mapping[Place, Verdict]  # one per row
    sets: tuple[CompiledSet, ...]  # in order of their first row; a set of refused rows alone has no rules

    @property
    def refused(self) -> tuple[RefusedRow, ...]:
        """Every row that isn't taken, whether its set is known or not."""
        return tuple(
            RefusedRow(place=place, text=verdict.refusal) for place, verdict in self.verdicts.items() if verdict.refusal
        )


@dataclass
class _Group:
    """The rows of one (scenario, set) while they are read."""

    scenario: str
    name: str
    readings: list[tuple[Place, Reading]] = field(default_factory=list)


def compile_constraints(rows: Iterable[Row], known: KnownWorld) -> Compilation:
    """A verdict for every row, and the compiled sets. Exactly the rows that are present count."""
    terms = Known(
        initiatives={fold(key): key for key in known.initiative_keys},
        active_kpis={fold(kpi): kpi for kpi in known.active_kpis},
        inactive_kpis={fold(kpi): kpi for kpi in known.inactive_kpis},
    )
    scenarios = {fold(name): name for name in known.scenarios}
    verdicts: dict[Place, Verdict] = {}
    groups: dict[tuple[str, str], _Group] = {}
    for row in rows:
        place = Place(tab=row.tab, row=row.row)
        scenario = named("scenario_name", row.scenario_name, scenarios, "a scenario of Scenario_Config")
        if scenario.refusal or not fold(row.constraint_set_name):
            verdicts[place] = Verdict(refusal=scenario.refusal or _NO_SET)
            continue
        name = " ".join(row.constraint_set_name.split())
        group = groups.setdefault((scenario.value, fold(name)), _Group(scenario=scenario.value, name=name))
        reading = read_constraint(row, terms) if isinstance(row, ConstraintRow) else read_target(row, terms)
        group.readings.append((place, reading))
    sets = tuple(_compile(group, known, verdicts) for group in groups.values())
    return Compilation(verdicts=dict(sorted(verdicts.items())), sets=sets)


_NO_SET = "constraint_set_name: empty; a name is needed, rows with the same one belong together."


def _compile(group: _Group, known: KnownWorld, verdicts: dict[Place, Verdict]) -> CompiledSet:
    """Compiles one group and adds its rows' verdicts."""
    group.readings.sort(key=lambda reading: reading[0])
    refusals = {place: reading.refusal for place, reading in group.readings if reading.refusal}
    warnings: dict[Place, list[str]] = {place: list(reading.warnings) for place, reading in group.readings}
    rules = _settle_repeats([reading.rule for _, reading in group.readings if reading.rule], refusals, warnings)
    rules.sort(key=lambda rule: rule.place)
    found = CompiledSet(
        scenario_name=group.scenario,
        constraint_set_name=group.name,
        rules=tuple(rules),
        refused=tuple(RefusedRow(place=place, text=text) for place, text in sorted(refusals.items())),
    )
    clashes = visible_contradictions(found, known)
    for place, texts in clashes.items():
        warnings[place].extend(texts)
    for rule in rules:
        if rule.place not in clashes:  # a floor there says so already
            warnings[rule.place].extend(_nobodys_values(rule, known))
    for place, _ in group.readings:
        refusal = refusals.get(place, "")
        verdicts[place] = Verdict(refusal=refusal, warnings=() if refusal else tuple(warnings[place]))
    return found


def _nobodys_values(rule: Rule, known: KnownWorld) -> Iterable[str]:
    """Values of a slice that no initiative has: mostly mistyped."""
    for dimension, value in rule.slice.spelled:
        values = known.values.get(dimension)
        if values is not None and fold(value) not in values:
            near = nearest(value, values.values())
            hint = f"; did you mean {near}?" if near else "."
            yield f"dimension_key: no initiative has the {dimension} {value!r}, so nothing lies there{hint}"


def _settle_repeats(
    rules: Iterable[Rule], refusals: dict[Place, str], warnings: Mapping[Place, list[str]]
) -> list[Rule]:
    """Rules with one identity: exact repeats count once, different numbers for one thing are none taken."""
    same: dict[object, list[Rule]] = {}
    for rule in rules:
        same.setdefault(_identity(rule), []).append(rule)
    taken = []
    for twins in same.values():
        places = tuple(place for rule in twins for place in rule.places)
        if len({(rule.number, rule.baseline, rule.kind) for rule in twins}) > 1:
            refusals.update({place: _twin_text(twins[0], place, places) for place in places})
            continue
        for later in places[1:]:
            warnings[later].append(f"The same as {places[0]}; it counts once.")
        taken.append(replace(twins[0], places=places))
    return taken


def _twin_text(rule: Rule, place: Place, places: Iterable[Place]) -> str:
    others = [str(other) for other in places if other != place]
    what = str(rule.slice) if _has_slice(rule) else " with ".join(rule.members)
    kpi = f" and {rule.kpi_key}" if rule.kpi_key else ""
    number = f"{rule.type.value} for {what}{kpi}"
    state = "states" if len(others) == 1 else "state"
    return (
        f"{' and '.join(others)} {state} another {number}; none of these rows is taken: keep one, or make them equal."
    )


def _has_slice(rule: Rule) -> bool:
    return rule.type in (RuleType.CAPACITY_FLOOR, RuleType.CAPACITY_CAP, RuleType.TARGET)


def _identity(rule: Rule) -> object:
    """What makes two rules of a set speak of the same thing; numbers are no part of it."""
    if _has_slice(rule):
        return rule.type, rule.slice.parts, rule.kpi_key
    bundle = "" if rule.bundle_key.startswith("bundle_row_") else fold(rule.bundle_key)
    return rule.type, frozenset(rule.members), rule.dependent, rule.kpi_key, bundle


def visible_contradictions(compiled: CompiledSet, known: KnownWorld) -> Mapping[Place, tuple[str, ...]]:
    """What can be seen without solving: texts for the rows that can't hold together with today's candidates."""
    scenario = known.scenario_facts.get(compiled.scenario_name)
    if scenario is None or not compiled.rules:
        return {}
    snapshot = Snapshot(
        # What is maximised doesn't matter here, and must not stand in the way.
        scenario=replace(scenario, mode="north_star", scope=""),
        initiatives=tuple(known.initiatives),
        rules=compiled.rules,
        set_name=compiled.constraint_set_name,
        north_star=known.north_star or "north star",
        kpis=tuple(known.active_kpis),
    )
    problem = build_problem(snapshot)
    return by_place(contradictions(problem)) if isinstance(problem, Problem) else {}
