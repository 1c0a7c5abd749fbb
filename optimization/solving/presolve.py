"""Contradictions that can be seen without solving: minimal sets of rules that can't hold together, named by their rows.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np

from optimization.constraints.rules import Place, Rule, RuleType, plain
from optimization.solving.bounds import Bounds, tighten
from optimization.solving.problem import Problem
from optimization.solving.rows import Bools

MOST_FINDINGS = 25  # more contradictions than these help nobody; the rest shows once these are mended
LARGE, FEW_FINDINGS = 50_000, 3  # with so many entries in the rows each look takes a while: so few are named at once


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Rules that can't hold together, given the capacity and the what-ifs; without any one of them the rest could."""

    rules: tuple[int, ...]  # positions in the snapshot's rules; none when capacity and what-ifs alone clash
    places: tuple[Place, ...]  # the rows they stand on, in order
    text: str  # a sentence for people

    def to_json(self) -> dict[str, Any]:
        """{"rows": [{"tab", "row"}], "text"}."""
        return {"rows": [place.to_json() for place in self.places], "text": self.text}


def column_bounds(
    problem: Problem, active: Bools | None = None, fixed: Mapping[int, bool] = MappingProxyType({})
) -> Bounds:
    """What single rows leave of each column, when only the rules marked in `active` stand (None: all of them) and some
    candidates are `fixed` in or out."""
    count = len(problem.candidates)
    low, high = np.zeros(problem.rows.columns), np.ones(problem.rows.columns)
    for column, is_in in fixed.items():
        low[column] = high[column] = float(is_in)
    if active is not None:
        high[count:] = [float(active[synergy.rule]) for synergy in problem.synergies]
    rows = problem.rows if active is None else problem.rows.standing(active)
    return tighten(rows, low, high)


def contradictions(problem: Problem) -> tuple[Finding, ...]:
    """Every minimal contradiction that can be seen without solving (at most MOST_FINDINGS), in order of their rows."""
    clashing = _clashing_pairs(problem)

    def refuted(rules: Iterable[int]) -> bool:
        active = np.zeros(len(problem.rules), dtype=np.bool_)
        active[list(rules)] = True
        return (
            any(all(active[rule] for rule in pair) for pair in clashing)
            or bool(prerequisite_cycle(problem.rules, np.flatnonzero(active).tolist()))
            or column_bounds(problem, active).contradiction
        )

    if not refuted(range(len(problem.rules))):
        return ()
    most = MOST_FINDINGS if len(problem.rows.indices) < LARGE else FEW_FINDINGS
    found = minimal_sets(range(len(problem.rules)), refuted, most=most)
    findings = [finding_of(problem, rules) for rules in found]
    return tuple(sorted(findings, key=lambda finding: finding.places))


def minimal_sets(rules: Iterable[int], refuted: Callable[[Sequence[int]], bool], *, most: int) -> list[tuple[int, ...]]:
    """Minimal subsets that are still refuted: all of them, unless there are more than `most`.

    Each set found is avoided by leaving out one of its members in turn, which leads to the next ones.
    """
    found: list[tuple[int, ...]] = []
    seen = {frozenset[int]()}
    waiting = [frozenset[int]()]
    while waiting and len(found) < most and len(seen) < 8 * most:
        left_out = waiting.pop(0)
        known = next((rules_ for rules_ in found if not left_out & set(rules_)), None)
        remaining = [rule for rule in rules if rule not in left_out]
        if known is None and not refuted(remaining):
            continue
        minimal = known or tuple(sorted(minimal_part([], remaining, refuted)))
        if known is None:
            found.append(minimal)
        for rule in minimal:
            if (next_out := left_out | {rule}) not in seen:
                seen.add(next_out)
                waiting.append(next_out)
    return found


def minimal_part(held: list[int], rules: list[int], refuted: Callable[[Sequence[int]], bool]) -> list[int]:
    """A minimal part of `rules` that is refuted together with `held`, by halving (QuickXplain)."""
    if refuted(held):
        return []
    if len(rules) == 1:
        return rules
    first, second = rules[: len(rules) // 2], rules[len(rules) // 2 :]
    from_second = minimal_part(held + first, second, refuted)
    return minimal_part(held + from_second, first, refuted) + from_second


def prerequisite_cycle(rules: Sequence[Rule], positions: Iterable[int]) -> tuple[int, ...]:
    """Positions of prerequisite rules that close a cycle, () when there is none."""
    by_edge: dict[tuple[str, str], int] = {}  # (prerequisite, dependent) -> the first rule that says so
    for position in positions:
        rule = rules[position]
        if rule.type is RuleType.PREREQUISITE:
            for key in rule.members:
                by_edge.setdefault((key, rule.dependent), position)
    needs: dict[str, list[str]] = {}
    for prerequisite, dependent in by_edge:
        needs.setdefault(dependent, []).append(prerequisite)
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        return tuple(dict.fromkeys(by_edge[edge] for edge in pairwise(error.args[1])))
    return ()


def _clashing_pairs(problem: Problem) -> list[tuple[int, ...]]:
    """A floor above a cap (or the capacity) of a slice that it lies in: visible whatever the candidates are."""
    floors = [(n, rule) for n, rule in enumerate(problem.rules) if rule.type is RuleType.CAPACITY_FLOOR]
    caps = [(n, rule) for n, rule in enumerate(problem.rules) if rule.type is RuleType.CAPACITY_CAP]
    capacity = problem.snapshot.scenario.capacity
    alone = [(number,) for number, floor in floors if _above(floor.number, capacity)]
    pairs = [
        (f, c)
        for f, floor in floors
        for c, cap in caps
        if _above(floor.number, cap.number) and floor.slice.within(cap.slice)
    ]
    return [*alone, *pairs]


def _above(floor: float, cap: float) -> bool:
    return floor - cap > 2e-6 * max(1.0, floor)


def finding_of(problem: Problem, rules: tuple[int, ...]) -> Finding:
    """Rules that can't hold together, put in words."""
    named = [problem.rules[number] for number in rules]
    # A row that repeats another exactly isn't named beside it: dropping one of the two alone would mend nothing.
    places = tuple(sorted(rule.place for rule in named))
    return Finding(rules=rules, places=places, text=_text(problem, named))


def _text(problem: Problem, named: list[Rule]) -> str:
    if not named:
        return _capacity_text(problem)
    why = " ".join(detail for rule in named for detail in rule_details(problem, rule, alone=len(named) == 1))
    if len(named) == 1:
        return f"{_sentence(named[0])} can't hold. {why}".strip()
    if all(rule.type is RuleType.PREREQUISITE for rule in named) and prerequisite_cycle(named, range(len(named))):
        return f"Prerequisites in a circle: {'; '.join(map(_sentence, named))}."
    return f"These rows can't hold together: {'; '.join(map(_sentence, named))}. {why}".strip()


def _sentence(rule: Rule) -> str:
    rows = " and ".join(map(str, rule.places))
    return f"{rows} ({rule.words()})"


def _capacity_text(problem: Problem) -> str:
    tokens = sum(problem.tokens[column] for column, is_in in problem.forced.items() if is_in)
    capacity = problem.snapshot.scenario.capacity
    return f"What is forced in takes {plain(tokens)} tokens, the scenario's capacity is {plain(capacity)}."


def rule_details(problem: Problem, rule: Rule, *, alone: bool) -> list[str]:
    """What shows why a rule can't hold: keys that take no part, tokens there are, what is forced."""
    named = [*rule.members, *([rule.dependent] if rule.dependent else [])]
    details = [
        f"{key} isn't a candidate of this run: {problem.ineligible.get(key, 'no such initiative')}."
        for key in named
        if key not in problem.index and rule.type in (RuleType.MANDATORY, RuleType.BUNDLE, RuleType.PREREQUISITE)
    ]
    if alone:
        details += _amounts(problem, rule)
    return details + [f"{key} is forced {way}." for key in named if (way := _forced(problem, key))]


def _forced(problem: Problem, key: str) -> str:
    is_in = problem.forced.get(problem.index.get(key, -1))
    return "" if is_in is None else "in" if is_in else "out"


def _amounts(problem: Problem, rule: Rule) -> list[str]:
    capacity = plain(problem.snapshot.scenario.capacity)
    if rule.type is RuleType.MANDATORY:
        if any(key not in problem.index or _forced(problem, key) == "out" for key in rule.members):
            return []
        tokens = sum(problem.tokens[problem.index[key]] for key in rule.members)
        return [f"Together they take {plain(tokens)} tokens, the scenario's capacity is {capacity}."]
    if rule.type is RuleType.CAPACITY_FLOOR:
        inside = [column for column, one in enumerate(problem.candidates) if rule.slice.holds(one.folded)]
        if not inside:
            return [f"No candidate of this run lies in {rule.slice}."]
        tokens = float(problem.tokens[inside].sum())
        return [f"The candidates in {rule.slice} have {plain(tokens)} tokens, the scenario's capacity is {capacity}."]
    if rule.type is RuleType.TARGET:
        most = float(np.maximum(problem.sum_of(rule.kpi_key, rule.slice).coefficients, 0.0).sum())
        return [f"{plain(rule.needed)} is needed, all candidates in {rule.slice} together bring at most {plain(most)}."]
    return []


def by_place(findings: Iterable[Finding]) -> Mapping[Place, tuple[str, ...]]:
    """What is to be said on each row that takes part in a contradiction."""
    texts: dict[Place, list[str]] = {}
    for finding in findings:
        for place in finding.places:
            texts.setdefault(place, []).append(finding.text)
    return {place: tuple(said) for place, said in texts.items()}
