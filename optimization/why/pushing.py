"""Pushing a number as far as some portfolio lets it go that still reaches a value: with few columns left open, as for a proof.

How far the number may go without whole columns bounds it, and tells which columns would cost too much of it. The most that
portfolios without whole columns reach, with the number as far as it is known to go, tells which columns cost too much value.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from optimization.solving.bounds import conditioned, power_of_two
from optimization.solving.narrowing import FEW, MOST, SAFE, fixed
from optimization.solving.rows import Bools, Floats, Rows
from optimization.solving.solver import Answer, Effort, Ending, Relaxed, maximise, relax

PUSH = 1024.0  # what the number is worth to the solver
HOLD = 1e-7  # by so much the number may fall behind how far it is known to go: more than the solver's tolerance


@dataclass(kw_only=True)
class Push:
    """The last column is the number, between 0 and 1; the others are 0 or 1."""

    low: Floats
    high: Floats
    rows: Rows
    value: Floats  # per column, what a portfolio is worth
    least: float  # what it must be worth; the rows ask for it too
    effort: Effort

    def __post_init__(self) -> None:
        self.whole: Bools = np.arange(len(self.low)) < len(self.low) - 1
        self.cost = np.where(self.whole, 0.0, PUSH)
        self.scale = float(power_of_two(np.array([PUSH / np.abs(self.value).max()]))[0]) if self.value.any() else 1.0
        self.ends_at = time.perf_counter() + self.effort.time_limit_s

    def run(self) -> Answer:
        """The portfolio that lets the number go furthest."""
        if int((self.low < self.high)[self.whole].sum()) <= FEW or (ahead := self._relaxed(self.cost)) is None:
            return self._maximise(self.low, self.high, None)
        if ahead.bound == -np.inf:
            return Answer.infeasible(len(self.low))
        guide = self._guide(ahead)
        answer, count = Answer.infeasible(len(self.low)), FEW
        while True:
            low, high = self._left(ahead, answer)
            open_ = self.whole & (low < high)
            losses = np.sort(guide.losses[open_])
            few = count < len(losses) and int((losses <= losses[count]).sum()) < MOST * len(losses)
            fewer = fixed(guide, float(losses[count]), low, high, open_) if few else (low, high)
            found = self._maximise(*fewer, answer.values if answer.ending is Ending.OPTIMAL else None)
            if not few or found.ending in (Ending.STOPPED, Ending.NOTHING):
                return answer if found.ending is Ending.INFEASIBLE else found
            is_better = found.ending is Ending.OPTIMAL and not answer.value + PUSH * HOLD > found.value
            answer = found if is_better else answer
            count = 2 * count if answer.ending is Ending.INFEASIBLE else len(losses)

    def _maximise(self, low: Floats, high: Floats, start: Floats | None) -> Answer:
        rows = conditioned(self.rows, low, high, fractions=1)
        left = replace(self.effort, time_limit_s=self.ends_at - time.perf_counter())
        return maximise(self.cost, low=low, high=high, rows=rows, effort=left, start=start, fractions=1)

    def _relaxed(self, cost: Floats, number: float | None = None) -> Relaxed | None:
        """Without whole columns; with the number at least so far."""
        low = self.low if number is None else np.append(self.low[:-1], number)
        return relax(cost, low=low, high=self.high, rows=conditioned(self.rows, low, self.high, fractions=1))

    def _guide(self, ahead: Relaxed) -> Relaxed:
        """Which columns the best are likely to differ in: those that cost least where the number is as far as it may go."""
        guide = self._relaxed(self.value * self.scale, min(ahead.bound / PUSH, 1.0) - HOLD)
        return ahead if guide is None or guide.bound == -np.inf else guide

    def _left(self, ahead: Relaxed, known: Answer) -> tuple[Floats, Floats]:
        """The bounds that are left to whoever lets the number go as far as it is known to go."""
        low, high = self.low, self.high
        if known.ending is Ending.OPTIMAL:
            room = ahead.bound - known.value + SAFE * PUSH
            low, high = fixed(ahead, room, low, high, self.whole)
            low = np.append(low[:-1], max(known.value / PUSH - HOLD, low[-1]))
        worth = self._relaxed(self.value * self.scale, float(low[-1]))
        if worth is None or worth.bound == -np.inf:
            return low, high
        safe = SAFE * max(abs(worth.bound), PUSH)
        return fixed(worth, worth.bound - self.least * self.scale + safe, low, high, self.whole)
