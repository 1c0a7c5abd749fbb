"""What single rows tell of 0/1 columns, and rows made kind to a solver's arithmetic. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from optimization.solving.rows import Bools, Floats, Rows

# Rows whose largest coefficient lies between these are left as they are; others are scaled to the upper one.
SMALLEST, LARGEST = 1.0, 1024.0


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What the columns can still be."""

    low: Floats  # 0 or 1 per column
    high: Floats  # 0 or 1 per column
    contradiction: bool = False  # nothing is left that obeys every row


def _row_sums(rows: Rows, entries: Floats) -> Floats:
    return np.bincount(rows.row_of, weights=entries, minlength=len(rows.lower))


def tighten(rows: Rows, low: Floats, high: Floats) -> Bounds:
    """Fixes every column that a single row leaves one value for, again and again until nothing changes."""
    low, high = low.copy(), high.copy()
    row_of, indices, coefficients = rows.row_of, rows.indices, rows.coefficients
    positive = coefficients > 0
    while True:
        least = _row_sums(rows, np.where(positive, coefficients * low[indices], coefficients * high[indices]))
        most = _row_sums(rows, np.where(positive, coefficients * high[indices], coefficients * low[indices]))
        # Sums of floats of very different size lose digits: what is that close isn't decided here but by the solver.
        size = np.abs(coefficients)
        free = low[indices] < high[indices]
        doubt = 1e-12 + _row_sums(rows, size * np.where(free, 1e-9, np.where(low[indices] > 0.5, 1e-13, 0.0)))
        if ((least > rows.upper + doubt) | (most < rows.lower - doubt)).any():
            return Bounds(low=low, high=high, contradiction=True)
        too_much = free & (least[row_of] + size > (rows.upper + doubt)[row_of])
        too_little = free & (most[row_of] - size < (rows.lower - doubt)[row_of])
        down = (too_much & positive) | (too_little & ~positive)
        up = (too_much & ~positive) | (too_little & positive)
        if not (down | up).any():
            return Bounds(low=low, high=high)
        high[indices[down]] = 0.0
        low[indices[up]] = 1.0
        if (low > high).any():
            return Bounds(low=low, high=high, contradiction=True)


def conditioned(rows: Rows, low: Floats, high: Floats, *, fractions: int = 0) -> Rows:
    """The same rows for whole columns between `low` and `high`, with coefficients of a similar size. The last `fractions`
    columns may take any value between 0 and 1.

    Fixed columns move into the bounds; a coefficient larger than its row needs is cut to what it needs; rows are scaled
    by powers of two. Without that, contributions of 1e15 beside 0.001 would drown in the solver's tolerances.
    """
    fixed = low == high
    gone = fixed[rows.indices]
    shift = rows.sums(fixed & (low > 0.5))
    with_rest = replace(rows, coefficients=np.where(gone, 0.0, rows.coefficients))
    shifted = replace(with_rest, lower=rows.lower - shift, upper=rows.upper - shift)
    return _scaled(_cut(shifted, rows.indices < rows.columns - fractions))


def _cut(rows: Rows, whole: Bools) -> Rows:
    """Rows with one bound: no coefficient of a whole column is larger than what alone satisfies the row whatever the
    others do."""
    coefficients = rows.coefficients
    row_of = rows.row_of
    least = _row_sums(rows, np.minimum(coefficients, 0.0))
    most = _row_sums(rows, np.maximum(coefficients, 0.0))
    needs = np.where(np.isfinite(rows.lower) & np.isinf(rows.upper), np.maximum(rows.lower - least, 0.0), math.inf)
    spare = np.where(np.isfinite(rows.upper) & np.isinf(rows.lower), np.maximum(most - rows.upper, 0.0), math.inf)
    kept = np.minimum(coefficients, np.where(coefficients > 0, needs[row_of], math.inf))
    kept = np.maximum(kept, np.where(coefficients < 0, -spare[row_of], -math.inf))
    return replace(rows, coefficients=np.where(whole, kept, coefficients))


def _scaled(rows: Rows) -> Rows:
    largest = np.zeros(len(rows.lower))
    np.maximum.at(largest, rows.row_of, np.abs(rows.coefficients))
    alone = (largest >= SMALLEST) & (largest <= LARGEST) | (largest == 0.0)
    factor = np.where(alone, 1.0, power_of_two(LARGEST / np.where(largest == 0.0, 1.0, largest)))
    return replace(
        rows,
        coefficients=rows.coefficients * factor[rows.row_of],
        lower=rows.lower * factor,
        upper=rows.upper * factor,
    )


def power_of_two(numbers: Floats) -> Floats:
    """The largest power of two that isn't above each positive number: multiplying by it rounds nothing."""
    return np.exp2(np.floor(np.log2(numbers)))
