"""Plots as native charts of an .xlsx file, each with its numbers below it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from math import ceil
from typing import Any

from openpyxl.chart import BarChart, Reference, ScatterChart
from openpyxl.chart import Series as ChartSeries
from openpyxl.chart.marker import Marker
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.pagebreak import Break
from openpyxl.worksheet.worksheet import Worksheet

from optimization.pages.cells import FONT, Cell, put, write_table
from sheetsync.plots import Plot, PlotKind, columns

_COLOURS = ("0062A3", "B8510D", "007353")  # told apart by people who see colours differently, too
_RANGE_COLOURS = {"y": _COLOURS[0], "low": "AEB6C1", "high": "5B6675"}  # the number itself, and the ends around it
_CHART_CM = (24, 11)  # width, least height
_BAR_CM = 0.7  # what a bar on its side needs for its name to be shown
_ROWS_A_CM = 2
# How a plot's parts are headed in its sheet.
_HEADERS = {"series": "Series", "low": "From", "high": "To", "label": "Note"}


def add_plots(sheet: Worksheet, plots: Sequence[Plot]) -> None:
    """Each picture with its numbers below it."""
    row = 1
    for plot in plots:
        put(sheet, row, 1, plot.title).font = Font(name=FONT, bold=True, size=13)
        put(sheet, row + 1, 1, plot.summary)
        height = _height(plot)
        table = row + 3 + _ROWS_A_CM * height
        _write_numbers(sheet, table, plot)
        chart = _CHARTS.get(plot.kind, _bars)(sheet, table, plot)
        chart.title, chart.width, chart.height = plot.title, _CHART_CM[0], height
        sheet.add_chart(chart, f"A{row + 2}")
        row = table + 2 + sum(len(series.points) for series in plot.series)
        sheet.row_breaks.append(Break(row - 1))
    for column, width in enumerate((50, 32, 18, 18, 70), start=1):
        sheet.column_dimensions[get_column_letter(column)].width = width


def _height(plot: Plot) -> int:
    """In cm. Programs leave out names of bars for which there is no room."""
    lies = plot.kind in (PlotKind.BAR, PlotKind.RANGE)
    return max(_CHART_CM[1], ceil(4 + _BAR_CM * len(plot.series[0].points)) if lies else 0)


def _write_numbers(sheet: Worksheet, top: int, plot: Plot) -> None:
    """One row per x for bars, with a column per series; else one row per point."""
    if plot.kind is PlotKind.STACKED_BAR:
        names = [plot.x_label, *(series.name for series in plot.series)]
        lines: list[list[Cell]] = [
            [_text(point.x), *(series.points[at].y for series in plot.series)]
            for at, point in enumerate(plot.series[0].points)
        ]
        write_table(sheet, top, names, lines)
        return
    shown = [name for name in columns(plot) if name not in _left_out(plot)]
    lines = [[_text(getattr(point, name)) for name in shown] for series in plot.series for point in series.points]
    write_table(sheet, top, [_header(plot, name) for name in shown], lines)


def _left_out(plot: Plot) -> tuple[str, ...]:
    """A range that begins at 0 everywhere is a plain bar."""
    points = [point for series in plot.series for point in series.points]
    is_plain = plot.kind is PlotKind.RANGE and all(point.low == 0 and point.y is None for point in points)
    return ("series", "low") if is_plain else ("series",)


def _text(value: Any) -> Cell:
    shown: Cell = value
    return shown


def _header(plot: Plot, name: str) -> str:
    if plot.kind is PlotKind.RANGE:
        is_plain = "low" in _left_out(plot)
        return {"x": plot.y_label, "y": "Value", **({"high": plot.x_label} if is_plain else {})}.get(name) or _HEADERS[
            name
        ]
    return {"x": plot.x_label, "y": plot.y_label}.get(name) or _HEADERS[name]


def _bars(sheet: Worksheet, top: int, plot: Plot) -> BarChart:
    chart = BarChart()
    chart.type = "col" if plot.kind is PlotKind.STACKED_BAR else "bar"
    if plot.kind is PlotKind.STACKED_BAR:
        chart.grouping, chart.overlap = "stacked", 100
    count = len(plot.series[0].points)
    for at, (_series, colour) in enumerate(zip(plot.series, cycle(_COLOURS), strict=False), start=2):
        _add_bars(chart, Reference(sheet, min_col=at, min_row=top, max_row=top + count), colour)
    chart.set_categories(Reference(sheet, min_col=1, min_row=top + 1, max_row=top + count))
    if len(plot.series) == 1:
        chart.legend = None
    _name_axes(chart, plot.x_label, plot.y_label)
    if chart.type == "bar":
        _read_downwards(chart)
    return chart


def _add_bars(chart: BarChart, numbers: Reference, colour: str) -> None:
    chart.add_data(numbers, titles_from_data=True)
    chart.series[-1].graphicalProperties = GraphicalProperties(solidFill=colour)


def _read_downwards(chart: BarChart) -> None:
    """The first bar on top, as in the table, and the numbers along the lower edge."""
    chart.x_axis.scaling.orientation = "maxMin"
    chart.y_axis.crosses = "max"


def _scatter(sheet: Worksheet, top: int, plot: Plot) -> ScatterChart:
    chart = ScatterChart()
    chart.style, chart.scatterStyle = 13, "lineMarker"
    begin = top + 1
    for series, colour in zip(plot.series, cycle(_COLOURS), strict=False):
        end = begin + len(series.points) - 1
        drawn = ChartSeries(
            Reference(sheet, min_col=2, min_row=begin, max_row=end),
            Reference(sheet, min_col=1, min_row=begin, max_row=end),
            title=series.name,
        )
        drawn.marker = Marker("circle", size=7, spPr=GraphicalProperties(solidFill=colour))
        drawn.graphicalProperties = GraphicalProperties()
        if plot.kind is PlotKind.SCATTER:
            drawn.graphicalProperties.line.noFill = True
        else:
            drawn.graphicalProperties.line.solidFill = colour
        drawn.smooth = False
        chart.series.append(drawn)
        begin = end + 1
    if len(plot.series) == 1:
        chart.legend = None
    _name_axes(chart, plot.x_label, plot.y_label)
    return chart


def _range(sheet: Worksheet, top: int, plot: Plot) -> BarChart:
    """The marked value as a bar beside both ends of the range; one bar alone where there is nothing but an end."""
    chart = BarChart()
    chart.type = "bar"
    count = len(plot.series[0].points)
    ends = [name for name in columns(plot) if name in ("y", "low", "high") and name not in _left_out(plot)]
    if len(ends) == 1:
        chart.legend = None
    for at, name in enumerate(ends, start=2):
        colour = _RANGE_COLOURS[name] if len(ends) > 1 else _COLOURS[0]
        _add_bars(chart, Reference(sheet, min_col=at, min_row=top, max_row=top + count), colour)
    numbers = [getattr(point, name) or 0.0 for point in plot.series[0].points for name in ends]
    if min(numbers) >= 0:
        chart.y_axis.scaling.min = 0  # else bars of nearly the same length look far apart
    chart.set_categories(Reference(sheet, min_col=1, min_row=top + 1, max_row=top + count))
    _name_axes(chart, plot.y_label, plot.x_label)
    _read_downwards(chart)
    return chart


def _name_axes(chart: Any, along: str, up: str) -> None:
    chart.x_axis.title, chart.y_axis.title = along, up
    chart.x_axis.delete = chart.y_axis.delete = False


_CHARTS = {
    PlotKind.LINE: _scatter,
    PlotKind.STEP: _scatter,
    PlotKind.SCATTER: _scatter,
    PlotKind.RANGE: _range,
}
