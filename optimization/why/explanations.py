"""What a solved run says of its own result beside figures: part by part, so that the first parts can be shown early."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from optimization.constraints.rules import Rule
from optimization.solving.milp import FEASIBLE, OPTIMAL, Solution
from optimization.solving.problem import Problem
from optimization.why.prices import Pricing
from optimization.why.why_in import why_in
from optimization.why.why_not import Inquiry

PRICES = 0.25  # the share of the time that the prices of rules may take


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much is explained."""

    most: int  # candidates left out, and as many chosen ones: the nearest misses and the narrowest choices come first
    seconds: float  # in all
    limit: str = "SOLVER_EXPLAIN_MOST"  # what says so: a setting, or an argument


@dataclass(kw_only=True)
class Explanations:
    """The parts of `result_json` that explain one solution. `done` says how far they are."""

    problem: Problem
    solution: Solution
    extent: Extent
    gap: float  # relative gap at which a large problem's solve may stop
    parts: dict[str, Any] = field(default_factory=dict)
    total: int = 0
    done: int = 0
    _priced: list[Rule] = field(default_factory=list)  # rules that cost something

    def compute(self) -> Iterator[Mapping[str, Any]]:
        """Explains one thing after another; each time gives all parts so far."""
        if self.solution.status not in (OPTIMAL, FEASIBLE):
            return
        deadline = time.perf_counter() + self.extent.seconds
        yield from self._prices(time.perf_counter() + self.extent.seconds * PRICES)
        inquiry = Inquiry(problem=self.problem, solution=self.solution, deadline=deadline, gap=self.gap)
        yield from self._left_out(inquiry)
        yield from self._chosen(inquiry)

    def _chosen(self, inquiry: Inquiry) -> Iterator[Mapping[str, Any]]:
        found = self.parts.setdefault("why_in", {})
        for key in islice(inquiry.chosen(), self.extent.most):
            why = why_in(inquiry, key, self._priced)
            if why is None:
                break
            found[key] = why.to_json()
            yield self.parts

    def _prices(self, deadline: float) -> Iterator[Mapping[str, Any]]:
        pricing = Pricing(problem=self.problem, solution=self.solution, deadline=deadline, gap=self.gap)
        for _price in pricing.compute():
            self.parts["rule_prices"] = [price.to_json() for price in pricing.ranked()]
            yield self.parts
        self.parts["rule_prices"] = [price.to_json() for price in pricing.ranked()]
        self.parts["rule_prices_complete"] = pricing.conclusive
        self._priced = [price.rule for price in pricing.ranked()]

    def _left_out(self, inquiry: Inquiry) -> Iterator[Mapping[str, Any]]:
        left_out = list(inquiry.left_out())
        found = self.parts.setdefault("why_not", {})
        self.total = min(len(left_out), self.extent.most)
        for key in islice(left_out, self.extent.most):
            why = inquiry.why_not(key)
            if why is None:
                break
            found[key] = why.to_json()
            self.done += 1
            yield self.parts
        if self.done < len(left_out):
            self.parts["not_computed"] = _rest(
                self.done, len(left_out), "SOLVER_EXPLAIN_S" if self.done < self.total else self.extent.limit
            )
            yield self.parts


def _rest(done: int, count: int, limit: str) -> str:
    return (
        f"Not computed: of {count} candidates left out the {done} nearest misses are explained ({limit}); "
        "pm.explain_selection explains any one by its key."
    )
