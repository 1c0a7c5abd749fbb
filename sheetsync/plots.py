"""Plots as plain data: what is shown, in words and numbers. `sheetsync.admin.plots` draws them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PlotKind(StrEnum):
    """How the points of a plot are drawn."""

    BAR = "bar"  # a bar per point, y high
    STACKED_BAR = "stacked_bar"  # bars of one x on top of each other
    LINE = "line"  # points joined by straight lines
    STEP = "step"  # y holds until the next x
    SCATTER = "scatter"  # points alone
    HISTOGRAM = "histogram"  # y things between low and high
    RANGE = "range"  # x names a row; a bar lies from low to high, y is marked on it


@dataclass(frozen=True, kw_only=True)
class Point:
    """One point, bar or range."""

    x: float | str  # a number, or what people call it
    y: float | None = None
    low: float | None = None  # HISTOGRAM and RANGE: where the bar begins; None: open on this side
    high: float | None = None  # and where it ends
    label: str = ""  # said beside the point when one looks at it, and in the table


@dataclass(frozen=True, kw_only=True)
class Series:
    """Points that belong together."""

    name: str
    points: tuple[Point, ...]
    dashed: bool = False  # LINE and STEP: what isn't settled, such as a plan beside what happened


@dataclass(frozen=True, kw_only=True)
class Marker:
    """A line across the plot: a capacity, a target, today."""

    value: float | str  # on y for BAR and STACKED_BAR, on x for every other kind
    label: str


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A picture of numbers, with everything that people need who can't see it."""

    kind: PlotKind
    title: str
    summary: str  # one sentence that says what it shows: the text in place of the picture
    x_label: str = ""  # with its unit: "Capacity (tokens)"
    y_label: str = ""
    series: tuple[Series, ...]
    markers: tuple[Marker, ...] = ()


def columns(plot: Plot) -> tuple[str, ...]:
    """The names of `Point`'s and `Series`' parts that the plot's table needs: those that tell something."""
    points = [point for series in plot.series for point in series.points]
    several = ("series",) if len(plot.series) > 1 else ()
    told = (name for name in ("y", "low", "high") if any(getattr(point, name) is not None for point in points))
    named = ("label",) if any(point.label for point in points) else ()
    return (*several, "x", *told, *named)
