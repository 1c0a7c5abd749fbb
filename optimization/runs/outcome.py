"""The figures of a solved run: a record per initiative, totals, a row per target, and what programs read."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimization.constraints.rules import Rule, RuleType, plain
from optimization.solving.eligibility import eligibility
from optimization.solving.facts import Initiative, Snapshot
from optimization.solving.milp import FEASIBLE, INFEASIBLE, OPTIMAL, PROOF_LIMIT, Solution, solve
from optimization.solving.problem import Problem, Refusal, build_problem, tolerance
from optimization.solving.rows import Bools
from optimization.why.clash import Clash, find_clash
from optimization.why.explain import Resolve, dependency_status, reasons
from sheetsync.values.cells import fold

OK, WARNING, CRITICAL = "ok", "warning", "critical"
MOST_NAMED = 3  # initiatives that a recommendation names


@dataclass(frozen=True, kw_only=True)
class Item:
    """One initiative in a run's outcome."""

    key: str
    title: str
    is_eligible: bool
    selected: bool
    rank: int | None  # among the selected, 1 is the largest objective_contribution
    tokens: float | None  # what it takes in its scope_mode; None when unknown
    north_star_gain: float | None  # its own contribution, north star's unit; None when it isn't eligible
    objective_contribution: float | None  # its own part of the objective, without bonuses; None when it isn't eligible
    reason: str
    dependency_status: str


@dataclass(frozen=True, kw_only=True)
class GapRow:
    """One target of the set, met or not."""

    rule: Rule  # the row of Targets
    achieved: float  # baseline (or 0) + contributions and bonuses of the selected, in the KPI's unit
    gap: float  # what is missing to the target, 0 when met
    severity: str  # ok, warning (a goal missed), critical (a floor missed)
    recommendation: str  # "" when met


@dataclass(frozen=True, kw_only=True)
class Greedy:
    """What sorting by the active score and filling the capacity reaches."""

    selected: tuple[str, ...]  # keys, ascending
    objective: float  # in the units of the run's objective
    rules_broken: int  # how many rules of the set it breaks

    def to_json(self) -> dict[str, Any]:
        """Plain JSON for `result_json["greedy"]`."""
        return {"objective": self.objective, "selected": list(self.selected), "rules_broken": self.rules_broken}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Everything that Runs, Results and Gaps_And_Alerts show of a run."""

    status: str
    items: tuple[Item, ...]  # candidates, and what was meant to be one and isn't eligible; by key
    gaps: tuple[GapRow, ...]  # none for an infeasible run
    candidate_count: int  # eligible ones
    tokens_used: float | None  # None without a portfolio
    total_objective: float | None  # None without a portfolio
    greedy: Greedy
    gap_summary: str  # one line: how many targets are met, and which floors and goals aren't
    result_json: dict[str, Any]


def outcome(problem: Problem, solution: Solution, *, time_limit_s: float = 60.0) -> Outcome:
    """The figures of a solved problem. The time limit is for all re-solves that tell what a rule pulled in."""
    resolve = _resolver(time_limit_s) if len(problem.candidates) <= PROOF_LIMIT else None
    has_portfolio = solution.status in (OPTIMAL, FEASIBLE)
    selected = frozenset(solution.selected)
    columns = problem.columns(np.array([key in selected for key in problem.keys], dtype=np.bool_))
    gaps = tuple(_gap(problem, rule, columns) for rule in problem.rules if rule.type is RuleType.TARGET)
    rival = greedy(problem)
    clash = _clash(problem, solution, time_limit_s)
    return Outcome(
        status=solution.status,
        items=_items(problem, selected, reasons(problem, selected, resolve)) if has_portfolio else _unsolved(problem),
        gaps=gaps if has_portfolio else (),
        candidate_count=len(problem.candidates),
        tokens_used=_tokens(problem, columns) if has_portfolio else None,
        total_objective=solution.objective if has_portfolio else None,
        greedy=rival,
        gap_summary=_summary(gaps) if has_portfolio else clash.words() if clash else "",
        result_json=_result(problem, solution, columns, rival)
        if has_portfolio
        else {"infeasible": clash.to_json()}
        if clash
        else {},
    )


def _resolver(time_limit_s: float) -> Resolve:
    """Solves changed snapshots until the time is up; what isn't proved by then is no answer."""
    deadline = time.perf_counter() + time_limit_s

    def resolve(snapshot: Snapshot) -> frozenset[str] | None:
        problem = build_problem(snapshot)
        seconds = deadline - time.perf_counter()
        if isinstance(problem, Refusal) or seconds <= 0:
            return None
        solution = solve(problem, time_limit_s=seconds)
        return frozenset(solution.selected) if solution.proved else None

    return resolve


def _tokens(problem: Problem, columns: Bools) -> float:
    return math.fsum(problem.tokens[columns[: len(problem.candidates)]].tolist())


def _result(problem: Problem, solution: Solution, columns: Bools, rival: Greedy) -> dict[str, Any]:
    return {
        "selected": list(solution.selected),
        "total_objective": solution.objective,
        "tokens_used": _tokens(problem, columns),
        "kpis": {kpi: problem.sum_of(kpi).value(columns) for kpi in problem.snapshot.kpis},
        "steps": [step.to_json() for step in solution.steps],
        "greedy": rival.to_json(),
    }


def _clash(problem: Problem, solution: Solution, time_limit_s: float) -> Clash | None:
    if solution.status != INFEASIBLE:
        return None
    return find_clash(problem, solution.findings, time_limit_s=time_limit_s)


# --- initiatives -----------------------------------------------------------------------------------------------------


def _listed(problem: Problem) -> list[Initiative]:
    """Every candidate, and every initiative that was meant to be one (by its flag or a tick) and isn't eligible."""
    ticked = problem.snapshot.ticked or frozenset()
    scenario = problem.snapshot.scenario
    return sorted(
        (
            entry
            for entry in problem.snapshot.initiatives
            if entry.key in problem.index
            or ((entry.is_candidate or entry.key in ticked) and eligibility(entry, scenario) is not None)
        ),
        key=lambda entry: entry.key,
    )


def _items(problem: Problem, selected: frozenset[str], why: dict[str, str]) -> tuple[Item, ...]:
    own = problem.objective.coefficients
    ranked = sorted(selected, key=lambda key: (-own[problem.index[key]], key))
    rank = {key: place for place, key in enumerate(ranked, start=1)}
    return tuple(_item(problem, entry, selected, rank.get(entry.key), why[entry.key]) for entry in _listed(problem))


def _unsolved(problem: Problem) -> tuple[Item, ...]:
    """Without a portfolio nothing is chosen, but what isn't eligible still says why."""
    why = dict.fromkeys(problem.keys, "no portfolio: the run found none")
    why |= {key: f"not eligible because {reason}" for key, reason in problem.ineligible.items()}
    return _items(problem, frozenset(), why)


def _item(problem: Problem, entry: Initiative, selected: frozenset[str], rank: int | None, reason: str) -> Item:
    column = problem.index.get(entry.key)
    return Item(
        key=entry.key,
        title=entry.title,
        is_eligible=column is not None,
        selected=entry.key in selected,
        rank=rank,
        tokens=entry.tokens,
        north_star_gain=None if column is None else entry.contributions.get(problem.snapshot.north_star, 0.0),
        objective_contribution=None if column is None else float(problem.objective.coefficients[column]),
        reason=reason,
        dependency_status=dependency_status(problem, entry, selected),
    )


# --- targets ---------------------------------------------------------------------------------------------------------


def _gap(problem: Problem, rule: Rule, columns: Bools) -> GapRow:
    sums = problem.sum_of(rule.kpi_key, rule.slice)
    gained = sums.value(columns)
    achieved = math.fsum((rule.baseline or 0.0, gained))
    missing = rule.number - achieved
    is_met = missing <= tolerance(rule.needed)
    return GapRow(
        rule=rule,
        achieved=achieved,
        gap=0.0 if is_met else missing,
        severity=OK if is_met else CRITICAL if rule.kind == "floor" else WARNING,
        recommendation="" if is_met else _recommendation(problem, rule, columns, missing),
    )


def _recommendation(problem: Problem, rule: Rule, columns: Bools, missing: float) -> str:
    own = problem.sum_of(rule.kpi_key, rule.slice).coefficients[: len(problem.candidates)]
    left = [column for column in np.argsort(-own, kind="stable") if own[column] > 0 and not columns[column]]
    short = f"{plain(round(missing, 6))} {rule.kpi_key} short in {rule.slice}."
    if not left:
        return f"{short} No candidate left out adds to it: find more initiatives, or lower the target."
    named = ", ".join(
        f"{problem.keys[column]} (+{plain(round(float(own[column]), 6))})" for column in left[:MOST_NAMED]
    )
    enough = math.fsum(own[left].tolist()) >= missing
    return f"{short} Left out: {named}{'' if enough else '; all that is left out together is too little'}."


def _summary(gaps: tuple[GapRow, ...]) -> str:
    if not gaps:
        return "no targets"
    missed = [
        f"{row.rule.kpi_key} {row.rule.kind} in {row.rule.slice} missed by {plain(round(row.gap, 6))}"
        for row in gaps
        if row.gap
    ]
    met = f"{len(gaps) - len(missed)} of {len(gaps)} targets met"
    return "; ".join([met, *missed])


# --- greedy ----------------------------------------------------------------------------------------------------------


def greedy(problem: Problem) -> Greedy:
    """Mandatory first, excluded never, then by overall_score (none last, then key), each that still fits capacity."""
    named = {
        kind: {k for r in problem.rules if r.type is kind for k in r.members}
        for kind in (RuleType.MANDATORY, RuleType.EXCLUDE)
    }
    open_ones = [candidate for candidate in problem.candidates if candidate.key not in named[RuleType.EXCLUDE]]
    order = sorted(open_ones, key=lambda entry: (entry.key not in named[RuleType.MANDATORY], *_by_score(entry)))
    capacity = problem.snapshot.scenario.capacity
    used, taken = 0.0, np.zeros(len(problem.candidates), dtype=np.bool_)
    for entry in order:
        tokens = entry.tokens or 0.0
        if used + tokens <= capacity + tolerance(capacity):
            used += tokens
            taken[problem.index[entry.key]] = True
    columns = problem.columns(taken)
    return Greedy(
        selected=tuple(key for key, chosen in zip(problem.keys, taken, strict=True) if chosen),
        objective=problem.objective.value(columns),
        rules_broken=len(_broken_rules(problem, columns)),
    )


def _by_score(entry: Initiative) -> tuple[float, str]:
    return (math.inf if entry.overall_score is None else -entry.overall_score), entry.key


def _broken_rules(problem: Problem, columns: Bools) -> set[object]:
    """What a choice breaks, each rule once (a bundle of several rows is one)."""
    owners = problem.rows.owners[problem.rows.broken(columns)].ravel()
    rules = [problem.rules[number] for number in owners if number >= 0]
    return {fold(rule.bundle_key) if rule.type is RuleType.BUNDLE else rule.place for rule in rules}
