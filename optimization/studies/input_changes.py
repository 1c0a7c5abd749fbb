"""What differs between the inputs of two runs, change by change, each with a way to put the old value back. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain
from typing import Any

from optimization.constraints.rules import Rule, RuleType, plain
from optimization.solving.facts import Initiative, Scenario, Snapshot
from sheetsync.values.cells import fold

PutBack = Callable[[Snapshot], Snapshot]
_ELIGIBLE_BY = {
    "is_candidate": "is_optimization_candidate",
    "lifecycle_status": "lifecycle_status",
    "period": "candidate_period_key",
    "earliest_start": "earliest_start_date",
    "latest_finish": "latest_finish_date",
    "deadline": "deadline_date",
}


class ChangeKind(StrEnum):
    """What sort of input changed; the values are for people."""

    CAPACITY = "capacity"
    OBJECTIVE = "objective"
    PERIOD = "period"
    KPIS = "KPIs"
    TOKENS = "tokens"
    CONTRIBUTION = "contribution"
    ELIGIBILITY = "eligibility"
    DIMENSION = "dimension"
    INITIATIVE = "initiative"
    RULE = "rule"
    TICK = "tick"
    FORCE = "force"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One input that differs."""

    kind: ChangeKind
    text: str  # what changed, old -> new, in words
    keys: frozenset[str]  # initiatives that it is about; none for what concerns all
    put_back: PutBack  # the later snapshot with the old value again


def find_changes(before: Snapshot, after: Snapshot) -> tuple[Change, ...]:
    """Every input that can change a portfolio and that differs, from what concerns all to what concerns one."""
    return tuple(
        chain(
            _scenario(before.scenario, after.scenario),
            _kpis(before, after),
            _rules(before, after),
            _initiatives(before, after),
            _ticks(before, after),
            _forces(before, after),
        )
    )


# ---- the scenario and the KPIs -----------------------------------------------------------------------------------------------------------


def _scenario(before: Scenario, after: Scenario) -> Iterator[Change]:
    if before.capacity != after.capacity:
        text = f"capacity: {plain(before.capacity)} -> {plain(after.capacity)} tokens"
        yield _of_scenario(ChangeKind.CAPACITY, text, capacity=before.capacity)
    aims = {name: getattr(before, name) for name in ("mode", "weights", "scope")}
    changed = [name for name, old in aims.items() if old != getattr(after, name)]
    if changed:
        words = "; ".join(f"{_AIMS[name]}: {_shown(aims[name])} -> {_shown(getattr(after, name))}" for name in changed)
        yield _of_scenario(ChangeKind.OBJECTIVE, words, **aims)
    if before.period != after.period:
        yield _of_scenario(ChangeKind.PERIOD, f"period_key: {before.period} -> {after.period}", period=before.period)


_AIMS = {"mode": "objective_mode", "weights": "objective_weights_json", "scope": "objective_scope"}


def _of_scenario(kind: ChangeKind, text: str, **old: Any) -> Change:
    def put_back(snapshot: Snapshot) -> Snapshot:
        return replace(snapshot, scenario=replace(snapshot.scenario, **old))

    return Change(kind=kind, text=text, keys=frozenset(), put_back=put_back)


def _kpis(before: Snapshot, after: Snapshot) -> Iterator[Change]:
    if before.north_star == after.north_star and set(before.kpis) == set(after.kpis):
        return
    texts = []
    if before.north_star != after.north_star:
        texts.append(f"north star: {before.north_star or 'none'} -> {after.north_star or 'none'}")
    texts += [f"{kpi} is active no longer" for kpi in before.kpis if kpi not in after.kpis]
    texts += [f"{kpi} is active now" for kpi in after.kpis if kpi not in before.kpis]
    yield Change(
        kind=ChangeKind.KPIS,
        text="; ".join(texts),
        keys=frozenset(),
        put_back=lambda snapshot: replace(snapshot, north_star=before.north_star, kpis=before.kpis),
    )


# ---- rules -------------------------------------------------------------------------------------------------------------------------------

RuleId = tuple[Any, ...]


def _identity(rule: Rule) -> RuleId:
    members = (
        rule.members if rule.type not in (RuleType.SYNERGY, RuleType.EXCLUDE_PAIR) else tuple(sorted(rule.members))
    )
    return rule.type, rule.slice.parts, members, rule.dependent, fold(rule.bundle_key), fold(rule.kpi_key)


def _weight(rule: Rule) -> tuple[Any, ...]:
    return rule.number, rule.baseline, rule.kind


def _rules(before: Snapshot, after: Snapshot) -> Iterator[Change]:
    old, new = ({_identity(rule): rule for rule in snapshot.rules} for snapshot in (before, after))
    for identity, rule in old.items():
        now = new.get(identity)
        if now is None:
            yield _of_rule(f"rule gone: {rule.words()}", after, rule, rule, identity)
        elif _weight(now) != _weight(rule):
            text = f"rule changed: {rule.words()} -> {now.words()} ({now.place})"
            yield _of_rule(text, after, now, rule, identity)
    for identity, rule in new.items():
        if identity not in old:
            yield _of_rule(f"rule added: {rule.words()} ({rule.place})", after, rule, None, identity)


def _of_rule(text: str, after: Snapshot, rule: Rule, old: Rule | None, identity: RuleId) -> Change:
    def put_back(snapshot: Snapshot) -> Snapshot:
        others = tuple(one for one in snapshot.rules if _identity(one) != identity)
        return replace(snapshot, rules=others if old is None else (*others, old))

    named = {*rule.members, *([rule.dependent] if rule.dependent else [])}
    inside = {entry.key for entry in after.initiatives if rule.slice.parts and rule.slice.holds(entry.folded)}
    return Change(kind=ChangeKind.RULE, text=text, keys=frozenset(named | inside), put_back=put_back)


# ---- initiatives -------------------------------------------------------------------------------------------------------------------------


def _initiatives(before: Snapshot, after: Snapshot) -> Iterator[Change]:
    for key in sorted({*before.by_key, *after.by_key}):
        old, new = before.by_key.get(key), after.by_key.get(key)
        if old is not None and new is not None:
            yield from _initiative(old, new)
        elif new is None:
            text = f"{key} isn't among the inputs any more"
            yield _of_initiative(ChangeKind.INITIATIVE, text, key, _always(old))
        else:
            yield _of_initiative(ChangeKind.INITIATIVE, f"{key} is new among the inputs", key, _always(None))


def _always(entry: Initiative | None) -> Callable[[Initiative | None], Initiative | None]:
    return lambda _now: entry


def _initiative(old: Initiative, new: Initiative) -> Iterator[Change]:
    key = old.key
    if old.tokens != new.tokens:
        text = f"{key} tokens: {_number(old.tokens)} -> {_number(new.tokens)}"
        yield _with_old(
            ChangeKind.TOKENS, text, key, {"token_estimates": old.token_estimates, "scope_mode": old.scope_mode}
        )
    for kpi in sorted({*old.contributions, *new.contributions}):
        was, now = old.contributions.get(kpi, 0.0), new.contributions.get(kpi, 0.0)
        if was != now:
            yield _contribution(key, kpi, was, now)
    fields = {name: getattr(old, name) for name in _ELIGIBLE_BY if getattr(old, name) != getattr(new, name)}
    if fields:
        words = (f"{_ELIGIBLE_BY[name]} {_shown(was)} -> {_shown(getattr(new, name))}" for name, was in fields.items())
        yield _with_old(ChangeKind.ELIGIBILITY, f"{key} {'; '.join(words)}", key, fields)
    for dimension in sorted({*old.dimensions, *new.dimensions}):
        was_text, now_text = old.dimensions.get(dimension, ""), new.dimensions.get(dimension, "")
        if fold(was_text) != fold(now_text):
            yield _dimension(key, dimension, was_text, now_text)


def _contribution(key: str, kpi: str, was: float, now: float) -> Change:
    def old(entry: Initiative) -> Initiative:
        return replace(entry, contributions={**entry.contributions, kpi: was})

    text = f"{key} {kpi}: {plain(was)} -> {plain(now)}"
    return _of_initiative(ChangeKind.CONTRIBUTION, text, key, lambda entry: entry and old(entry))


def _dimension(key: str, dimension: str, was: str, now: str) -> Change:
    def old(entry: Initiative) -> Initiative:
        return replace(entry, dimensions={**entry.dimensions, dimension: was})

    text = f"{key} {dimension}: {_shown(was)} -> {_shown(now)}"
    return _of_initiative(ChangeKind.DIMENSION, text, key, lambda entry: entry and old(entry))


def _with_old(kind: ChangeKind, text: str, key: str, fields: Mapping[str, Any]) -> Change:
    return _of_initiative(kind, text, key, lambda entry: entry and replace(entry, **fields))


def _of_initiative(
    kind: ChangeKind, text: str, key: str, old: Callable[[Initiative | None], Initiative | None]
) -> Change:
    def put_back(snapshot: Snapshot) -> Snapshot:
        changed = old(snapshot.by_key.get(key))
        others = tuple(entry for entry in snapshot.initiatives if entry.key != key)
        entries = others if changed is None else (*others, changed)
        return replace(snapshot, initiatives=tuple(sorted(entries, key=lambda entry: entry.key)))

    return Change(kind=kind, text=text, keys=frozenset({key}), put_back=put_back)


# ---- what people marked ------------------------------------------------------------------------------------------------------------------


def _ticks(before: Snapshot, after: Snapshot) -> Iterator[Change]:
    if before.ticked is None or after.ticked is None:
        if before.ticked != after.ticked:
            text = f"candidates: {_ticked(before.ticked)} -> {_ticked(after.ticked)}"
            keys = frozenset((before.ticked or after.ticked) or ())
            old = before.ticked
            yield Change(
                kind=ChangeKind.TICK, text=text, keys=keys, put_back=lambda snapshot: replace(snapshot, ticked=old)
            )
        return
    for key in sorted(before.ticked ^ after.ticked):
        yield _tick(key, was_ticked=key in before.ticked)


def _tick(key: str, *, was_ticked: bool) -> Change:
    def put_back(snapshot: Snapshot) -> Snapshot:
        ticked = snapshot.ticked or frozenset()
        return replace(snapshot, ticked=ticked | {key} if was_ticked else ticked - {key})

    text = f"{key} {'was ticked, and is no longer' if was_ticked else 'is ticked now'}"
    return Change(kind=ChangeKind.TICK, text=text, keys=frozenset({key}), put_back=put_back)


def _forces(before: Snapshot, after: Snapshot) -> Iterator[Change]:
    for key in sorted({*before.force, *after.force}):
        was, now = before.force.get(key), after.force.get(key)
        if was != now:
            yield _force(key, was, now)


def _force(key: str, was: str | None, now: str | None) -> Change:
    def put_back(snapshot: Snapshot) -> Snapshot:
        force = {other: way for other, way in snapshot.force.items() if other != key}
        return replace(snapshot, force=force if was is None else {**force, key: was})

    text = f"{key} force: {was or 'none'} -> {now or 'none'}"
    return Change(kind=ChangeKind.FORCE, text=text, keys=frozenset({key}), put_back=put_back)


# ---- words -------------------------------------------------------------------------------------------------------------------------------


def _ticked(ticked: frozenset[str] | None) -> str:
    return "all" if ticked is None else f"the {len(ticked)} that are ticked"


def _number(number: float | None) -> str:
    return "unknown" if number is None else plain(number)


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {plain(number)}" for name, number in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " > ".join(map(str, value))
    return str(value) if value not in (None, "") else "empty"
