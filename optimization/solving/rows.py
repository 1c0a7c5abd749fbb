"""Linear rows over 0/1 columns as arrays (compressed by row), and what can be read off them without solving. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

NOBODY = -1  # the owner of rows that always hold: capacity, what-ifs, what a synergy is


@dataclass(frozen=True, kw_only=True)
class Rows:
    """lower <= sum of coefficient x column <= upper, for each row. Tolerances are already part of the bounds."""

    columns: int  # how many there are
    starts: Ints  # shape (rows + 1,): where each row's entries begin
    indices: Ints  # column of each entry
    coefficients: Floats  # of each entry, never 0
    lower: Floats  # shape (rows,), -inf for none
    upper: Floats  # shape (rows,), inf for none
    owners: Ints  # shape (rows, 2): positions of the rules a row stands on; it holds only while all of them do

    @property
    def row_of(self) -> Ints:
        """The row of each entry."""
        return np.repeat(np.arange(len(self.lower)), np.diff(self.starts))

    def take(self, keep: Bools) -> Rows:
        """Only the rows marked True."""
        lengths = np.diff(self.starts)
        entries = np.repeat(keep, lengths)
        return Rows(
            columns=self.columns,
            starts=np.concatenate([[0], np.cumsum(lengths[keep])]).astype(np.int64),
            indices=self.indices[entries],
            coefficients=self.coefficients[entries],
            lower=self.lower[keep],
            upper=self.upper[keep],
            owners=self.owners[keep],
        )

    def standing(self, active: Bools) -> Rows:
        """The rows that stand when only these rules do (`active`: one mark per rule)."""
        with_nobody = np.append(active, True)  # NOBODY is -1: the last mark
        return self.take(with_nobody[self.owners].all(axis=1))

    def sums(self, columns: Bools) -> Floats:
        """Each row's sum over the chosen columns, each rounded once."""
        values = np.where(columns[self.indices], self.coefficients, 0.0).tolist()
        starts = self.starts.tolist()
        return np.array([math.fsum(values[a:b]) for a, b in pairwise(starts)], dtype=np.float64)

    def broken(self, columns: Bools, *, slack: float = 1e-9) -> Bools:
        """Which rows a choice breaks; `slack` is what rounding may cost, relative to the bound (at least 1)."""
        sums = self.sums(columns)
        below = sums < self.lower - slack * np.maximum(1.0, np.abs(self.lower))
        above = sums > self.upper + slack * np.maximum(1.0, np.abs(self.upper))
        return below | above

    def joined(self, other: Rows) -> Rows:
        """These rows, then the other ones, over the same columns."""
        return Rows(
            columns=self.columns,
            starts=np.concatenate([self.starts, self.starts[-1] + other.starts[1:]]),
            indices=np.concatenate([self.indices, other.indices]),
            coefficients=np.concatenate([self.coefficients, other.coefficients]),
            lower=np.concatenate([self.lower, other.lower]),
            upper=np.concatenate([self.upper, other.upper]),
            owners=np.concatenate([self.owners, other.owners]),
        )


class RowBook:
    """Collects rows one by one, and hands them over as arrays."""

    def __init__(self, *, columns: int) -> None:
        self.columns = columns
        self._indices: list[Ints] = []
        self._coefficients: list[Floats] = []
        self._lower: list[float] = []
        self._upper: list[float] = []
        self._owners: list[tuple[int, int]] = []

    def add(
        self,
        indices: Sequence[int] | Ints,
        coefficients: Sequence[float] | Floats,
        *,
        lower: float = -math.inf,
        upper: float = math.inf,
        owners: tuple[int, ...] = (),
    ) -> None:
        """One row of at least one bound; `owners` are at most two rules that it stands on."""
        first, second = (*owners, *owners, NOBODY, NOBODY)[:2] if len(owners) < 2 else owners
        self._indices.append(np.asarray(indices, dtype=np.int64))
        self._coefficients.append(np.asarray(coefficients, dtype=np.float64))
        self._lower.append(lower)
        self._upper.append(upper)
        self._owners.append((first, second))

    def dense(
        self, coefficients: Floats, *, lower: float = -math.inf, upper: float = math.inf, owners: tuple[int, ...] = ()
    ) -> None:
        """One row given by a coefficient for every column."""
        indices = np.flatnonzero(coefficients)
        self.add(indices, coefficients[indices], lower=lower, upper=upper, owners=owners)

    def rows(self) -> Rows:
        """Everything collected."""
        lengths = [len(indices) for indices in self._indices]
        return Rows(
            columns=self.columns,
            starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            indices=np.concatenate([np.zeros(0, dtype=np.int64), *self._indices]),
            coefficients=np.concatenate([np.zeros(0), *self._coefficients]),
            lower=np.array(self._lower, dtype=np.float64),
            upper=np.array(self._upper, dtype=np.float64),
            owners=np.array(self._owners, dtype=np.int64).reshape(-1, 2),
        )
