"""HiGHS through PuLP, fed with arrays: building a model variable by variable would cost more than many solves."""

from __future__ import annotations

import math
import os
import sys
import time
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from typing import Any

import highspy
import numpy as np
import pulp
from numpy.typing import NDArray

from optimization.solving.rows import Floats, Rows

# A value is off by more than summing and the solver's tolerances explain: relative, and at the least. Both are smaller than the price at
# which `search` lets a known portfolio stay.
MISCOUNTED, LEAST_MISCOUNTED = 1e-9, 2e-7
SEED = 20  # any fixed number: the same model takes the same path


class Ending(Enum):
    """How a solve ended."""

    OPTIMAL = "optimal"  # proved, within the gap asked for
    STOPPED = "stopped"  # by the time limit, with a solution
    INFEASIBLE = "infeasible"  # proved
    NOTHING = "nothing"  # neither a solution nor a proof


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the solver says of one model."""

    ending: Ending
    values: Floats  # of the columns, as near to whole numbers as the solver's tolerance asks; 0 without a solution
    value: float = math.nan  # of the cost, nan without a solution
    gap: float = math.inf  # relative, between solution and bound; inf without a solution
    bound: float = math.nan  # proved best value in the units of the cost, nan when unknown

    @property
    def columns(self) -> NDArray[np.bool_]:
        """Which columns are 1; all False without a solution."""
        return self.values > 0.5

    @classmethod
    def infeasible(cls, size: int) -> Answer:
        """Nothing obeys the rows."""
        return cls(ending=Ending.INFEASIBLE, values=np.zeros(size))


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How hard to try."""

    time_limit_s: float
    gap: float  # relative gap at which to stop, 0 for a proof
    feasibility: float  # how far the solver may miss a scaled row or a whole number


# Problems this small are proved sooner by branching at once than by looking for better portfolios first.
_FOR_PROOFS: dict[str, Any] = {
    "mip_allow_restart": False,
    "mip_detect_symmetry": False,
    "mip_heuristic_effort": 0.0,
    "mip_heuristic_run_feasibility_jump": False,
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_rins": False,
    "mip_heuristic_run_root_reduced_cost": False,
    "mip_pscost_minreliable": 2,
}


class _Arrays(pulp.HiGHS):
    """PuLP's HiGHS solver, with the model passed as arrays instead of PuLP's variables and constraints."""

    def __init__(
        self,
        cost: Floats,
        low: Floats,
        high: Floats,
        rows: Rows,
        effort: Effort,
        start: Floats | None,
        fractions: int,
    ) -> None:
        super().__init__(
            msg=False,
            gapRel=effort.gap,
            gapAbs=0.0,
            threads=1,
            timeLimit=max(effort.time_limit_s, 0.01),
            output_flag=False,
            random_seed=SEED,
            mip_feasibility_tolerance=effort.feasibility,
            primal_feasibility_tolerance=effort.feasibility,
            dual_feasibility_tolerance=effort.feasibility,
            **({} if effort.gap else _FOR_PROOFS),
        )
        self.model = cost, low, high, rows, start, fractions

    def buildSolverModel(self, lp: pulp.LpProblem) -> None:  # noqa: N802  # PuLP's name
        cost, low, high, rows, start, fractions = self.model
        size = len(cost)
        highs = _model(lp)
        nothing = np.zeros(0, dtype=np.int32)
        highs.addCols(size, cost, low, high, 0, nothing, nothing, np.zeros(0))
        whole = size - fractions
        integer = np.full(whole, highspy.HighsVarType.kInteger)
        highs.changeColsIntegrality(whole, np.arange(whole, dtype=np.int32), integer)
        highs.changeObjectiveSense(highspy.ObjSense.kMaximize)
        starts, indices = rows.starts[:-1].astype(np.int32), rows.indices.astype(np.int32)
        highs.addRows(len(starts), rows.lower, rows.upper, len(indices), starts, indices, rows.coefficients)
        if start is not None:
            highs.setSolution(size, np.arange(size, dtype=np.int32), start)


@cache
def _quiet() -> None:
    """HiGHS greets on standard output when a process first makes one, whatever its options say: let it greet on stderr.

    A command that prints one JSON object on standard output has no room for that.
    """
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        highspy.Highs()  # type: ignore[no-untyped-call]  # highspy's own
    finally:
        os.dup2(kept, 1)
        os.close(kept)


_ENDINGS = {
    pulp.LpSolveStatus.Optimal: Ending.OPTIMAL,
    pulp.LpSolveStatus.GapLimit: Ending.OPTIMAL,
    pulp.LpSolveStatus.TimeLimit: Ending.STOPPED,
    pulp.LpSolveStatus.Infeasible: Ending.INFEASIBLE,
    # Every column lies between 0 and 1, so "unbounded or infeasible" can only be infeasible.
    pulp.LpSolveStatus.Undefined: Ending.INFEASIBLE,
}


def maximise(
    cost: Floats,
    *,
    low: Floats,
    high: Floats,
    rows: Rows,
    effort: Effort,
    start: Floats | None = None,
    fractions: int = 0,
) -> Answer:
    """The best 0/1 columns between `low` and `high` that obey the rows. `start` is a known solution to begin from.

    The last `fractions` columns may take any value between their bounds.
    """
    _quiet()
    begun = time.perf_counter()
    solver = _Arrays(cost, low, high, rows, effort, start, fractions)
    answer = _solved(solver, len(cost))
    if start is None or not _misjudged(answer, cost):
        return answer
    left = replace(effort, time_limit_s=effort.time_limit_s - (time.perf_counter() - begun))
    return _solved(_Arrays(cost, low, high, rows, left, None, fractions), len(cost))


def _misjudged(answer: Answer, cost: Floats) -> bool:
    """Whether the solver counts its columns as worth something else than they are.

    HiGHS carries a start over into the model that its presolve leaves. Where presolve took columns out for which the start doesn't stand
    as the reductions imply, it goes on with the value of what those imply, rules out everything worse, and hands back the start.
    """
    if answer.ending not in (Ending.OPTIMAL, Ending.STOPPED):
        return False
    return abs(float(cost @ answer.values) - answer.value) > max(MISCOUNTED * abs(answer.value), LEAST_MISCOUNTED)


def _solved(solver: _Arrays, size: int) -> Answer:
    problem = pulp.LpProblem("portfolio", pulp.LpMaximize)
    stats = problem.solve(solver)
    highs = _model(problem)
    ending = _ENDINGS.get(stats.status, Ending.NOTHING)
    if ending is Ending.INFEASIBLE and not _is_infeasible(highs):
        ending = Ending.NOTHING
    if ending in (Ending.OPTIMAL, Ending.STOPPED) and not stats.has_solution:
        ending = Ending.NOTHING
    solved = ending in (Ending.OPTIMAL, Ending.STOPPED)
    info = highs.getInfo()
    return Answer(
        ending=ending,
        values=np.array(highs.getSolution().col_value) if solved else np.zeros(size),
        value=float(info.objective_function_value) if solved else math.nan,
        gap=float(info.mip_gap) if solved else math.inf,
        bound=float(info.mip_dual_bound) if math.isfinite(info.mip_dual_bound) else math.nan,
    )


@dataclass(frozen=True, kw_only=True)
class Relaxed:
    """The best when columns needn't be whole: a bound on what whole ones can reach."""

    bound: float  # in the units of the cost; -inf when nothing obeys the rows even so
    losses: Floats  # per column: at least so much is lost when it leaves the bound that it stands at, 0 where it stands at none
    columns: Floats  # between the bounds


def relax(cost: Floats, *, low: Floats, high: Floats, rows: Rows) -> Relaxed | None:
    """The bound without whole columns, None when the solver gives none."""
    _quiet()
    size, nothing = len(cost), np.zeros(0, dtype=np.int32)
    highs = highspy.Highs()  # type: ignore[no-untyped-call]  # highspy's own
    for option, value in (("output_flag", False), ("threads", 1), ("random_seed", SEED)):
        highs.setOptionValue(option, value)
    highs.addCols(size, -cost, low, high, 0, nothing, nothing, np.zeros(0))
    starts, indices = rows.starts[:-1].astype(np.int32), rows.indices.astype(np.int32)
    highs.addRows(len(starts), rows.lower, rows.upper, len(indices), starts, indices, rows.coefficients)
    highs.run()
    if _is_infeasible(highs):
        return Relaxed(bound=-math.inf, losses=np.zeros(size), columns=low)
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    solution = highs.getSolution()
    columns, duals = np.array(solution.col_value), np.array(solution.col_dual)
    stands = np.where(duals > 0, columns <= low + 1e-9, columns >= high - 1e-9)
    bound = -float(highs.getInfo().objective_function_value)
    return Relaxed(bound=bound, losses=np.where(stands, np.abs(duals), 0.0), columns=columns)


def _model(problem: pulp.LpProblem) -> highspy.Highs:
    assert isinstance(problem.solverModel, highspy.Highs)
    return problem.solverModel


def _is_infeasible(highs: highspy.Highs) -> bool:
    status = highspy.HighsModelStatus
    return highs.getModelStatus() in (status.kInfeasible, status.kUnboundedOrInfeasible)
