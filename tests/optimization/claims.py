"""Claims of a run about what would change it, held against the best of all subsets of the changed inputs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

from optimization.constraints.rules import Rule
from optimization.solving.facts import Snapshot
from optimization.solving.milp import solve
from optimization.solving.problem import Problem, build_problem, tolerance
from optimization.why.clash import Change, Clash, Relaxation, find_clash
from optimization.why.why_in import WhyIn, why_in
from optimization.why.why_not import Inquiry, WhyNot
from tests.optimization.enumeration import World, random_clash, random_snapshot

HAIR = 1e-3  # of a change: so much less of it doesn't do
TOKENS = 23  # token numbers tried below a candidate's own
RISES = (0.01, 0.5, 1.0, 3.0, 7.0, 20.0, 60.0, 500.0, 1e5)  # contributions tried above its own, in the KPI's unit


def selected(snapshot: Snapshot) -> frozenset[str]:
    best = World(snapshot).best()
    return frozenset(best[0]) if best else frozenset()


def with_tokens(snapshot: Snapshot, key: str, tokens: float) -> Snapshot:
    entry = snapshot.by_key[key]
    estimates = {**entry.token_estimates, (entry.scope_mode or "custom"): tokens}
    return changed(snapshot, replace(entry, token_estimates=estimates))


def with_contribution(snapshot: Snapshot, key: str, kpi: str, number: float) -> Snapshot:
    entry = snapshot.by_key[key]
    return changed(snapshot, replace(entry, contributions={**entry.contributions, kpi: number}))


def changed(snapshot: Snapshot, entry) -> Snapshot:  # type: ignore[no-untyped-def]
    others = (entry if one.key == entry.key else one for one in snapshot.initiatives)
    return replace(snapshot, initiatives=tuple(others))


def is_plain(snapshot: Snapshot) -> bool:
    """Whether no number is so large that its billionth part matters: what is equal within that isn't told apart."""
    return all(abs(number) < 1e5 for entry in snapshot.initiatives for number in entry.contributions.values())


def false_why_nots(seed: int) -> Iterator[str]:
    """What isn't true of what a random world's run says of the candidates it left out."""
    snapshot = random_snapshot(seed)
    problem = build_problem(snapshot)
    if not isinstance(problem, Problem) or not is_plain(snapshot):
        return
    solution = solve(problem)
    if solution.status != "optimal":
        return
    inquiry = Inquiry(problem=problem, solution=solution, deadline=time.perf_counter() + 60)
    for key in inquiry.left_out():
        why = inquiry.why_not(key)
        assert why is not None
        for text in (
            *false_cost(snapshot, frozenset(solution.selected), why),
            *false_tokens(snapshot, why),
            *false_contribution(snapshot, why),
        ):
            yield f"{seed} {key}: {text}; {why}"


def false_cost(snapshot: Snapshot, chosen: frozenset[str], why: WhyNot) -> Iterator[str]:
    forced_out = snapshot.force.get(why.key) == "out"
    held = World(replace(snapshot, force={**snapshot.force, why.key: "in"}))
    best = None if forced_out else held.best()
    if best is None or why.cost is None:
        if (best is None) != (why.cost is None):
            yield f"forced in there is {best}"
        return
    if sorted(chosen - set(best[0])) != list(why.pushes_out):
        yield f"it pushes out {sorted(chosen - set(best[0]))}"
    falls = fall(World(snapshot), chosen, set(best[0]))
    if abs(falls[0] - why.cost) > 1e-9 * max(1.0, abs(falls[0])) or falls[1] != why.step:
        yield f"the cost is {falls}"


def fall(world: World, chosen: frozenset[str], other: set[str]) -> tuple[float, str]:
    """(amount, KPI of the step) at which another portfolio is worse first; 0 when it isn't."""
    for target in world.steps():
        if target.baseline is None or target.baseline < target.number:
            needed = target.number - (target.baseline or 0.0)
            reached = [min(world.gained(set(c), target.kpi_key, *world.scope()), needed) for c in (chosen, other)]
            if reached[0] - reached[1] > 1e-9 * abs(reached[0]):
                return reached[0] - reached[1], target.kpi_key
    best = world.objective(set(chosen))
    amount = best - world.objective(other)
    return (amount if amount > max(1e-9 * abs(best), 1e-13) else 0.0), ""


def false_tokens(snapshot: Snapshot, why: WhyNot) -> Iterator[str]:
    own, needed = why.tokens, why.tokens_needed
    if needed is not None:
        if why.key not in selected(with_tokens(snapshot, why.key, needed)):
            yield f"{needed} tokens don't get it chosen"
        hair = needed + HAIR * (own - needed)
        if why.key in selected(with_tokens(snapshot, why.key, hair)):
            yield f"{hair} tokens get it chosen already"
    for step in range(TOKENS):
        tokens = own * step / TOKENS
        lower = needed is not None and tokens <= needed + HAIR * (own - needed)
        if not lower and why.key in selected(with_tokens(snapshot, why.key, tokens)):
            yield f"{tokens} tokens get it chosen"


def false_contribution(snapshot: Snapshot, why: WhyNot) -> Iterator[str]:
    own, needed = why.contribution, why.contribution_needed
    if needed is not None:
        if why.key not in selected(with_contribution(snapshot, why.key, why.kpi_key, needed)):
            yield f"{needed} {why.kpi_key} don't get it chosen"
        hair = needed - HAIR * (needed - own)
        zero = not World(snapshot).objective(set(selected(snapshot)))  # beside 0 anything is more
        if not zero and why.key in selected(with_contribution(snapshot, why.key, why.kpi_key, hair)):
            yield f"{hair} {why.kpi_key} get it chosen already"
    for kpi, scale in scales(snapshot).items():
        mine = snapshot.by_key[why.key].contributions.get(kpi, 0.0)
        least = None if needed is None else (needed - own) / scales(snapshot)[why.kpi_key] * (1.0 - HAIR)
        for rise in RISES:
            less = least is None or rise / scale < least
            if less and why.key in selected(with_contribution(snapshot, why.key, kpi, mine + rise)):
                yield f"{rise} more {kpi} get it chosen"


def false_why_ins(seed: int) -> Iterator[str]:
    """What isn't true of what a random world's run says of the candidates it chose."""
    snapshot = random_snapshot(seed)
    problem = build_problem(snapshot)
    if not isinstance(problem, Problem) or not is_plain(snapshot):
        return
    solution = solve(problem)
    if solution.status != "optimal":
        return
    inquiry = Inquiry(problem=problem, solution=solution, deadline=time.perf_counter() + 60)
    for key in inquiry.chosen():
        why = why_in(inquiry, key, ())
        assert why is not None
        for text in (*false_place(snapshot, why), *false_value(snapshot, frozenset(solution.selected), why)):
            yield f"{seed} {key}: {text}; {why}"


def false_value(snapshot: Snapshot, chosen: frozenset[str], why: WhyIn) -> Iterator[str]:
    forced_in = snapshot.force.get(why.key) == "in"
    best = None if forced_in else World(replace(snapshot, force={**snapshot.force, why.key: "out"})).best()
    if best is None or why.brings is None:
        if (best is None) != (why.brings is None):
            yield f"without it there is {best}"
        return
    if sorted(set(best[0]) - chosen) != list(why.replaced_by):
        yield f"it is replaced by {sorted(set(best[0]) - chosen)}"
    falls = fall(World(snapshot), chosen, set(best[0]))
    if abs(falls[0] - why.brings) > 1e-9 * max(1.0, abs(falls[0])) or falls[1] != why.step:
        yield f"without it {falls} is lost"


def false_place(snapshot: Snapshot, why: WhyIn) -> Iterator[str]:
    """At its thresholds it keeps its place, a hair further it doesn't."""
    if (most := why.tokens_up_to) is not None:
        hair = max(HAIR * (most - why.tokens), 1.1 * tolerance(snapshot.scenario.capacity))  # more than rows forgive
        if why.key not in selected(with_tokens(snapshot, why.key, most)):
            yield f"{most} tokens cost it its place"
        if why.key in selected(with_tokens(snapshot, why.key, most + hair)):
            yield f"{most + hair} tokens don't cost it its place"
    if (least := why.contribution_down_to) is not None:
        hair = max(HAIR * (why.contribution - least), 1e-8 * abs(least))
        if why.key not in selected(with_contribution(snapshot, why.key, why.kpi_key, least)):
            yield f"{least} {why.kpi_key} cost it its place"
        zero = not World(snapshot).objective(set(selected(snapshot)) - {why.key})
        if not zero and why.key in selected(with_contribution(snapshot, why.key, why.kpi_key, least - hair)):
            yield f"{least - hair} {why.kpi_key} don't cost it its place"


def scales(snapshot: Snapshot) -> dict[str, float]:
    """KPI -> its scale, for those whose contribution may rise."""
    weights = snapshot.scenario.weights
    if snapshot.scenario.mode != "weighted_kpis":
        return {snapshot.north_star: 1.0}
    world = World(snapshot)
    return {kpi: world.target(kpi).number for kpi, weight in dict(weights or {}).items() if weight}


def false_clash(seed: int) -> Iterator[str]:
    """What isn't true of what an infeasible random world's run says of its rows."""
    snapshot = random_clash(seed)
    problem = build_problem(snapshot)
    if not isinstance(problem, Problem) or not is_plain(snapshot):
        return
    solution = solve(problem)
    if solution.status != "infeasible":
        return
    clash = find_clash(problem, solution.findings, time_limit_s=60)
    for text in (*false_sets(snapshot, clash), *false_ways(snapshot, clash)):
        yield f"{seed}: {text}"


def false_sets(snapshot: Snapshot, clash: Clash) -> Iterator[str]:
    for finding in clash.findings:
        rules = [snapshot.rules[number] for number in finding.rules]
        if can_hold(snapshot, rules):
            yield f"these can hold together: {finding.text}"
        for rule in rules:
            if not can_hold(snapshot, [other for other in rules if other != rule]):
                yield f"without {rule.place} they can't hold either: {finding.text}"


def false_ways(snapshot: Snapshot, clash: Clash) -> Iterator[str]:
    if len(clash.relaxations) < len(clash.findings[0].rules) and len(clash.findings) == 1:
        yield f"{len(clash.relaxations)} ways for {len(clash.findings[0].rules)} rows"
    for relaxation in clash.relaxations:
        if not can_hold(snapshot, relaxed(snapshot, relaxation)):
            yield f"{relaxation.words()} doesn't mend it"
        less = replace(relaxation, change=a_hair_less(relaxation.change))
        if less != relaxation and can_hold(snapshot, relaxed(snapshot, less)):
            yield f"less than {relaxation.words()} mends it"
    if (needed := clash.capacity_needed) is not None:
        enough = replace(snapshot, scenario=replace(snapshot.scenario, capacity=needed))
        if not World(enough).portfolios():
            yield f"a capacity of {needed} doesn't mend it"


def can_hold(snapshot: Snapshot, rules: Iterable[Rule]) -> bool:
    return bool(World(replace(snapshot, rules=tuple(rules))).portfolios())


def a_hair_less(change: Change) -> Change:
    if isinstance(change.before, str) or isinstance(change.after, str) or not change.column:
        return change
    hair = max(HAIR * abs(change.after - change.before), 5e-6 * max(1.0, abs(change.after)))  # more than rows forgive
    return replace(change, after=change.after + (hair if change.before > change.after else -hair))


def relaxed(snapshot: Snapshot, relaxation: Relaxation) -> Iterator[Rule]:
    """The rules with the changes carried out."""
    changes = {change.place: change for change in (relaxation.change, *relaxation.also)}
    for rule in snapshot.rules:
        change = changes.get(rule.place)
        if change is None:
            yield rule
        elif change.column == "floor_or_goal":
            yield replace(rule, kind=str(change.after))
        elif change.column:
            yield replace(rule, number=float(change.after))
