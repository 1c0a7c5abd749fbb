"""What is asked of a run that ended, in units of one solve of that run: the frontier, and draws over ranges."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from optimization.solving.effort import Effort, Patience
from optimization.solving.facts import Snapshot
from optimization.solving.milp import solve
from optimization.solving.problem import Problem, build_problem
from optimization.studies.draw_pool import solve_draws
from optimization.studies.drawn_problems import DrawnProblems
from optimization.studies.frontier import trace_frontier
from tests.benchmarks.report import Figure
from tests.benchmarks.solve import GAP, mixed_snapshot

DRAWS = 1_000
SAMPLE = 40  # draws that are solved; the figure is for all of them
SIZES = (200, 2_000)
EFFORT = Effort(time_limit_s=120, gap=GAP)


def studying(_folder: Path) -> Iterator[Figure]:
    """The frontier and the draws of 200 and 2,000 candidates, a third of which vary."""
    for size in SIZES:
        snapshot = mixed_snapshot(size)
        problem = build_problem(snapshot)
        assert isinstance(problem, Problem)
        begun = time.perf_counter()
        solve(problem, time_limit_s=120, gap=GAP)
        one = time.perf_counter() - begun
        yield _frontier(snapshot, one)
        yield _draws(problem, one)
    # Linux counts in kilobytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield Figure(what="memory at its highest, without the processes that draw", taken=peak, unit="MB")


def _frontier(snapshot: Snapshot, one: float) -> Figure:
    begun = time.perf_counter()
    trace_frontier(snapshot, EFFORT, Patience(ends_at=time.perf_counter() + 600))
    what = f"frontier of {len(snapshot.initiatives):,} candidates, 21 steps"
    return Figure(what=what, taken=time.perf_counter() - begun, floor=one, against="solve", aim=21.0)


def _draws(problem: Problem, one: float) -> Figure:
    size = len(problem.candidates)
    varying = list(range(0, size, 3))
    own = np.array([problem.candidates[column].contributions["gmv"] for column in varying])
    numbers = own[None, :, None] * np.random.default_rng(1).lognormal(0.0, 0.3, (SAMPLE, len(varying), 1))
    begun = time.perf_counter()
    found = solve_draws(
        DrawnProblems(problem, varying, ("gmv",)),
        numbers,
        time_limit_s=120,
        patience=Patience(ends_at=time.perf_counter() + 600),
        processes=os.cpu_count() or 1,
    )
    taken = (time.perf_counter() - begun) * DRAWS / len(found)
    what = f"{DRAWS:,} draws of {size:,} candidates, from {SAMPLE}"
    return Figure(what=what, taken=taken, floor=one, against="solve", aim=float(DRAWS))
