"""A run as an .xlsx file for people to keep: a sheet each for figures, initiatives, targets and what was found out, with native charts.

Text is written as text: a title that begins with `=` is no formula here either.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from itertools import cycle
from math import ceil
from typing import Any

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.chart import BarChart, Reference, ScatterChart
from openpyxl.chart import Series as ChartSeries
from openpyxl.chart.marker import Marker
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.pagebreak import Break
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from optimization.pages.plots import SECTIONS
from optimization.runs.report import Line, RunReport
from sheetsync.plots import Plot, PlotKind, columns

LONGEST_TEXT = 32_767  # characters that a cell holds
_HEAD = PatternFill("solid", fgColor="1F2937")
_WIDTHS = {
    "title": 38,
    "reason": 46,
    "why_not": 60,
    "initiative_key": 14,
    "frequency": 44,
    "recommendation": 60,
    "rule": 50,
    "text": 70,
    "enters": 50,
    "leaves": 40,
}
_COLOURS = ("0062A3", "B8510D", "007353")  # told apart by people who see colours differently, too
_LINE_PT = 15  # height of a line of text
_CHART_CM = (24, 11)  # width, height
# How a plot's parts are headed in its sheet.
_HEADERS = {"series": "Series", "low": "From", "high": "To", "label": "Note"}

Cell = str | float | int | bool | None

LINE_COLUMNS = (
    *("initiative_key", "title", "selected", "rank", "tokens", "department", "country", "north_star_gain"),
    *("objective_contribution", "reason", "why_not", "frequency"),
)
TARGET_COLUMNS = (
    *("dimension", "dimension_key", "kpi_key", "baseline", "target", "floor_or_goal", "achieved", "gap", "severity"),
    "recommendation",
)
PARAM_COLUMNS = ("rank", "initiative_key", "param_name", "low", "high", "expected_regret", "share_of_regret")
STEP_COLUMNS = ("capacity", "capacity_used", "objective", "marginal_per_token", "enters", "leaves")
PRICE_COLUMNS = ("rule", "cost", "text")


def line_cells(line: Line) -> list[Cell]:
    """An initiative under LINE_COLUMNS."""
    return [
        *(line.key, line.title, line.selected, line.rank, line.tokens, line.department, line.country),
        *(line.north_star_gain, line.contribution, line.reason, line.why_not, line.frequency_text),
    ]


def run_workbook(report: RunReport) -> bytes:
    """The file."""
    book = Workbook()
    first = book.active
    assert isinstance(first, Worksheet)
    first.title = "Run"
    _write_figures(first, report)
    _add_table(book, "Initiatives", LINE_COLUMNS, map(line_cells, report.lines))
    _add_table(book, "Targets", TARGET_COLUMNS, _cells(report.targets, TARGET_COLUMNS))
    _add_table(book, "Frontier", STEP_COLUMNS, _cells(report.frontier, STEP_COLUMNS))
    _add_table(book, "Measure next", PARAM_COLUMNS, _cells(report.params, PARAM_COLUMNS))
    _add_table(book, "Rule prices", PRICE_COLUMNS, _cells(report.prices, PRICE_COLUMNS))
    for _name, heading, pictures in SECTIONS:
        plots = [plot for picture in pictures if (plot := picture(report)) is not None]
        if plots:
            _add_plots(book.create_sheet(f"Chart {heading}"[:31]), plots)
    for sheet in book.worksheets:
        _fit_to_paper(sheet)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def _fit_to_paper(sheet: Worksheet) -> None:
    """As wide as a page, as many pages as it takes."""
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def _write_figures(sheet: Worksheet, report: RunReport) -> None:
    about = [
        ("Scenario", report.scenario),
        ("Constraint set", report.set_name or "none"),
        ("Period", report.period),
        ("Objective mode", report.mode),
        *report.figures,
        ("Targets", report.message),
        ("Run", report.run_id),
        ("Asked for by", report.requested_by),
        ("Run at", report.created_at),
    ]
    for row, (what, text) in enumerate(about, start=1):
        _put(sheet, row, 1, what).font = Font(bold=True)
        _put(sheet, row, 2, text).alignment = Alignment(wrap_text=True, vertical="top")
    sheet.column_dimensions["A"].width = 30
    sheet.column_dimensions["B"].width = 90


def _cells(rows: Iterable[Any], names: Sequence[str]) -> Iterable[list[Cell]]:
    for row in rows:
        yield [_cell(row.get(name)) for name in names]


def _cell(value: Any) -> Cell:
    return " | ".join(map(str, value)) if isinstance(value, list) else value


def _add_table(book: Workbook, title: str, names: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """A sheet with a header and rows; none for no rows."""
    lines = list(rows)
    if not lines:
        return
    sheet = book.create_sheet(title)
    _write_table(sheet, 1, names, lines)
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(names))}{len(lines) + 1}"
    widths = [_WIDTHS.get(name, 18) for name in names]
    for column, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(column)].width = width
    for row, cells in enumerate(lines, start=2):
        texts = [(cell, width) for cell, width in zip(cells, widths, strict=True) if isinstance(cell, str)]
        sheet.row_dimensions[row].height = _LINE_PT * max((ceil(len(text) / width) for text, width in texts), default=1)
        for cell in sheet[row]:
            cell.alignment = Alignment(wrap_text=True, vertical="top")


def _write_table(sheet: Worksheet, top: int, names: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    for column, name in enumerate(names, start=1):
        head = _put(sheet, top, column, name)
        head.font, head.fill = Font(bold=True, color="FFFFFF"), _HEAD
    for row, cells in enumerate(rows, start=top + 1):
        for column, value in enumerate(cells, start=1):
            _put(sheet, row, column, value)


def _put(sheet: Worksheet, row: int, column: int, value: Cell) -> Any:
    cell = sheet.cell(row=row, column=column)
    cell.value = ILLEGAL_CHARACTERS_RE.sub("", value)[:LONGEST_TEXT] if isinstance(value, str) else value
    if isinstance(value, str):
        cell.data_type = "s"  # never a formula, whatever it begins with
    elif isinstance(value, float):
        cell.number_format = "#,##0" if abs(value) >= 1000 else "0.####"
    return cell


# ---- charts ------------------------------------------------------------------------------------------------------------------------------


def _add_plots(sheet: Worksheet, plots: Sequence[Plot]) -> None:
    """Each picture with its numbers below it."""
    row = 1
    for plot in plots:
        _put(sheet, row, 1, plot.title).font = Font(bold=True, size=13)
        _put(sheet, row + 1, 1, plot.summary)
        table = row + 3 + 2 * _CHART_CM[1]
        _write_numbers(sheet, table, plot)
        chart = _CHARTS.get(plot.kind, _bars)(sheet, table, plot)
        chart.title, chart.width, chart.height = plot.title, *_CHART_CM
        sheet.add_chart(chart, f"A{row + 2}")
        row = table + 2 + sum(len(series.points) for series in plot.series)
        sheet.row_breaks.append(Break(row - 1))
    for column, width in enumerate((50, 26, 18, 18, 70), start=1):
        sheet.column_dimensions[get_column_letter(column)].width = width


def _write_numbers(sheet: Worksheet, top: int, plot: Plot) -> None:
    """One row per x for bars, with a column per series; else one row per point."""
    if plot.kind is PlotKind.STACKED_BAR:
        names = [plot.x_label, *(series.name for series in plot.series)]
        lines: list[list[Cell]] = [
            [_text(point.x), *(series.points[at].y for series in plot.series)]
            for at, point in enumerate(plot.series[0].points)
        ]
        _write_table(sheet, top, names, lines)
        return
    shown = [name for name in columns(plot) if name not in _left_out(plot)]
    lines = [[_text(getattr(point, name)) for name in shown] for series in plot.series for point in series.points]
    _write_table(sheet, top, [_header(plot, name) for name in shown], lines)


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
    for at, _series in enumerate(plot.series, start=2):
        chart.add_data(Reference(sheet, min_col=at, min_row=top, max_row=top + count), titles_from_data=True)
    chart.set_categories(Reference(sheet, min_col=1, min_row=top + 1, max_row=top + count))
    if len(plot.series) == 1:
        chart.legend = None
    _name_axes(chart, plot.x_label, plot.y_label)
    if chart.type == "bar":
        chart.x_axis.scaling.orientation = "maxMin"
    return chart


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
    for at in range(2, 2 + len(ends)):
        chart.add_data(Reference(sheet, min_col=at, min_row=top, max_row=top + count), titles_from_data=True)
    chart.set_categories(Reference(sheet, min_col=1, min_row=top + 1, max_row=top + count))
    _name_axes(chart, plot.y_label, plot.x_label)
    chart.x_axis.scaling.orientation = "maxMin"
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
