"""Draws from the range of an assumption: seeded, and the same on every machine. Pure.

Every parameter has a stream of random numbers of its own, derived from the seed, its owner and its name: another
parameter more or less changes no other one's draws, and the first draws are the same however many are asked for. Only
the raw output of the generator is used, which numpy keeps as it is across versions and machines. A random number
becomes a draw through the inverse of the distribution, so that a range that moves a little moves its draws a little.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from productops.formulas.tree import MAX_MAGNITUDE

Numbers = NDArray[np.float64]

_FRACTION_BITS = 53  # what a float between 0 and 1 holds
_KNOTS = 512  # intervals of a PERT distribution's table: chances are exact to a hundred-thousandth


class Shape(StrEnum):
    """How likely the numbers of a range are."""

    PERT = "pert"  # most near the value, hardly any at the ends
    TRIANGULAR = "triangular"  # falling in straight lines from the value to both ends
    UNIFORM = "uniform"  # all alike; the value doesn't count


@dataclass(frozen=True, kw_only=True)
class Range:
    """An assumption that isn't certain: low <= value <= high, and low < high."""

    low: float  # the least that is plausible, in the parameter's unit
    value: float  # the likeliest
    high: float  # the most that is plausible


def range_of(*, low: float | None, value: float | None, high: float | None) -> Range | str:
    """The range that three cells state, or why there is none, in words that follow the parameter's name."""
    if value is None:
        return "has no value"
    if low is None or high is None:
        return "has no range" if low is None and high is None else f"has no {'min' if low is None else 'max'}"
    if not all(abs(number) <= MAX_MAGNITUDE for number in (low, value, high)):
        return "has a range beyond 1e18"
    if not low <= value <= high:
        return "has a value outside its min and max"
    if low == high:
        return "has a min that equals its max"
    return Range(low=low, value=value, high=high)


def uniforms(*, seed: int, owner: str, name: str, count: int, first: int = 0) -> Numbers:
    """Numbers above 0 and below 1 for the draws `first` up to `first + count` of one parameter.

    `owner`: the initiative's key, or SHARED. `first` lets a long run of draws be made block by block.
    """
    text = f"{seed}\n{owner}\n{name}".encode()
    key = int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "little")
    generator = np.random.PCG64(key)
    if first:
        generator.advance(first)
    raw: NDArray[np.uint64] = generator.random_raw(count)
    return ((raw >> np.uint64(64 - _FRACTION_BITS)).astype(np.float64) + 0.5) * 2.0**-_FRACTION_BITS


def drawn(spread: Range, shape: Shape, chances: Numbers) -> Numbers:
    """The numbers below which a draw falls with these chances (each above 0 and below 1), in the parameter's unit."""
    width = spread.high - spread.low
    likeliest = (spread.value - spread.low) / width
    if shape is Shape.UNIFORM:
        share = chances
    elif shape is Shape.TRIANGULAR:
        share = _triangular(likeliest, chances)
    else:
        share = _pert(likeliest, chances)
    return np.clip(spread.low + width * share, spread.low, spread.high)


def _triangular(likeliest: float, chances: Numbers) -> Numbers:
    rising = np.sqrt(chances * likeliest)
    falling = 1.0 - np.sqrt((1.0 - chances) * (1.0 - likeliest))
    return np.where(chances < likeliest, rising, falling)


# ---- PERT ----------------------------------------------------------------------------------------------------------
#
# PERT is a beta distribution on the range whose shapes add up to 6. With x = sin(angle)^2 its density becomes
# sin^(2a-1) cos^(2b-1), smooth up to both ends, so that evenly spaced angles are fine where x is dense. The inverse is kept
# at chances that are spaced alike, so that a chance finds its place without a search.

_STEP = math.pi / 2 / _KNOTS
_ANGLES = np.linspace(0.0, math.pi / 2, _KNOTS + 1)
_SPACED = np.sin(_ANGLES) ** 2
# Two points in each interval integrate it to the fourth order.
_GAUSS = _ANGLES[:-1, None] + _STEP * (0.5 + np.array([-0.5, 0.5]) / math.sqrt(3.0))
_LOG_SIN, _LOG_COS = np.log(np.sin(_GAUSS)), np.log(np.cos(_GAUSS))


def _pert(likeliest: float, chances: Numbers) -> Numbers:
    places, steps = _pert_table(likeliest)
    knots = np.arcsin(np.sqrt(chances)) / _STEP
    below = knots.astype(np.intp)
    return places[below] + steps[below] * (knots - below)


@lru_cache(maxsize=256)
def _pert_table(likeliest: float) -> tuple[Numbers, Numbers]:
    """At each spaced chance the place below which draws fall with it, and how far the next one is. `likeliest`: where
    between 0 and 1 the value lies."""
    a, b = 1.0 + 4.0 * likeliest, 5.0 - 4.0 * likeliest
    density = np.exp((2.0 * a - 1.0) * _LOG_SIN + (2.0 * b - 1.0) * _LOG_COS).sum(axis=1)
    cumulated = np.concatenate(([0.0], np.cumsum(density)))
    places = np.interp(_SPACED, cumulated / cumulated[-1], _SPACED)
    return places, np.diff(places, append=places[-1])
