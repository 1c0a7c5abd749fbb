"""Answers of the Sheets API as grids."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sheetsync.workbooks.interface import Grid, Raw

_SHEET = "properties(sheetId,title,sheetType,gridProperties(rowCount,columnCount)),merges"
# What is asked of a spreadsheet: its tabs alone; or with the content of every cell, and whether that was typed or is a formula's.
TABS = f"properties(title),sheets({_SHEET})"
CELLS = (
    f"properties(title),sheets({_SHEET},data(startRow,startColumn,rowData(values(userEnteredValue,effectiveValue))))"
)

# A cell that an array formula elsewhere fills is as good as a formula: writing there would break that one.
SPILLED = "=(filled by a formula in another cell)"
# Texts of errors, by the type that Google names.
_ERRORS = {
    "NULL_VALUE": "#NULL!",
    "DIVIDE_BY_ZERO": "#DIV/0!",
    "VALUE": "#VALUE!",
    "REF": "#REF!",
    "NAME": "#NAME?",
    "NUM": "#NUM!",
    "N_A": "#N/A",
    "LOADING": "Loading...",
}


@dataclass(frozen=True, kw_only=True)
class SheetInfo:
    """One tab of a spreadsheet."""

    sheet_id: int
    title: str
    has_cells: bool  # False: a chart or a connected data source fills it
    row_count: int  # of the grid, filled or not
    column_count: int
    merged: Collection[tuple[int, int]]  # cells inside merged ranges, but for each range's first


def read_tabs(answer: Mapping[str, Any]) -> list[SheetInfo]:
    """The tabs of a spreadsheet, in order."""
    return [_info(sheet) for sheet in answer.get("sheets", ())]


def _info(sheet: Mapping[str, Any]) -> SheetInfo:
    properties = sheet["properties"]
    grid = properties.get("gridProperties", {})
    return SheetInfo(
        sheet_id=properties.get("sheetId", 0),
        title=properties["title"],
        has_cells=properties.get("sheetType", "GRID") == "GRID",
        row_count=grid.get("rowCount", 0),
        column_count=grid.get("columnCount", 0),
        merged=frozenset(at for block in sheet.get("merges", ()) for at in _covered(block)),
    )


def _covered(block: Mapping[str, int]) -> Iterator[tuple[int, int]]:
    top, left = block.get("startRowIndex", 0), block.get("startColumnIndex", 0)
    for row in range(top, block["endRowIndex"]):
        for column in range(left, block["endColumnIndex"]):
            if (row, column) != (top, left):
                yield row, column


def grid_of_values(values: Sequence[Sequence[Any]], tab: SheetInfo) -> Grid:
    """A grid of unformatted values, as values.batchGet gives them; which of them are formulas' isn't told."""
    return _grid([[_raw(value) for value in row] for row in values], tab, {})


def grid_of_cells(blocks: Sequence[Mapping[str, Any]], tab: SheetInfo) -> Grid:
    """A grid of cells, as spreadsheets.get gives them, with formulas."""
    rows: list[list[Raw]] = []
    formulas: dict[tuple[int, int], str] = {}
    for block in blocks:
        left = block.get("startColumn", 0)
        for row, data in enumerate(block.get("rowData", ()), block.get("startRow", 0)):
            while len(rows) <= row:
                rows.append([])
            rows[row] += [None] * (left - len(rows[row]))
            for column, cell in enumerate(data.get("values", ()), left):
                entered, effective = cell.get("userEnteredValue"), cell.get("effectiveValue")
                rows[row].append(_effective(effective) if effective else None)
                if entered and "formulaValue" in entered:
                    formulas[row, column] = entered["formulaValue"]
                elif effective and not entered and effective.get("boolValue") is not False:
                    formulas[row, column] = (
                        SPILLED  # an unticked box has a value without having been typed into as well
                    )
    return _grid(rows, tab, formulas)


def _effective(value: Mapping[str, Any]) -> Raw:
    name, content = next(iter(value.items()))
    if name == "errorValue":
        return _ERRORS.get(content.get("type", ""), "#ERROR!")
    return _raw(content)


def _raw(value: Any) -> Raw:
    """A value as every kind of workbook gives it: numbers as floats, blanks as None."""
    if value == "" or value is None:
        return None
    raw: Raw = float(value) if type(value) is int else value
    return raw


def _grid(rows: list[list[Raw]], tab: SheetInfo, formulas: Mapping[tuple[int, int], str]) -> Grid:
    """The same grid, whichever way it was read: without what is blank at the end, each row as wide as the widest."""
    for row in rows:
        while row and row[-1] is None:
            row.pop()
    while rows and not rows[-1]:
        rows.pop()
    width = max(map(len, rows), default=0)
    for row in rows:
        row += [None] * (width - len(row))
    return Grid(rows=rows, width=width, formulas=formulas, merged=tab.merged)
