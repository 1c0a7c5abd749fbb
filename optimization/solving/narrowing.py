"""Solving to proof with few columns left open: what would lose more than the best can lack is fixed before the search.

The best with columns that needn't be whole bounds the best with whole ones, and tells what each column would lose by leaving
the bound at which it stands. Whoever is within a `gap` of the bound can't afford more. So a gap is guessed, the columns that
would lose more are fixed, and the rest is solved: reaches it the bound less the gap, that is the best of all; else the
guess was too small.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from optimization.solving.rows import Bools, Floats, Rows
from optimization.solving.solver import Answer, Effort, Ending, Relaxed, maximise, relax

FEW = 24  # so few open columns are solved at once
FIRST = 5e-4  # the first guess, relative to the bound
FACTOR = 6.0  # from one guess to the next
SAFE = 1e-6  # what the solver's arithmetic may hide of a bound or a loss, relative to the bound and the largest cost


@dataclass(frozen=True, kw_only=True)
class Narrowed:
    """The best columns, and what every set of columns about as good has in common."""

    answer: Answer
    low: Floats  # per column
    high: Floats  # per column
    distance: float = (
        FIRST  # how far the best was from the bound, relative to the bound: a guess for problems that are alike
    )


def maximise_narrowed(
    cost: Floats,
    *,
    low: Floats,
    high: Floats,
    rows: Rows,
    effort: Effort,
    start: Bools | None = None,
    fractions: int = 0,
    guess: float = FIRST,
    margin: float = 0.0,
) -> Narrowed:
    """As `maximise`, for a proof (a gap of 0). `guess` is how far the best may be from the bound, relative to the bound; what is
    worse than the best by no more than `margin` counts as about as good.
    """
    whole = np.arange(len(cost)) < len(cost) - fractions
    if int((low < high)[whole].sum()) <= FEW or (relaxed := relax(cost, low=low, high=high, rows=rows)) is None:
        answer = maximise(cost, low=low, high=high, rows=rows, effort=effort, start=start, fractions=fractions)
        return Narrowed(answer=answer, low=low, high=high)
    if relaxed.bound == -math.inf:
        return Narrowed(answer=_infeasible(len(cost)), low=low, high=high)
    gap, safe = guess * max(abs(relaxed.bound), 1.0), margin + SAFE * max(abs(relaxed.bound), float(np.abs(cost).max()))
    while True:
        fewer = _fixed(relaxed, gap + safe, low, high, whole)
        if 2 * int((fewer[0] < fewer[1]).sum()) > int((low < high).sum()):
            fewer = low, high  # too few are fixed for a search that may have to be made again
        answer = maximise(cost, low=fewer[0], high=fewer[1], rows=rows, effort=effort, start=start, fractions=fractions)
        is_all = bool((fewer[0] == low).all() and (fewer[1] == high).all())
        if is_all or answer.ending in (Ending.STOPPED, Ending.NOTHING):
            return Narrowed(answer=answer, low=low, high=high)
        if answer.ending is Ending.OPTIMAL and answer.bound >= relaxed.bound - gap:
            low, high = _fixed(relaxed, relaxed.bound - answer.bound + safe, low, high, whole)
            distance = (relaxed.bound - answer.bound) / max(abs(relaxed.bound), 1.0)
            return Narrowed(answer=answer, low=low, high=high, distance=distance)
        gap *= FACTOR


def _fixed(relaxed: Relaxed, gap: float, low: Floats, high: Floats, whole: Bools) -> tuple[Floats, Floats]:
    """The bounds that are left when no column can afford to lose more than the gap."""
    dear = whole & (low < high) & (relaxed.losses > gap)
    stands_low = relaxed.columns < 0.5
    return np.where(dear & ~stands_low, high, low), np.where(dear & stands_low, low, high)


def _infeasible(size: int) -> Answer:
    return Answer(ending=Ending.INFEASIBLE, columns=np.zeros(size, dtype=np.bool_), gap=math.inf, bound=math.nan)
