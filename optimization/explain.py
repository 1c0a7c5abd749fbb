"""Why an initiative is in a portfolio or out of it, in words. Pure but for the re-solves that are passed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from optimization.facts import Initiative, Snapshot
from optimization.problem import Problem
from optimization.rules import Rule, RuleType
from sheetsync.cells import fold

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
    return {
        **{key: f"not eligible because {why}" for key, why in problem.ineligible.items()},
        **{key: _reason(problem, key, selected, pulled) for key in problem.keys},
    }


def _reason(problem: Problem, key: str, selected: frozenset[str], pulled: Mapping[str, str]) -> str:
    forced = problem.forced.get(problem.index[key])
    if key not in selected:
        rule = _naming(problem, RuleType.EXCLUDE, key)
        if rule:
            return f"excluded by {rule.place}"
        return "forced out" if forced is False else _left_out(problem, key)
    rule = _naming(problem, RuleType.MANDATORY, key)
    if rule:
        return f"mandatory ({rule.place})"
    return "forced in" if forced else pulled.get(key, MERIT)


def _naming(problem: Problem, kind: RuleType, key: str) -> Rule | None:
    return next((rule for rule in problem.rules if rule.type is kind and key in rule.members), None)


def _left_out(problem: Problem, key: str) -> str:
    """Left out, and which row blocks it where one does whatever the rest of the portfolio is."""
    done = {entry.key for entry in problem.snapshot.initiatives if fold(entry.lifecycle_status) == "done"}
    for rule in problem.rules:
        if rule.type is RuleType.PREREQUISITE and rule.dependent == key:
            missing = [needed for needed in rule.members if needed not in done and _out(problem, needed)]
        elif rule.type is RuleType.BUNDLE and key in rule.members:
            missing = [member for member in rule.members if member != key and _out(problem, member)]
        else:
            continue
        if missing:
            what = "prerequisite" if rule.type is RuleType.PREREQUISITE else f"bundle {rule.bundle_key}'s member"
            return f"{LEFT_OUT}: its {what} {missing[0]} can't be selected ({rule.place})"
    return LEFT_OUT


def _out(problem: Problem, key: str) -> bool:
    return key not in problem.index or _naming(problem, RuleType.EXCLUDE, key) is not None


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


def dependency_status(problem: Problem, key: str, selected: frozenset[str]) -> str:
    """How the initiatives that this one says it depends on stand; these bind nothing. "" when it names none."""
    known = {entry.key: entry for entry in problem.snapshot.initiatives}
    needed = known[key].dependencies
    if not needed:
        return ""
    states = {other: _state(problem, known.get(other), other, selected) for other in needed}
    open_ones = [other for other, state in states.items() if state not in ("done", "selected")]
    listed = ", ".join(f"{other} {state}" for other, state in states.items())
    return f"{'open' if open_ones else 'met'}: {listed}"


def _state(problem: Problem, entry: Initiative | None, key: str, selected: frozenset[str]) -> str:
    if entry is None:
        return "unknown"
    if key in selected:
        return "selected"
    if fold(entry.lifecycle_status) == "done":
        return "done"
    return "not selected" if key in problem.index else "not a candidate"
