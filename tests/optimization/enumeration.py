"""The optimum by trying every subset: written from the rules alone, sharing nothing with the solver but the inputs.

Slow and plain on purpose. `random_snapshot` makes small worlds that use every rule, mode and scope, and many ties.
"""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import dataclass, field, replace

from optimization.constraints.rules import Place, Rule, RuleType, Slice
from optimization.solving.facts import Initiative, Scenario, Snapshot


def same(text: str) -> str:
    return " ".join(text.split()).lower()


def lies_in(initiative: Initiative, dimension: str, key: str) -> bool:
    if dimension == "all":
        return True
    names, values = dimension.split("+"), key.split("+")
    if len(names) == 1:
        values = [key]
    own = {**initiative.dimensions, "initiative": initiative.key}
    return all(
        own.get(name, "") != "" and same(own[name]) == same(value) for name, value in zip(names, values, strict=True)
    )


def takes_part(initiative: Initiative, snapshot: Snapshot) -> bool:
    tokens = initiative.token_estimates.get(initiative.scope_mode or "custom")
    return (
        initiative.is_candidate
        and initiative.lifecycle_status not in ("done", "rejected", "archived")
        and initiative.period == snapshot.scenario.period
        and tokens is not None
        and (snapshot.ticked is None or initiative.key in snapshot.ticked)
    )


def near(number: float) -> float:
    return 1e-6 * max(1.0, abs(number))


@dataclass
class World:
    """One snapshot, looked at subset by subset."""

    snapshot: Snapshot
    members: dict[str, Initiative] = field(init=False)

    def __post_init__(self) -> None:
        self.members = {i.key: i for i in self.snapshot.initiatives if takes_part(i, self.snapshot)}
        self.all = {i.key: i for i in self.snapshot.initiatives}

    def of_type(self, kind: RuleType) -> list[Rule]:
        return [rule for rule in self.snapshot.rules if rule.type is kind]

    def used(self, chosen: set[str], dimension: str = "all", key: str = "all") -> float:
        return math.fsum(self.members[k].tokens or 0.0 for k in chosen if lies_in(self.members[k], dimension, key))

    def gained(self, chosen: set[str], kpi: str, dimension: str = "all", key: str = "all") -> float:
        if kpi not in self.snapshot.kpis:
            return 0.0
        inside = {k for k in chosen if lies_in(self.members[k], dimension, key)}
        parts = [self.members[k].contributions.get(kpi, 0.0) for k in inside]
        parts += [r.number for r in self.of_type(RuleType.SYNERGY) if r.kpi_key == kpi and set(r.members) <= inside]
        return math.fsum(parts)

    def has_cycle(self) -> bool:
        edges = {(r.dependent, m) for r in self.of_type(RuleType.PREREQUISITE) for m in r.members}
        reach = set(edges)
        while True:
            more = reach | {(a, d) for a, b in reach for c, d in edges if b == c}
            if more == reach:
                return any(a == b for a, b in reach)
            reach = more

    def bundles(self) -> list[set[str]]:
        by_name: dict[str, set[str]] = {}
        for rule in self.of_type(RuleType.BUNDLE):
            by_name.setdefault(same(rule.bundle_key), set()).update(rule.members)
        return list(by_name.values())

    def allowed(self, chosen: set[str]) -> bool:
        return (
            self.used(chosen) <= self.snapshot.scenario.capacity + near(self.snapshot.scenario.capacity)
            and all(self.obeys(rule, chosen) for rule in self.snapshot.rules)
            and all(bundle <= chosen or not bundle & chosen for bundle in self.bundles())
            and all((key in chosen) == (way == "in") for key, way in self.snapshot.force.items() if key in self.members)
        )

    def obeys(self, rule: Rule, chosen: set[str]) -> bool:
        where = (rule.slice.dimension, rule.slice.key)
        if rule.type is RuleType.CAPACITY_FLOOR:
            return self.used(chosen, *where) >= rule.number - near(rule.number)
        if rule.type is RuleType.CAPACITY_CAP:
            return self.used(chosen, *where) <= rule.number + near(rule.number)
        if rule.type is RuleType.MANDATORY:
            return set(rule.members) <= chosen
        if rule.type is RuleType.EXCLUDE:
            return not set(rule.members) & chosen
        if rule.type is RuleType.EXCLUDE_PAIR:
            return not set(rule.members) <= chosen
        if rule.type is RuleType.PREREQUISITE and rule.dependent in chosen:
            done = {k for k, i in self.all.items() if i.lifecycle_status == "done"}
            return set(rule.members) <= chosen | done
        if rule.type is RuleType.TARGET and rule.kind == "floor":
            needed = rule.number if rule.baseline is None else max(rule.number - rule.baseline, 0.0)
            return self.gained(chosen, rule.kpi_key, *where) >= needed - near(needed)
        return True

    def scope(self) -> tuple[str, str]:
        scope = self.snapshot.scenario.scope
        return ("all", "all") if same(scope) in ("", "all") else ("market", scope)

    def target(self, kpi: str) -> Rule:
        dimension, key = self.scope()
        return next(
            r
            for r in self.of_type(RuleType.TARGET)
            if r.kpi_key == kpi and r.slice.dimension == dimension and same(r.slice.key) == same(key)
        )

    def objective(self, chosen: set[str]) -> float:
        scenario, scope = self.snapshot.scenario, self.scope()
        if scenario.mode != "weighted_kpis":
            return self.gained(chosen, self.snapshot.north_star, *scope)
        weights = dict(scenario.weights or {})
        return math.fsum(
            w * self.gained(chosen, kpi, *scope) / self.target(kpi).number for kpi, w in weights.items() if w
        )

    def steps(self) -> list[Rule]:
        weights = self.snapshot.scenario.weights
        if self.snapshot.scenario.mode != "lexicographic" or weights is None:
            return []
        if isinstance(weights, tuple):
            return [self.target(kpi) for kpi in weights]
        return [self.target(kpi) for kpi, w in sorted(weights.items(), key=lambda item: (-item[1], item[0])) if w]

    def portfolios(self) -> list[set[str]]:
        if self.has_cycle():
            return []
        keys = sorted(self.members)
        every = itertools.chain.from_iterable(itertools.combinations(keys, size) for size in range(len(keys) + 1))
        return [chosen for chosen in map(set, every) if self.allowed(chosen)]

    def best(self) -> tuple[list[str], float, list[float]] | None:
        """(selected keys, objective, what each step not skipped reached); None when nothing is allowed."""
        left = self.portfolios()
        if not left:
            return None
        reached = []
        for target in self.steps():
            baseline = target.baseline or 0.0
            if target.baseline is not None and target.baseline >= target.number:
                continue
            values = [min(self.gained(c, target.kpi_key, *self.scope()), target.number - baseline) for c in left]
            top = max(values)
            reached.append(top)
            left = [c for c, value in zip(left, values, strict=True) if value >= top - 1e-9 * abs(top)]
        left = keep_best(left, self.objective)
        left = keep_best(left, lambda chosen: -self.used(chosen))
        left = keep_best(left, lambda chosen: -len(chosen))
        keys = sorted(self.members)
        chosen = max(left, key=lambda chosen: [key in chosen for key in keys])
        return sorted(chosen), self.objective(chosen), reached


def keep_best(portfolios, value):  # type: ignore[no-untyped-def]
    values = [value(chosen) for chosen in portfolios]
    top = max(values)
    return [chosen for chosen, one in zip(portfolios, values, strict=True) if one >= top - max(1e-9 * abs(top), 1e-13)]


COUNTRIES, MARKETS, AREAS = ("UK", "DE"), ("North", "South"), ("Payments", "Search")
KPIS = ("gmv", "nps", "cost")


def random_snapshot(seed: int, *, most: int = 8) -> Snapshot:
    """A small world: every rule type, mode and scope turns up over the seeds; equal values and tokens are common."""
    dice = random.Random(seed)
    wide = dice.random() < 0.15
    keys = [f"INIT-{number:06d}" for number in range(1, dice.randint(1, most) + 2)]
    initiatives = tuple(_initiative(dice, key, wide) for key in keys)
    mode = dice.choice(("north_star", "weighted_kpis", "lexicographic"))
    scope = dice.choice(("", "", "all", "north", "South "))
    total = sum(i.tokens or 0.0 for i in initiatives)
    kpis = KPIS[: dice.randint(2, 3)]
    return Snapshot(
        scenario=Scenario(
            name="Q1",
            period="2026-Q1",
            capacity=round(total * dice.choice((0.3, 0.5, 0.8, 1.2)), 1),
            mode=mode,
            weights=_weights(dice, mode, kpis),
            scope=scope,
        ),
        initiatives=initiatives,
        rules=_rules(dice, keys, kpis, scope),
        set_name="base",
        north_star="gmv",
        kpis=kpis,
        ticked=frozenset(dice.sample(keys, len(keys) - 1)) if dice.random() < 0.15 else None,
        force={key: dice.choice(("in", "out")) for key in keys if dice.random() < 0.05},
    )


def random_clash(seed: int) -> Snapshot:
    """A small world whose rules ask for too much more often than not."""
    snapshot, dice = random_snapshot(seed), random.Random(-seed - 1)
    keys = [entry.key for entry in snapshot.initiatives]
    rows = [_rule(dice, keys, snapshot.kpis) for _ in range(dice.choice((2, 4, 6)))]
    if (three := _triangle(dice, snapshot)) and dice.random() < 0.7:
        # Only one of three can be chosen, and so much is asked for that one alone may be left out: no two of these rows clash.
        rows = [{"type": RuleType.EXCLUDE_PAIR, "members": pair} for pair in itertools.combinations(three, 2)]
        members = [entry for entry in snapshot.initiatives if takes_part(entry, snapshot)]
        total = sum(entry.tokens or 0.0 for entry in members)
        asked = total - sum(sorted(entry.tokens or 0.0 for entry in members if entry.key in three)[:2]) + 0.5
        rows.append({"type": RuleType.CAPACITY_FLOOR, "slice": Slice(), "number": asked})
        scenario = replace(snapshot.scenario, capacity=total)
        snapshot = replace(snapshot, scenario=scenario, force={}, rules=snapshot.rules[: dice.randint(3, 8)])
    for row in rows:
        if row["type"] in (RuleType.CAPACITY_FLOOR, RuleType.TARGET) and not three:
            row["number"] = dice.choice((10.0, 30.0, 60.0))
    last = len(snapshot.rules) + 2
    more = [
        Rule(places=(Place(tab="Constraints", row=number),), **row)  # type: ignore[arg-type]
        for number, row in enumerate(rows, start=last)
    ]
    return replace(snapshot, rules=(*snapshot.rules, *more))


def _triangle(dice: random.Random, snapshot: Snapshot) -> list[str]:
    """Three candidates of which any two take more tokens than the third; none when there aren't such."""
    members = [entry for entry in snapshot.initiatives if takes_part(entry, snapshot) and (entry.tokens or 0.0) >= 3.0]
    if len(members) < 3:
        return []
    three = dice.sample(members, 3)
    low, middle, high = sorted(entry.tokens or 0.0 for entry in three)
    return sorted(entry.key for entry in three) if low + middle - 0.5 >= high else []


def _initiative(dice: random.Random, key: str, wide: bool) -> Initiative:
    def amount() -> float:
        if wide:
            return dice.choice((1e15, 3e6, 0.002, 3.5, -2.0, -1e12))
        return dice.choice((0.0, 5.0, 5.0, 10.0, 10.0, -3.0, round(dice.uniform(-5, 20), 2)))

    dimensions = {"country": dice.choice((*COUNTRIES, "uk ", "")), "market": dice.choice((*MARKETS, "NORTH", ""))}
    dimensions["product_area"] = dice.choice(AREAS)
    return Initiative(
        key=key,
        is_candidate=dice.random() > 0.05,
        lifecycle_status="done" if dice.random() < 0.08 else "ready",
        period="2026-Q1" if dice.random() > 0.04 else "2026-Q2",
        scope_mode=dice.choice(("", "custom", "mvp")),
        token_estimates={
            "custom": dice.choice((0.0, 5.0, 10.0, 10.0, 20.0, 7.3)),
            "mvp": dice.choice((3.0, 5.0, 10.0)),
        },
        dimensions=dimensions,
        contributions={kpi: amount() for kpi in KPIS if dice.random() < 0.8},
    )


def _weights(dice: random.Random, mode: str, kpis: tuple[str, ...]) -> dict[str, float] | tuple[str, ...] | None:
    if mode == "north_star":
        return None
    chosen = dice.sample(kpis, dice.randint(1, len(kpis)))
    if mode == "lexicographic" and dice.random() < 0.5:
        return tuple(chosen)
    weights = {kpi: dice.choice((0.0, 0.5, 1.0, 2.0)) for kpi in chosen}
    return {**weights, chosen[0]: 1.0}


def _rules(dice: random.Random, keys: list[str], kpis: tuple[str, ...], scope: str) -> tuple[Rule, ...]:
    at = Slice() if same(scope) in ("", "all") else Slice(dimension="market", key=same(scope).title())
    rows: list[dict[str, object]] = []
    for kpi in kpis:
        kind = "floor" if dice.random() < 0.2 else "goal"
        baseline = dice.choice((None, None, 0.0, 5.0, 30.0))
        rows.append(
            {
                "type": RuleType.TARGET,
                "slice": at,
                "kpi_key": kpi,
                "number": dice.choice((5.0, 12.0, 25.0, 400.0)),
                "kind": kind,
            }
            | {"baseline": baseline}
        )
    rows += [_rule(dice, keys, kpis) for _ in range(dice.choice((0, 1, 2, 3, 5)))]
    tab = {RuleType.TARGET: "Targets"}
    return tuple(
        Rule(places=(Place(tab=tab.get(row["type"], "Constraints"), row=number),), **row)  # type: ignore[arg-type]
        for number, row in enumerate(rows, start=2)
    )


def _slice(dice: random.Random, keys: list[str]) -> Slice:
    return dice.choice(
        (
            Slice(),
            Slice(dimension="country", key="UK"),
            Slice(dimension="market", key="south"),
            Slice(dimension="country+product_area", key="UK+Payments"),
            Slice(dimension="initiative", key=dice.choice(keys)),
        )
    )


def _rule(dice: random.Random, keys: list[str], kpis: tuple[str, ...]) -> dict[str, object]:
    kind = dice.choice(list(RuleType))
    pair = tuple(sorted(dice.sample(keys, 2)))
    if kind is RuleType.CAPACITY_FLOOR:
        return {"type": kind, "slice": _slice(dice, keys), "number": dice.choice((0.0, 5.0, 10.0, 20.0))}
    if kind is RuleType.CAPACITY_CAP:
        return {"type": kind, "slice": _slice(dice, keys), "number": dice.choice((5.0, 10.0, 25.0, 40.0))}
    if kind is RuleType.TARGET:
        where = Slice(dimension="country", key=dice.choice(COUNTRIES))
        number = dice.choice((-5.0, 3.0, 10.0))
        return {"type": kind, "slice": where, "kpi_key": dice.choice(kpis), "number": number, "kind": "floor"}
    if kind is RuleType.SYNERGY:
        return {
            "type": kind,
            "members": pair,
            "kpi_key": dice.choice(kpis),
            "number": dice.choice((-12.0, -4.0, 5.0, 15.0)),
        }
    if kind is RuleType.PREREQUISITE:
        dependent, *members = dice.sample(keys, min(len(keys), dice.choice((2, 2, 3))))
        return {"type": kind, "dependent": dependent, "members": tuple(members)}
    if kind is RuleType.BUNDLE:
        members = tuple(dice.sample(keys, min(len(keys), dice.choice((2, 3)))))
        return {"type": kind, "members": members, "bundle_key": dice.choice(("Core", "core ", "Other"))}
    if kind is RuleType.EXCLUDE_PAIR:
        return {"type": kind, "members": pair}
    return {"type": kind, "members": (dice.choice(keys),)}
