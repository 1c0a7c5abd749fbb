"""What every rule costs: how much more the objective would reach without it, by a solve without it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from optimization.constraints.rules import Rule, RuleType
from optimization.readable import amount, listed
from optimization.solving.levels import as_columns, first_fall, levels_of
from optimization.solving.milp import FEASIBLE, OPTIMAL, PROOF_LIMIT, Solution, solve_again
from optimization.solving.problem import Problem
from optimization.solving.rows import NOBODY


@dataclass(frozen=True, kw_only=True)
class Price:
    """What one rule costs."""

    rule: Rule
    cost: float  # what the objective (lexicographic: the first step that would rise) lacks because of it
    step: str  # lexicographic: the KPI of that step, "" for the objective
    unit: str  # what the cost is counted in: a KPI, "" for the sum of weighted fractions
    enters: tuple[str, ...]  # keys that would come in without it
    leaves: tuple[str, ...]  # keys that would go
    is_exact: bool  # every solve behind it was proved

    def to_json(self) -> dict[str, Any]:
        """Plain JSON for `result_json["rule_prices"]`."""
        return {
            "rows": [place.to_json() for place in self.rule.places],
            "rule": self.rule.words(),
            "cost": self.cost,
            "step": self.step or None,
            "enters": list(self.enters),
            "leaves": list(self.leaves),
            "approximate": not self.is_exact,
            "text": self.text(),
        }

    def text(self) -> str:
        """ "costs 120 gmv: without it ... would come in"."""
        moves = [f"{listed(self.enters)} would come in" if self.enters else ""]
        moves += [f"{listed(self.leaves)} would go" if self.leaves else ""]
        step = f" of the step {self.step}" if self.step else ""
        about = "" if self.is_exact else "about "
        return f"costs {about}{amount(self.cost, self.unit)}{step}: without it {' and '.join(filter(None, moves))}"


@dataclass(kw_only=True)
class Pricing:
    """Finds the rules that cost something. Many cost nothing together, which one solve without all of them shows."""

    problem: Problem
    solution: Solution
    deadline: float  # of time.perf_counter()
    gap: float  # for problems that are too large to prove
    conclusive: bool = True  # the time limit left nothing out
    found: list[Price] = field(default_factory=list)

    def compute(self) -> Iterator[Price]:
        """Price after price, as they are found."""
        yield from self._among(self._binding())

    def ranked(self) -> list[Price]:
        """The dearest first."""
        return sorted(self.found, key=lambda price: (-price.cost, price.rule.place))

    def _binding(self) -> list[int]:
        """Rules with rows; a bonus is a fact and not a rule that binds."""
        owners = sorted({int(owner) for owner in self.problem.rows.owners.ravel() if owner != NOBODY})
        return [number for number in owners if self.problem.rules[number].type is not RuleType.SYNERGY]

    def _among(self, rules: Sequence[int]) -> Iterator[Price]:
        """The prices of those that have one: a group without which nothing is gained has none."""
        if not rules or not self.conclusive:
            return
        price = self._without(rules)
        if price is None:
            return
        if len(rules) == 1:
            self.found.append(price)
            yield price
            return
        half = len(rules) // 2
        yield from self._among(rules[:half])
        yield from self._among(rules[half:])

    def _without(self, rules: Sequence[int]) -> Price | None:
        """What is gained without these rules together; None for nothing."""
        seconds = self.deadline - time.perf_counter()
        active = np.ones(len(self.problem.rules), dtype=np.bool_)
        active[list(rules)] = False
        left = replace(self.problem, rows=self.problem.rows.standing(active))
        chosen = as_columns(self.problem, self.solution.selected)
        other = solve_again(left, start=chosen, settled=len(rules) == 1, time_limit_s=max(seconds, 0.0), gap=self.gap)
        if other.status not in (OPTIMAL, FEASIBLE):
            self.conclusive = False
            return None
        fall = first_fall(levels_of(self.problem), as_columns(self.problem, other.selected), chosen)
        if fall is None:
            return None
        before, after = set(self.solution.selected), set(other.selected)
        star = self.problem.snapshot.north_star
        return Price(
            rule=self.problem.rules[rules[0]],
            cost=fall.amount,
            step=fall.kpi_key,
            unit=fall.kpi_key or ("" if self.problem.snapshot.scenario.mode == "weighted_kpis" else star),
            enters=tuple(sorted(after - before)),
            leaves=tuple(sorted(before - after)),
            is_exact=len(self.problem.candidates) <= PROOF_LIMIT and other.proved and self.solution.proved,
        )
