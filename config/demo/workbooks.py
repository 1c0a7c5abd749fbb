"""Writes sample workbooks as people would: an intake sheet laid out by hand, and entries typed into the tabs.

openpyxl saves as a spreadsheet program does, formats included; the engine reads and writes the same files its own way.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from openpyxl import Workbook, load_workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from config.demo.company import Cell, IntakeForm
from config.demo.shelf import Grid, TabNotFound, intake_rows

_FACE = "Calibri"
_INK, _PAPER = "FF3F2E56", "FFF3EEF8"
_NARROW, _WIDE, _LONG = 16, 34, 25  # characters: column widths, and the length of text that asks for the wide one


def write_intake(path: Path, form: IntakeForm, keys: Mapping[str, str]) -> None:
    """Makes a department's workbook. `keys` (ref -> key) stand in the rows whose initiatives exist already."""
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet.title = form.tab
    header_row = len(form.instructions) + 1
    for number, row in enumerate(intake_rows(form, keys), start=1):
        for column, cell in enumerate(row, start=1):
            sheet.cell(number, column, cell)
    _dress(sheet, header_row)
    _lay_out(sheet, header_row)
    save(book, path)


def _dress(sheet: Worksheet, header_row: int) -> None:
    """Instructions in italics, headers bold on paper."""
    for number in range(1, header_row):
        sheet.cell(number, 1).font = Font(name=_FACE, italic=True, color=_INK)
    for column in range(1, sheet.max_column + 1):
        cell = sheet.cell(header_row, column)
        cell.font = Font(name=_FACE, bold=True, color=_INK)
        cell.fill = PatternFill("solid", fgColor=_PAPER)


def _lay_out(sheet: Worksheet, header_row: int) -> None:
    """Widths by content, long texts wrapped, the header in sight."""
    for column in range(1, sheet.max_column + 1):
        cells = [sheet.cell(row, column) for row in range(header_row + 1, sheet.max_row + 1)]
        wide = any(isinstance(cell.value, str) and len(cell.value) > _LONG for cell in cells)
        header = str(sheet.cell(header_row, column).value)
        width = _WIDE if wide else max(_NARROW, len(header) + 2)
        sheet.column_dimensions[get_column_letter(column)].width = width
        for cell in cells:
            cell.alignment = Alignment(vertical="top", wrap_text=wide)
    sheet.freeze_panes = sheet.cell(header_row + 1, 1)


def read_tab(path: Path, tab: str) -> Grid:
    """What a tab of a file shows; formulas as their text. Raises TabNotFound."""
    return [list(row) for row in _open(path, tab)[1].iter_rows(values_only=True)]


def type_cells(path: Path, tab: str, cells: Mapping[tuple[int, int], Cell]) -> None:
    """Types into cells of a file, (row, column) from 0. Raises TabNotFound."""
    book, sheet = _open(path, tab)
    for (row, column), value in cells.items():
        sheet.cell(row + 1, column + 1).value = value
    save(book, path)


def _open(path: Path, tab: str) -> tuple[Workbook, Worksheet]:
    book = load_workbook(path)
    if tab not in book.sheetnames:
        raise TabNotFound(f"{path.name} has no tab {tab!r}; `manage.py init_workbook` adds it")
    return book, book[tab]


def save(book: Workbook, path: Path) -> None:
    """Saves beside the file and puts it in its place in one step, so that nobody ever meets half a workbook."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.saving")
    book.save(beside)
    os.replace(beside, path)
