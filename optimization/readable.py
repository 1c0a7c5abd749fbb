"""Numbers as people would write them. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from optimization.constraints.rules import plain


def shortest(low: float, high: float, *, nearest: float) -> float:
    """The number with the fewest decimals between two bounds (ends inclusive), the one next to `nearest` among those."""
    size = max(abs(low), abs(high))
    for digits in range(-int(math.log10(size)) if size >= 1.0 else 0, 16):
        step = 10.0**-digits
        first, last = math.ceil(low / step), math.floor(high / step)
        if first <= last:
            picked = round((first if nearest == low else last) * step, max(digits, 0))
            if low <= picked <= high:
                return picked
    return nearest


def amount(number: float, unit: str) -> str:
    """ "120 gmv"; without a unit a share of the objective: "0.25 of the objective"."""
    return f"{plain(round(number, 6))} {unit}" if unit else f"{number:.4g} of the objective"


def listed(keys: Sequence[str]) -> str:
    """ "A, B and C"."""
    return keys[0] if len(keys) == 1 else f"{', '.join(keys[:-1])} and {keys[-1]}"


def tidy(number: float) -> float:
    """Without the noise of summing: 186480 for 186479.99999999997."""
    return float(f"{number:.12g}")
