"""Figures of a spread for people: percentiles, the chance of a loss, a histogram, and which parameters matter. Pure.

Which parameters matter is told one at a time: each goes from its min to its max while all others are at their values.
Anybody can check such a figure by typing the min and the max into the sheet, and it holds no chance. It doesn't see what
two parameters do together; the percentiles do.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from productops.figures import amount
from productops.formulas.arrays import Samples
from productops.scores.scoring import ModelInput, ParamInput
from productops.spreads.draws import Numbers
from productops.spreads.spread import Sampler, Spread, VaryingParam, spread_of

BINS = 24
NAMED = 3  # parameters that a text names


@dataclass(frozen=True, kw_only=True)
class Bin:
    """One bar of a histogram."""

    low: float  # in the KPI's unit
    high: float
    share: float  # of the draws, 0 to 1


@dataclass(frozen=True, kw_only=True)
class Swing:
    """How far one parameter moves a contribution, all others at their values."""

    owner: str  # initiative_key, or SHARED
    name: str  # param_name
    low: float  # its min, in its own unit
    high: float  # its max
    at_low: float | None  # the contribution at its min, in the KPI's unit; None where there is no number
    at_high: float | None  # the contribution at its max

    @property
    def width(self) -> float:
        """How far apart both are; 0 where one of them is no number."""
        return 0.0 if self.at_low is None or self.at_high is None else abs(self.at_high - self.at_low)


@dataclass(frozen=True, kw_only=True)
class KpiSpread:
    """How far a contribution to one KPI may lie from the number that is shown."""

    kpi: str
    p10: float  # a tenth of the draws lie below it; in the KPI's unit, as the next ones
    p50: float  # half of them
    p90: float  # nine tenths
    mean: float
    negative: float  # the share of the draws below 0
    draws: int  # that gave a number
    failures: int  # draws that gave none, and count nowhere
    error: str  # why the first of these failed, a sentence; "" for none
    histogram: tuple[Bin, ...]  # from the least to the greatest
    swings: tuple[Swing, ...]  # by parameter, the widest first


def kpi_spreads(models: Sequence[ModelInput], active_kpis: Collection[str], sampler: Sampler) -> tuple[KpiSpread, ...]:
    """The spread of each contribution of one initiative's models; none where no parameter behind them varies, or every
    draw fails."""
    if not any(_may_vary(param) for model in models for param in model.params.values()):
        return ()
    spread = spread_of(models, active_kpis, sampler)
    if not spread.varying or spread.failures == sampler.draws:
        return ()
    ends = spread_of(models, active_kpis, _Ends(spread.varying, sampler))
    return tuple(_figures(kpi, spread, ends) for kpi in spread.numbers)


def _may_vary(param: ParamInput) -> bool:
    """A quick look, so that the many models without a range cost no draws."""
    return param.approved and param.low is not None and param.high is not None and param.low < param.high


class _Ends(Sampler):
    """In place of draws: each parameter in turn at its min, then at its max."""

    def __init__(self, varying: Sequence[VaryingParam], drawn: Sampler) -> None:
        super().__init__(seed=drawn.seed, draws=2 * len(varying), shape=drawn.shape)
        self._places = {(param.owner, param.name): place for place, param in enumerate(varying)}

    def varying(self, name: str, param: ParamInput) -> VaryingParam | str:
        drawn = super().varying(name, param)
        place = self._places.get((param.owner, name))
        if isinstance(drawn, str) or place is None:
            return drawn
        values = np.full(self.draws, drawn.range.value)
        values[2 * place : 2 * place + 2] = drawn.range.low, drawn.range.high
        return replace(drawn, samples=Samples(values=values, low=drawn.range.low, high=drawn.range.high))


def _figures(kpi: str, spread: Spread, ends: Spread) -> KpiSpread:
    numbers = spread.kept(spread.numbers[kpi])
    p10, p50, p90 = (float(number) for number in np.percentile(numbers, (10, 50, 90)))
    return KpiSpread(
        kpi=kpi,
        p10=p10,
        p50=p50,
        p90=p90,
        mean=float(numbers.mean()),
        negative=float((numbers < 0).mean()),
        draws=len(numbers),
        failures=spread.failures,
        error=spread.error,
        histogram=histogram(numbers),
        swings=_swings(kpi, spread.varying, ends),
    )


def _swings(kpi: str, varying: Sequence[VaryingParam], ends: Spread) -> tuple[Swing, ...]:
    failed = np.zeros(2 * len(varying), dtype=np.bool_) if ends.failed is None else ends.failed
    at = [None if failed[place] else float(number) for place, number in enumerate(ends.numbers[kpi])]
    found = [
        Swing(
            owner=param.owner,
            name=param.name,
            low=param.range.low,
            high=param.range.high,
            at_low=at[2 * place],
            at_high=at[2 * place + 1],
        )
        for place, param in enumerate(varying)
    ]
    return tuple(sorted(found, key=lambda swing: -swing.width))


def histogram(numbers: Numbers, bins: int = BINS) -> tuple[Bin, ...]:
    """The shares of some numbers (one at least) in bins of one width."""
    counts, edges = np.histogram(numbers, bins=bins)
    pairs = zip(edges[:-1], edges[1:], counts, strict=True)
    return tuple(Bin(low=float(low), high=float(high), share=float(count / len(numbers))) for low, high, count in pairs)


def spread_text(spread: KpiSpread, result: str = "") -> str:
    """One contribution's spread in a few sentences; `result`: what it is called, else by its KPI."""
    text = f"{result or spread.kpi}: P10 {_round(spread.p10)}, P50 {_round(spread.p50)}, P90 {_round(spread.p90)}"
    text += f"; negative in {_share(spread.negative)} of the draws" if spread.negative else ""
    moving = [swing for swing in spread.swings if swing.width]
    if moving:
        named = "; ".join(
            f"{swing.name} from {_end(swing.at_low)} to {_end(swing.at_high)}" for swing in moving[:NAMED]
        )
        text += f". It moves most with {named}"
    if spread.failures:
        text += f". {spread.failures:,} of {spread.failures + spread.draws:,} draws give no number: {spread.error}"
    return text.rstrip(".") + "."


def _round(number: float) -> str:
    """Three digits: what comes from draws is no more certain than that."""
    return amount(float(f"{number:.3g}"))


def _end(number: float | None) -> str:
    return "no number" if number is None else _round(number)


def _share(share: float) -> str:
    return "less than 1 %" if share < 0.01 else f"{share:.0%}".replace("%", " %")
