"""Changes cells with openpyxl: the second way, for a file that the first one can't change.

It loses the results of formulas (spreadsheet programs calculate them anew), and refuses what it would lose for good. A
number of more than 16 digits it would round; the comparison of the changed file with the old one finds that.
"""

from __future__ import annotations

import datetime
import io
import posixpath
import zipfile
from collections import Counter
from collections.abc import Iterable
from copy import copy

import openpyxl
from openpyxl.cell.cell import Cell
from openpyxl.worksheet.worksheet import Worksheet

from sheetsync.workbooks.interface import Writable
from sheetsync.workbooks.xlsx_edits import EditError, Edits, TabEdits, as_stored
from sheetsync.workbooks.xlsx_reading import Reading
from sheetsync.workbooks.xlsx_styles import DATE_FORMAT, DATE_TIME_FORMAT

# Parts that hold nothing a person made: openpyxl may leave them out or join them.
_DISPENSABLE = frozenset({"xl/sharedStrings.xml", "xl/calcChain.xml", "xl/metadata.xml", "docProps/custom.xml"})
_NO_DATE = frozenset({"General", "@"})


def edit_with_openpyxl(reading: Reading, edits: Edits) -> bytes:
    """The file with the edits in it. Raises EditError where openpyxl can't read it, or would lose a part of it."""
    package = reading.package
    if any(b"<extLst" in package.read(sheet.part) for sheet in package.sheets if sheet.part):
        raise EditError("openpyxl would drop an extension of a tab")
    try:
        content = package.rebuilt({})
        book = openpyxl.load_workbook(io.BytesIO(content), keep_vba=package.has("xl/vbaProject.bin"))
        for title, tab in edits.tabs.items():
            _edit_tab(book[title], tab)
        out = io.BytesIO()
        book.save(out)
    except (ValueError, KeyError, TypeError, AttributeError, OSError, zipfile.BadZipFile) as error:
        raise EditError(f"openpyxl: {error}") from error
    with zipfile.ZipFile(out) as saved:
        missing = _kinds(package.names()) - _kinds(saved.namelist())
    if missing:
        raise EditError(f"openpyxl would drop {', '.join(sorted(missing))}")
    return out.getvalue()


def _kinds(names: Iterable[str]) -> Counter[str]:
    """How many parts of each kind there are: openpyxl numbers them anew, so names don't compare."""
    folders = (posixpath.dirname(name) for name in names if name not in _DISPENSABLE and not name.endswith("/"))
    return Counter(folder for folder in folders if not folder.endswith("_rels"))


def _edit_tab(sheet: Worksheet, edits: TabEdits) -> None:
    if edits.like_row is not None:
        for row in edits.appended:
            _copy_looks(sheet, edits.like_row, row)
    for (row, column), value in edits.cells.items():
        cell = sheet.cell(row + 1, column + 1)
        if cell.data_type == "f":
            raise EditError(f"{cell.coordinate} holds a formula")
        _put(cell, value)


def _copy_looks(sheet: Worksheet, source_row: int, row: int) -> None:
    for source in sheet[source_row + 1]:
        if source.has_style:
            target = sheet.cell(row + 1, source.column)
            if not target.has_style:
                target._style = copy(source._style)


def _put(cell: Cell, value: Writable) -> None:
    number_format = cell.number_format
    if isinstance(value, str):
        cell.value = as_stored(value) or None
        if value:
            cell.data_type = "s"  # or a text that begins with "=" becomes a formula
        return
    cell.value = value
    if isinstance(value, datetime.date):
        own = DATE_TIME_FORMAT if isinstance(value, datetime.datetime) else DATE_FORMAT
        cell.number_format = own if number_format in _NO_DATE else number_format
