"""Why one initiative is in a run's portfolio or out of it, and what holding it the other way would cost, in a few sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from optimization.effort import Effort, Patience
from optimization.forcing import Forced, hold
from optimization.milp import Solution, solve
from optimization.models import OptimizationRun, PortfolioItem
from optimization.objective import WEIGHTED, Refusal
from optimization.problem import Problem
from optimization.rules import plain
from sheetsync.cells import nearest


@dataclass(kw_only=True)
class Explainer:
    """Answers questions about one run that found a portfolio."""

    run: OptimizationRun
    problem: Problem  # of the run's snapshot
    effort: Effort
    patience: Patience

    @cached_property
    def solution(self) -> Solution:
        """The run's own solve, made again."""
        return solve(self.problem, time_limit_s=self._seconds(), gap=self.effort.gap)

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
        brings, tokens = item.objective_contribution or 0.0, item.allocated_tokens or 0.0
        yield f"it brings {self._amount(brings)} for {plain(tokens)} tokens"
        if self._seconds() <= 0:
            yield "what holding it the other way would cost wasn't computed: the time is over"
            return
        forced = hold(
            self.problem,
            self.solution,
            item.initiative_key,
            is_in=not item.selected,
            time_limit_s=self._seconds(),
            gap=self.effort.gap,
        )
        yield self._forced(forced, is_in=not item.selected)
        if why_not := self.run.result_json.get("why_not", {}).get(item.initiative_key):
            yield str(why_not["text"])

    def _forced(self, forced: Forced, *, is_in: bool) -> str:
        way = "in" if is_in else "out"
        if forced.status == "infeasible":
            return f"forced {way}, no portfolio obeys the rules"
        if not forced.has_portfolio:
            return f"what forcing it {way} would cost wasn't found in time"
        moved = [f"push out {', '.join(forced.leaves)}" if is_in and forced.leaves else ""]
        moved += [f"take {', '.join(forced.leaves)} along" if not is_in and forced.leaves else ""]
        moved += [f"let in {', '.join(forced.enters)}" if forced.enters else ""]
        parts = [f"cost {self._amount(forced.cost, forced.kpi_key)}", *filter(None, moved)]
        doubt = " (approximate)" if forced.is_approximate else ""
        return f"forcing it {way} would {' and '.join(parts)}{doubt}"

    def _amount(self, number: float, kpi: str = "") -> str:
        is_share = self.problem.snapshot.scenario.mode == WEIGHTED
        unit = "of the objective" if is_share else kpi or self.problem.snapshot.north_star
        return f"{plain(round(number, 6))} {unit}"

    def _seconds(self) -> float:
        return min(self.effort.time_limit_s, self.patience.seconds_left)
