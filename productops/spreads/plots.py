"""A spread as plots: how likely which number is, and which parameters move it. Pure."""

from __future__ import annotations

from productops.figures import amount
from productops.spreads.figures import KpiSpread, spread_text
from sheetsync.plots import Marker, Plot, PlotKind, Point, Series

_APART = 0.15  # of a histogram's width: nearer markers would write over each other


def histogram_plot(spread: KpiSpread, *, now: float | None = None, unit: str = "") -> Plot:
    """How the draws of one contribution lie. `now`: the number that is computed with all parameters at their values; it
    is marked where it doesn't stand at a percentile."""
    points = tuple(
        Point(x=(bar.low + bar.high) / 2, y=100 * bar.share, low=bar.low, high=bar.high) for bar in spread.histogram
    )
    markers = {spread.p10: "P10", spread.p50: "P50", spread.p90: "P90"}
    width = spread.histogram[-1].high - spread.histogram[0].low
    if now is not None and all(abs(now - value) > width * _APART for value in markers):
        markers[now] = "at the values"
    return Plot(
        kind=PlotKind.HISTOGRAM,
        title=f"{spread.kpi} over {spread.draws:,} draws",
        summary=spread_text(spread),
        x_label=_labelled(spread.kpi, unit),
        y_label="Share of the draws (%)",
        series=(Series(name="draws", points=points),),
        markers=tuple(Marker(value=value, label=label) for value, label in markers.items()),
    )


def tornado_plot(spread: KpiSpread, *, now: float, unit: str = "") -> Plot:
    """How far each parameter moves one contribution, all others at their values; the widest first."""
    points = tuple(
        Point(
            x=swing.name,
            y=now,
            low=min(swing.at_low, swing.at_high),
            high=max(swing.at_low, swing.at_high),
            label=f"from {amount(swing.low)} to {amount(swing.high)}",
        )
        for swing in spread.swings
        if swing.at_low is not None and swing.at_high is not None and swing.width
    )
    first = f"{points[0].x} moves it most" if points else "no parameter moves it"
    return Plot(
        kind=PlotKind.RANGE,
        title=f"What moves {spread.kpi}",
        summary=f"{spread.kpi} with each parameter at its min and at its max, all others at their values: {first}.",
        x_label=_labelled(spread.kpi, unit),
        series=(Series(name=spread.kpi, points=points),),
        markers=(Marker(value=now, label="at the values"),),
    )


def _labelled(kpi: str, unit: str) -> str:
    return f"{kpi} ({unit})" if unit else kpi
