"""The database's side of Candidates and Scenario_Config."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from backlog.models import Initiative as StoredInitiative
from optimization.constraints.rules import EVERYTHING, plain
from optimization.models import OptimizationConstraintSet
from optimization.services import Kpis, as_facts, inactive_kpis, initiative_fields, kpis
from optimization.solving.eligibility import CLOSED
from optimization.solving.facts import Initiative, Scenario
from optimization.solving.objective import scope_slice, weights_refusal
from sheetsync.records import Incoming, ModelRecords, Record, Scene
from sheetsync.syncing.view import SheetRow
from sheetsync.values.cells import Value, fold

NO_LONGER = "SKIPPED: no longer a candidate"
DIGITS = 9  # of a number that is worked out: exact enough for any plan, and no sum's rounding error shows


class CandidateRecords(ModelRecords):
    """All initiatives: those that are candidates, and what to tell rows of those that are candidates no longer."""

    def complete(self, scene: Scene, loaded: Mapping[str, tuple[int, dict[str, Value]]]) -> dict[str, Record]:
        stored = StoredInitiative.objects.order_by("pk").values("pk", *initiative_fields())
        facts = {row["pk"]: as_facts(row) for row in stored.iterator(chunk_size=2000)}
        counted, rules = kpis(), rules_by_initiative()
        return {
            key: Record(pk, {**values, **shown(facts[pk], counted, rules)}, _note(facts[pk]))
            for key, (pk, values) in loaded.items()
        }

    def nameless(self, scene: Scene, row: SheetRow) -> str:
        why = row.problem or "initiative_key is empty"
        return f"FAILED: {why}; Candidates shows what Backlog ticks as is_optimization_candidate, pm.populate_candidates adds it"

    def unknown(self, scene: Scene, row: SheetRow, values: Mapping[str, Value], known: Collection[str]) -> str:
        return f"{super().unknown(scene, row, values, known)}; rows are added by pm.populate_candidates"


def _note(entry: Initiative) -> str:
    return "OK" if entry.is_candidate else NO_LONGER


def shown(entry: Initiative, counted: Kpis, rules: Mapping[str, Sequence[str]]) -> dict[str, Value]:
    """What Candidates works out for an initiative: column -> value."""
    return {
        "engineering_tokens": entry.tokens,
        "north_star_contribution": entry.contributions.get(counted.north_star),
        "strategic_kpi_contributions": contributions_text(entry, counted.active, counted.north_star),
        "constraint_summary": "; ".join(rules.get(entry.key, ())),
        "data_gaps": "; ".join(data_gaps(entry, counted)) if entry.is_candidate else "",
    }


def contributions_text(entry: Initiative, active: Iterable[str], north_star: str) -> str:
    """Contributions to active KPIs beside the north star, in the short form: "nps: 2; retention_30d: 0.01"."""
    named = (kpi for kpi in active if kpi != north_star and kpi in entry.contributions)
    return "; ".join(f"{kpi}: {plain(legible(entry.contributions[kpi]))}" for kpi in named)


def legible(number: float) -> float:
    """As people read it in a sheet: without the noise that sums and quotients leave behind, 0.001 for 0.0010000000000000002."""
    return float(f"{number:.{DIGITS}g}")


def data_gaps(entry: Initiative, counted: Kpis) -> Iterable[str]:
    """What keeps a candidate from taking part or from being weighed well."""
    if entry.lifecycle_status in CLOSED:
        yield f"lifecycle_status is {entry.lifecycle_status}"
    if not entry.period:
        yield "no candidate_period_key"
    if entry.tokens is None:
        yield f"tokens unknown: {entry.token_column} is empty"
    if entry.overall_score is None:
        yield "no overall_score"
    none = [kpi for kpi in counted.active if kpi not in entry.contributions]
    if none:
        yield f"no contribution to {', '.join(none)} (counts 0)"


def rules_by_initiative() -> dict[str, list[str]]:
    """initiative_key -> "scenario / set: mandatory, bundle ..." for each set in use that has a rule about it."""
    found: dict[str, list[str]] = defaultdict(list)
    sets = OptimizationConstraintSet.objects.filter(is_active=True).select_related("scenario")
    for one in sets.order_by("scenario__scenario_name", "constraint_set_name"):
        said: dict[str, list[str]] = defaultdict(list)
        for key, words in _rules_of(one):
            said[key].append(words)
        for key, listed in said.items():
            found[key].append(f"{one}: {', '.join(listed)}")
    return found


def _rules_of(one: OptimizationConstraintSet) -> Iterable[tuple[str, str]]:
    """(initiative_key, what a rule means for it)."""
    for key in one.mandatory_initiatives_json:
        yield key, "mandatory"
    for key in one.exclusions_initiatives_json:
        yield key, "excluded"
    for bundle in one.bundles_json:
        for key in bundle["members"]:
            others = " and ".join(other for other in bundle["members"] if other != key)
            yield key, f"bundle {bundle['bundle_key']} with {others}"
    for first, second in one.exclusions_pairs_json:
        yield first, f"not with {second}"
        yield second, f"not with {first}"
    for dependent, needed in sorted(one.prerequisites_json.items()):
        yield dependent, f"needs {' and '.join(needed)}"
        for key in needed:
            yield key, f"needed by {dependent}"


class ScenarioRecords(ModelRecords):
    """Scenarios. What would leave one unusable refuses its row."""

    needed = frozenset({"period_key", "capacity_total_tokens", "objective_mode"})

    def complete(self, scene: Scene, loaded: Mapping[str, tuple[int, dict[str, Value]]]) -> dict[str, Record]:
        counted, inactive, markets = kpis(), inactive_kpis(), _markets()
        return {
            key: Record(pk, values, _scenario_note(values, counted, inactive, markets))
            for key, (pk, values) in loaded.items()
        }

    def check(self, scene: Scene, rows: Sequence[Incoming]) -> None:
        super().check(scene, rows)
        counted, inactive = kpis(), inactive_kpis()
        for row in rows:
            lacks = row.record is None and not self.needed <= row.takes.keys()
            wrong = "" if lacks else weights_refusal(_facts(_resulting(row)), counted.active, inactive)
            if lacks or wrong:
                unread = "objective_weights_json" in row.refused  # what it says is refused already
                row.failure = "; ".join(text for text in (*row.refused.values(), "" if unread else wrong) if text)
                row.takes.clear()


def _resulting(row: Incoming) -> dict[str, Value]:
    """What the scenario would be once the row is taken."""
    return {**(row.record.values if row.record else {}), **row.takes}


def _facts(values: Mapping[str, Any]) -> Scenario:
    weights = values.get("objective_weights_json")
    return Scenario(
        name=values["scenario_name"],
        period=values.get("period_key") or "",
        capacity=values.get("capacity_total_tokens") or 0.0,
        mode=values.get("objective_mode") or "",
        weights=tuple(weights) if isinstance(weights, list) else weights,
        scope=values.get("objective_scope") or "",
    )


def _markets() -> frozenset[str]:
    """Folded names of the markets that initiatives are planned in."""
    return frozenset(map(fold, StoredInitiative.objects.values_list("market", flat=True).distinct()))


def _scenario_note(
    values: Mapping[str, Value], counted: Kpis, inactive: Iterable[str], markets: Collection[str]
) -> str:
    facts = _facts(values)
    wrong = weights_refusal(facts, counted.active, inactive)
    scope = scope_slice(facts.scope)
    if not wrong and facts.mode != "weighted_kpis" and not counted.north_star:
        wrong = "Metrics_Config has no active north star, which this objective_mode maximises"
    if not wrong and scope != EVERYTHING and fold(scope.key) not in markets:
        wrong = f"objective_scope: no initiative has the market {scope.key!r}, so nothing counts in the objective"
    return f"WARNING: {wrong}" if wrong else "OK"
