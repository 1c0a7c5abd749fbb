"""How sure a portfolio is: how often each initiative is chosen over many draws, what the chosen portfolio forgoes, and which
parameter it would pay most to know better. Pure.

The worth of knowing a parameter is its expected value of partial perfect information, by regression on the draws: Strong,
Oakley and Brennan, "Estimating multiparameter partial expected value of perfect information from a probabilistic sensitivity
analysis sample: a nonparametric regression approach", Medical Decision Making 34 (2014).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimization.solving.levels import TIE, Level, levels_of
from optimization.solving.problem import Problem
from optimization.solving.rows import Bools, Floats
from optimization.studies.drawn_problems import Best, DrawnProblems

CORE, BORDERLINE, OUT = "core", "borderline", "out"
CORE_FROM, OUT_TO = 0.9, 0.1  # shares of draws
DEGREE = 3  # of the polynomial that a portfolio's worth is regressed on
MOST_PORTFOLIOS = 400  # different ones that knowing a parameter may lead to, those that are best most often
QUANTILES = tuple(number / 20 for number in range(21))


def label(share: float) -> str:
    """core, borderline or out."""
    return CORE if share >= CORE_FROM else OUT if share <= OUT_TO else BORDERLINE


@dataclass(frozen=True, kw_only=True, eq=False)
class Param:
    """A parameter that differs from draw to draw."""

    owner: str  # initiative_key, or SHARED
    name: str
    low: float
    high: float
    values: Floats  # one per draw
    used_by: frozenset[str]  # keys whose contributions it moves


@dataclass(frozen=True, kw_only=True)
class Spread:
    """What a portfolio brings over the draws in which it obeys the rules, in the measure's unit."""

    mean: float
    semideviation: float  # mean of what falls short of the mean
    p10: float
    p90: float
    quantiles: tuple[float, ...]  # at QUANTILES
    regret: float  # mean of what the best portfolio of each draw brings more
    largest_regret: float
    breaks_rules: int  # draws in which it misses a KPI floor; they are left out of the figures

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {**vars(self), "quantiles": list(self.quantiles)}


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One parameter, and what knowing it would be worth."""

    owner: str
    name: str
    low: float
    high: float
    worth: float  # in the measure's unit
    share: float  # of what knowing all parameters would be worth


@dataclass(frozen=True, kw_only=True)
class Uncertainty:
    """What the draws say of one run."""

    asked: int  # draws asked for
    solved: int  # draws with a portfolio
    infeasible: int  # draws in which no portfolio obeys the rules; they count nowhere else
    unknown: int  # draws that weren't solved in time
    frequency: Mapping[str, float]  # key -> share of the solved draws that choose it
    measured_in: str  # KPI whose shortfall is measured: a lexicographic step's; "" for the objective
    chosen: Spread  # of the run's own portfolio
    best: Spread  # of the best portfolio of each draw, as if everything were known
    perfect: float  # what knowing all parameters would be worth, in the measure's unit
    measures: tuple[Measure, ...]  # those worth most first


class Evaluation:
    """Draws, what is best in each, and what portfolios are worth in them."""

    def __init__(self, draws: DrawnProblems, numbers: Floats, best: Mapping[int, Best]) -> None:
        self.draws = draws
        self.solved = sorted(number for number, found in best.items() if found.columns is not None)
        self.numbers = numbers[self.solved]
        columns = [found for number in self.solved if (found := best[number].columns) is not None]
        width = draws.problem.rows.columns
        self.best: Bools = np.array(columns, dtype=np.bool_).reshape(len(columns), width)
        self.infeasible = sum(found.columns is None and found.is_known for found in best.values())

    @property
    def problem(self) -> Problem:
        """At the stored numbers."""
        return self.draws.problem

    def frequency(self) -> dict[str, float]:
        """Key -> share of the draws with a portfolio."""
        shares = self.best[:, : len(self.problem.candidates)].mean(axis=0)
        return dict(zip(self.problem.keys, map(float, shares), strict=True))

    def coefficients(self, level: Level) -> tuple[Floats, Floats]:
        """(coefficients of all columns but those of what varies, which are 0; those of what varies in each draw)."""
        rest = level.expression.coefficients.copy()
        rest[self.draws.varying] = 0.0
        return rest, self.draws.weights(self.numbers, level.factors)

    def worth(self, level: Level, portfolios: Bools) -> Floats:
        """What portfolios [portfolio, column] bring in each draw: [draw, portfolio]."""
        rest, drawn = self.coefficients(level)
        marks = portfolios.astype(np.float64)
        total: Floats = drawn @ marks[:, self.draws.varying].T + (marks @ rest)[None, :]
        return np.minimum(total, level.most)

    def own_worth(self, level: Level) -> Floats:
        """What each draw's own best portfolio brings there: [draw]."""
        rest, drawn = self.coefficients(level)
        marks = self.best.astype(np.float64)
        total = (drawn * marks[:, self.draws.varying]).sum(axis=1) + marks @ rest
        return np.minimum(total, level.most)

    def obeys(self, portfolio: Bools) -> Bools:
        """In which draws a portfolio obeys the rules: only KPI floors differ between them."""
        if not self.draws.floors:
            return np.ones(len(self.solved), dtype=np.bool_)
        broken = [self.draws.at(numbers).rows.broken(portfolio).any() for numbers in self.numbers]
        return ~np.array(broken, dtype=np.bool_)

    def spread(self, level: Level, portfolio: Bools) -> Spread:
        """The figures of one portfolio."""
        return spread_of(self.worth(level, portfolio[None, :])[:, 0], self.own_worth(level), self.obeys(portfolio))

    def best_spread(self, level: Level) -> Spread:
        """The figures of choosing anew in each draw."""
        own = self.own_worth(level)
        return spread_of(own, own, np.ones(len(own), dtype=np.bool_))


def spread_of(values: Floats, best: Floats, obeys: Bools) -> Spread:
    """Figures of what a portfolio brings in each draw, over those in which it obeys the rules."""
    kept, regret = values[obeys], np.maximum(best[obeys] - values[obeys], 0.0)
    if not len(kept):
        return Spread(
            mean=0.0, semideviation=0.0, p10=0.0, p90=0.0, quantiles=(), regret=0.0, largest_regret=0.0,
            breaks_rules=int((~obeys).sum()),
        )  # fmt: skip
    mean = float(kept.mean())
    return Spread(
        mean=mean,
        semideviation=float(np.maximum(mean - kept, 0.0).mean()),
        p10=float(np.quantile(kept, 0.1)),
        p90=float(np.quantile(kept, 0.9)),
        quantiles=tuple(map(float, np.quantile(kept, QUANTILES))),
        regret=float(regret.mean()),
        largest_regret=float(regret.max()),
        breaks_rules=int((~obeys).sum()),
    )


def assess(evaluation: Evaluation, chosen: Bools, params: Sequence[Param], asked: int) -> Uncertainty:
    """What the draws say of a chosen portfolio (a mark per column). `params` hold a value for each draw asked for.

    At least one draw must have a portfolio.
    """
    level = measured_level(evaluation, chosen)
    perfect, measures = worth_of_knowing(evaluation, level, chosen, params)
    solved = len(evaluation.solved)
    return Uncertainty(
        asked=asked,
        solved=solved,
        infeasible=evaluation.infeasible,
        unknown=asked - solved - evaluation.infeasible,
        frequency=evaluation.frequency(),
        measured_in=level.kpi_key,
        chosen=evaluation.spread(level, chosen),
        best=evaluation.best_spread(level),
        perfect=perfect,
        measures=measures,
    )


def measured_level(evaluation: Evaluation, chosen: Bools) -> Level:
    """The first step in which the chosen portfolio falls short of what could be reached; else the objective."""
    levels = levels_of(evaluation.problem)
    for level in levels[:-1]:
        spread = evaluation.spread(level, chosen)
        if spread.regret > 1e-9 * max(1.0, abs(level.most)):
            return level
    return levels[-1]


def worth_of_knowing(
    evaluation: Evaluation, level: Level, chosen: Bools, params: Sequence[Param]
) -> tuple[float, tuple[Measure, ...]]:
    """(what knowing all parameters would be worth, what knowing each alone would be worth, most first)."""
    portfolios = pool(evaluation, chosen)
    worth = evaluation.worth(level, portfolios)
    blind = float(worth.mean(axis=0).max())  # the best that can be chosen without knowing more
    noise = TIE * float(np.abs(worth).max())

    def beyond(known: float) -> float:
        # Values that close are equal: what only rounding tells apart is worth nothing.
        return known - blind if known - blind > noise else 0.0

    perfect = beyond(float(evaluation.own_worth(level).mean()))
    found = [
        (param, beyond(float(_knowing(evaluation, level, portfolios, worth, param).max(axis=1).mean())))
        for param in params
    ]
    ordered = sorted(found, key=lambda pair: (-pair[1], pair[0].owner, pair[0].name))
    return perfect, tuple(
        Measure(
            owner=param.owner,
            name=param.name,
            low=param.low,
            high=param.high,
            worth=value,
            share=min(value / perfect, 1.0) if perfect > 0 else 0.0,
        )
        for param, value in ordered
    )


def pool(evaluation: Evaluation, chosen: Bools) -> Bools:
    """Different portfolios to choose between: the chosen one, and those that are best in most draws."""
    different, counts = np.unique(evaluation.best, axis=0, return_counts=True)
    most = np.argsort(-counts, kind="stable")[:MOST_PORTFOLIOS]
    allowed = [row for row in different[most] if not evaluation.problem.rows.broken(row).any()]
    return np.array([chosen, *allowed], dtype=np.bool_)


def _knowing(evaluation: Evaluation, level: Level, portfolios: Bools, worth: Floats, param: Param) -> Floats:
    """What portfolios bring on average once a parameter is known, at each draw's value of it: [draw, portfolio].

    Parameters are drawn independently, so only initiatives that use this one tell anything: where nothing is cut off at a
    target, their contributions are regressed, which is less noisy than regressing whole portfolios.
    """
    values = param.values[evaluation.solved]
    if math.isfinite(level.most):
        return _fitted(values, worth)
    keys = evaluation.problem.keys
    places = [at for at, column in enumerate(evaluation.draws.varying.tolist()) if keys[column] in param.used_by]
    _, drawn = evaluation.coefficients(level)
    moved = _fitted(values, drawn[:, places]) - drawn[:, places].mean(axis=0)
    marks = portfolios[:, evaluation.draws.varying[places]].astype(np.float64)
    known: Floats = worth.mean(axis=0)[None, :] + moved @ marks.T
    return known


def _fitted(values: Floats, targets: Floats) -> Floats:
    """Least squares of each target [draw, target] on a polynomial in the values, at the values."""
    low, high = float(values.min()), float(values.max())
    if high <= low:
        return np.broadcast_to(targets.mean(axis=0), targets.shape)
    scaled = 2.0 * (values - low) / (high - low) - 1.0
    basis = np.polynomial.legendre.legvander(scaled, min(DEGREE, len(values) - 1))
    solution, *_ = np.linalg.lstsq(basis, targets, rcond=None)
    fitted: Floats = basis @ solution
    return fitted
