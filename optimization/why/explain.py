"""Why an initiative is in a portfolio or out of it, in words. Pure but for the re-solves that are passed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from optimization.constraints.rules import Rule, RuleType
from optimization.solving.facts import Initiative, Snapshot
from optimization.solving.problem import Problem
from sheetsync.values.cells import fold

# A snapshot's portfolio: keys selected, or None when there is none.
Resolve = Callable[[Snapshot], frozenset[str] | None]

MERIT = "chosen on merit"
LEFT_OUT = "left out"


def reasons(problem: Problem, selected: frozenset[str], resolve: Resolve | None = None) -> dict[str, str]:
    """Key -> why it is in or out, for every candidate and every initiative that isn't eligible.

    When several hold: mandatory, forced, then pulled in, else merit. Pulled in means that it would be left out without
    that rule: `resolve` says what a changed snapshot selects. Without it, what earns nothing counts as pulled in.
    """
    pulled = _pulled_in(problem, selected, resolve)
    naming = _Naming.of(problem)
    return {
        **{key: f"not eligible because {why}" for key, why in problem.ineligible.items()},
        **{key: _why_in(problem, key, naming, pulled) for key in selected},
        **{key: _why_out(problem, key, naming) for key in problem.keys if key not in selected},
    }


@dataclass(frozen=True, kw_only=True)
class _Naming:
    """Which rules name a key, looked up once for all keys."""

    mandatory: Mapping[str, Rule]  # the first row that makes it mandatory
    excluded: Mapping[str, Rule]  # the first row that excludes it
    binding: Mapping[str, Sequence[tuple[Rule, tuple[str, ...]]]]  # what it can't go without: (rule, other keys)

    @classmethod
    def of(cls, problem: Problem) -> _Naming:
        firsts: dict[RuleType, dict[str, Rule]] = {RuleType.MANDATORY: {}, RuleType.EXCLUDE: {}}
        binding: dict[str, list[tuple[Rule, tuple[str, ...]]]] = {}
        for rule in problem.rules:
            for key in rule.members:
                if rule.type in firsts:
                    firsts[rule.type].setdefault(key, rule)
                if rule.type is RuleType.BUNDLE:
                    binding.setdefault(key, []).append((rule, rule.members))
            if rule.type is RuleType.PREREQUISITE:
                needed = tuple(key for key in rule.members if key not in problem.snapshot.done)
                binding.setdefault(rule.dependent, []).append((rule, needed))
        return cls(mandatory=firsts[RuleType.MANDATORY], excluded=firsts[RuleType.EXCLUDE], binding=binding)


def _why_in(problem: Problem, key: str, naming: _Naming, pulled: Mapping[str, str]) -> str:
    if key in naming.mandatory:
        return f"mandatory ({naming.mandatory[key].place})"
    return "forced in" if problem.forced.get(problem.index[key]) else pulled.get(key, MERIT)


def _why_out(problem: Problem, key: str, naming: _Naming) -> str:
    """Excluded, forced out, or left out: with the row that blocks it where one does whatever else is selected."""
    if key in naming.excluded:
        return f"excluded by {naming.excluded[key].place}"
    if problem.forced.get(problem.index[key]) is False:
        return "forced out"
    for rule, others in naming.binding.get(key, ()):
        for other in others:
            if other != key and (other not in problem.index or other in naming.excluded):
                what = "prerequisite" if rule.type is RuleType.PREREQUISITE else f"bundle {rule.bundle_key}'s member"
                return f"{LEFT_OUT}: its {what} {other} can't be selected ({rule.place})"
    return LEFT_OUT


def _pulled_in(problem: Problem, selected: frozenset[str], resolve: Resolve | None) -> dict[str, str]:
    """Key -> "pulled in by ..." for what is selected because a bundle or a prerequisite asks for it."""
    held = {key for rule in problem.rules if rule.type is RuleType.MANDATORY for key in rule.members}
    held |= {problem.keys[column] for column, is_in in problem.forced.items() if is_in}
    rules = problem.rules
    pulled: dict[str, str] = {}
    for dropped, members, words in _pulling(problem, selected):
        asked = sorted((members & selected) - held - pulled.keys())
        if not asked:
            continue
        left = replace(problem.snapshot, rules=tuple(rule for rule in rules if rule not in dropped))
        kept = resolve(left) if resolve else None
        if kept is None:
            kept = frozenset(key for key in asked if _earns(problem, key))
        pulled |= {key: words for key in asked if key not in kept}
    return pulled


def _pulling(problem: Problem, selected: frozenset[str]) -> Iterator[tuple[list[Rule], set[str], str]]:
    """(rules to drop, keys they may have pulled in, how to say so) for each bundle and each row of prerequisites."""
    bundles: dict[str, list[Rule]] = {}
    for rule in problem.rules:
        if rule.type is RuleType.BUNDLE:
            bundles.setdefault(fold(rule.bundle_key), []).append(rule)
    for rules in bundles.values():
        rows = ", ".join(str(rule.place) for rule in rules)
        yield (
            rules,
            {key for rule in rules for key in rule.members},
            f"pulled in by bundle {rules[0].bundle_key} ({rows})",
        )
    for rule in problem.rules:
        if rule.type is RuleType.PREREQUISITE and rule.dependent in selected:
            yield [rule], set(rule.members), f"pulled in as a prerequisite of {rule.dependent} ({rule.place})"


def _earns(problem: Problem, key: str) -> bool:
    return bool(problem.objective.coefficients[problem.index[key]] > 0)


def dependency_status(problem: Problem, entry: Initiative, selected: frozenset[str]) -> str:
    """How the initiatives that this one says it depends on stand; these bind nothing. "" when it names none."""
    if not entry.dependencies:
        return ""
    states = {key: _state(problem, key, selected) for key in entry.dependencies}
    open_ones = [other for other, state in states.items() if state not in ("done", "selected")]
    listed = ", ".join(f"{other} {state}" for other, state in states.items())
    return f"{'open' if open_ones else 'met'}: {listed}"


def _state(problem: Problem, key: str, selected: frozenset[str]) -> str:
    if key in selected:
        return "selected"
    if key in problem.snapshot.done:
        return "done"
    if key not in problem.snapshot.by_key:
        return "unknown"
    return "not selected" if key in problem.index else "not a candidate"
