"""Writes sample workbooks as people would: an intake sheet laid out by hand, and entries typed into the tabs.

openpyxl saves as a spreadsheet program does, formats included; the engine reads and writes the same files its own way.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from openpyxl import Workbook, load_workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from config.demo.company import Cell, Cells, IntakeForm
from sheetsync.headers import TOP_ROWS, Header, HeaderProblem, find_header
from sheetsync.tabs import Tab
from sheetsync.words import fold

# What a cell shows that nobody has filled in: nothing, or a tick box without its tick.
UNTOUCHED: tuple[Cell, ...] = (None, "", False)

_FACE = "Calibri"
_INK, _PAPER = "FF3F2E56", "FFF3EEF8"
_NARROW, _WIDE, _LONG = 16, 34, 25  # characters: column widths, and the length of text that asks for the wide one


class TabNotFound(Exception):
    """The workbook has no such tab, or no header row that is known. The text is a sentence for people."""


def write_intake(path: Path, form: IntakeForm, keys: Mapping[str, str]) -> None:
    """Makes a department's workbook. `keys` (ref -> key) stand in the rows whose initiatives exist already."""
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet.title = form.tab
    for line in form.instructions:
        sheet.append([line or None])
        sheet.cell(sheet.max_row, 1).font = Font(name=_FACE, italic=True, color=_INK)
    header_row = len(form.instructions) + 1
    headers = _intake_headers(form, keys)
    for column, header in enumerate(headers, start=1):
        _dress_header(sheet, header_row, column, header)
    for number, (ref, cells) in enumerate(form.rows, start=header_row + 1):
        for column, cell in enumerate(cells, start=1):
            sheet.cell(number, column, cell)
        if ref in keys:
            sheet.cell(number, headers.index("initiative_key") + 1, keys[ref])
    _lay_out(sheet, header_row)
    save(book, path)


def _intake_headers(form: IntakeForm, keys: Mapping[str, str]) -> list[str]:
    headers = list(form.headers)
    if keys and "initiative_key" not in headers:
        headers.append("initiative_key")
    return headers


def _dress_header(sheet: Worksheet, row: int, column: int, header: str) -> None:
    cell = sheet.cell(row, column, header)
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


def type_rows(
    path: Path,
    tab: Tab,
    rows: Sequence[Cells],
    *,
    identity: Collection[str] = ("initiative_key",),
    untouched: Collection[Cell] = UNTOUCHED,
    adds_rows: bool = False,
) -> int:
    """Types entries into a tab; returns how many cells were filled.

    `rows`: column name -> what is typed. A row is found by its `identity` columns; only cells that show one of `untouched`
    are filled, so what people typed stays. A row that isn't there is typed below the last one, or left out without
    `adds_rows`. Raises TabNotFound.
    """
    book = load_workbook(path)
    sheet, header = _open(book, path, tab)
    by_identity = {_identity(sheet, header, number, identity): number for number in _filled_rows(sheet, header)}
    below = max(by_identity.values(), default=header.row + 1) + 1
    filled = 0
    for cells in rows:
        number = by_identity.get(tuple(_folded(cells[name]) for name in identity))
        if number is None and adds_rows:
            number, below = below, below + 1
        if number is not None:
            filled += _type_row(sheet, header, number, cells, untouched)
    if filled:
        save(book, path)
    return filled


def _open(book: Workbook, path: Path, tab: Tab) -> tuple[Worksheet, Header]:
    if tab.name not in book.sheetnames:
        raise TabNotFound(f"{path.name} has no tab {tab.name!r}; `manage.py init_workbook` adds it")
    sheet = book[tab.name]
    cells = sheet.iter_rows(min_row=1, max_row=TOP_ROWS, values_only=True)
    top = [[cell if isinstance(cell, str) else None for cell in row] for row in cells]
    header = find_header(tab, top)
    if isinstance(header, HeaderProblem):
        raise TabNotFound(f"{path.name}: {header.text}")
    return sheet, header


def _filled_rows(sheet: Worksheet, header: Header) -> list[int]:
    """Numbers of the rows below the header that hold more than boxes without ticks."""
    columns = [index + 1 for index in header.columns.values()]
    return [
        number
        for number in range(header.row + 2, sheet.max_row + 1)
        if not all(_is_among(sheet.cell(number, column).value, UNTOUCHED) for column in columns)
    ]


def _identity(sheet: Worksheet, header: Header, number: int, names: Collection[str]) -> tuple[str, ...]:
    """What identifies a row; a column that somebody deleted counts as empty."""
    places = (header.columns.get(name) for name in names)
    return tuple("" if place is None else _folded(sheet.cell(number, place + 1).value) for place in places)


def _folded(value: object) -> str:
    return fold("" if value is None else str(value))


def _type_row(sheet: Worksheet, header: Header, number: int, cells: Cells, untouched: Collection[Cell]) -> int:
    filled = 0
    for name, value in cells.items():
        # A column that somebody deleted isn't put back.
        if value is None or name not in header.columns:
            continue
        cell = sheet.cell(number, header.columns[name] + 1)
        if _is_among(cell.value, untouched) and cell.value != value:
            cell.value = value
            filled += 1
    return filled


def _is_among(value: object, cells: Collection[Cell]) -> bool:
    """Whether a cell shows one of these. A typed 0 isn't an empty tick box, though Python calls them equal."""
    return any(value == cell and isinstance(value, bool) is isinstance(cell, bool) for cell in cells)


def save(book: Workbook, path: Path) -> None:
    """Saves beside the file and puts it in its place in one step, so that nobody ever meets half a workbook."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.saving")
    book.save(beside)
    os.replace(beside, path)
