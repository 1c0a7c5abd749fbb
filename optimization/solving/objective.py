"""What a scenario maximises: a sum of KPIs, in a scope, possibly after a list of targets. Pure; refusals are texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from optimization.constraints.rules import ALL, EVERYTHING, TARGETS_TAB, Rule, RuleType, Slice, plain
from optimization.solving.facts import Scenario, Snapshot
from sheetsync.values.cells import fold

NORTH_STAR = "north_star"
WEIGHTED = "weighted_kpis"
LEXICOGRAPHIC = "lexicographic"
MODES = (NORTH_STAR, WEIGHTED, LEXICOGRAPHIC)


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What to maximise, in terms of KPIs."""

    scope: Slice  # whose contributions count
    factors: Mapping[str, float]  # KPI key -> objective units per unit of the KPI
    steps: tuple[Rule, ...] = ()  # lexicographic: the target of each step, in order


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a run can't start, as a sentence that says what to mend."""

    text: str


def scope_slice(scope: str) -> Slice:
    """The slice that an objective_scope means: everything, or a market."""
    return EVERYTHING if fold(scope) in ("", ALL, "global") else Slice(dimension="market", key=" ".join(scope.split()))


def weights_refusal(scenario: Scenario, active: Iterable[str], known: Iterable[str] = ()) -> str:
    """What is wrong with a scenario's mode and weights, "" when nothing is. `known` are KPI keys of any state."""
    if scenario.mode not in MODES:
        return f"objective_mode: {scenario.mode!r} isn't known; accepted are {', '.join(MODES)}"
    if scenario.mode == NORTH_STAR:
        return ""
    column, given = "objective_weights_json", scenario.weights
    if not given:
        return f"{column}: empty; {scenario.mode} needs KPIs, such as {_EXAMPLES[scenario.mode]}"
    if scenario.mode == WEIGHTED and not isinstance(given, Mapping):
        return f"{column}: {', '.join(given)} has no weights; weighted_kpis needs a weight per KPI, such as {_EXAMPLES[WEIGHTED]}"
    names = {fold(kpi): kpi for kpi in active}
    others = {fold(kpi) for kpi in known}
    for kpi in given:
        if fold(kpi) not in names:
            state = "isn't active" if fold(kpi) in others else "isn't an active KPI of Metrics_Config"
            return f"{column}: {kpi} {state}; active are {', '.join(sorted(names.values())) or 'none'}"
    if isinstance(given, Mapping):
        negative = [f"{kpi}: {plain(weight)}" for kpi, weight in given.items() if weight < 0]
        if negative:
            return f"{column}: {negative[0]} is negative; weights are 0 or more"
        if not any(given.values()):
            return f"{column}: every weight is 0; at least one must be above 0"
    if len({fold(kpi) for kpi in given}) < len(given):
        return f"{column}: names a KPI twice; each counts once"
    return ""


_EXAMPLES = {WEIGHTED: '{"gmv": 0.7, "retention_30d": 0.3}', LEXICOGRAPHIC: '["gmv", "retention_30d"]'}


def read_objective(snapshot: Snapshot) -> Objective | Refusal:
    """The objective of a run, or why it is refused before solving."""
    scenario = snapshot.scenario
    wrong = weights_refusal(scenario, snapshot.kpis)
    if wrong:
        return Refusal(text=f"Scenario {scenario.name}: {wrong}.")
    if scenario.mode == WEIGHTED:
        return _weighted(snapshot, scope_slice(scenario.scope))
    if not snapshot.north_star:
        return Refusal(
            text="No active north star: Metrics_Config needs exactly one active KPI with kpi_level north_star."
        )
    return _north_star(snapshot, scope_slice(scenario.scope))


def _weighted(snapshot: Snapshot, scope: Slice) -> Objective | Refusal:
    weights = snapshot.scenario.weights
    assert isinstance(weights, Mapping)
    factors = {}
    for kpi, weight in _active(snapshot, {kpi: weight for kpi, weight in weights.items() if weight > 0}).items():
        target = find_target(snapshot.rules, kpi, scope)
        if target is None:
            return Refusal(text=_missing(snapshot, kpi, scope, "to be weighted against"))
        if target.number <= 0:
            return Refusal(
                text=f"KPI {kpi} has the target {plain(target.number)} in {target.place}: as the scale of a weighted "
                "KPI target_value must be above 0. Mend that row."
            )
        factors[kpi] = weight / target.number
    return Objective(scope=scope, factors=factors)


def _north_star(snapshot: Snapshot, scope: Slice) -> Objective | Refusal:
    steps = []
    for kpi in step_order(snapshot):
        target = find_target(snapshot.rules, kpi, scope)
        if target is None:
            return Refusal(text=_missing(snapshot, kpi, scope, "to be reached in its step"))
        steps.append(target)
    return Objective(scope=scope, factors={snapshot.north_star: 1.0}, steps=tuple(steps))


def step_order(snapshot: Snapshot) -> list[str]:
    """KPIs of a lexicographic scenario in the order of its steps; none in other modes."""
    weights = snapshot.scenario.weights
    if snapshot.scenario.mode != LEXICOGRAPHIC or not weights:
        return []
    if isinstance(weights, Mapping):
        active = _active(snapshot, {kpi: weight for kpi, weight in weights.items() if weight > 0})
        return sorted(active, key=lambda kpi: (-active[kpi], kpi))
    return list(_active(snapshot, dict.fromkeys(weights, 1.0)))


def find_target(rules: Iterable[Rule], kpi: str, scope: Slice) -> Rule | None:
    """The row of Targets for a KPI at exactly that slice, floor or goal alike."""
    for rule in rules:
        if rule.type is RuleType.TARGET and rule.slice.parts == scope.parts and fold(rule.kpi_key) == fold(kpi):
            return rule
    return None


def _active(snapshot: Snapshot, weights: Mapping[str, float]) -> dict[str, float]:
    """The same weights under the active KPIs' own spelling, in the same order."""
    names = {fold(kpi): kpi for kpi in snapshot.kpis}
    return {names[fold(kpi)]: weight for kpi, weight in weights.items()}


def _missing(snapshot: Snapshot, kpi: str, scope: Slice, purpose: str) -> str:
    place = f"dimension {scope.dimension}, dimension_key {scope.key}, kpi_key {kpi} and a target_value above 0"
    where = (
        f" and constraint_set_name {snapshot.set_name}" if snapshot.set_name else " (and a constraint set for the run)"
    )
    return (
        f"KPI {kpi} has no target in {scope} {purpose}. Add a row to {TARGETS_TAB} with scenario_name "
        f"{snapshot.scenario.name}{where}, {place}."
    )
