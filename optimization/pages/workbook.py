"""A run as an .xlsx file for people to keep: a sheet each for figures, initiatives, targets and what was found out, with native charts."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from math import ceil
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from optimization.pages.cells import FONT, Cell, put, write_table
from optimization.pages.charts import add_plots
from optimization.pages.plots import SECTIONS
from optimization.runs.report import Line, RunReport

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
_LINE_PT = 15  # height of a line of text

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
            add_plots(book.create_sheet(f"Chart {heading}"[:31]), plots)
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
        put(sheet, row, 1, what).font = Font(name=FONT, bold=True)
        put(sheet, row, 2, text).alignment = Alignment(wrap_text=True, vertical="top")
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
    write_table(sheet, 1, names, lines)
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(names))}{len(lines) + 1}"
    # Room for the header and the arrow of its filter.
    widths = [max(_WIDTHS.get(name, 18), len(name) + 4) for name in names]
    for column, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(column)].width = width
    for row, cells in enumerate(lines, start=2):
        texts = [(cell, width) for cell, width in zip(cells, widths, strict=True) if isinstance(cell, str)]
        sheet.row_dimensions[row].height = _LINE_PT * max((ceil(len(text) / width) for text, width in texts), default=1)
        for cell in sheet[row]:
            cell.alignment = cell.alignment + Alignment(wrap_text=True, vertical="top")
