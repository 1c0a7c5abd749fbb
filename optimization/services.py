"""From stored records to what the optimizer reads: initiatives, scenarios, constraint sets, the complete inputs of a run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet

from backlog.models import Initiative as StoredInitiative
from optimization.constraints.rules import ALL, DIMENSIONS, INITIATIVE, Rule
from optimization.models import OptimizationConstraintSet, OptimizationScenario
from optimization.solving.facts import TOKEN_COLUMNS, Initiative, Scenario, Snapshot
from optimization.solving.objective import Refusal
from productops.models import MetricConfig
from productops.services import Kpis, kpis
from sheetsync.values.cells import fold, nearest

__all__ = [
    "Kpis",
    "Selection",
    "as_facts",
    "choose_scenario",
    "choose_set",
    "dimension_values",
    "inactive_kpis",
    "initiative_fields",
    "initiative_keys",
    "kpis",
    "load_initiatives",
    "scenario_facts",
    "take_snapshot",
]

BATCH = 500
_CUT_BY = tuple(dimension for dimension in DIMENSIONS if dimension not in (ALL, INITIATIVE))
_DATES = {
    "earliest_start": "earliest_start_date",
    "latest_finish": "latest_finish_date",
    "deadline": "deadline_date",
}
_FIELDS = (
    *("initiative_key", "title", "is_optimization_candidate", "lifecycle_status", "candidate_period_key"),
    *("scope_mode", "overall_score", "dependencies_initiatives", "kpi_contribution_json"),
    *TOKEN_COLUMNS.values(),
    *_DATES.values(),
    *_CUT_BY,
)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What people marked in Candidates for the next run."""

    ticked: frozenset[str] | None = None  # keys the run is limited to; None: all candidates
    force: Mapping[str, str]  # key -> "in" or "out"
    unread: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # key -> column -> why its mark wasn't taken


# ---- what stands in the database ---------------------------------------------------------------------------------------------------------


def load_initiatives(also: Collection[str] = ()) -> tuple[Initiative, ...]:
    """Every candidate, and the initiatives with these keys as far as they exist; by key. One query, and one per 500 other keys."""
    stored = StoredInitiative.objects.order_by("initiative_key")
    found = {entry.key: entry for entry in _read(stored.filter(is_optimization_candidate=True))}
    others = sorted(set(also) - found.keys())
    for start in range(0, len(others), BATCH):
        rest = stored.filter(initiative_key__in=others[start : start + BATCH])
        found.update((entry.key, entry) for entry in _read(rest))
    return tuple(found[key] for key in sorted(found))


def _read(stored: QuerySet[StoredInitiative]) -> Iterable[Initiative]:
    for row in stored.values(*_FIELDS).iterator(chunk_size=2000):
        yield as_facts(row)


def dimension_values() -> dict[str, dict[str, str]]:
    """Dimension -> the values that initiatives have, folded -> as spelled. One query."""
    found: dict[str, dict[str, str]] = {dimension: {} for dimension in _CUT_BY}
    for values in StoredInitiative.objects.order_by(*_CUT_BY).values_list(*_CUT_BY).distinct():
        for dimension, value in zip(_CUT_BY, values, strict=True):
            if value:
                found[dimension].setdefault(fold(value), value)
    return found


def initiative_fields() -> tuple[str, ...]:
    """The stored fields that `as_facts` reads."""
    return _FIELDS


def as_facts(row: Mapping[str, Any]) -> Initiative:
    """What optimization knows of an initiative, from its stored fields by name."""
    return Initiative(
        key=row["initiative_key"],
        title=row["title"],
        is_candidate=row["is_optimization_candidate"],
        lifecycle_status=row["lifecycle_status"],
        period=row["candidate_period_key"],
        scope_mode=row["scope_mode"],
        token_estimates={mode: row[column] for mode, column in TOKEN_COLUMNS.items()},
        dimensions={dimension: row[dimension] for dimension in _CUT_BY},
        contributions=row["kpi_contribution_json"] or {},
        overall_score=row["overall_score"],
        dependencies=tuple(row["dependencies_initiatives"] or ()),
        **{name: row[column] for name, column in _DATES.items()},
    )


def initiative_keys() -> list[str]:
    """Every initiative's key, in order."""
    return list(StoredInitiative.objects.order_by("initiative_key").values_list("initiative_key", flat=True))


def inactive_kpis() -> tuple[str, ...]:
    """Keys of KPIs that Metrics_Config holds but that don't count."""
    stored = MetricConfig.objects.filter(is_active=False).order_by("kpi_key")
    return tuple(stored.values_list("kpi_key", flat=True))


def scenario_facts(scenario: OptimizationScenario) -> Scenario:
    """What a run knows of a stored scenario."""
    weights = scenario.objective_weights_json
    return Scenario(
        name=scenario.scenario_name,
        period=scenario.period_key,
        capacity=scenario.capacity_total_tokens,
        mode=scenario.objective_mode,
        weights=tuple(weights) if isinstance(weights, list) else weights,
        scope=scenario.objective_scope,
    )


# ---- what a person named -----------------------------------------------------------------------------------------------------------------


def choose_scenario(name: str, shown: Collection[str] = ()) -> OptimizationScenario | Refusal:
    """The scenario of that name. Without a name: the only one, or the only one of those that are `shown` (folded names of the rows that
    Scenario_Config still has)."""
    scenarios = {fold(scenario.scenario_name): scenario for scenario in OptimizationScenario.objects.all()}
    if fold(name):
        return scenarios.get(fold(name)) or Refusal(
            text=_unknown("scenario", name, scenarios.values(), "Scenario_Config")
        )
    usable = [scenarios[key] for key in scenarios if key in shown] or list(scenarios.values())
    if len(usable) == 1:
        return usable[0]
    if not usable:
        return Refusal(text="there is no scenario yet; enter one in Scenario_Config and save it")
    return Refusal(text=f"several scenarios; name one of them: {_listed(map(str, usable))}")


def choose_set(scenario: OptimizationScenario, name: str) -> OptimizationConstraintSet | Refusal | None:
    """The constraint set of that name. Without a name: the scenario's only active one, None when it has none."""
    sets = list(scenario.constraint_sets.select_related("workbook"))
    active = [one for one in sets if one.is_active]
    if not fold(name):
        if len(active) < 2:
            return active[0] if active else None
        names = _listed(one.constraint_set_name for one in active)
        return Refusal(text=f"scenario {scenario} has several constraint sets; name one of them: {names}")
    for one in sets:
        if fold(one.constraint_set_name) == fold(name):
            return (
                one
                if one.is_active
                else Refusal(text=f"constraint set {name.strip()!r} is put out of use in the admin")
            )
    return Refusal(
        text=_unknown(f"constraint set of scenario {scenario}", name, _names(active), "Constraints or Targets")
    )


def _names(sets: Iterable[OptimizationConstraintSet]) -> list[str]:
    return [one.constraint_set_name for one in sets]


def _unknown(what: str, typed: str, known: Iterable[object], tab: str) -> str:
    names = [str(name) for name in known]
    near = nearest(typed, names)
    hint = (
        f"did you mean {near}?"
        if near
        else f"there are: {_listed(names)}"
        if names
        else f"enter it in {tab} and save it"
    )
    return f"there is no {what} called {typed.strip()!r}; {hint}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


# ---- the inputs of a run -----------------------------------------------------------------------------------------------------------------


def take_snapshot(
    scenario: Scenario, constraint_set: OptimizationConstraintSet | None, selection: Selection
) -> Snapshot:
    """The complete inputs of a run as they stand now: candidates, and whatever rules, ticks, what-ifs and dependencies name."""
    rules = tuple(Rule.from_json(rule) for rule in constraint_set.rules_json) if constraint_set else ()
    named = {key for rule in rules for key in (*rule.members, *([rule.dependent] if rule.dependent else []))}
    named |= set(selection.ticked or ()) | set(selection.force)
    initiatives = load_initiatives(named)
    depended_on = {key for entry in initiatives for key in entry.dependencies} - {entry.key for entry in initiatives}
    if depended_on:
        initiatives = load_initiatives(named | depended_on)
    counted = kpis()
    return Snapshot(
        scenario=scenario,
        initiatives=initiatives,
        rules=rules,
        set_name=constraint_set.constraint_set_name if constraint_set else "",
        north_star=counted.north_star,
        kpis=counted.active,
        ticked=selection.ticked,
        force=dict(selection.force),
    )
