"""Why a candidate is chosen: what it brings, whom it keeps out, and what it would take to lose its place.

Its numbers are thresholds as those of `why_not`: with them it keeps its place, a hair further it doesn't.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from optimization.constraints.rules import Place, Rule, RuleType, plain
from optimization.readable import amount, listed, tidy
from optimization.solving.levels import Fall, as_columns, settles_for
from optimization.solving.milp import FAILED, INFEASIBLE, Solution
from optimization.solving.problem import Problem
from optimization.solving.rows import Bools
from optimization.why.thresholds import Lever, Reached, more_than, touched_rows
from optimization.why.why_not import Inquiry, readable


@dataclass(frozen=True, kw_only=True)
class WhyIn:
    """Why one candidate is chosen."""

    key: str
    brings: float | None = None  # what the objective would lose without it; None when it can't be left out
    step: str = ""  # lexicographic: the KPI of the step that would fall first, "" for the objective
    unit: str = ""  # what that is counted in: a KPI, or "" for the sum of weighted fractions
    replaced_by: tuple[str, ...] = ()  # keys that would come in its stead
    tokens: float = 0.0  # what it takes now
    tokens_up_to: float | None = (
        None  # it keeps its place up to so many tokens; None when tokens alone don't cost it its place
    )
    kpi_key: str = ""  # the KPI whose contribution would have to fall; "" when no fall matters
    contribution: float = 0.0  # what it contributes to that KPI now, in the KPI's unit
    contribution_down_to: float | None = None  # it keeps its place down to so much
    rules: tuple[Place, ...] = ()  # rows that cost the portfolio something and that it takes part in
    is_exact: bool = True  # every solve behind it was proved

    def to_json(self) -> dict[str, Any]:
        """Plain JSON for `result_json["why_in"]`."""
        return {
            "brings": self.brings,
            "step": self.step or None,
            "replaced_by": list(self.replaced_by),
            "tokens_up_to": self.tokens_up_to,
            "kpi_key": self.kpi_key or None,
            "contribution_down_to": self.contribution_down_to,
            "rules": [place.to_json() for place in self.rules],
            "approximate": not self.is_exact,
            "text": self.text(),
        }

    def text(self) -> str:
        """One sentence for people."""
        said = [self._brings_text(), self._keeps_text(), self._rules_text()]
        return f"{'; '.join(filter(None, said))}{'' if self.is_exact else ' (approximate: rests on a gap)'}."

    def _brings_text(self) -> str:
        if self.brings is None:
            return "It can't be left out: no portfolio without it obeys every rule"
        stead = f", although {listed(self.replaced_by)} would come in its stead" if self.replaced_by else ""
        if self.brings == 0.0:
            return f"Without it the objective would be the same{stead}: it wins the tie"
        step = f" of the step {self.step}" if self.step else ""
        return f"Without it the portfolio would lose {amount(self.brings, self.unit)}{step}{stead}"

    def _keeps_text(self) -> str:
        ends = []
        if self.tokens_up_to is not None:
            ends.append(f"up to {plain(self.tokens_up_to)} tokens (now {plain(tidy(self.tokens))})")
        if self.contribution_down_to is not None:
            ends.append(
                f"down to {plain(self.contribution_down_to)} {self.kpi_key} (now {plain(tidy(self.contribution))})"
            )
        return f"it keeps its place {' or '.join(ends)}" if ends else ""

    def _rules_text(self) -> str:
        return (
            f"it takes part in what costs something: {listed([str(place) for place in self.rules])}"
            if self.rules
            else ""
        )


def why_in(inquiry: Inquiry, key: str, priced: Sequence[Rule]) -> WhyIn | None:
    """Why a candidate is chosen; None when the time was up before that was known. `priced` are the rules that cost something."""
    problem, column = inquiry.problem, inquiry.problem.index[key]
    rules = tuple(rule.place for rule in priced if takes_part(problem, rule, column))
    empty = WhyIn(key=key, tokens=float(problem.tokens[column]), rules=rules)
    other = inquiry.other_way(column)
    if other.status in (FAILED, INFEASIBLE):
        return empty if other.status == INFEASIBLE else None
    fall, rival = inquiry.fall(other), as_columns(problem, other.selected)
    tokens, known = _tokens_up_to(inquiry, column, rival)
    kpi, own, least = _contribution_down_to(inquiry, column, other, fall)
    return replace(
        empty,
        brings=fall.amount if fall else 0.0,
        step=fall.kpi_key if fall else "",
        unit=inquiry.unit(fall),
        replaced_by=tuple(sorted(set(other.selected) - set(inquiry.solution.selected))),
        tokens_up_to=tokens,
        kpi_key=kpi,
        contribution=own,
        contribution_down_to=least,
        is_exact=known and other.proved and inquiry.solution.proved,
    )


def takes_part(problem: Problem, rule: Rule, column: int) -> bool:
    """Whether a rule names a candidate, or its slice holds it."""
    candidate = problem.candidates[column]
    if rule.type in (RuleType.CAPACITY_CAP, RuleType.CAPACITY_FLOOR, RuleType.TARGET):
        return rule.slice.holds(candidate.folded)
    return candidate.key in (*rule.members, rule.dependent)


def _tokens_up_to(inquiry: Inquiry, column: int, rival: Bools) -> tuple[float | None, bool]:
    problem, own = inquiry.problem, float(inquiry.problem.tokens[column])
    lever = Lever(column=column, own=own, best=own, worst=max(problem.snapshot.scenario.capacity, own))
    reached, known = inquiry.reached(lever, rival)
    if reached is None or reached.number >= lever.worst:
        return None, known
    grain = inquiry.grain(lever)
    # What a row's tolerance would let through is no room that people should count on.
    return (own if reached.number - own <= 1.01 * grain else readable(reached, lever, grain)), known


def _contribution_down_to(
    inquiry: Inquiry, column: int, other: Solution, fall: Fall | None
) -> tuple[str, float, float | None]:
    """(KPI, own contribution, least one): of the north star, or of the weighted KPI that may fall least on its scale."""
    problem, last = inquiry.problem, len(inquiry.levels) - 1
    if fall is not None and fall.level < last:
        return "", 0.0, None
    rival = as_columns(problem, other.selected)
    level = inquiry.levels[-1]
    lead, slack = level.value(inquiry.selected) - level.value(rival), level.slack(rival)
    wins = settles_for(problem, inquiry.selected, rival)
    room = max(lead + (0.999 * slack if wins else -more_than(level.value(rival), slack)), 0.0)
    best: tuple[float, str, float, float] | None = None
    for kpi, scale in inquiry.kpis():
        pulls = inquiry.pulls(column, kpi)
        if not pulls[-1] or any(pulls[:-1]):
            continue
        own = problem.candidates[column].contributions.get(kpi, 0.0)
        lever = Lever(column=column, own=own, best=own, worst=own - room / pulls[-1], kpi_key=kpi)
        found: Reached | None = Reached(columns=rival, number=lever.worst, nominal=None, best=own)
        if touched_rows(problem, column, kpi).any():
            found, _known = inquiry.reached(lever, rival)
        if found is not None and (best is None or (own - found.number) / scale < best[0]):
            best = ((own - found.number) / scale, kpi, own, readable(found, lever, 0.0))
    return ("", 0.0, None) if best is None or not math.isfinite(best[3]) else best[1:]
