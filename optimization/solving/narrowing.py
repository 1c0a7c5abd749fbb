"""Solving to proof with few columns left open: what would lose more than the best can lack is fixed before the search.

The best with columns that needn't be whole bounds the best with whole ones, and tells what each column would lose by leaving
the bound at which it stands. Whoever is to beat a known portfolio can't afford to lose more than that one lacks of the bound.
So portfolios are looked for among the few columns that would lose least, then among twice as many, until that finds nothing
better: mostly the best by then. What is left of the columns is searched to the end, which proves it.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import numpy as np

from optimization.solving.rows import Bools, Floats, Rows
from optimization.solving.solver import Answer, Effort, Ending, Relaxed, maximise, relax

FEW = 12  # so few open columns are solved at once, and as many are opened first
MOST = 0.6  # of the columns that a proof needs: where a look would open more, the proof comes at once
SAFE = 1e-6  # what the solver's arithmetic may hide of a bound or a loss, relative to the bound and the largest cost


@dataclass(frozen=True, kw_only=True)
class Narrowed:
    """The best columns, and what every set of columns about as good has in common."""

    answer: Answer
    low: Floats  # per column
    high: Floats  # per column


def maximise_narrowed(
    cost: Floats,
    *,
    low: Floats,
    high: Floats,
    rows: Rows,
    effort: Effort,
    start: Floats | None = None,
    margin: float = 0.0,
) -> Narrowed:
    """As `maximise`, for a proof (a gap of 0). `start` must obey the rows; what is worse than the best by no more than
    `margin` counts as about as good.
    """
    open_ = low < high
    if int(open_.sum()) <= FEW or (relaxed := relax(cost, low=low, high=high, rows=rows)) is None:
        answer = maximise(cost, low=low, high=high, rows=rows, effort=effort, start=start)
        return Narrowed(answer=answer, low=low, high=high)
    if relaxed.bound == -math.inf:
        return Narrowed(answer=Answer.infeasible(len(cost)), low=low, high=high)
    safe = margin + SAFE * max(abs(relaxed.bound), float(np.abs(cost).max()))
    losses = np.sort(relaxed.losses[open_])
    ends_at = time.perf_counter() + effort.time_limit_s
    value, count = -math.inf if start is None else float(cost @ start), FEW
    while True:
        room = relaxed.bound - value + safe
        needed = int((losses <= room).sum())
        is_proof = count >= needed or int((losses <= losses[count]).sum()) >= MOST * needed
        fewer = fixed(relaxed, room if is_proof else float(losses[count]), low, high, open_)
        left = replace(effort, time_limit_s=ends_at - time.perf_counter())
        answer = maximise(cost, low=fewer[0], high=fewer[1], rows=rows, effort=left, start=start)
        if is_proof or answer.ending in (Ending.STOPPED, Ending.NOTHING):
            break
        if answer.ending is Ending.OPTIMAL and answer.value <= value + safe:
            count = len(losses)
            continue
        if answer.ending is Ending.OPTIMAL:
            value, start = answer.value, answer.values
        count = 2 * count
    if answer.ending is Ending.OPTIMAL:
        low, high = fixed(relaxed, relaxed.bound - answer.value + safe, low, high, open_)
    return Narrowed(answer=answer, low=low, high=high)


def fixed(relaxed: Relaxed, room: float, low: Floats, high: Floats, whole: Bools) -> tuple[Floats, Floats]:
    """The bounds that are left when no column can afford to lose more than the room."""
    dear = whole & (low < high) & (relaxed.losses > room)
    stands_low = relaxed.columns < 0.5
    return np.where(dear & ~stands_low, high, low), np.where(dear & stands_low, low, high)
