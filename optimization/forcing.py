"""What it would cost to hold one initiative in or out of a portfolio, and whom that would move. Pure but for milp's solver."""

from __future__ import annotations

from dataclasses import dataclass, replace

from optimization.milp import FEASIBLE, OPTIMAL, Solution, solve
from optimization.problem import Problem, Refusal, build_problem


@dataclass(frozen=True, kw_only=True)
class Forced:
    """A portfolio with one initiative held in or out, beside the one without."""

    status: str  # of the solve: optimal, feasible, infeasible, failed
    cost: float  # by how much the objective falls, in its units (lexicographic: of the first KPI that falls); 0 without a portfolio
    kpi_key: str  # lexicographic: the KPI that falls first; "" for the last objective
    leaves: tuple[str, ...]  # other keys that go out
    enters: tuple[str, ...]  # other keys that come in
    is_approximate: bool  # rests on a gap or a time limit

    @property
    def has_portfolio(self) -> bool:
        """Whether some portfolio obeys the rules then."""
        return self.status in (OPTIMAL, FEASIBLE)


def hold(problem: Problem, solution: Solution, key: str, *, is_in: bool, time_limit_s: float, gap: float) -> Forced:
    """The problem with a candidate held in or out, solved; `solution` is the problem's own."""
    force = {**problem.snapshot.force, key: "in" if is_in else "out"}
    held = build_problem(replace(problem.snapshot, force=force))
    assert not isinstance(held, Refusal), "what is held doesn't change whether a run can start"
    found = solve(held, time_limit_s=time_limit_s, gap=gap)
    if found.status not in (OPTIMAL, FEASIBLE):
        return Forced(status=found.status, cost=0.0, kpi_key="", leaves=(), enters=(), is_approximate=False)
    cost, kpi = _cost(solution, found)
    mine, theirs = set(solution.selected), set(found.selected)
    return Forced(
        status=found.status,
        cost=cost,
        kpi_key=kpi,
        leaves=tuple(sorted(mine - theirs - {key})),
        enters=tuple(sorted(theirs - mine - {key})),
        is_approximate=not (found.proved and solution.proved),
    )


def _cost(best: Solution, found: Solution) -> tuple[float, str]:
    """The fall of the first step that falls, else of the last objective."""
    for step, other in zip(best.steps, found.steps, strict=True):
        fall = step.reached - other.reached
        if fall > 1e-9 * max(1.0, abs(step.reached)):
            return fall, step.kpi_key
    return max(best.objective - found.objective, 0.0), ""
