"""Values and tables in sheets of an .xlsx file that people keep.

Text is written as text: a title that begins with `=` is no formula here either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.worksheet.worksheet import Worksheet

LONGEST_TEXT = 32_767  # characters that a cell holds
FONT = "Calibri"  # named, since a bold font without a name is another one in some programs
_HEAD = PatternFill("solid", fgColor="1F2937")
_AS_WORDS = '"TRUE";"TRUE";"FALSE"'  # some programs show TRUE as 1 unless the format says how
_AS_NUMBER = Alignment(horizontal="right", indent=1)  # a gap, or it touches the text beside it

Cell = str | float | int | bool | None


def write_table(sheet: Worksheet, top: int, names: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """A header in row `top`, and the rows below it."""
    for column, name in enumerate(names, start=1):
        head = put(sheet, top, column, name)
        head.font, head.fill = Font(name=FONT, bold=True, color="FFFFFF"), _HEAD
        if any(is_number(cells[column - 1]) for cells in rows):
            head.alignment = _AS_NUMBER
    for row, cells in enumerate(rows, start=top + 1):
        for column, value in enumerate(cells, start=1):
            put(sheet, row, column, value)


def put(sheet: Worksheet, row: int, column: int, value: Cell) -> Any:
    """Writes a value as people read it; the cell."""
    cell = sheet.cell(row=row, column=column)
    cell.value = ILLEGAL_CHARACTERS_RE.sub("", value)[:LONGEST_TEXT] if isinstance(value, str) else value
    if isinstance(value, str):
        cell.data_type = "s"  # never a formula, whatever it begins with
    elif isinstance(value, bool):
        cell.number_format = _AS_WORDS
    elif is_number(value):
        cell.alignment = _AS_NUMBER
    if isinstance(value, float):
        cell.number_format = "#,##0" if abs(value) >= 1000 else "General" if value.is_integer() else "0.####"
    return cell


def is_number(value: Cell) -> bool:
    """A tick is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)
