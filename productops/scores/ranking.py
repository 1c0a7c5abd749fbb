"""Frameworks side by side: ranks, how far they agree, where they don't and what drives it. Pure.

Numbers are held by column, one place per initiative and NaN where there is none, so that tens of thousands are compared at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from productops.figures import amount

HIGH, LOW = 2 / 3, 1 / 3  # from which share of the others on an input is called high, up to which low

Numbers = NDArray[np.float64]  # by initiative; NaN for none
Mask = NDArray[np.bool_]  # by initiative


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Initiatives with their scores, and what these are made of."""

    keys: Sequence[str]  # initiative_key
    scores: Mapping[str, Numbers]  # framework -> overall scores
    inputs: Mapping[str, Mapping[str, Numbers]]  # framework -> {input's column: numbers}

    @property
    def counts(self) -> dict[str, int]:
        """framework -> initiatives that it scores."""
        return {name: int(_given(numbers).sum()) for name, numbers in self.scores.items()}

    @property
    def in_two(self) -> Mask:
        """Which initiatives have scores in at least two frameworks."""
        given = [_given(numbers) for numbers in self.scores.values()]
        return np.sum(given, axis=0) > 1


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How alike two frameworks rank the initiatives that both score."""

    one: str
    other: str
    count: int  # initiatives that both score
    rho: (
        float | None
    )  # Spearman's rank correlation, from -1 to 1; None where all of one side are equal, or under 3 scored


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """An initiative that stands high in one framework and low in another."""

    place: int  # of the initiative among the scores
    key: str  # initiative_key
    scores: Mapping[str, float]  # framework -> overall score, of those that have one
    ranks: Mapping[
        str, float
    ]  # framework -> rank among those that it scores, 1 for the highest score; ties share the mean
    best: str  # the framework in which it stands highest
    worst: str
    distance: float  # how far apart both are, as a share of what both score: 0 to 1
    why: str  # which inputs drive it, in a sentence


def ranks_of(numbers: Numbers) -> Numbers:
    """Ranks, 1 for the greatest; equal numbers share the mean of their places."""
    ranks, given = np.full(len(numbers), np.nan), _given(numbers)
    _values, places, counts = np.unique(-numbers[given], return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks[given] = ((2 * last - counts + 1) / 2)[places]
    return ranks


def spearman(one: Numbers, other: Numbers) -> float | None:
    """Rank correlation over the initiatives that have both, -1 to 1; None for fewer than 3, or where all of one side are equal."""
    both = _given(one) & _given(other)
    count = int(both.sum())
    if count < 3:
        return None
    first, second = (ranks_of(numbers[both]) - (count + 1) / 2 for numbers in (one, other))
    squares = float(first @ first) * float(second @ second)
    return float(first @ second) / math.sqrt(squares) if squares else None


def agreements(scored: Scores) -> list[Agreement]:
    """Every pair of frameworks."""
    found = []
    for one, other in combinations(scored.scores, 2):
        first, second = scored.scores[one], scored.scores[other]
        count = int((_given(first) & _given(second)).sum())
        found.append(Agreement(one=one, other=other, count=count, rho=spearman(first, second)))
    return found


def disagreements(
    scored: Scores, costs: Sequence[str], *, among: Mask | None = None, most: int | None = None
) -> list[Disagreement]:
    """Initiatives that at least two frameworks score, those that two frameworks place furthest apart first. Two frameworks
    are held against each other over what both score. `costs`: inputs of which less is better. All are ranked; `among`
    and `most` limit which are told."""
    asked = scored.in_two if among is None else scored.in_two & among
    furthest = _furthest(scored)
    order = np.lexsort((np.array(scored.keys, dtype=str), -furthest.distance))
    first = order[asked[order]][:most].tolist()
    ranks = {name: ranks_of(numbers) for name, numbers in scored.scores.items()}
    shares = _input_shares(scored, costs) if first else {}
    return [_disagreement(scored, place, ranks, furthest, shares) for place in first]


@dataclass(frozen=True, kw_only=True)
class _Furthest:
    """Of each initiative the two frameworks that differ most."""

    pairs: Sequence[tuple[str, str]]  # (framework in which an initiative stands higher, the other one)
    pair: NDArray[np.intp]  # by initiative: which of the pairs
    distance: Numbers  # by initiative: how far apart; -1 where no two frameworks score it


def _furthest(scored: Scores) -> _Furthest:
    count = len(scored.keys)
    pairs: list[tuple[str, str]] = []
    pair, distance = np.zeros(count, np.intp), np.full(count, -1.0)
    for one, other in combinations(scored.scores, 2):
        both = _given(scored.scores[one]) & _given(scored.scores[other])
        here, there = (_shares(np.where(both, scored.scores[name], np.nan)) for name in (one, other))
        apart = np.where(both, np.abs(here - there), -1.0)
        further = apart > distance
        pair = np.where(further, len(pairs) + (here > there), pair)
        distance = np.where(further, apart, distance)
        pairs += [(one, other), (other, one)]
    return _Furthest(pairs=pairs, pair=pair, distance=distance)


def _disagreement(
    scored: Scores, place: int, ranks: Mapping[str, Numbers], furthest: _Furthest, shares: Mapping[str, Numbers]
) -> Disagreement:
    best, worst = furthest.pairs[furthest.pair[place]]
    why = [
        *_drivers(scored.inputs.get(best, {}), best, place, shares, wants_high=True),
        *_drivers(scored.inputs.get(worst, {}), worst, place, shares, wants_high=False),
    ]
    return Disagreement(
        place=place,
        key=scored.keys[place],
        scores=_row(scored.scores, place),
        ranks=_row(ranks, place),
        best=best,
        worst=worst,
        distance=float(furthest.distance[place]),
        why="; ".join(why),
    )


def _row(columns: Mapping[str, Numbers], place: int) -> dict[str, float]:
    """What one initiative has in these columns."""
    return {name: float(numbers[place]) for name, numbers in columns.items() if not math.isnan(numbers[place])}


def _given(numbers: NDArray[Any]) -> Mask:
    return ~np.isnan(numbers)


def _shares(numbers: Numbers) -> Numbers:
    """0 for the greatest, 1 for the least."""
    return (ranks_of(numbers) - 1) / max(int(_given(numbers).sum()) - 1, 1)


def _input_shares(scored: Scores, costs: Sequence[str]) -> dict[str, Numbers]:
    """input's column -> 0 for the least favourable number of all, 1 for the most."""
    columns = {name: numbers for inputs in scored.inputs.values() for name, numbers in inputs.items()}
    return {name: 1 - _shares(-numbers if name in costs else numbers) for name, numbers in columns.items()}


def _drivers(
    inputs: Mapping[str, Numbers], framework: str, place: int, shares: Mapping[str, Numbers], *, wants_high: bool
) -> Iterator[str]:
    """The input that does most to place it high, or low, in a framework."""
    numbers = _row(inputs, place)
    own = {name: float(shares[name][place]) for name in numbers}
    if not own:
        return
    name = max(own, key=lambda each: own[each]) if wants_high else min(own, key=lambda each: own[each])
    number = amount(numbers[name])
    if wants_high and own[name] >= HIGH:
        yield f"{framework} places it high by {name} ({number}, better than {own[name]:.0%} of the others)".replace(
            "%", " %"
        )
    elif not wants_high and own[name] <= LOW:
        yield f"{framework} places it low by {name} ({number}, worse than {1 - own[name]:.0%} of the others)".replace(
            "%", " %"
        )
