"""Plots on admin pages: a picture drawn by the Chart.js that the admin's look brings along, and the same numbers as a table."""

from __future__ import annotations

import json
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from sheetsync.admin.tables import shown_number, table
from sheetsync.plots import Plot, PlotKind, Point, Series, columns

# What the table's columns are called where the plot names no axis.
_HEADERS = {"series": "Series", "x": "", "y": "Value", "low": "From", "high": "To", "label": "Note"}


def render_plot(plot: Plot) -> SafeString:
    """The plot as HTML: a canvas that `sheetsync/plots.js` draws on, and its table behind a fold.

    The picture follows light and dark, and can be read without colour.
    """
    context = {"plot": plot, "data": json.dumps(as_json(plot), separators=(",", ":")), "table": plot_table(plot)}
    return mark_safe(render_to_string("admin/sheetsync/plot.html", context))  # noqa: S308 - the template escapes


def as_json(plot: Plot) -> dict[str, Any]:
    """The plot as the script in the page reads it."""
    return {
        "kind": plot.kind,
        "xLabel": plot.x_label,
        "yLabel": plot.y_label,
        "series": [
            {
                "name": series.name,
                "dashed": series.dashed,
                "points": [[point.x, point.y, point.low, point.high, point.label] for point in series.points],
            }
            for series in plot.series
        ],
        "markers": [{"value": marker.value, "label": marker.label} for marker in plot.markers],
    }


def plot_table(plot: Plot) -> SafeString | str:
    """Everything that the picture shows, in numbers."""
    shown = columns(plot)
    rows: list[list[Any]] = [
        [_cell(series, point, name) for name in shown] for series in plot.series for point in series.points
    ]
    lines = [(f"{marker.label}: {shown_number(marker.value)}") for marker in plot.markers]
    rows += [[line, *("" for _ in shown[1:])] for line in lines]
    return table([_header(plot, name) for name in shown], rows, nothing="Nothing to show yet.")


def _header(plot: Plot, name: str) -> str:
    # A RANGE lies on its side: its numbers run along x, its names along y.
    along, names = (plot.x_label, plot.y_label) if plot.kind is PlotKind.RANGE else (plot.y_label, plot.x_label)
    return {"x": names, "y": along}.get(name, "") or _HEADERS[name] or "Name"


def _cell(series: Series, point: Point, name: str) -> str:
    return series.name if name == "series" else shown_number(getattr(point, name))
