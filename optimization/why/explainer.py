"""Why one initiative is in a run's portfolio or out of it, and what holding it the other way would cost, in a few sentences."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from optimization.constraints.rules import plain
from optimization.models import OptimizationRun, PortfolioItem
from optimization.solving.effort import Effort, Patience
from optimization.solving.milp import FEASIBLE, INFEASIBLE, OPTIMAL, Solution, solve
from optimization.solving.objective import Refusal
from optimization.solving.problem import Problem
from optimization.why.why_not import Inquiry
from sheetsync.values.cells import nearest


@dataclass(kw_only=True)
class Explainer:
    """Answers questions about one run that found a portfolio."""

    run: OptimizationRun
    problem: Problem  # of the run's snapshot
    effort: Effort
    patience: Patience

    @cached_property
    def inquiry(self) -> Inquiry:
        """Asks the run's own solve, made again."""
        seconds = min(self.effort.time_limit_s, self.patience.seconds_left)
        solution = solve(self.problem, time_limit_s=seconds, gap=self.effort.gap)
        deadline = time.perf_counter() + self.patience.seconds_left
        return Inquiry(problem=self.problem, solution=solution, deadline=deadline, gap=self.effort.gap)

    def tell(self, key: str) -> str | Refusal:
        """Why it is in or out, what it brings, and what the other way would cost."""
        item = PortfolioItem.objects.filter(portfolio__run=self.run, initiative_key=key).first()
        if item is None:
            keys = list(PortfolioItem.objects.filter(portfolio__run=self.run).values_list("initiative_key", flat=True))
            near = nearest(key, keys)
            return Refusal(text=f"{key} isn't part of the run" + (f"; the nearest key there is {near}" if near else ""))
        if not item.is_eligible:
            return f"{key} is out: {item.reason}"
        return "; ".join((f"{key} is {'in' if item.selected else 'out'}: {item.reason}", *self._more(item)))

    def _more(self, item: PortfolioItem) -> Iterator[str]:
        brings, unit = item.objective_contribution or 0.0, self.inquiry.unit(None) or "of the objective"
        yield f"it brings {plain(round(brings, 6))} {unit} for {plain(item.allocated_tokens or 0.0)} tokens"
        if self.patience.seconds_left <= 0:
            yield "what holding it the other way would cost wasn't computed: the time is over"
        else:
            yield self._forced_out(item.initiative_key) if item.selected else self._why_not(item.initiative_key)

    def _why_not(self, key: str) -> str:
        known = self.run.result_json.get("why_not", {}).get(key)
        if known is not None:
            return _inside_a_sentence(known["text"])
        found = self.inquiry.why_not(key)
        return _inside_a_sentence(found.text()) if found else "what forcing it in would cost wasn't found in time"

    def _forced_out(self, key: str) -> str:
        if self.problem.forced.get(self.problem.index[key]):
            return "it can't be left out: a what-if forces it in"
        without = self.inquiry.other_way(self.problem.index[key])
        if without.status == INFEASIBLE:
            return "forced out, no portfolio obeys the rules"
        if without.status not in (OPTIMAL, FEASIBLE):
            return "what forcing it out would cost wasn't found in time"
        now, then = set(self.inquiry.solution.selected), set(without.selected)
        along, instead = sorted(now - then - {key}), sorted(then - now)
        parts = [
            f"cost {self._cost(without)}",
            f"take {', '.join(along)} along" if along else "",
            f"let in {', '.join(instead)}" if instead else "",
        ]
        doubt = "" if without.proved and self.inquiry.solution.proved else " (approximate)"
        return f"forcing it out would {' and '.join(filter(None, parts))}{doubt}"

    def _cost(self, without: Solution) -> str:
        fall = self.inquiry.fall(without)
        unit = self.inquiry.unit(fall) or "of the objective"
        return f"{plain(round(fall.amount, 6))} {unit}" if fall else "nothing"


def _inside_a_sentence(text: str) -> str:
    return f"{text[0].lower()}{text[1:]}".removesuffix(".")
