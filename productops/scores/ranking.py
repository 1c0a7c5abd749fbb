"""Frameworks side by side: ranks, how far they agree, where they don't and what drives it. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from productops.figures import amount

HIGH, LOW = 2 / 3, 1 / 3  # from which share of the others on an input is called high, up to which low


@dataclass(frozen=True, kw_only=True)
class Scored:
    """An initiative with its scores, and what they are made of."""

    key: str  # initiative_key
    scores: Mapping[str, float]  # framework -> overall score, of those that have one
    inputs: Mapping[str, Mapping[str, float]]  # framework -> {input's column: number}, of those that are filled in
    title: str = ""


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

    scored: Scored
    ranks: Mapping[
        str, float
    ]  # framework -> rank among those that it scores, 1 for the highest score; ties share the mean
    best: str  # the framework in which it stands highest
    worst: str
    distance: float  # how far apart both are, as a share of what both score: 0 to 1
    why: str  # which inputs drive it, in a sentence


def ranks_of(numbers: Mapping[str, float]) -> dict[str, float]:
    """key -> rank, 1 for the greatest; equal numbers share the mean of their places."""
    _values, places, counts = np.unique(-np.array([*numbers.values()], float), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    shared = (2 * last - counts + 1) / 2
    return dict(zip(numbers, shared[places].tolist(), strict=True))


def spearman(one: Mapping[str, float], other: Mapping[str, float]) -> float | None:
    """Rank correlation over the keys that both have, -1 to 1; None for fewer than 3, or where all of one side are equal."""
    keys = [key for key in one if key in other]
    if len(keys) < 3:
        return None
    first, second = ranks_of({key: one[key] for key in keys}), ranks_of({key: other[key] for key in keys})
    middle = (len(keys) + 1) / 2
    products = math.fsum((first[key] - middle) * (second[key] - middle) for key in keys)
    squares = [math.fsum((ranks[key] - middle) ** 2 for key in keys) for ranks in (first, second)]
    return products / math.sqrt(squares[0] * squares[1]) if all(squares) else None


def agreements(scored: Sequence[Scored], frameworks: Sequence[str]) -> list[Agreement]:
    """Every pair of frameworks."""
    by_framework = scores_of(scored, frameworks)
    found = []
    for one, other in combinations(frameworks, 2):
        count = len(by_framework[one].keys() & by_framework[other].keys())
        rho = spearman(by_framework[one], by_framework[other])
        found.append(Agreement(one=one, other=other, count=count, rho=rho))
    return found


def scores_of(scored: Sequence[Scored], frameworks: Sequence[str]) -> dict[str, dict[str, float]]:
    """framework -> {initiative_key: overall score}."""
    return {name: {each.key: each.scores[name] for each in scored if name in each.scores} for name in frameworks}


def disagreements(
    scored: Sequence[Scored],
    frameworks: Sequence[str],
    costs: Sequence[str],
    *,
    among: Collection[str] | None = None,
    most: int | None = None,
) -> list[Disagreement]:
    """Initiatives that at least two frameworks score, those that two frameworks place furthest apart first. Two frameworks
    are held against each other over what both score. `costs`: inputs of which less is better. All are ranked; `among`
    (initiative_keys) and `most` limit which are told."""
    numbers = scores_of(scored, frameworks)
    ranks = {name: ranks_of(given) for name, given in numbers.items()}
    places = {pair: _places(numbers[pair[0]], numbers[pair[1]]) for pair in combinations(frameworks, 2)}
    asked = [each for each in scored if len(each.scores) > 1 and (among is None or each.key in among)]
    furthest = {each.key: _furthest(each.key, places) for each in asked}
    first = sorted(asked, key=lambda each: (-furthest[each.key][2], each.key))[:most]
    shares = _input_shares(scored, costs) if first else {}
    return [_disagreement(each, ranks, furthest[each.key], shares) for each in first]


def _furthest(key: str, places: Mapping[tuple[str, str], Mapping[str, tuple[float, float]]]) -> tuple[str, str, float]:
    """(framework in which it stands higher, the other one, how far apart) of the two that differ most."""
    found = ("", "", -1.0)
    for (one, other), placed in places.items():
        if key in placed:
            here, there = placed[key]
            if abs(here - there) > found[2]:
                found = (one, other, there - here) if here <= there else (other, one, here - there)
    return found


def _places(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """initiative_key -> its place in each of two frameworks among those that both score: 0 for the first, 1 for the last."""
    keys = one.keys() & other.keys()
    first, second = ranks_of({key: one[key] for key in keys}), ranks_of({key: other[key] for key in keys})
    return {key: (_share(first[key], len(keys)), _share(second[key], len(keys))) for key in keys}


def _disagreement(
    scored: Scored,
    ranks: Mapping[str, Mapping[str, float]],
    furthest: tuple[str, str, float],
    shares: Mapping[str, Mapping[str, float]],
) -> Disagreement:
    own = {name: placed[scored.key] for name, placed in ranks.items() if scored.key in placed}
    best, worst, distance = furthest
    why = "; ".join(
        [*_drivers(scored, best, shares, wants_high=True), *_drivers(scored, worst, shares, wants_high=False)]
    )
    return Disagreement(scored=scored, ranks=own, best=best, worst=worst, distance=distance, why=why)


def _share(rank: float, count: int) -> float:
    """0 for the first of the list, 1 for the last."""
    return (rank - 1) / (count - 1) if count > 1 else 0.0


def _input_shares(scored: Sequence[Scored], costs: Sequence[str]) -> dict[str, dict[str, float]]:
    """input's column -> {initiative_key: 0 for the least favourable number of all, 1 for the most}."""
    numbers: dict[str, dict[str, float]] = {}
    for each in scored:
        for inputs in each.inputs.values():
            for name, number in inputs.items():
                numbers.setdefault(name, {})[each.key] = -number if name in costs else number
    return {
        name: {key: 1 - _share(rank, len(given)) for key, rank in ranks_of(given).items()}
        for name, given in numbers.items()
    }


def _drivers(
    scored: Scored, framework: str, shares: Mapping[str, Mapping[str, float]], *, wants_high: bool
) -> Iterator[str]:
    """The input that does most to place it high, or low, in a framework."""
    own = {name: shares[name][scored.key] for name in scored.inputs.get(framework, {})}
    if not own:
        return
    name = max(own, key=lambda each: own[each]) if wants_high else min(own, key=lambda each: own[each])
    number = amount(scored.inputs[framework][name])
    if wants_high and own[name] >= HIGH:
        yield f"{framework} places it high by {name} ({number}, better than {own[name]:.0%} of the others)".replace(
            "%", " %"
        )
    elif not wants_high and own[name] <= LOW:
        yield f"{framework} places it low by {name} ({number}, worse than {1 - own[name]:.0%} of the others)".replace(
            "%", " %"
        )
